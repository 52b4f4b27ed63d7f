"""Feedback from file to rates: what a run sees, which word counts, and what erasure will find."""

from pathlib import Path
from typing import Any

import pytest

from flows.import_feedback import ImportFeedbackConfig, import_feedback
from flows.import_traces import ImportTracesConfig, import_traces
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError
from millrace.ledger import catalogue, subjects
from millrace.records.monitoring import FeedbackRates
from millrace.records.trace import utc
from millrace.records.window import calendar_day
from tasks.feedback import FeedbackImportResult, SelectedFeedback, measure_feedback, resolve_feedback, select_feedback
from tasks.home import Home
from tasks.ingestion import select_traces
from tasks.receipts import read_receipts
from tasks.run import current_run
from tests.support.inputs import write_lines
from tests.tasks.turns import Turn

DAY = calendar_day("2026-11-09", "UTC", utc(2026, 11, 20))


def trace(number: int, **fields: Any) -> dict[str, Any]:
    known = {"trace_id": f"t{number}", "time": "2026-11-09T08:00:00Z", "tenant_id": "mill", "question": "Why?"}
    return known | {"answer": "So."} | fields


def said(trace_id: str, rating: object = None, **fields: Any) -> dict[str, Any]:
    known = {"trace_id": trace_id, "tenant_id": "mill", "user_id": "ann", "time": "2026-11-12T08:00:00Z"}
    return known | ({} if rating is None else {"rating": rating}) | fields


@pytest.fixture
def bring_in(home: Home, tmp_path: Path) -> Any:
    """Import rows of feedback under a run id."""

    def bring(run_id: str, *rows: dict[str, Any], **settings: Any) -> FeedbackImportResult:
        path = write_lines(tmp_path / f"{run_id}.jsonl", list(rows))
        result: FeedbackImportResult = import_feedback.fn(
            ImportFeedbackConfig(file=str(path), **settings), run_id=run_id
        )
        return result

    return bring


@pytest.fixture
def traces(home: Home, tmp_path: Path) -> None:
    """Four traces of one day and one of the next."""
    rows = [trace(n) for n in range(4)] + [trace(4, time="2026-11-10T08:00:00Z")]
    import_traces.fn(ImportTracesConfig(file=str(write_lines(tmp_path / "t.jsonl", rows))), run_id="traces")


def look() -> tuple[list[DatasetRef], SelectedFeedback, FeedbackRates]:
    """What a run over the day makes of the feedback."""
    imported = catalogue.resolve_window(current_run().home.ledger, "traces", DAY.start, DAY.end)
    found = select_traces([entry.ref for entry in imported], DAY, None).traces
    sources = resolve_feedback(found)
    selected = select_feedback(found, sources)
    return sources, selected, measure_feedback(found, selected.feedback)


def rows(home: Home, ref: DatasetRef) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.datasets.open(ref).to_arrow().to_pylist()
    return found


@pytest.mark.usefixtures("traces")
def test_feedback_that_comes_days_later_belongs_to_the_day_of_its_trace(turn: Turn, home: Home, bring_in: Any) -> None:
    bring_in("f", said("t0", True), said("t1", False), said("t4", True), said("t1", True, tenant_id="dam"))
    _, selected, rates = turn(look)
    assert [row["trace_id"] for row in rows(home, selected.feedback)] == ["t0", "t1"]
    assert (selected.n_elsewhere, selected.n_other_tenant, selected.n_superseded) == (1, 1, 0)
    assert (rates.n_traces, rates.n_rated, rates.positive.mean, rates.coverage.mean) == (4, 2, 0.5, 0.5)


@pytest.mark.usefixtures("traces")
def test_the_latest_word_wins_across_files_whichever_file_came_first(plain: Turn, home: Home, bring_in: Any) -> None:
    bring_in("new", said("t0", 5, time="2026-11-14T08:00:00Z"), scale="stars")
    bring_in("old", said("t0", False, time="2026-11-13T08:00:00Z"), said("t1", False))
    bring_in(
        "more", said("t1", comment="hm", time="2026-11-15T08:00:00Z"), said("t0", 0.25, user_id="bob"), scale="unit"
    )
    _, selected, rates = plain(look)
    found = {
        (row["trace_id"], row["user_id"]): (row["rating"], row["comment"]) for row in rows(home, selected.feedback)
    }
    assert found == {("t0", "ann"): (1.0, None), ("t0", "bob"): (0.25, None), ("t1", "ann"): (0.0, "hm")}
    assert selected.n_superseded == 2
    assert (rates.n_rated, rates.positive.mean) == (2, 0.5)  # (1 + .25) / 2 > .5


