"""The numbers of the weekly report."""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.golden.usable import Rejection
from millrace.records.evals import CoverageGap, EvalCoverage
from millrace.records.report import Count, WeeklyReport
from millrace.records.trace import SkipRow
from millrace.records.triage import FailureGroup
from millrace.reports.weekly import weekly_report


def test_every_status_is_counted_and_the_counts_sum_to_the_traces(week: WeeklyReport) -> None:
    assert {count.name: count.n for count in week.traffic.statuses} == {
        "answered": 9,
        "abstained": 0,
        "blocked": 0,
        "escalated": 0,
        "failed": 1,
    }
    assert sum(count.n for count in week.traffic.statuses) == week.traffic.n_traces == 10
    assert week.traffic.n_duplicates == 4


def test_skipped_rows_are_counted_by_reason(make: SimpleNamespace) -> None:
    reasons = ["bad_json", "missing_field", "bad_json"]
    skips = [
        SkipRow(source="file", line=line, reason=reason, message="m", row_hash="h")
        for line, reason in enumerate(reasons, start=1)
    ]
    traffic = make.report(skips=skips).traffic
    assert (traffic.n_skipped, traffic.skip_reasons) == (
        3,
        [Count(name="bad_json", n=2), Count(name="missing_field", n=1)],
    )


def test_failure_shares_are_of_triaged_traces_with_the_wilson_interval(week: WeeklyReport) -> None:
    # 2 of 9: z = 1.95996, z^2 = 3.84146; centre (0.222222 + 0.213414) / 1.426829 = 0.305318;
    # half 1.95996 / 1.426829 * sqrt(0.172840 / 9 + 3.84146 / 324) = 1.373647 * 0.176241 = 0.242093.
    first = week.failures.by_type[0]
    assert (first.failure_type, first.n) == ("hallucination", 2)
    assert first.share.mean == pytest.approx(2 / 9)
    assert first.share.low == pytest.approx(0.063225, abs=1e-6)
    assert first.share.high == pytest.approx(0.547411, abs=1e-6)


def test_traces_without_a_triage_decision_count_as_failed_measurements(week: WeeklyReport) -> None:
    assert week.failures.n_triaged == 9
    assert {(row.share.n, row.share.n_failed) for row in week.failures.by_type} == {(9, 1)}


def test_all_six_failure_types_are_listed_most_frequent_first(week: WeeklyReport) -> None:
    assert [row.n for row in week.failures.by_type] == [2, 1, 0, 0, 0, 0]
    assert week.failures.n_failures == 3


def test_more_decisions_than_traces_are_refused(make: SimpleNamespace) -> None:
    with pytest.raises(BadInputError, match="different windows"):
        make.report(traces=[make.trace(0)], triage=[make.decided(0), make.decided(1)])


def test_histogram_counts_every_scored_trace_once_and_keeps_undefined_ones_apart(week: WeeklyReport) -> None:
    scores = week.groundedness
    # 0.0, 0.1 ... 0.7 and 1.0: nine scores in bins of 0.05; 1.0 belongs to the last bin.
    assert sum(scores.counts) == scores.n_scored == 9
    assert (scores.counts[0], scores.counts[-1]) == (1, 1)
    assert scores.undefined == [Count(name="no_answer", n=1)]
    assert len(scores.edges) == len(scores.counts) + 1 == 21


def test_a_score_on_the_threshold_is_not_below_it(week: WeeklyReport) -> None:
    # 0.0 to 0.4 are below 0.5: five of nine.
    assert week.groundedness.below.mean == pytest.approx(5 / 9)


def test_mean_groundedness_has_student_interval(make: SimpleNamespace) -> None:
    # 0.2, 0.4, 0.6: mean 0.4, s = 0.2, t(0.975, 2) = 4.302653; half = 4.302653 * 0.2 / sqrt(3) = 0.496827 -> cut at 0.
    mean = make.report(scores=[make.score(n, value) for n, value in enumerate([0.2, 0.4, 0.6])]).groundedness.mean
    assert (mean.mean, mean.low) == (pytest.approx(0.4), 0.0)
    assert mean.high == pytest.approx(0.896827, abs=1e-6)


def test_one_score_has_a_mean_but_no_interval(make: SimpleNamespace) -> None:
    mean = make.report(scores=[make.score(0, 0.3)]).groundedness.mean
    assert (mean.mean, mean.low, mean.high, mean.reason) == (0.3, None, None, "one_item")


