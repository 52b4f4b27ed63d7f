"""Plays parts in homes of theirs, disturbed and not, and says what is wrong afterwards."""

import json
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.faults.parts import Part
from tests.faults.plans import AT_ONCE, BACK, DISK, ON, TWO_RUNS, UNDISTURBED, Fault
from tests.support.disturbances import Disturbance
from tests.support.forks import CLEAR
from tests.support.kills import Event
from tests.support.state import check_whole, leftovers, state_of

_OF_A_RUN = ("run_id", "first_run_id", "task_id", "key", "created_by")


@dataclass(frozen=True)
class Played:
    """How a process ended, and the operations of a whole play."""

    status: int
    error: str | None
    events: list[Event]


@dataclass(frozen=True)
class Whole:
    """A play that nobody disturbed."""

    events: list[Event]
    state: Mapping[str, Any]


class Players:
    """The process that plays (``tests.faults.child``)."""

    def __init__(self, server: "subprocess.Popen[str]", inputs: Path) -> None:
        self._server, self._inputs = server, inputs

    def play(
        self, part: Part, home: Path, processes: Sequence[Disturbance] = (UNDISTURBED,), *, prepare: bool = False
    ) -> list[Played]:
        """The part, or what it needs, in as many processes of one home at once."""
        order = {"inputs": str(self._inputs), "home": str(home), "part": part.flow, "prepare": prepare}
        asking, answering = self._server.stdin, self._server.stdout
        assert asking is not None
        assert answering is not None
        print(json.dumps(order | {"processes": [asdict(each) for each in processes]}), file=asking, flush=True)
        return [
            Played(each["status"], each["error"], [Event(*event) for event in each.get("events", [])])
            for each in json.loads(answering.readline())
        ]


class Stage:
    """One part with its home, which lies at one place however often it is made anew: paths are part of some results."""

    def __init__(self, players: Players, part: Part, folder: Path) -> None:
        self.part, self.home = part, folder / "home"
        self._players, self._template = players, folder / "template"
        self.home.mkdir(parents=True)
        (prepared,) = players.play(part, self.home, prepare=True)
        assert prepared.status == 0, prepared.error
        self.home.rename(self._template)
        self.renew()
        (played,) = self.play()
        assert played.status == 0, played.error
        self.whole = Whole(played.events, state_of(self.home))
        assert leftovers(self.home) == []

    def renew(self) -> None:
        """As it was prepared."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self._template, self.home, symlinks=True)

    def play(self, *processes: Disturbance) -> list[Played]:
        return self._players.play(self.part, self.home, processes or [UNDISTURBED])

    def problem_after(self, fault: Fault) -> str | None:
        """What is wrong after the fault and a play that goes on; None when it is as though nothing had been."""
        self.renew()
        ended = self.play(*fault.processes)
        try:
            found = self._wrong_end(fault, ended)
            check_whole(self.home)
            if found is None and not any(each.status == 0 for each in ended):
                (again,) = self.play(fault.again)
                found = None if again.status == 0 else f"did not go on: {again.error or again.status}"
                check_whole(self.home)
            found = found or self.difference(fault.kind)
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        if found is None:
            return None
        event = self.whole.events[fault.at - 1] if fault.at else ""
        errors = [each.error for each in ended if each.error]
        return f"{self.part.flow}: {fault.kind} {fault.at} {event}: {found} {errors}"

    def _wrong_end(self, fault: Fault, ended: Sequence[Played]) -> str | None:
        statuses = [each.status for each in ended]
        if fault.kind in AT_ONCE:
            fine = set(statuses) <= {0, CLEAR} and 0 in statuses
        elif fault.kind in DISK:
            fine = set(statuses) <= {0, CLEAR}
        elif fault.kind in (BACK, ON):
            fine = set(statuses) == {0}
        else:
            fine = statuses == [-signal.SIGKILL]
        return None if fine else f"ended with {statuses}"

    def difference(self, kind: str = "", apart_from: tuple[str, ...] = ()) -> str | None:
        """How the home differs from one that nobody disturbed; beginnings of names that are not compared."""
        if rest := leftovers(self.home):
            return f"left over: {rest}"
        names = (*self.part.apart_from, *apart_from)
        state, expected = (_without(each, names) for each in (state_of(self.home), self.whole.state))
        if kind == TWO_RUNS:
            return _lost_or_doubled(expected, state)
        unlike = [_first_difference(name, expected[name], state[name]) for name in state]
        return "; ".join(filter(None, unlike)) or None


def _lost_or_doubled(one: Mapping[str, Any], two: Mapping[str, Any]) -> str | None:
    """What a run lost because another worked beside it, or did once more."""
    if lost := sorted(set(one["datasets"]) - set(two["datasets"])):
        return f"lost: {lost}"
    for name in ("queue", "annotations"):
        asked = [_apart_from_run(each) for each in one[name]]
        if [_apart_from_run(each) for each in two[name]] != asked:
            return f"{name}: {len(two[name])} instead of {len(asked)}, or others"
    own = {run_id: status for run_id, status in two["runs"].items() if run_id not in one["runs"]}
    unfinished = {run_id: status for run_id, status in own.items() if status not in ("completed", "failed")}
    return f"not ended: {unfinished}" if unfinished else None


def _without(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        kept = {name: each for name, each in value.items() if not str(name).startswith(names)}
        return {name: _without(each, names) for name, each in kept.items()}
    if isinstance(value, list | tuple):
        return [_without(each, names) for each in value]
    return value


def _apart_from_run(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _OF_A_RUN}


def _first_difference(name: str, expected: Any, found: Any) -> str | None:
    if expected == found:
        return None
    if isinstance(expected, dict) and isinstance(found, dict):
        places = [place for place in {**expected, **found} if expected.get(place) != found.get(place)]
        return f"{name}: {_first_difference(str(places[0]), expected.get(places[0]), found.get(places[0]))}"
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        place = next(n for n, each in enumerate(expected) if each != found[n])
        return f"{name}: {_first_difference(str(place), expected[place], found[place])}"
    return f"{name}: {str(found)[:300]} instead of {str(expected)[:300]}"
