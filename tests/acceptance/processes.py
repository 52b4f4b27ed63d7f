"""Processes as a user starts them: a bare environment, a working directory of their own, output in a file."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

T = TypeVar("T")

BIN = Path(sys.executable).parent
_LOOK_EVERY_S = 0.3
_GRACE_S = 15.0


@dataclass(frozen=True)
class User:
    """Somebody with an empty user folder in an empty working directory, whose Millrace home is ``.millrace`` there."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / ".millrace"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MILLRACE_"))}
        caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # fonts, found once
        own = {"HOME": str(self.folder), "XDG_CACHE_HOME": caches, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        return kept | own | dict(self.variables)

    def call(self, *arguments: object, timeout_s: float = 120.0) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; the environment's ``PATH`` finds ``millrace`` and ``prefect``."""
        return subprocess.run(
            [str(argument) for argument in arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def millrace(self, *arguments: object, timeout_s: float = 120.0) -> str:
        """stdout of a Millrace command that must end well."""
        done = self.call("millrace", *arguments, timeout_s=timeout_s)
        assert done.returncode == 0, f"millrace {arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def document(self, *arguments: object, timeout_s: float = 120.0) -> Any:
        """What a Millrace command says with ``--json``."""
        return json.loads(self.millrace(*arguments, "--json", timeout_s=timeout_s))

    @contextmanager
    def started(self, script: str, log: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A shell script that runs beside the test; it and whatever it started are stopped in the end."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(
                ["bash", "-e", "-c", script],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            stop(process.pid)
            process.wait()

    def read(self, log: str, n_characters: int = 4000) -> str:
        """The end of a log."""
        return (self.folder / log).read_text(errors="replace")[-n_characters:]


def stop(pid: int) -> None:
    """SIGTERM to the process and all that it started, again SIGTERM, then SIGKILL to what is left."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        for process in family:
            if process.is_running():
                process.send_signal(number)
        _, family = psutil.wait_procs(family, timeout=_GRACE_S)


def wait_for(what: str, look: Callable[[], T | None], timeout_s: float, explain: Callable[[], str] = str) -> T:
    """Look until there is something.

    Args:
        explain: tells, when nothing came in time, how things stand.
    """
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s\n{explain()}"
        time.sleep(_LOOK_EVERY_S)
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
