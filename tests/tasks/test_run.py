"""A run: what it pins at its start, how its end is recorded, and what identifies it."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import psutil
import pytest
from prefect.exceptions import Pause
from pydantic import ValidationError

import tasks.run
from millrace.errors import BadInputError, UnavailableError
from millrace.ledger import catalogue, pins, runs
from millrace.records.base import Record
from millrace.records.receipt import Receipt
from tasks.effect import effect
from tasks.home import Home
from tasks.processes import process_lives, process_name
from tasks.receipts import read_receipts, read_summary, run_hash
from tasks.run import FlowConfig, current_run, recorded, show_in_prefect
from tests.tasks.turns import Turn, make_ratings

Receipts = Callable[[str], dict[str, Receipt]]
WEEK_46 = datetime(2026, 11, 16, 6, tzinfo=UTC)


class Ended(Record):
    status: str
    reason: str | None = None


def raising(error: BaseException) -> Callable[[], Any]:
    def body() -> Any:
        make_ratings(2)
        raise error

    return body


def status(home: Home, run_id: str = "run") -> str:
    return runs.run_of(home.ledger, run_id).status


def test_a_run_that_returns_is_completed_with_summary_in_both_forms(turn: Turn, home: Home) -> None:
    turn(lambda: make_ratings(2))
    row, summary = runs.run_of(home.ledger, "run"), read_summary(home.run_folder("run"))
    assert summary is not None
    assert (row.status, row.flow, row.process) == ("completed", "toy", process_name())
    assert (summary.status, summary.reason, summary.overall_passed) == ("completed", None, True)
    assert (summary.n_stages, summary.n_effects, summary.counts.rows_out) == (1, 0, 2)
    assert row.started_at == summary.started_at <= summary.finished_at == row.finished_at
    text = (home.run_folder("run") / "summary.md").read_text()
    assert "make-ratings" in text
    assert summary.run_hash in text


def test_a_run_that_raises_is_failed_and_its_summary_says_why(turn: Turn, home: Home) -> None:
    with pytest.raises(BadInputError):
        turn(raising(BadInputError("row 3 is wrong")))
    summary = read_summary(home.run_folder("run"))
    assert summary is not None
    assert (status(home), summary.status, summary.overall_passed) == ("failed", "failed", False)
    assert summary.reason == "BadInputError: row 3 is wrong"
    assert summary.n_stages == 1
    assert "row 3 is wrong" in (home.run_folder("run") / "summary.md").read_text()


def test_a_run_that_fails_before_its_first_step_has_a_summary_too(plain: Turn, home: Home) -> None:
    def body() -> None:
        raise UnavailableError("nobody there")

    with pytest.raises(UnavailableError):
        plain(body)
    summary = read_summary(home.run_folder("run"))
    assert summary is not None
    assert (summary.status, summary.n_stages) == ("failed", 0)


def test_a_failed_run_that_is_entered_again_can_complete(plain: Turn, home: Home) -> None:
    with pytest.raises(BadInputError):
        plain(raising(BadInputError("for now")))
    first = runs.run_of(home.ledger, "run")
    plain(lambda: make_ratings(2))
    again = runs.run_of(home.ledger, "run")
    assert (first.status, again.status, again.started_at) == ("failed", "completed", first.started_at)


@pytest.mark.parametrize("ended", [Ended(status="rejected", reason="as decided"), Ended(status="completed")])
def test_a_result_may_name_its_status_and_reason(plain: Turn, home: Home, ended: Ended) -> None:
    plain(lambda: ended)
    summary = read_summary(home.run_folder("run"))
    assert summary is not None
    assert (status(home), summary.status, summary.reason) == (ended.status, ended.status, ended.reason)
    assert summary.overall_passed  # a rejection is a decision, not a failure


def test_a_suspended_run_waits_and_has_no_summary_yet(plain: Turn, home: Home) -> None:
    with pytest.raises(Pause):
        plain(raising(Pause("suspended")))
    assert status(home) == "waiting"
    assert read_summary(home.run_folder("run")) is None


def test_an_interrupted_run_stays_running_as_after_a_crash(plain: Turn, home: Home) -> None:
    with pytest.raises(KeyboardInterrupt):
        plain(raising(KeyboardInterrupt()))
    assert status(home) == "running"
    assert runs.run_of(home.ledger, "run").finished_at is None


def test_settings_are_pinned_and_others_are_refused_with_what_to_do(plain: Turn, home: Home) -> None:
    early, late = datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
    plain(lambda: make_ratings(2), as_of=early)
    before = runs.run_of(home.ledger, "run")
    with pytest.raises(BadInputError, match="started with other settings; `millrace resume run` continues it"):
        plain(lambda: make_ratings(2), as_of=late)
    assert runs.run_of(home.ledger, "run") == before
    assert pins.pins_of(home.ledger, "run")["start"]["config"] == {"as_of": "2026-11-16T00:00:00Z"}


def test_a_run_goes_on_with_another_number_of_workers(plain: Turn, home: Home) -> None:
    plain(lambda: make_ratings(2), workers=3)
    plain(lambda: make_ratings(2), workers=1)
    assert runs.run_of(home.ledger, "run").status == "completed"


def test_a_run_id_belongs_to_one_flow(plain: Turn, home: Home) -> None:
    plain(lambda: make_ratings(2))

    @recorded("other")
    def other(config: FlowConfig, run_id: str) -> None:
        return None

    with pytest.raises(BadInputError, match="is a run of toy, not of other"):
        other(FlowConfig(), "run")
    assert status(home) == "completed"


def test_the_clock_is_pinned_at_the_first_start(plain: Turn) -> None:
    first = plain(lambda: current_run().now)
    assert plain(lambda: current_run().now) == first
    assert datetime.now(UTC) - first < timedelta(minutes=1)


def test_as_of_is_the_clock_in_utc(plain: Turn) -> None:
    tokyo = WEEK_46.astimezone(timezone(timedelta(hours=9)))
    now = plain(lambda: current_run().now, as_of=tokyo)
    assert now == WEEK_46
    assert now.utcoffset() == timedelta(0)


def test_as_of_needs_a_time_zone() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        FlowConfig.model_validate({"as_of": "2026-11-16T06:00:00"})


def test_what_the_catalogue_held_is_pinned_too(plain: Turn, home: Home) -> None:
    plain(lambda: make_ratings(2), "before")
    assert plain(lambda: (make_ratings(3), current_run().sequence)[1]) == 1
    assert catalogue.latest_sequence(home.ledger) == 2
    assert plain(lambda: current_run().sequence) == 1
    assert plain(lambda: current_run().sequence, "later") == 2


@effect
def note_time() -> str:
    return datetime.now(UTC).isoformat()


def test_the_run_hash_covers_what_stages_put_out_and_neither_effects_nor_times(plain: Turn, home: Home) -> None:
    def turned(run_id: str, n_rows: int, *, with_effect: bool) -> str:
        plain(lambda: [make_ratings(n_rows), note_time() if with_effect else None], run_id)
        summary = read_summary(home.run_folder(run_id))
        assert summary is not None
        assert summary.run_hash == run_hash(read_receipts(home.run_folder(run_id)))
        return summary.run_hash

    hashes = [turned("a", 2, with_effect=True), turned("b", 2, with_effect=False), turned("c", 3, with_effect=True)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_run_is_known_inside_only(plain: Turn, home: Home) -> None:
    assert plain(lambda: current_run().run_id) == "run"
    with pytest.raises(BadInputError, match="outside a flow"):
        current_run()


def test_outside_prefect_a_run_needs_an_id(home: Home) -> None:
    @recorded("toy")
    def toy(config: FlowConfig, run_id: str | None = None) -> None:
        return None

    with pytest.raises(BadInputError, match="no run_id"):
        toy(FlowConfig())


@pytest.mark.prefect
def test_in_prefect_the_flow_runs_own_id_is_the_default(home: Home, prefect_server: None) -> None:
    from prefect import flow
    from prefect.runtime import flow_run

    @flow
    @recorded("toy")
    def toy(config: FlowConfig, run_id: str | None = None) -> tuple[str, str]:
        return current_run().run_id, str(flow_run.id)

    ours, prefects = toy(FlowConfig())
    assert ours == prefects
    assert runs.run_of(home.ledger, ours).prefect_run_id == prefects


def test_a_process_lives_while_its_start_time_is_the_same() -> None:
    host, pid, started = process_name().rsplit(":", 2)
    assert process_lives(process_name())
    assert not process_lives(f"{host}:{pid}:{int(started) - 100}")  # the number was given to a later process
    unused = max(psutil.pids()) + 1
    assert not process_lives(f"{host}:{unused}:{started}")
    assert process_lives(f"another-host:{os.getpid()}:1")


def test_outside_prefect_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.run, "create_markdown_artifact", lambda *_, **__: pytest.fail("there is no page"))
    show_in_prefect("# Report", "report", "Week 46")


def test_a_server_that_fails_costs_the_page_its_text_and_not_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[Any] = []

    def locked(markdown: str, **about: Any) -> None:
        asked.append((markdown, about))
        request = httpx.Request("POST", "http://127.0.0.1/api/artifacts/")
        raise httpx.HTTPStatusError("500", request=request, response=httpx.Response(500, request=request))

    monkeypatch.setattr(tasks.run, "create_markdown_artifact", locked)
    monkeypatch.setattr(tasks.run, "in_prefect", lambda: True)
    monkeypatch.setattr(tasks.run, "log", lambda: logging.getLogger("test"))
    show_in_prefect("# Report", "report", "Week 46")
    assert asked == [("# Report", {"key": "report", "description": "Week 46"})]
    assert "did not take report" in caplog.text
