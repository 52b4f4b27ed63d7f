"""Counts every durable operation of this process under one folder, and ends it by SIGKILL at or inside one.

The operations, each an event with the path it is about:

* ``open``: a file is about to be opened for writing; ``opened``: it is there, and empty
* ``torn``: half of the bytes are written and flushed; ``written``: all of them; ``fsync``: about to be made durable
* ``rename``, ``link``, ``remove``, ``mkdir``, ``rmtree``: about to happen; ``renamed``: done
* ``commit``: a ledger's transaction is about to be committed; ``torn-commit``: its last page has half reached the
  write-ahead log; ``committed``: it is durable
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, NamedTuple

from sqlalchemy.engine.default import DefaultDialect

_AUDITED = {
    "os.rename": "rename",
    "os.link": "link",
    "os.remove": "remove",
    "os.mkdir": "mkdir",
    "shutil.rmtree": "rmtree",
}
_TEMPORARY = re.compile(r"\.\d+-\d+\.tmp$")  # names hold the process and the thread
_WRITING = os.O_WRONLY | os.O_RDWR
HALF_A_PAGE = 2048  # bytes of the ledger's


class Event(NamedTuple):
    """One durable operation; the path is relative to the folder, without what differs between processes."""

    kind: str
    path: str


class Watcher:
    """Numbers events from 1 and calls :meth:`react` at each; there is one in a process, for good."""

    def __init__(self, root: Path) -> None:
        self.events: list[Event] = []
        self._root = os.path.join(root.resolve(), "")
        self._lock = threading.RLock()

    def react(self, number: int, event: Event, tear: Callable[[], None] | None) -> None:
        """What happens at an event; an error raised here is the operation's.

        Args:
            tear: leaves what was just written half written, where that is not so already.
        """

    def committing(self, _number: int, _log: Path) -> AbstractContextManager[object]:
        """What surrounds the commit that was just told of; ``_log`` is the ledger's write-ahead log."""
        return nullcontext()

    def note(self, kind: str, path: object, tear: Callable[[], None] | None = None) -> int:
        """Count an event; its number, 0 when it lies elsewhere."""
        if not isinstance(path, str | os.PathLike) or not str(path).startswith(self._root):
            return 0
        with self._lock:
            event = Event(kind, _TEMPORARY.sub(".tmp", str(path).removeprefix(self._root)))
            self.events.append(event)
            number = len(self.events)
            self.react(number, event, tear)
            return number

    def install(self) -> None:
        """Watch from now on until the process ends."""
        sys.addaudithook(self._audit)
        self._watch_opens()
        self._watch_fsyncs()
        self._watch_renames()
        self._watch_commits()

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open" and arguments[2] & _WRITING:
            self.note("open", arguments[0])
        elif name in _AUDITED:
            self.note(_AUDITED[name], _whole_path(name, arguments))

    def _watch_fsyncs(self) -> None:
        real: Callable[[Any], None] = os.fsync

        def fsync(file: Any) -> None:
            descriptor = file if isinstance(file, int) else file.fileno()
            self.note("fsync", os.readlink(f"/proc/self/fd/{descriptor}"))
            real(file)

        os.fsync = fsync  # type: ignore[assignment]

    def _watch_opens(self) -> None:
        real_open, real_path_open = os.open, Path.open

        def os_open(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            descriptor = real_open(path, flags, *rest, **named)
            if flags & _WRITING:
                self.note("opened", path)
            return descriptor

        def path_open(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
            stream: Any = real_path_open(path, mode, *rest, **named)
            if "w" not in mode:
                return stream
            self.note("opened", path)
            return _TornStream(stream, lambda kind: self.note(kind, path))

        os.open = os_open
        Path.open = path_open  # type: ignore[method-assign, assignment]

    def _watch_renames(self) -> None:
        def watched(real: Callable[..., None]) -> Callable[..., None]:
            def rename(source: Any, target: Any, **named: Any) -> None:
                real(source, target, **named)
                self.note("renamed", target)

            return rename

        os.rename, os.replace = watched(os.rename), watched(os.replace)

    def _watch_commits(self) -> None:
        real_commit: Callable[..., None] = DefaultDialect.do_commit

        def commit(dialect: DefaultDialect, connection: Any) -> None:
            reads_only = connection.execute("PRAGMA query_only").fetchone()[0]
            if reads_only:
                real_commit(dialect, connection)
                return
            path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
            log = path.with_name(f"{path.name}-wal")
            size = log.stat().st_size
            number = self.note("commit", path)
            with self.committing(number, log):
                real_commit(dialect, connection)
            if log.stat().st_size > size:
                self.note("torn-commit", path, tear=lambda: os.truncate(log, log.stat().st_size - HALF_A_PAGE))
            self.note("committed", path)

        DefaultDialect.do_commit = commit  # type: ignore[method-assign]


class Killer(Watcher):
    """Dies at the first event that ``fatal`` says yes to."""

    def __init__(self, root: Path, fatal: Callable[[int, Event], bool]) -> None:
        super().__init__(root)
        self._fatal = fatal

    def react(self, number: int, event: Event, tear: Callable[[], None] | None) -> None:
        if self._fatal(number, event):
            if tear is not None:
                tear()
            os.kill(os.getpid(), signal.SIGKILL)


class _TornStream:
    """A file that writes in two halves."""

    def __init__(self, stream: IO[Any], note: Callable[[str], object]) -> None:
        self._stream = stream
        self._note = note

    def write(self, data: Any) -> int:
        half = len(data) // 2
        self._stream.write(data[:half])
        self._stream.flush()
        self._note("torn")
        self._stream.write(data[half:])
        self._stream.flush()
        self._note("written")
        return len(data)

    def __enter__(self) -> "_TornStream":
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _whole_path(name: str, arguments: tuple[Any, ...]) -> Any:
    """``shutil.rmtree`` removes names relative to an open folder."""
    folder = arguments[-1]
    if name != "os.remove" or folder == -1:
        return arguments[0]
    return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), arguments[0])
