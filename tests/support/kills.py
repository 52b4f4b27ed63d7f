"""Counts every durable operation of this process under one folder, and ends it by SIGKILL in the middle of one.

The operations, each an event with the path it is about:

* ``open``: a file is about to be opened for writing; ``opened``: it exists, empty
* ``torn``: half of the bytes are written and flushed
* ``rename``, ``renamed``, ``link``, ``remove``, ``mkdir``, ``rmtree``: before, and for renames after, the operation
* ``begin``, ``commit``, ``torn-commit``, ``committed``: a ledger's transaction begins; is about to be committed; has half
  of its pages in the write-ahead log; is durable
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

from sqlalchemy.engine.default import DefaultDialect

_BEFORE = {"os.rename": "rename", "os.link": "link", "os.remove": "remove", "os.mkdir": "mkdir"}
_BEFORE |= {"shutil.rmtree": "rmtree"}
_TEMPORARY = re.compile(r"\.\d+-\d+\.tmp$")  # process and thread are in these names


class Event(NamedTuple):
    """One durable operation; the path is relative to the folder, without what differs between processes."""

    kind: str
    path: str


class Killer:
    """Numbers events from 1; dies at the first that ``fatal`` says yes to."""

    def __init__(self, root: Path, fatal: Callable[[int, Event], bool]) -> None:
        self.events: list[Event] = []
        self._root = os.path.join(root, "")
        self._fatal = fatal
        self._lock = threading.RLock()
        self._real_commit = DefaultDialect.do_commit
        self._real_begin = DefaultDialect.do_begin

    def install(self) -> None:
        """From now on until the process ends: hooks of this kind cannot be taken back."""
        sys.addaudithook(self._audit)
        _patch(os, "open", self._os_open)
        _patch(os, "replace", self._replace)
        _patch(os, "rename", self._replace)
        _patch(Path, "open", self._path_open)
        DefaultDialect.do_commit = self._commit  # type: ignore[method-assign, assignment]

    def note(self, kind: str, path: object, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Count an event, and die of it when it is the one; ``meanwhile`` leaves the traces of dying half way."""
        name = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        if not isinstance(name, str) or not name.startswith(self._root):
            return
        with self._lock:
            event = Event(kind, _TEMPORARY.sub(".tmp", name.removeprefix(self._root)))
            self.events.append(event)
            if self._fatal(len(self.events), event):
                meanwhile()
                os.kill(os.getpid(), signal.SIGKILL)

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            self.note("open", arguments[0])
        elif name in _BEFORE:
            self.note(_BEFORE[name], arguments[0])

    def _os_open(self, real: Callable[..., int], path: Any, flags: int, *rest: Any, **named: Any) -> int:
        descriptor = real(path, flags, *rest, **named)
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.note("opened", path)
        return descriptor

    def _replace(self, real: Callable[..., None], source: Any, target: Any, **named: Any) -> None:
        real(source, target, **named)
        self.note("renamed", target)

    def _path_open(self, real: Callable[..., IO[Any]], path: Path, mode: str = "r", *rest: Any, **named: Any) -> IO[Any]:
        stream = real(path, mode, *rest, **named)
        if "w" in mode:
            self.note("opened", path)
            _patch(stream, "write", self._torn_write, stream, path) if False else None
            return _Torn(stream, self, path)  # type: ignore[return-value]
        return stream

    def _commit(self, connection: Any) -> None:
        path = connection.execute("PRAGMA database_list").fetchone()[2]
        self.note("commit", path)
        log = Path(f"{path}-wal")
        before = log.stat().st_size
        self._real_commit(connection)
        self.note("torn-commit", path, meanwhile=lambda: _tear(log, before))
        self.note("committed", path)
