"""A small week, with numbers that can be checked by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from millrace.datasets.schema import table_of
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.golden import GoldenRow, GoldenVersion
from millrace.records.groundedness import GroundednessScore
from millrace.records.report import Decision, WeeklyReport
from millrace.records.trace import SkipRow, Trace
from millrace.records.triage import FailureGroup, GroupWeek, TriageRow
from millrace.records.week import TypeCount, WeekFacts
from millrace.reports.outcomes import GoldenState
from millrace.reports.weekly import ReportMeta, weekly_report

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
HASH = "ab" * 32


def meta(**changes: Any) -> ReportMeta:
    given: dict[str, Any] = {
        "run_id": "run-1",
        "flow": "weekly-flywheel",
        "window_name": "2026-W47",
        "window_start": MONDAY,
        "window_end": MONDAY + timedelta(days=7),
        "time_zone": "Europe/Vienna",
        "reported_at": MONDAY + timedelta(days=8),
        "groundedness_threshold": 0.5,
    }
    return ReportMeta(**given | changes)


def trace(number: int, **changes: Any) -> Trace:
    given: dict[str, Any] = {
        "trace_id": f"t{number}",
        "time": MONDAY,
        "tenant_id": "acme",
        "question": f"question {number}",
        "answer": f"answer {number}",
        "answered_by": "extractive",
    }
    return Trace(**given | changes)


def score(number: int, value: float | None, reason: Any = None) -> GroundednessScore:
    return GroundednessScore(trace_id=f"t{number}", score=value, reason=reason, source="embedded-groundedness/1")


def decided(number: int, failure_type: Any = None, **changes: Any) -> TriageRow:
    given: dict[str, Any] = {
        "trace_id": f"t{number}",
        "time": MONDAY,
        "tenant_id": "acme",
        "verdict": "ok" if failure_type is None else "failure",
        "failure_type": failure_type,
        "reason": "the rule says so",
    }
    return TriageRow(**given | changes)


def earlier(week: int, n_triaged: int, failures: dict[Any, int], mean: float | None = 0.5) -> WeekFacts:
    """Week ``week`` of 2026; the report is about week 47."""
    start = MONDAY - timedelta(weeks=47 - week)
    return WeekFacts(
        week=f"2026-W{week}",
        start=start,
        end=start + timedelta(days=7),
        time_zone="Europe/Vienna",
        n_traces=n_triaged,
        n_triaged=n_triaged,
        failures=[TypeCount(failure_type=name, n=n) for name, n in failures.items()],
        n_scored=0 if mean is None else n_triaged,
        groundedness_mean=mean,
        groundedness_low=None if mean is None else mean - 0.1,
        groundedness_high=None if mean is None else mean + 0.1,
    )


def sizes(*counts: int) -> list[GroupWeek]:
    """A group's sizes in the weeks up to 47."""
    first = 48 - len(counts)
    return [GroupWeek(week=f"2026-W{first + place}", size=n, n_triaged=100) for place, n in enumerate(counts)]


def group(name: str, size: int, examples: list[str], **changes: Any) -> FailureGroup:
    given: dict[str, Any] = {
        "group_id": name,
        "failure_type": "hallucination",
        "size": size,
        "label": "refund invoice",
        "example_trace_ids": examples,
        "tenants": ["acme"],
    }
    return FailureGroup(**given | changes)


def task(number: int, minutes: float = 2.0) -> AnnotationTask:
    return AnnotationTask(
        task_id=f"task-{number}",
        question_key=HASH,
        tenant_id="acme",
        trace_id=f"t{number}",
        question="question",
        why="it failed",
        position=number + 1,
        estimated_minutes=minutes,
    )


def annotation(number: int, annotator: str) -> Annotation:
    return Annotation(
        annotation_id=f"annotation-{number}-{annotator}",
        task_id=f"task-{number}",
        trace_id=f"t{number}",
        annotator=annotator,
        verdict="hallucination",
        expected_behaviour="abstain",
        submitted_at=MONDAY,
    )