def test_nothing_scored_leaves_mean_and_share_undefined(make: SimpleNamespace) -> None:
    scores = make.report(scores=[make.score(0, None, "no_context")]).groundedness
    assert (scores.mean.mean, scores.mean.reason) == (None, "no_items")
    assert (scores.below.mean, scores.below.reason) == (None, "no_items")


def test_groups_come_largest_first_with_their_examples_in_order(week: WeeklyReport) -> None:
    assert [(row.group_id, row.size) for row in week.groups.first] == [("g2", 2), ("g1", 1)]
    assert [item.question for item in week.groups.first[0].examples] == ["question 6", "question 7"]


def test_only_the_largest_groups_are_shown_but_all_are_counted(make: SimpleNamespace) -> None:
    traces = [make.trace(number) for number in range(4)]
    groups = [make.group(f"g{number}", number + 1, [f"t{number}"]) for number in range(4)]
    found = make.report(make.meta(n_largest_groups=2), traces=traces, groups=groups).groups
    assert (found.n_groups, [row.size for row in found.first]) == (4, [4, 3])


def test_an_example_that_is_no_trace_of_the_window_is_refused(make: SimpleNamespace) -> None:
    with pytest.raises(BadInputError, match="elsewhere"):
        make.report(traces=[make.trace(0)], groups=[make.group("g", 1, ["elsewhere"])])


def test_effort_counts_each_task_once_however_many_answered(week: WeeklyReport) -> None:
    # Tasks 0 to 4: 0, 1, 2 answered (0 twice), 3 skipped, 4 waits with its two minutes.
    effort = week.effort
    assert (effort.n_proposed, effort.n_completed, effort.n_skipped, effort.n_waiting) == (5, 3, 1, 1)
    assert effort.minutes_waiting == 2.0
    assert effort.annotators == [Count(name="Jo", n=2), Count(name="Maria", n=2)]


def test_a_skipped_task_that_somebody_answered_is_completed(make: SimpleNamespace) -> None:
    effort = make.report(
        tasks=[make.task(0)], annotations=[make.annotation(0, "Jo")], skipped_task_ids=["task-0"]
    ).effort
    assert (effort.n_completed, effort.n_skipped, effort.n_waiting) == (1, 0, 0)


def test_answers_to_tasks_that_were_not_proposed_are_refused(make: SimpleNamespace) -> None:
    with pytest.raises(BadInputError, match="task-9"):
        make.report(tasks=[make.task(0)], annotations=[make.annotation(9, "Jo")])


def test_golden_change_tells_added_rows_by_their_id(week: WeeklyReport) -> None:
    golden = week.golden
    assert (golden.version_before, golden.version_after) == ("1.0.0", "1.1.0")
    assert (golden.n_before, golden.n_after, golden.n_added, golden.n_removed) == (1, 3, 2, 0)
    assert [(row.category, row.n_eval, row.n_train) for row in golden.categories] == [
        ("ok", 0, 1),
        ("hallucination", 1, 1),
    ]
    assert golden.rejected == [Count(name="near_duplicate", n=2), Count(name="invalid", n=1)]


def test_removed_golden_rows_are_counted(make: SimpleNamespace) -> None:
    before = make.golden("1.0.0", [("a", "ok", "eval"), ("b", "ok", "eval")])
    golden = make.week(golden_before=before, golden_after=make.golden("2.0.0", [("b", "ok", "eval")])).golden
    assert (golden.n_added, golden.n_removed) == (0, 1)


def test_when_nothing_was_published_the_golden_dataset_is_what_it_was(make: SimpleNamespace) -> None:
    golden = make.week(golden_after=None).golden
    assert (golden.version_before, golden.version_after, golden.content_hash) == ("1.0.0", None, None)
    assert (golden.n_before, golden.n_after, golden.n_added, golden.n_removed) == (1, 1, 0, 0)


def test_failure_types_of_the_week_without_an_eval_row_are_due(week: WeeklyReport) -> None:
    assert [(gap.kind, gap.name, gap.n_failures) for gap in week.due.gaps] == [("failure_type", "system_error", 1)]


def test_gaps_are_those_of_the_evals_where_evals_were_written(make: SimpleNamespace) -> None:
    gap = CoverageGap(kind="group", name="g2", label="refund invoice", n_failures=2)
    coverage = EvalCoverage(categories=[], groups=[], gaps=[gap], n_eval=1, n_cases_deepeval=1, n_cases_promptfoo=1)
    assert make.week(coverage=coverage).due.gaps == [gap]


