"""What a run of replays comes to, and which runs its rate may be held against."""

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.records.replay import Replay
from millrace.records.replay_report import ReplayPoint
from millrace.replay.escalation_rate import N_RUNS, bundle_figures, comparable, rate_change, replay_figures
from tests.support.replays import T0


def row(task_id: str, passed: bool = True, **fields: Any) -> Replay:
    known: dict[str, Any] = {
        "replay_id": task_id,
        "task_id": task_id,
        "time": T0,
        "tenant_id": "mill",
        "question": "?",
        "retrieval": "index",
        "answered_by": "small",
        "tier": "local",
        "checks": [{"name": "answered", "passed": True}, {"name": "length", "passed": passed}],
        "passed": passed,
        "groundedness": 0.5,
    }
    return Replay.model_validate(known | fields)


def unanswered(task_id: str, error: str, **fields: Any) -> Replay:
    gone = {"error": error, "checks": [], "groundedness": None, "groundedness_reason": "no_answer"}
    return row(task_id, False, **gone | fields)


def stronger(task_id: str, passed: bool = True, **fields: Any) -> dict[str, Any]:
    return row(task_id, passed, tier="stronger", escalated=True, answered_by="big", **fields).model_dump()


ATTEMPTS = [
    row("a"),
    row("b", False),
    row("c", False),
    row("d", False),
    row("e", groundedness=None, groundedness_reason="abstained"),
    unanswered("f", "timeout: none"),
    unanswered("g", "blocked: injection rule r", answered_by="nobody"),
]


def table(*rows: Replay) -> pa.Table:
    return table_of(Replay, rows)


def finals() -> list[Replay]:
    changed = {
        "b": Replay.model_validate(stronger("b", groundedness=1.0)),
        "c": Replay.model_validate(stronger("c", False)),
    }
    return [changed.get(each.task_id, each) for each in ATTEMPTS]


def test_the_run_in_numbers() -> None:
    found = replay_figures(table(*ATTEMPTS), table(*finals()))
    assert (found.n_tasks, found.n_blocked, found.n_failed) == (7, 1, 1)
    assert (found.n_passed, found.n_passed_locally, found.n_abstained) == (3, 2, 1)
    assert (found.n_escalated, found.n_not_escalated) == (2, 1)
    # 2 of 5 with a local answer were escalated, 3 of 5 failed; 3 of 5 final answers passed
    rates = (found.escalation_rate, found.local_failure_rate, found.pass_rate)
    assert [(each.mean, each.n, each.n_failed) for each in rates] == [(0.4, 5, 1), (0.6, 5, 1), (0.6, 5, 1)]
    assert all(each.low is not None and each.high is not None for each in rates)
    # a 0.5, b 1.0, c 0.5, d 0.5; e abstained
    assert (found.groundedness.mean, found.groundedness.n) == (0.625, 4)
    assert [(each.name, each.n) for each in found.local_failed_checks] == [("length", 3)]
    assert [(each.name, each.n) for each in found.failed_checks] == [("length", 2)]
    assert [(each.name, each.n) for each in found.answered_by] == [("small", 3), ("big", 2)]
    assert {each.name for each in found.errors} == {"timeout: none", "blocked: injection rule r"}


def test_an_escalation_that_fails_counts_as_escalated_and_without_an_answer() -> None:
    failed = Replay.model_validate(stronger("b") | {"error": "timeout: none", "passed": False, "checks": []})
    found = replay_figures(table(ATTEMPTS[1]), table(failed))
    assert (found.n_escalated, found.n_failed, found.n_passed, found.n_not_escalated) == (1, 1, 0, 0)
    assert (found.escalation_rate.mean, found.pass_rate.mean, found.pass_rate.reason) == (1.0, None, "no_items")


def test_no_tasks_have_no_rates() -> None:
    found = replay_figures(table(), table())
    assert (found.n_tasks, found.escalation_rate.mean, found.escalation_rate.reason) == (0, None, "no_items")
    assert (found.groundedness.mean, found.groundedness.reason) == (None, "no_items")


def test_attempts_and_answers_of_other_tasks_are_refused() -> None:
    with pytest.raises(BadInputError, match="not of the same tasks"):
        replay_figures(table(row("a")), table(row("b")))


def test_what_the_tasks_were_given() -> None:
    def item(purpose: str, score: float) -> dict[str, Any]:
        return {"evidence_id": "e", "purpose": purpose, "text": "x", "score": score}

    parts = [
        table(row("a", bundle=[item("accepted", 0.5), item("accepted", 0.75), item("warning", 0.9)]), row("b")),
        table(row("c", bundle=[item("warning", 0.9)]), row("d", bundle=[item("accepted", 0.25)])),
    ]
    found = bundle_figures(part.select(["bundle"]) for part in parts)
    assert (found.n_tasks, found.n_with_accepted, found.n_with_warnings, found.n_empty) == (4, 2, 2, 1)
    assert (found.nearest.mean, found.nearest.n) == (0.5, 2)  # 0.75 and 0.25


def point(run_id: str, days: int = 0, n_failed: int = 1, n: int = 4, **fields: Any) -> ReplayPoint:
    rows = [row(str(place), place >= n_failed) for place in range(n)]
    known: dict[str, Any] = {
        "run_id": run_id,
        "time": T0 + timedelta(days=days),
        "tasks_name": "tasks.jsonl",
        "tasks": "c" * 64,
        "retrieval": "index",
        "escalation": "allowed",
        "knowledge": None,
        "answerer": "models",
        "figures": replay_figures(table(*rows), table(*rows)),
    }
    return ReplayPoint.model_validate(known | fields)


def test_only_runs_of_equal_policy_and_answerer_are_compared_in_the_order_of_their_time() -> None:
    now = point("now", 5)
    earlier = [
        point("late", 4),
        point("early", 1),
        point("never", 2, escalation="never"),
        point("other", 3, answerer="extractive"),
        point("future", 6),
        point("now", 5),
    ]
    assert [each.run_id for each in comparable(now, earlier)] == ["early", "late", "now"]
    many = [point(f"run {day:02}", day) for day in range(20)]
    trend = comparable(point("now", 30), many)
    assert [each.run_id for each in trend] == [*(f"run {day:02}" for day in range(20 - N_RUNS + 1, 20)), "now"]


def test_the_change_is_the_failure_rate_now_minus_before() -> None:
    change = rate_change([point("first", 0, 4), point("before", 1, 3), point("now", 2, 1)])
    assert change is not None
    assert (change.mean, change.n) == (pytest.approx(-0.5), 8)  # 1 of 4 after 3 of 4
    assert rate_change([point("now")]) is None
