"""The weekly report: everything it shows, computed once from the datasets of the run."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from millrace.golden.usable import Rejection
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.evals import EvalCoverage
from millrace.records.report import (
    AgreementFigure,
    AnswererFailures,
    Component,
    Decision,
    Groups,
    RowList,
    RunFacts,
    ScorerChange,
    WeeklyReport,
)
from millrace.reports.answerers import measure_answerers, pick_answerers
from millrace.reports.groups import fix_first, rank_groups, summarise_groups
from millrace.reports.lists import pick_failures, pick_groups, pick_scores, pick_traces, pick_undecided
from millrace.reports.measures import (
    measure_confidence,
    measure_failures,
    measure_groundedness,
    measure_traffic,
)
from millrace.reports.outcomes import (
    Concord,
    GoldenState,
    find_due,
    golden_diff,
    measure_effort,
    measure_golden,
)
from millrace.reports.tables import cluster_list, golden_lists, skip_list, task_lists, tenant_list
from millrace.reports.texts import TextsOf, read_texts, texts_in
from millrace.reports.trends import measure_changes, measure_weeks
from millrace.statistics.counts import value_counts

STANDS_IN_FOR = {
    "extractive": "a language model: it quotes sentences of the passages and writes none of its own",
    "embedded-groundedness": "a judge model: it is fitted to human ratings of faithfulness",
}


@dataclass(frozen=True)
class ReportMeta:
    """What the datasets cannot tell: the run, its window and clock, and what was chosen or decided.

    ``components`` are those beside the answerers and the groundedness scorer, which the datasets name themselves;
    ``groundedness_threshold`` is the one that triage used, in [0, 1].
    """

    run_id: str
    flow: str
    window_start: datetime
    window_end: datetime
    time_zone: str
    reported_at: datetime
    groundedness_threshold: float
    window_name: str | None = None
    components: Sequence[Component] = ()
    n_duplicates: int = 0
    n_outside: int = 0
    agreement: Sequence[AgreementFigure] = ()
    decision: Decision | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    n_largest_groups: int = 10


def weekly_report(
    meta: ReportMeta,
    *,
    traces: pa.Table,
    scores: pa.Table,
    triage: pa.Table,
    groups: pa.Table,
    texts_of: TextsOf | None = None,
    weeks: pa.Table | None = None,
    skips: pa.Table | None = None,
    tasks: Sequence[AnnotationTask] = (),
    annotations: Sequence[Annotation] = (),
    skipped_task_ids: Collection[str] = (),
    annotator_agreement: Sequence[AgreementFigure] = (),
    n_disagreements: int = 0,
    n_adjudicated: int = 0,
    golden_before: GoldenState | None = None,
    golden_after: GoldenState | None = None,
    rejections: Sequence[Rejection] = (),
    coverage: EvalCoverage | None = None,
    scorer: ScorerChange | None = None,
) -> WeeklyReport:
    """All numbers of the week, and the rows behind them.

    Tables may hold more columns than are named here; for many traces they should not, as all of them lie in memory.

    Args:
        traces: columns trace_id, tenant_id, status and answered_by of Trace, with time where late traces are counted.
        texts_of: question and answer of the few traces shown; without it ``traces`` holds these columns too.
        scores: columns trace_id, score, reason and source of GroundednessScore.
        triage: columns trace_id, tenant_id, verdict, failure_type, reason, group_id, failure_probability, confidence
            and confidence_basis of TriageRow.
        groups: columns of FailureGroup, the centroid not needed.
        weeks: table of WeekFacts, earlier weeks; None or empty for the first week.
        skips: columns source, line, reason and message of SkipRow.
        tasks: what was proposed in this run; ``annotations`` and ``skipped_task_ids`` what came back.
        golden_before, golden_after: None where there is no such version; when nothing was published (a rejected or
            waiting run) ``golden_after`` is None.
        rejections: annotations that became no golden row; they take the place of the counts ``meta.rejected``.
        coverage: what the evals cover; None when none were written.
        scorer: whether the groundedness scorer was refitted; None when no refit was tried.

    Raises:
        BadInputError: tables that do not belong to the same window.
    """
    failures = measure_failures(triage, traces.num_rows)
    groundedness = measure_groundedness(scores, meta.groundedness_threshold)
    weeks_shown = measure_weeks(
        weeks,
        week=meta.window_name or "this window",
        n_traces=traces.num_rows,
        failures=failures,
        groundedness=groundedness.mean,
    )
    answerers = measure_answerers(traces, triage)
    summary, trace_lists = _groups_and_lists(
        meta, traces, scores, triage, groups, answerers, texts_of or texts_in(traces)
    )
    concord = Concord(annotator_agreement, n_disagreements, n_adjudicated)
    effort = measure_effort(tasks, annotations, skipped_task_ids, concord)
    diff = golden_diff(golden_before, golden_after)
    rejected = dict(Counter(str(each.reason) for each in rejections)) or meta.rejected
    golden = measure_golden(golden_before, golden_after, diff, rejected, meta.warnings)
    traffic = measure_traffic(
        traces, skips, week_begins=meta.window_start, n_duplicates=meta.n_duplicates, n_outside=meta.n_outside
    )
    return WeeklyReport(
        run=_run_facts(meta, traces, scores),
        fix_first=fix_first(summary),
        traffic=traffic,
        failures=failures,
        answerers=answerers,
        weeks=weeks_shown,
        changes=measure_changes(weeks_shown),
        groundedness=groundedness,
        groups=summary,
        confidence=measure_confidence(triage),
        agreement=list(meta.agreement),
        effort=effort,
        golden=golden,
        coverage=coverage,
        scorer=scorer,
        decision=meta.decision,
        due=find_due(effort, golden, failures, coverage),
        lists=[
            *trace_lists,
            *tenant_list(traffic.tenants, triage, meta.run_id),
            *skip_list(skips, meta.run_id),
            *task_lists(tasks, annotations, skipped_task_ids, meta.run_id),
            *golden_lists(golden_before, golden_after, diff, rejections, meta.run_id),
        ],
    )


def _groups_and_lists(
    meta: ReportMeta,
    traces: pa.Table,
    scores: pa.Table,
    triage: pa.Table,
    groups: pa.Table,
    answerers: Sequence[AnswererFailures],
    texts_of: TextsOf,
) -> tuple[Groups, list[RowList]]:
    """Everything that shows texts of traces; they are read once, and only those that are shown."""
    ranked = rank_groups(groups, triage, meta.n_largest_groups)
    picked = [
        *pick_failures(triage, meta.run_id),
        *pick_groups(triage, [row["group_id"] for row in ranked.first], meta.run_id),
        *pick_answerers(answerers, traces, triage),
        *pick_traces(traces, meta.window_start, meta.run_id),
        *pick_undecided(traces, triage, meta.run_id),
        *pick_scores(scores, meta.groundedness_threshold, meta.run_id),
    ]
    texts = read_texts(texts_of, ranked.trace_ids().union(*(each.trace_ids for each in picked)))
    lists = [*(each.with_texts(texts) for each in picked), *cluster_list(ranked, meta.run_id)]
    return summarise_groups(ranked, texts), lists


def _run_facts(meta: ReportMeta, traces: pa.Table, scores: pa.Table) -> RunFacts:
    return RunFacts(
        run_id=meta.run_id,
        flow=meta.flow,
        window_name=meta.window_name,
        window_start=meta.window_start,
        window_end=meta.window_end,
        time_zone=meta.time_zone,
        reported_at=meta.reported_at,
        components=[
            *(_component("answered by", name) for name in value_counts(traces.column("answered_by"))),
            *meta.components,
            *(_component("groundedness", name) for name in value_counts(scores.column("source"))),
        ],
    )


def _component(role: str, identity: str) -> Component:
    return Component(role=role, identity=identity, stands_in_for=STANDS_IN_FOR.get(identity.partition("/")[0]))
