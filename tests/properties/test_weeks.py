"""Weeks that follow or overlap one another: nothing is asked, learnt or published twice."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import flows.weekly_flywheel as weekly
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.store import DatasetStore
from millrace.ledger import pointers
from millrace.ledger.tasks import Task, tasks
from millrace.records.golden import GoldenRow, GoldenVersion
from tasks.golden import pointer_name
from tasks.home import Home
from tests.support import wheel
from tests.support.state import state_of

UNLIMITED = {"proposal": {"budget_minutes": 1000}}
LIMITED = {"proposal": {"budget_minutes": 10}}


@pytest.fixture
def imported(home: Home, inputs: Path) -> Home:
    wheel.import_file(inputs / "traces.jsonl")
    return home


def queued(home: Home, run_id: str | None = None) -> list[Task]:
    with home.ledger as ledger:
        return tasks(ledger, run_id=run_id)


def versions(home: Home) -> list[str]:
    with home.ledger as ledger:
        return [each.value["version"] for each in pointers.pointer_history_of(ledger, pointer_name("main"))]


def pointed_hashes(home: Home) -> dict[str, str]:
    with home.ledger as ledger:
        history = pointers.pointer_history_of(ledger, pointer_name("main"))
    return {each.value["version"]: each.value["dataset"]["content_hash"] for each in history}


def written_hashes(home: Home) -> dict[str, str]:
    """What the files beside the pointer say that each version is."""
    files = (home.root / "golden" / "main").glob("*/version.json")
    written = [GoldenVersion.model_validate_json(path.read_bytes()) for path in files]
    return {each.version: each.content_hash for each in written}


def golden_rows(home: Home) -> list[GoldenRow]:
    with home.ledger as ledger:
        active = pointers.pointer(ledger, pointer_name("main"))
    assert active is not None
    ref = DatasetRef.model_validate(active.value["dataset"])
    table = DatasetStore(home.root / "datasets").open(ref).to_arrow()
    return [GoldenRow.model_validate(row) for row in table.to_pylist()]


def asked(home: Home) -> set[tuple[str, str]]:
    """Tenant and question of everything queued; the input has questions with two answers, which are asked twice."""
    return {(task.tenant_id, task.payload["question"]) for task in queued(home)}


def learnt(home: Home) -> set[tuple[str, str]]:
    return {(row.tenant_id, row.question) for row in golden_rows(home)}


def whole_week(run_id: str, **settings: Any) -> weekly.WeeklyFlywheelResult:
    assert wheel.week(run_id, **settings) is None
    wheel.answer_tasks(run_id)
    wheel.approve(run_id)
    result = wheel.week(run_id, **settings)
    assert result is not None
    return result


def before_the_first_call(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, happens: Callable[[], object]
) -> None:
    """Let something happen at the moment when the module is about to call the function for the first time."""
    real = getattr(module, name)
    waiting = [happens]

    def called(*args: Any) -> Any:
        while waiting:
            waiting.pop()()
        return real(*args)

    monkeypatch.setattr(module, name, called)


def test_a_second_week_on_the_same_traces_adds_nothing(imported: Home) -> None:
    first = whole_week("first", **UNLIMITED)
    n_asked, rows = len(queued(imported)), golden_rows(imported)
    assert first.golden_added == len(rows) > 10

    second = wheel.week("second", **UNLIMITED)
    assert second is not None
    assert second.reason == "nothing to decide"
    assert second.golden_added == 0
    assert second.golden_version == "1.0.0"
    assert len(queued(imported)) == n_asked
    assert golden_rows(imported) == rows
    assert versions(imported) == ["1.0.0"]


def test_entering_a_finished_week_twice_again_changes_nothing(imported: Home) -> None:
    result = whole_week("first")
    before = state_of(imported.root)
    assert wheel.week("first") == result
    assert wheel.week("first") == result
    assert state_of(imported.root) == before


def test_entering_a_waiting_week_twice_again_asks_nothing_twice(imported: Home) -> None:
    assert wheel.week() is None
    before = state_of(imported.root)
    assert wheel.week() is None
    assert wheel.week() is None
    assert state_of(imported.root) == before


def test_two_weeks_that_wait_at_once_never_ask_the_same_question(imported: Home) -> None:
    assert wheel.week("first", **LIMITED) is None
    assert wheel.week("second", **LIMITED) is None
    keys = [(task.tenant_id, task.question_key) for task in queued(imported)]
    assert len(keys) == len(set(keys))
    assert queued(imported, "first")
    assert queued(imported, "second")


def test_a_week_overtaken_while_it_proposes_leaves_the_questions_to_the_other(
    imported: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both saw an empty queue, so both propose the same; the second is first to queue it.
    before_the_first_call(monkeypatch, weekly, "enqueue_annotations", lambda: wheel.week("second", **LIMITED))
    assert wheel.week("first", **LIMITED) is None
    of_second = queued(imported, "second")
    assert of_second
    assert queued(imported) == of_second
    for run_id in ("second", "first"):
        wheel.answer_tasks(run_id)
        wheel.approve(run_id)
        assert wheel.week(run_id, **LIMITED) is not None
    assert learnt(imported) == asked(imported)
    assert versions(imported) == ["1.0.0"]


def test_a_week_overtaken_while_it_publishes_builds_on_the_other(
    imported: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in ("first", "second"):
        assert wheel.week(run_id, **LIMITED) is None
        wheel.answer_tasks(run_id)
        wheel.approve(run_id)
    before_the_first_call(monkeypatch, weekly, "publish_golden", lambda: wheel.week("second", **LIMITED))
    result = wheel.week("first", **LIMITED)
    assert result is not None
    assert versions(imported) == ["1.0.0", "1.1.0"]
    assert result.golden_version == "1.1.0"
    assert written_hashes(imported) == pointed_hashes(imported)
    assert learnt(imported) == asked(imported)


def test_late_answers_enter_the_next_week_once(imported: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.run.utc_now", lambda: wheel.DECIDED_AT)  # when the weeks end
    assert wheel.week("first", **UNLIMITED) is None
    wheel.answer_tasks("first", up_to=5)
    wheel.approve("first")
    first = wheel.week("first", **UNLIMITED)
    assert first is not None
    assert first.golden_added == 5

    late = wheel.answer_tasks("first", at=wheel.DECIDED_AT + timedelta(hours=1))
    assert len(late) > 5
    second = whole_week("second", **UNLIMITED)
    assert whole_week("third", **UNLIMITED).golden_added == 0
    assert versions(imported) == ["1.0.0", "1.1.0"]
    assert len(golden_rows(imported)) == first.golden_added + second.golden_added
    assert learnt(imported) == asked(imported)


def test_after_a_rollback_the_next_version_is_new_and_nothing_comes_back(imported: Home) -> None:
    whole_week("first", **LIMITED)
    first = golden_rows(imported)
    whole_week("second", **LIMITED)
    rolled_back = {row.golden_id for row in golden_rows(imported)} - {row.golden_id for row in first}
    assert rolled_back
    with imported.ledger as ledger:
        name = pointer_name("main")
        value = pointers.pointer_history_of(ledger, name)[0].value
        pointers.set_pointer(ledger, name, value, wheel.DECIDED_AT, "rollback")

    third = whole_week("third", **LIMITED)
    assert third.golden_added > 0
    assert versions(imported) == ["1.0.0", "1.1.0", "1.0.0", "1.2.0"]
    ids = {row.golden_id for row in golden_rows(imported)}
    assert {row.golden_id for row in first} <= ids
    assert not rolled_back & ids


def test_a_rejected_week_changes_nothing_golden(imported: Home) -> None:
    assert wheel.week("first") is None
    wheel.answer_tasks("first")
    wheel.approve("first", "reject")
    result = wheel.week("first")
    assert result is not None
    assert result.status == "rejected"
    assert versions(imported) == []