def test_light_columns_are_enough_and_texts_are_read_only_of_what_is_shown(make: SimpleNamespace) -> None:
    asked: list[str] = []
    questions = {f"t{number}": f"question {number}" for number in range(10)}

    def texts_of(trace_ids: Sequence[str]) -> pa.Table:
        asked.extend(trace_ids)
        shown = [questions[trace_id] for trace_id in trace_ids]
        return pa.table({"trace_id": trace_ids, "question": shown, "answer": pa.nulls(len(shown), pa.string())})

    ids = [f"t{number}" for number in range(10)]
    found = weekly_report(
        make.meta(),
        traces=pa.table(
            {"trace_id": ids, "tenant_id": ["acme"] * 10, "status": ["answered"] * 10, "answered_by": ["m"] * 10}
        ),
        scores=pa.table(
            {
                "trace_id": ids[:1],
                "score": [0.2],
                "reason": pa.nulls(1, pa.string()),
                "source": ["embedded-groundedness/1"],
            }
        ),
        triage=pa.table(
            {
                "trace_id": ids[:2],
                "tenant_id": ["acme"] * 2,
                "verdict": ["failure", "ok"],
                "failure_type": ["hallucination", None],
                "reason": ["why", ""],
            }
        ),
        groups=table_of(FailureGroup, [make.group("g", 1, ["t0"])]).drop_columns(["centroid"]),
        texts_of=texts_of,
    )
    assert asked == sorted(set(asked))
    assert found.groups.first[0].examples[0].question == "question 0"


def test_late_traces_and_rows_left_out_are_counted(make: SimpleNamespace) -> None:
    traces = [make.trace(0), make.trace(1, time=make.monday - timedelta(days=1))]
    traffic = make.report(make.meta(n_outside=7), traces=traces).traffic
    assert (traffic.n_late, traffic.n_outside) == (1, 7)


def test_rejections_are_counted_by_reason_in_place_of_given_counts(make: SimpleNamespace) -> None:
    rejections = [Rejection(annotation_id=f"a{number}", reason="near_duplicate", detail="d") for number in range(3)]
    assert make.week(rejections=rejections).golden.rejected == [Count(name="near_duplicate", n=3)]


def test_agreement_disagreements_and_minutes_stand_with_the_effort(make: SimpleNamespace) -> None:
    effort = make.week(n_disagreements=2, n_adjudicated=1).effort
    # tasks 0, 1 and 2 were answered, two minutes each
    assert (effort.n_disagreements, effort.n_adjudicated, effort.minutes_completed) == (2, 1, 6.0)
    assert make.week(n_disagreements=2, n_adjudicated=1).due.n_open_disagreements == 1


def test_confidence_is_the_share_of_failures_expected_right(make: SimpleNamespace) -> None:
    sure = [0.9, 0.4, None]
    triage = [
        make.decided(number, "hallucination", confidence=value, confidence_basis="calibration/1")
        for number, value in enumerate(sure)
    ]
    traces = [make.trace(number) for number in range(3)]
    found = make.report(traces=traces, triage=triage).confidence
    assert (found.mean.mean, found.mean.n, found.mean.n_failed) == (pytest.approx(0.65), 2, 1)
    assert (found.n_unsure, found.bases) == (1, [Count(name="calibration/1", n=3)])


@pytest.mark.parametrize(
    ("answered_by", "stands_in"), [("extractive", True), ("extractive/1", True), ("gpt-4o", False)]
)
def test_a_bundled_default_says_what_it_stands_in_for(make: SimpleNamespace, answered_by: str, stands_in: bool) -> None:
    components = make.report(traces=[make.trace(0, answered_by=answered_by)]).run.components
    found = [(part.role, part.identity, part.stands_in_for is not None) for part in components]
    assert found == [("answered by", answered_by, stands_in)]


def test_the_order_of_rows_does_not_matter(make: SimpleNamespace) -> None:
    given: dict[str, Any] = {
        "traces": [make.trace(number, tenant_id=tenant) for number, tenant in enumerate("bab")],
        "scores": [make.score(number, number / 7) for number in range(3)],
        "triage": [make.decided(0, "hallucination"), make.decided(1, "system_error"), make.decided(2)],
        "groups": [make.group("g1", 1, ["t0"]), make.group("g2", 1, ["t1"])],
        "tasks": [make.task(number) for number in range(3)],
        "annotations": [make.annotation(0, "b"), make.annotation(1, "a")],
    }
    backwards = {name: list(reversed(rows)) for name, rows in given.items()}
    assert make.report(**given) == make.report(**backwards)


def test_a_report_survives_json(week: WeeklyReport) -> None:
    assert WeeklyReport.model_validate_json(week.model_dump_json()) == week
