"""Writes what people read: the approval page and the weekly report."""

from pathlib import Path

import pyarrow as pa
from prefect.artifacts import create_markdown_artifact

from blocks.names import EmbedderName
from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, rows_of
from millrace.ledger import approvals
from millrace.ledger.tasks import tasks as queued_tasks
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.base import Record
from millrace.records.golden import GoldenVersion
from millrace.records.report import AgreementFigure, Component
from millrace.records.report import Decision as ReportedDecision
from millrace.records.trace import SkipRow
from millrace.records.window import Window
from millrace.reports.approval import approval_page
from millrace.reports.estimates import reported
from millrace.reports.html import to_html
from millrace.reports.markdown import to_markdown
from millrace.reports.outcomes import GoldenState
from millrace.reports.weekly import ReportMeta, weekly_report
from tasks.annotation import Answers
from tasks.approval import Decision
from tasks.effect import effect
from tasks.golden import ActiveGolden, GrownGolden
from tasks.ingestion import SelectedTraces
from tasks.parts import read_dataset
from tasks.run import current_run, in_prefect
from tasks.stage import stage
from tasks.triage import GroupedFailures, RatingFigure


class PublishedReport(Record):
    """Where a report lies, in its three forms."""

    markdown: str
    html: str
    json_file: str


class WeekFindings(Record):
    """Everything phase 1 found, as the report needs it."""

    window: Window
    traces: SelectedTraces
    skips: list[DatasetRef]
    scores: DatasetRef
    failures: GroupedFailures
    tasks: DatasetRef
    agreement: list[RatingFigure]


@stage
def write_approval_page(findings: WeekFindings, golden: ActiveGolden) -> str:
    """What was found, what people are asked, and what an approval will do, as Markdown."""
    return approval_page(
        window=findings.window,
        triage=read_dataset(findings.failures.triage).to_arrow(),
        groups=read_dataset(findings.failures.groups).to_arrow(),
        tasks=read_dataset(findings.tasks).to_arrow(),
        golden_name=golden.name,
        golden_version=golden.version,
    )


@effect
def publish_report(
    findings: WeekFindings,
    answers: Answers,
    before: ActiveGolden,
    grown: GrownGolden,
    decision: Decision,
    embedder: EmbedderName,
    threshold: float,
    folder: str,
) -> PublishedReport:
    """Write the weekly report as Markdown, HTML and JSON, and show it in Prefect."""
    run = current_run()
    tasks = rows_of(AnnotationTask, read_dataset(findings.tasks).to_arrow())
    own = {task.task_id for task in tasks}
    report = weekly_report(
        ReportMeta(
            run_id=run.run_id,
            flow=run.flow,
            window_start=findings.window.start,
            window_end=findings.window.end,
            time_zone=findings.window.time_zone,
            window_name=findings.window.name,
            reported_at=run.now,
            groundedness_threshold=threshold,
            components=[_embedder_component(embedder)],
            n_duplicates=findings.traces.n_duplicates,
            agreement=[
                AgreementFigure(name=figure.name, estimate=reported(figure.estimate)) for figure in findings.agreement
            ],
            decision=_reported(decision),
            rejected=_counted([rejection.reason for rejection in grown.rejected]),
            warnings=grown.warnings,
        ),
        traces=read_dataset(findings.traces.traces).to_arrow(),
        scores=read_dataset(findings.scores).to_arrow(),
        triage=read_dataset(findings.failures.triage).to_arrow(),
        groups=read_dataset(findings.failures.groups).to_arrow(),
        skips=pa.concat_tables(
            [arrow_schema(SkipRow).empty_table(), *(read_dataset(ref).to_arrow() for ref in findings.skips)]
        ),
        tasks=tasks,
        annotations=[
            each for each in rows_of(Annotation, read_dataset(answers.annotations).to_arrow()) if each.task_id in own
        ],
        skipped_task_ids={
            task.task_id for task in queued_tasks(run.home.ledger, status="skipped") if task.task_id in own
        },
        golden_before=_state(before.dataset, before.name, before.version, None, 0),
        golden_after=_state(
            grown.rows if grown.added else None, before.name, grown.version, before.version, grown.added
        ),
    )
    place = Path(folder).absolute() / f"weekly-{findings.window.name}-{run.run_id}"
    place.mkdir(parents=True, exist_ok=True)
    markdown = to_markdown(report)
    write_atomic(place / "report.md", markdown.encode())
    write_atomic(place / "report.html", to_html(report).encode())
    write_atomic(place / "report.json", canonical_json(report))
    if in_prefect():
        create_markdown_artifact(markdown, key="weekly-report", description=f"Week {findings.window.name}")
    return PublishedReport(
        markdown=str(place / "report.md"), html=str(place / "report.html"), json_file=str(place / "report.json")
    )


def _embedder_component(embedder: EmbedderName) -> Component:
    stands_in_for = "an embedder of your own" if embedder.name == "embedded" else None
    return Component(role="embedder", identity=embedder.identity(), stands_in_for=stands_in_for)


def _reported(decision: Decision) -> ReportedDecision:
    run = current_run()
    decided = [
        each for each in approvals.approvals_of(run.home.ledger, run.run_id) if each.decision == decision.decision
    ]
    return ReportedDecision(
        decision=decision.decision,
        reviewer=decision.reviewer,
        note=decision.note or None,
        pinned_hash=decision.pinned_hash,
        decided_at=decided[-1].decided_at if decided else run.now,
    )


def _counted(reasons: list[str]) -> dict[str, int]:
    return {reason: reasons.count(reason) for reason in sorted(set(reasons))}


def _state(
    rows: DatasetRef | None, name: str, version: str | None, parent: str | None, added: int
) -> GoldenState | None:
    if rows is None or version is None:
        return None
    about = GoldenVersion(
        name=name,
        version=version,
        parent=parent,
        content_hash=rows.content_hash,
        added=added,
        removed=0,
        created_at=current_run().now,
    )
    return GoldenState(version=about, rows=read_dataset(rows).to_arrow())
