"""What a run showed to a person is what it goes on with, whatever was changed meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from millrace.errors import BadInputError
from millrace.triage.decide import triage_part
from tasks.home import Home
from tasks.receipts import read_receipts
from tests.support import wheel
from tests.support.inputs import synthetic_traces, write_lines
from tests.support.state import state_of


class Calls:
    """Counts the parts that triage really decides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n_calls = 0
        monkeypatch.setattr("tasks.triage.triage_part", self._counted)

    def _counted(self, *arguments: Any, **named: Any) -> object:
        self.n_calls += 1
        return triage_part(*arguments, **named)


@pytest.fixture
def imported(home: Home, inputs: Path) -> Home:
    wheel.import_file(inputs / "traces.jsonl")
    return home


def change_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.steps.code_fingerprint", lambda _module: "f" * 64)


def keys(home: Home, run_id: str = wheel.RUN_ID) -> dict[str, str]:
    return {receipt.step: receipt.key for receipt in read_receipts(home.run_folder(run_id))}


def test_after_the_pause_changed_code_computes_nothing_again_of_what_was_shown(
    imported: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wheel.week() is None
    shown = keys(imported)
    approvals = state_of(imported.root)["approvals"]
    wheel.answer_tasks()
    wheel.approve()

    change_code(monkeypatch)
    calls = Calls(monkeypatch)
    result = wheel.week()
    assert result is not None
    assert result.golden_added > 0
    assert calls.n_calls == 0
    assert {step: key for step, key in keys(imported).items() if step in shown} == shown
    assert [each["pinned_hash"] for each in state_of(imported.root)["approvals"]] == [approvals[0]["pinned_hash"]]


def test_after_the_pause_changed_rules_change_nothing_of_what_was_shown(
    imported: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wheel.week() is None
    shown = keys(imported)
    monkeypatch.setattr("flows.weekly_flywheel.injection_rules", list)
    wheel.answer_tasks()
    wheel.approve()
    assert wheel.week() is not None
    assert {step: key for step, key in keys(imported).items() if step in shown} == shown


def test_traces_that_come_while_a_run_waits_belong_to_the_next(imported: Home, inputs: Path) -> None:
    assert wheel.week() is None
    before = state_of(imported.root)["receipts"][wheel.RUN_ID]
    wheel.import_file(write_lines(imported.root / "late.jsonl", synthetic_traces(10, seed=8, prefix="late")), "late")
    assert wheel.week() is None
    assert state_of(imported.root)["receipts"][wheel.RUN_ID] == before
    assert wheel.week("next") is None
    traces = state_of(imported.root)["receipts"]["next"]["select-traces"]["outputs"]
    assert traces != before["select-traces"]["outputs"]


def test_a_run_refuses_to_go_on_with_other_settings(imported: Home) -> None:
    assert wheel.week() is None
    with pytest.raises(BadInputError, match="started with other settings"):
        wheel.week(minimum_completed=3)


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_before_the_pause_a_failed_run_takes_finished_stages_from_the_cache_unless_the_code_changed(
    imported: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.weekly_flywheel import weekly_flywheel

    def fail(*_: object, **_named: object) -> None:
        raise BadInputError("no groups today")

    def enter() -> int:
        calls = Calls(monkeypatch)
        with pytest.raises(BadInputError, match="no groups today"):
            weekly_flywheel(wheel.week_config(), run_id=wheel.RUN_ID)
        return calls.n_calls

    monkeypatch.setattr("tasks.triage.group", fail)
    assert enter() > 0
    first = keys(imported)
    assert enter() == 0
    assert keys(imported) == first

    change_code(monkeypatch)
    assert enter() > 0
    changed = {step for step, key in keys(imported).items() if key != first[step]}
    assert changed == {"select-traces", "score-groundedness", "select-feedback", "triage-traces"}
