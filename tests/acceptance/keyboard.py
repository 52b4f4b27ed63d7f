"""A command at a pseudo-terminal, and somebody who reads and types there."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.acceptance.processes import User, stop

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07)")
_ROWS, _COLUMNS = 50, 120


class Keyboard:
    """What the command wrote since something was last expected, and a way to type."""

    def __init__(self, terminal: int, process: "subprocess.Popen[bytes]") -> None:
        self._terminal, self._process = terminal, process
        self._unread = ""

    def expect(self, text: str, timeout_s: float = 90.0) -> str:
        """Wait until the text is shown; gives what was shown before it."""
        self.expect_either(text, timeout_s=timeout_s)
        before, _, self._unread = self._unread.partition(text)
        return before

    def expect_either(self, *texts: str, timeout_s: float = 90.0) -> str:
        """Wait until one of the texts is shown; gives that text, and leaves it to be expected."""
        deadline = time.monotonic() + timeout_s
        while not (shown := [text for text in texts if text in self._unread]):
            more = self._read(deadline - time.monotonic())
            assert more, f"{' or '.join(texts)!r} was not shown, but:\n{self._unread}"
        return shown[0]

    def type(self, line: str) -> None:
        os.write(self._terminal, f"{line}\n".encode())

    def wait(self, timeout_s: float = 60.0) -> int:
        """The exit code, when the command has ended."""
        deadline = time.monotonic() + timeout_s
        while self._read(deadline - time.monotonic()):
            pass
        return self._process.wait(max(1.0, deadline - time.monotonic()))

    def _read(self, timeout_s: float) -> bool:
        """Take in what is there; False at the end, or when nothing comes."""
        if not select.select([self._terminal], [], [], max(0.0, timeout_s))[0]:
            return False
        try:
            new = os.read(self._terminal, 65536)
        except OSError:  # Linux's way to say that nobody holds the other side any more
            return False
        self._unread = _ESCAPES.sub("", self._unread + new.decode(errors="replace"))
        return bool(new)


@contextmanager
def at_terminal(user: User, *arguments: str) -> Iterator[Keyboard]:
    """Start a command whose input and output are a terminal; stopped in the end."""
    terminal, other_side = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    process = subprocess.Popen(
        arguments,
        cwd=user.folder,
        env=user.environment | {"TERM": "xterm"},
        stdin=other_side,
        stdout=other_side,
        stderr=other_side,
        start_new_session=True,
    )
    os.close(other_side)
    try:
        yield Keyboard(terminal, process)
    finally:
        stop(process.pid)
        process.wait()
        os.close(terminal)
