"""What a week leaves to the next: compared only with its like, and always the latest run of each week."""

from datetime import UTC, datetime

import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of, table_of
from millrace.records.groundedness import GroundednessScore
from millrace.records.triage import FailureGroup, FailureType, TriageRow
from millrace.records.week import TypeCount, WeekFacts
from millrace.records.window import Window, iso_week
from tasks.home import Home
from tasks.parts import write_tables
from tasks.stage import stage
from tasks.weeks import RememberedWeek, facts_of, find_earlier_weeks, measure_week, remember_week
from tests.tasks.turns import Turn

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def window(week: str, time_zone: str = "UTC") -> Window:
    return iso_week(week, time_zone, NOW)


@stage
def make_findings(types: list[FailureType | None], scores: list[float | None]) -> list[DatasetRef]:
    """Triage, scores and (no) groups of as many traces."""
    triage = [
        TriageRow(
            trace_id=f"t{index}",
            time=NOW,
            tenant_id="mill",
            verdict="failure" if kind else "ok",
            failure_type=kind,
            reason="test",
        )
        for index, kind in enumerate(types)
    ]
    scored = [
        GroundednessScore(
            trace_id=f"t{index}", score=score, reason=None if score is not None else "no_answer", source="test/1"
        )
        for index, score in enumerate(scores)
    ]
    return write_tables(
        triage=table_of(TriageRow, triage),
        groundedness=table_of(GroundednessScore, scored),
        failure_groups=table_of(FailureGroup, []),
    )


@stage
def read_facts(weeks: list[RememberedWeek]) -> list[WeekFacts]:
    return rows_of(WeekFacts, facts_of(weeks))


def turn_of(
    week: str,
    types: list[FailureType | None],
    scores: list[float | None],
    *,
    time_zone: str = "UTC",
    tenants: list[str] | None = None,
) -> list[WeekFacts]:
    """One week's turn; the numbers of the weeks before it."""
    place = window(week, time_zone)
    earlier = read_facts(find_earlier_weeks(place, tenants))
    triage, groundedness, groups = make_findings(types, scores)
    remember_week(place, tenants, measure_week(place, triage, groundedness, len(types)), groups)
    return earlier


def test_a_week_is_measured_and_left_to_those_after_it(plain: Turn) -> None:
    types: list[FailureType | None] = ["hallucination", None, "hallucination", "system_error"]
    assert plain(lambda: turn_of("2026-W45", types, [0.25, 0.75, None, None]), "first") == []
    (found,) = plain(lambda: turn_of("2026-W46", [None], [0.5]), "second")
    assert (found.week, found.n_traces, found.n_triaged, found.n_scored) == ("2026-W45", 4, 4, 2)
    assert found.failures == [
        TypeCount(failure_type="hallucination", n=2),
        TypeCount(failure_type="system_error", n=1),
    ]
    assert found.groundedness_mean == pytest.approx(0.5)


def test_an_empty_week_has_no_mean_and_no_failures(plain: Turn) -> None:
    plain(lambda: turn_of("2026-W45", [], []), "first")
    (found,) = plain(lambda: turn_of("2026-W46", [], []), "second")
    assert (found.n_traces, found.failures, found.groundedness_mean) == (0, [], None)


def test_only_earlier_weeks_count_oldest_first_whatever_order_they_ran_in(plain: Turn) -> None:
    for week in ("2026-W46", "2025-W52", "2026-W44", "2026-W47"):
        plain(lambda week=week: turn_of(week, [None], [0.5]), week)
    found = plain(lambda: turn_of("2026-W46", [None], [0.5]), "again")
    assert [each.week for each in found] == ["2025-W52", "2026-W44"]


def test_a_week_that_is_run_again_takes_the_place_of_its_earlier_run(plain: Turn) -> None:
    plain(lambda: turn_of("2026-W45", [None], [0.5]), "first")
    plain(lambda: turn_of("2026-W45", [None, None], [0.5, 0.5]), "second")
    (found,) = plain(lambda: turn_of("2026-W46", [None], [0.5]), "third")
    assert found.n_traces == 2


def test_weeks_of_other_time_zones_and_tenants_are_not_compared(plain: Turn) -> None:
    plain(lambda: turn_of("2026-W44", [None], [0.5], time_zone="Europe/Berlin"), "zone")
    plain(lambda: turn_of("2026-W44", [None], [0.5], tenants=["b", "a"]), "tenants")
    assert plain(lambda: turn_of("2026-W45", [None], [0.5]), "all") == []
    (found,) = plain(lambda: turn_of("2026-W45", [None], [0.5], tenants=["a", "b"]), "both")
    assert found.week == "2026-W44"


def test_no_more_than_a_quarter_is_looked_back_on(plain: Turn) -> None:
    for number in range(1, 16):
        plain(lambda number=number: turn_of(f"2026-W{number:02d}", [None], [0.5]), f"run-{number}")
    found = plain(lambda: turn_of("2026-W20", [None], [0.5]), "last")
    assert [each.week for each in found] == [f"2026-W{number:02d}" for number in range(4, 16)]


def test_what_a_week_left_is_not_garbage(plain: Turn, home: Home) -> None:
    from apps.cli.garbage import referred_hashes

    plain(lambda: turn_of("2026-W45", [None], [0.5]), "first")
    (ref,) = [ref for ref in home.datasets.refs() if ref.kind == "week_facts"]
    home.ledger.close()
    assert ref.content_hash in referred_hashes(home, datetime(2027, 1, 1, tzinfo=UTC), keep_days=1)
