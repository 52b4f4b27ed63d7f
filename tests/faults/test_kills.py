"""A process killed anywhere in a turn of the wheel, a day or a distillation goes on as though nothing had been.

Killed at the bounds of every step, and before, inside and after writes, renames and the ledger's commits.
"""

import signal
from pathlib import Path

import pytest

from tests.faults.conftest import (
    N_TORTURE_DAY_POINTS,
    N_TORTURE_DISTIL_POINTS,
    N_TORTURE_POINTS,
    Play,
    Undisturbed,
)
from tests.faults.kill_points import is_receipt, kill_points, sample
from tests.support.state import check_whole, leftovers, state_of

pytestmark = pytest.mark.faults


def test_a_killed_turn_ends_like_an_undisturbed_one(
    point: int, n_points: int, play: Play, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    number = sample(kill_points(undisturbed.events, N_TORTURE_POINTS), n_points)[point]
    where = f"killed at operation {number}: {undisturbed.events[number - 1]}"

    assert play(tmp_path, number).status == -signal.SIGKILL, where
    check_whole(tmp_path)

    assert play(tmp_path, 0).status == 0, where
    check_whole(tmp_path)
    assert state_of(tmp_path) == undisturbed.state, where
    assert leftovers(tmp_path) == [], where


def test_a_killed_daily_evaluation_ends_like_an_undisturbed_one(
    day_point: int, n_day_points: int, play: Play, undisturbed_day: Undisturbed, tmp_path: Path
) -> None:
    number = sample(kill_points(undisturbed_day.events, N_TORTURE_DAY_POINTS), n_day_points)[day_point]
    where = f"killed at operation {number}: {undisturbed_day.events[number - 1]}"

    assert play(tmp_path, number, part="day").status == -signal.SIGKILL, where
    check_whole(tmp_path)

    assert play(tmp_path, 0, part="day").status == 0, where
    assert state_of(tmp_path) == undisturbed_day.state, where
    assert leftovers(tmp_path) == [], where


def test_a_killed_distillation_ends_like_an_undisturbed_one(
    distil_point: int, n_distil_points: int, play: Play, undisturbed_distillation: Undisturbed, tmp_path: Path
) -> None:
    events = undisturbed_distillation.events
    number = sample(kill_points(events, N_TORTURE_DISTIL_POINTS), n_distil_points)[distil_point]
    where = f"killed at operation {number}: {events[number - 1]}"

    assert play(tmp_path, number, part="distil").status == -signal.SIGKILL, where
    check_whole(tmp_path)

    assert play(tmp_path, 0, part="distil").status == 0, where
    assert state_of(tmp_path) == undisturbed_distillation.state, where
    assert leftovers(tmp_path) == [], where


def test_a_turn_entered_again_changes_nothing(play: Play, undisturbed: Undisturbed, tmp_path: Path) -> None:
    assert [play(tmp_path, 0).status for _ in range(3)] == [0, 0, 0]
    assert state_of(tmp_path) == undisturbed.state


def test_a_turn_killed_again_and_again_ends_like_an_undisturbed_one(
    play: Play, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    # An entry that goes on makes fewer operations than a whole turn, so each number lies further into the turn.
    deaths = [play(tmp_path, number).status for number in (150, 230, 240, 250, 260, 270)]
    assert deaths.count(-signal.SIGKILL) >= 5
    assert play(tmp_path, 0).status == 0
    assert state_of(tmp_path) == undisturbed.state


def test_two_turns_from_empty_homes_are_equal(play: Play, undisturbed: Undisturbed, tmp_path: Path) -> None:
    assert play(tmp_path, 0).status == 0
    assert state_of(tmp_path) == undisturbed.state
    assert leftovers(tmp_path) == []


def test_the_points_cover_every_step_and_every_kind_of_operation(undisturbed: Undisturbed) -> None:
    points = [undisturbed.events[number - 1] for number in kill_points(undisturbed.events, N_TORTURE_POINTS)]
    assert len(points) == N_TORTURE_POINTS
    assert {kind for kind, _ in points} == {kind for kind, _ in undisturbed.events}
    steps = {path for _, path in undisturbed.events if is_receipt(path)}
    assert len(steps) == sum(map(len, undisturbed.state["receipts"].values()))
    assert steps <= {path.replace("/.", "/").removesuffix(".tmp") for _, path in points}
