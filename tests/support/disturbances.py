"""What can happen to a process at one of its durable operations, beside being killed: a bad disk, a slow one, a clock.

One :class:`Disturbance` for one process, which may not outlive it. Events are numbered by ``tests.support.kills``.
"""

import errno
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import tasks.run
from millrace.ledger import approvals
from tests.support import wheel
from tests.support.kills import HALF_A_PAGE, Event, Killer, Watcher

Kind = Literal["none", "kill", "partial", "enospc", "eio", "slow", "clock"]

FULL_DISK_FAILS = frozenset({"open", "torn", "written", "fsync", "mkdir", "rename", "link", "commit"})
BAD_DISK_FAILS = frozenset({"torn", "written", "fsync", "rename", "link", "remove", "commit"})
HALF_WRITTEN = frozenset({"torn", "commit"})
_SLOW_S, _SLOW_EVERY = 0.004, 3


@dataclass(frozen=True)
class Disturbance:
    """What happens to the process, and when.

    Args:
        at: number of the operation at which it happens; a full disk stays full from then on.
        shift_s: how far the clock jumps there; at 0 it is so from the beginning.
        run: joined to the ids of its runs, so that two processes turn different ones.
    """

    kind: Kind = "none"
    at: int = 0
    shift_s: float = 0.0
    run: str = ""

    def install(self, home: Path) -> Watcher:
        """From now on until the process ends."""
        if self.run:
            _rename_runs(self.run)
        clock = _Clock(self.shift_s if self.at == 0 else 0.0)
        clock.install()
        watcher = self._watcher(home, clock)
        watcher.install()
        return watcher

    def _watcher(self, home: Path, clock: "_Clock") -> Watcher:
        match self.kind:
            case "kill":
                return Killer(home, lambda number, _event: number == self.at)
            case "partial":
                return _BadDisk(home, self.at, errno.EIO, HALF_WRITTEN, stays=False)
            case "eio":
                return _BadDisk(home, self.at, errno.EIO, BAD_DISK_FAILS, stays=False)
            case "enospc":
                return _BadDisk(home, self.at, errno.ENOSPC, FULL_DISK_FAILS, stays=True)
            case "slow":
                return _SlowDisk(home)
            case "clock":
                return _JumpingClock(home, self.at, self.shift_s, clock)
            case "none":
                return Watcher(home)


class _BadDisk(Watcher):
    """Operations of some kinds fail: the first at or after a number, or all from there on."""

    def __init__(self, root: Path, at: int, error: int, kinds: frozenset[str], *, stays: bool) -> None:
        super().__init__(root)
        self._at, self._error, self._kinds, self._stays = at, error, kinds, stays
        self._done = False

    def react(self, number: int, event: Event, tear: Callable[[], None] | None) -> None:
        if event.kind != "commit" and self._fails(number, event.kind):
            raise OSError(self._error, os.strerror(self._error), event.path)

    @contextmanager
    def committing(self, number: int, log: Path) -> Iterator[None]:
        """SQLite itself is refused the rest of a page by the system, and rolls back."""
        if not self._fails(number, "commit"):
            yield
            return
        before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + HALF_A_PAGE, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))

    def _fails(self, number: int, kind: str) -> bool:
        fails = number >= self._at and kind in self._kinds and (self._stays or not self._done)
        self._done = self._done or fails
        return fails


class _SlowDisk(Watcher):
    """Every few operations take their time."""

    def react(self, number: int, event: Event, tear: Callable[[], None] | None) -> None:
        if number % _SLOW_EVERY == 0:
            time.sleep(_SLOW_S)


class _JumpingClock(Watcher):
    """The clock jumps at an operation."""

    def __init__(self, root: Path, at: int, shift_s: float, clock: "_Clock") -> None:
        super().__init__(root)
        self._at, self._shift_s, self._clock = at, shift_s, clock

    def react(self, number: int, event: Event, tear: Callable[[], None] | None) -> None:
        if number >= self._at:
            self._clock.shift_s = self._shift_s


class _Clock:
    """The real one, shifted."""

    def __init__(self, shift_s: float) -> None:
        self.shift_s = shift_s

    def install(self) -> None:
        """In place of ``utc_now``, whoever imported it, and of ``time.time``."""
        real_now, real_time = tasks.run.utc_now, time.time

        def now() -> Any:
            return real_now() + timedelta(seconds=self.shift_s)

        for module in [each for name, each in sys.modules.items() if name.partition(".")[0] in ("tasks", "flows")]:
            if getattr(module, "utc_now", None) is real_now:
                setattr(module, "utc_now", now)  # noqa: B010  a name that the module imported
        time.time = lambda: real_time() + self.shift_s


def _rename_runs(ending: str) -> None:
    """Every run that begins has the ending, and so has every run that a person is asked for."""

    def renamed(run_id: str) -> str:
        return f"{run_id.removesuffix(ending)}{ending}"

    begun = tasks.run.begun_run

    def begun_run(flow: str, config: Any, run_id: object, home: Any = None) -> Any:
        return begun(flow, config, run_id if home else renamed(str(run_id)), home)  # in another home it is alone

    setattr(tasks.run, "begun_run", begun_run)  # noqa: B010  as below: names that modules imported
    for module, name in ((approvals, "waiting"), (approvals, "decide"), (wheel, "tasks")):
        setattr(module, name, _for_run(getattr(module, name), renamed))


def _for_run(function: Callable[..., Any], renamed: Callable[[str], str]) -> Callable[..., Any]:
    def call(ledger: Any, run_id: str | None = None, *rest: Any, **more: Any) -> Any:
        if run_id is None:  # of all runs
            return function(ledger, **more)
        if rest:
            return function(ledger, renamed(run_id), *rest, **more)
        return function(ledger, run_id=renamed(run_id), **more)

    return call