@pytest.mark.usefixtures("traces")
def test_the_same_file_twice_changes_nothing(plain: Turn, home: Home, bring_in: Any) -> None:
    first = bring_in("f", said("t0", True), said("t0", False), said("t0", True))
    before = plain(look, "one")
    again = bring_in("f", said("t0", True), said("t0", False), said("t0", True))
    renamed = bring_in("g", said("t0", True), said("t0", False), said("t0", True))
    assert first == again
    assert renamed.feedback == first.feedback
    assert (first.n_duplicates, first.n_revised, first.skips.rows) == (1, 1, 1)
    assert plain(look, "two") == before


@pytest.mark.usefixtures("traces")
def test_what_came_after_a_run_began_is_not_seen_by_it_and_selections_are_no_sources(
    plain: Turn, home: Home, bring_in: Any
) -> None:
    bring_in("f", said("t0", False), said("t4", True))
    sources, selected, rates = plain(look, "one")
    assert len(sources) == 1
    bring_in("g", said("t0", True, time="2026-11-13T08:00:00Z"))
    assert plain(look, "one") == (sources, selected, rates)
    later, _, changed = plain(look, "two")
    assert (len(later), selected.feedback in later) == (2, False)
    assert (rates.positive.mean, changed.positive.mean) == (0.0, 1.0)


@pytest.mark.usefixtures("traces")
def test_without_feedback_nothing_is_rated(plain: Turn, home: Home) -> None:
    sources, selected, rates = plain(look)
    assert (sources, selected.feedback.rows, rates.n_rated) == ([], 0, 0)
    assert rates.positive.reason == "no_items"


def test_without_traces_there_is_nothing_to_look_for(plain: Turn, bring_in: Any) -> None:
    bring_in("f", said("t0", True))
    sources, selected, _ = plain(look)
    assert (sources, selected.feedback.rows) == ([], 0)


def test_an_import_is_catalogued_with_its_time_tenants_and_subjects(home: Home, bring_in: Any) -> None:
    result = bring_in("f", said("t0", True, user_id="ann@home.org", comment="mail ann@home.org"), said("t0", 3))
    (stored,) = rows(home, result.feedback)
    assert "ann@" not in str(stored)
    assert rows(home, result.skips)[0]["reason"] == "no_scale"
    (entry,) = catalogue.find(home.ledger, result.feedback.content_hash)
    assert (entry.time_from, entry.tenants) == (utc(2026, 11, 12, 8), ["mill"])
    for kind, name in (("user", stored["user_id"]), ("tenant", "mill")):
        hashed = subjects.keyed_hash(home.subject_key, kind, name)  # type: ignore[arg-type]
        assert set(subjects.datasets_of_subject(home.ledger, kind, hashed)) == {  # type: ignore[arg-type]
            result.feedback.content_hash,
            result.skips.content_hash,
        }
    (receipt,) = read_receipts(home.run_folder("f"))
    assert (receipt.counts.rows_out, receipt.counts.rows_skipped) == (1, 1)


def test_fields_with_other_names_and_a_wrong_path(home: Home, bring_in: Any) -> None:
    row = {"id": {"trace": "t1"}, "score": 1, "at": "2026-11-12T08:00:00Z"}
    paths = {"trace_id": "id.trace", "rating": "score", "time": "at"}
    result = bring_in("f", row, scale="thumbs", fields=paths, tenant="dam")
    (stored,) = rows(home, result.feedback)
    assert (stored["trace_id"], stored["rating"], stored["tenant_id"]) == ("t1", 1.0, "dam")
    with pytest.raises(BadInputError, match="no path"):
        bring_in("g", row, fields={"rating": "a["})
