"""The weekly report: everything it shows, computed once from the datasets of the run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.report import AgreementFigure, Component, Decision, RunFacts, WeeklyReport
from millrace.reports.measures import (
    measure_failures,
    measure_groundedness,
    measure_traffic,
    summarise_groups,
    value_counts,
)
from millrace.reports.outcomes import GoldenState, find_due, measure_effort, measure_golden

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
    skips: pa.Table | None = None,
    tasks: Sequence[AnnotationTask] = (),
    annotations: Sequence[Annotation] = (),
    skipped_task_ids: Collection[str] = (),
    golden_before: GoldenState | None = None,
    golden_after: GoldenState | None = None,
) -> WeeklyReport:
    """All numbers of the week.

    Args:
        traces, scores, triage, groups, skips: tables of Trace, GroundednessScore, TriageRow, FailureGroup, SkipRow.
        tasks: what was proposed in this run; ``annotations`` and ``skipped_task_ids`` what came back.
        golden_before, golden_after: None where there is no such version; when nothing was published (a rejected or
            waiting run) ``golden_after`` is None.

    Raises:
        BadInputError: tables that do not belong to the same window.
    """
    failures = measure_failures(triage, traces.num_rows)
    effort = measure_effort(tasks, annotations, skipped_task_ids)
    golden = measure_golden(golden_before, golden_after, meta.rejected, meta.warnings)
    return WeeklyReport(
        run=_run_facts(meta, traces, scores),
        traffic=measure_traffic(traces, skips, meta.n_duplicates),
        failures=failures,
        groundedness=measure_groundedness(scores, meta.groundedness_threshold),
        groups=summarise_groups(groups, traces, meta.n_largest_groups),
        agreement=list(meta.agreement),
        effort=effort,
        golden=golden,
        decision=meta.decision,
        due=find_due(effort, golden, failures),
    )


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
