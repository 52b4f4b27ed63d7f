from datetime import UTC, datetime, timedelta

import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.runs import list_runs, run_of, start_run, update_run
from millrace.ledger.store import Ledger

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = T0 + timedelta(hours=1)


def test_a_started_run_is_running(ledger: Ledger) -> None:
    run = start_run(ledger, "r1", "weekly", {"seed": 1}, T0, "host:1:99")
    assert run == run_of(ledger, "r1")
    assert (run.status, run.config, run.started_at, run.finished_at) == ("running", {"seed": 1}, T0, None)


def test_a_run_that_starts_again_keeps_its_start_and_config_and_takes_the_new_process(ledger: Ledger) -> None:
    start_run(ledger, "r1", "weekly", {"seed": 1}, T0, "host:1:99", prefect_run_id="p1")
    update_run(ledger, "r1", status="failed", finished_at=T0)
    run = start_run(ledger, "r1", "weekly", {"seed": 2}, LATER, "host:2:99")
    assert (run.started_at, run.config) == (T0, {"seed": 1})
    assert (run.process, run.prefect_run_id, run.status, run.finished_at) == ("host:2:99", "p1", "running", None)
    assert start_run(ledger, "r1", "weekly", {}, LATER, "host:3:99", "p2").prefect_run_id == "p2"


def test_a_run_id_belongs_to_one_flow(ledger: Ledger) -> None:
    start_run(ledger, "r1", "weekly", {}, T0, "host:1:99")
    with pytest.raises(BadInputError, match="run of weekly, not of daily"):
        start_run(ledger, "r1", "daily", {}, LATER, "host:2:99")
    assert run_of(ledger, "r1").process == "host:1:99"


def test_an_update_changes_what_is_given(ledger: Ledger) -> None:
    start_run(ledger, "r1", "weekly", {}, T0, "host:1:99")
    assert update_run(ledger, "r1", status="waiting", prefect_run_id="p1").status == "waiting"
    run = update_run(ledger, "r1", status="completed", finished_at=LATER)
    assert (run.status, run.prefect_run_id, run.finished_at) == ("completed", "p1", LATER)


def test_unknown_runs_are_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no run r9"):
        run_of(ledger, "r9")
    with pytest.raises(NotFoundError):
        update_run(ledger, "r9", status="failed")


def test_runs_are_listed_from_the_latest_start(ledger: Ledger) -> None:
    for minute, name in enumerate(["b", "c", "a"]):
        start_run(ledger, name, "weekly", {}, T0 + timedelta(minutes=minute), "host:1:99")
    assert [run.run_id for run in list_runs(ledger)] == ["a", "c", "b"]
    assert [run.run_id for run in list_runs(ledger, limit=2)] == ["a", "c"]