def golden(version: str, rows: list[tuple[str, Any, Any]], parent: str | None = None) -> GoldenState:
    """Rows are (golden id, category, split)."""
    made = [
        GoldenRow(
            golden_id=golden_id,
            tenant_id="acme",
            question="question",
            expected_behaviour="abstain",
            category=category,
            near_duplicate_group=golden_id,
            split=split,
            source_trace_id="t1",
            annotation_id="annotation-1",
            added_in=version,
        )
        for golden_id, category, split in rows
    ]
    info = GoldenVersion(
        name="support", version=version, parent=parent, content_hash=HASH, added=len(rows), removed=0, created_at=MONDAY
    )
    return GoldenState(info, table_of(GoldenRow, made))


def build(
    given: ReportMeta | None = None,
    *,
    traces: list[Trace] | None = None,
    scores: list[GroundednessScore] | None = None,
    triage: list[TriageRow] | None = None,
    groups: list[FailureGroup] | None = None,
    skips: list[SkipRow] | None = None,
    weeks: list[WeekFacts] | None = None,
    **others: Any,
) -> WeeklyReport:
    scored = [] if scores is None or traces is not None else [trace(int(each.trace_id[1:])) for each in scores]
    return weekly_report(
        given or meta(),
        traces=table_of(Trace, traces or scored),
        weeks=None if weeks is None else table_of(WeekFacts, weeks),
        scores=table_of(GroundednessScore, scores or []),
        triage=table_of(TriageRow, triage or []),
        groups=table_of(FailureGroup, groups or []),
        skips=table_of(SkipRow, skips or []),
        **others,
    )


_GROUP_OF = {6: "g2", 7: "g2", 8: "g1"}


def a_week(**changes: Any) -> WeeklyReport:
    """10 traces: 6 in order, 2 hallucinations, 1 system error, 1 that triage has not decided on."""
    failing: dict[int, Any] = {6: "hallucination", 7: "hallucination", 8: "system_error"}
    given: dict[str, Any] = {
        "given": meta(
            rejected={"near_duplicate": 2, "invalid": 1},
            n_duplicates=4,
            decision=Decision(
                decision="approve",
                reviewer="Maria",
                note="fine",
                pinned_hash=HASH,
                decided_at=MONDAY + timedelta(days=8),
            ),
        ),
        "traces": [trace(number, status="failed" if number == 8 else "answered") for number in range(10)],
        "scores": [score(number, number / 10) for number in range(8)] + [score(8, None, "no_answer"), score(9, 1.0)],
        "triage": [decided(number, failing.get(number), group_id=_GROUP_OF.get(number)) for number in range(9)],
        "groups": [group("g1", 1, ["t8"], failure_type="system_error"), group("g2", 2, ["t6", "t7"])],
        "tasks": [task(number) for number in range(5)],
        "annotations": [annotation(0, "Maria"), annotation(1, "Jo"), annotation(2, "Maria"), annotation(0, "Jo")],
        "skipped_task_ids": ["task-3"],
        "golden_before": golden("1.0.0", [("a", "hallucination", "eval")]),
        "golden_after": golden(
            "1.1.0",
            [("a", "hallucination", "eval"), ("b", "hallucination", "train"), ("c", "ok", "train")],
            parent="1.0.0",
        ),
    }
    return build(**given | changes)


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    """One browser for all pages of reports: to start it costs seconds."""
    from tests.acceptance.browser import chromium

    with chromium(tmp_path_factory.mktemp("chrome")) as opened:
        yield opened


@pytest.fixture
def week() -> WeeklyReport:
    return a_week()


@pytest.fixture
def make() -> SimpleNamespace:
    """The builders of this file, for tests that need another week."""
    return SimpleNamespace(
        week=a_week,
        report=build,
        meta=meta,
        trace=trace,
        score=score,
        decided=decided,
        group=group,
        task=task,
        annotation=annotation,
        golden=golden,
        earlier=earlier,
        sizes=sizes,
        monday=MONDAY,
    )
