"""Writes what people read: the approval page and the weekly report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from blocks.names import EmbedderName
from millrace.annotation.agreement import annotator_agreement
from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, rows_of
from millrace.ledger.tasks import tasks as queued_tasks
from millrace.methods.groundedness_refit import RefitOutcome
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.base import Record
from millrace.records.evals import EvalCoverage
from millrace.records.golden import Semver
from millrace.records.report import AgreementFigure, Component, ScorerChange, WeeklyReport
from millrace.records.report import Decision as ReportedDecision
from millrace.records.trace import SkipRow
from millrace.records.triage import FailureGroup
from millrace.records.window import Window
from millrace.reports.approval import approval_page
from millrace.reports.html import to_html
from millrace.reports.markdown import to_markdown
from millrace.reports.outcomes import GoldenState
from millrace.reports.weekly import ReportMeta, weekly_report
from millrace.reports.wording import spoken
from millrace.statistics.reported import reported
from tasks.annotation import Answers
from tasks.approval import Decision
from tasks.effect import effect
from tasks.golden import ActiveGolden, GrownGolden, read_version
from tasks.ingestion import SelectedTraces
from tasks.parts import read_columns, read_dataset
from tasks.run import Run, current_run, show_in_prefect
from tasks.scorer import PublishedScorer
from tasks.stage import stage
from tasks.triage import GroupedFailures, RatingFigure, asked_questions
from tasks.weeks import RememberedWeek, facts_of

_TRACES = ["trace_id", "tenant_id", "status", "answered_by", "time"]
_SCORES = ["trace_id", "score", "reason", "source"]
_TRIAGE = [
    "trace_id",
    "tenant_id",
    "verdict",
    "failure_type",
    "reason",
    "group_id",
    "failure_probability",
    "confidence",
    "confidence_basis",
]
_GROUPS = [name for name in arrow_schema(FailureGroup).names if name != "centroid"]


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
    earlier: list[RememberedWeek]
    tasks: DatasetRef
    agreement: list[RatingFigure]
    embedder: EmbedderName
    threshold: float


class WeekLearned(Record):
    """Everything phase 2 made of people's answers."""

    before: ActiveGolden
    grown: GrownGolden
    version: Semver | None
    coverage: EvalCoverage
    refit: RefitOutcome | None
    scorer: PublishedScorer | None


@stage
def write_approval_page(findings: WeekFindings, golden: ActiveGolden, refits_scorer: bool) -> str:
    """What was found, what people are asked, and what an approval will do, as Markdown."""
    return approval_page(
        window=findings.window,
        triage=read_columns(findings.failures.triage, _TRIAGE),
        groups=read_columns(findings.failures.groups, _GROUPS),
        tasks=read_columns(findings.tasks, ["estimated_minutes", "n_annotators"]),
        golden_name=golden.name,
        golden_version=golden.version,
        weeks=facts_of(findings.earlier),
        writes_evals=True,
        refits_scorer=refits_scorer,
    )


@effect
def publish_report(
    findings: WeekFindings,
    before: ActiveGolden,
    answers: Answers,
    learned: WeekLearned | None,
    decision: Decision | None,
    folder: str,
) -> PublishedReport:
    """Write the weekly report as Markdown, HTML and JSON, and show it in Prefect.

    Args:
        learned: None when the week was turned down, or nobody had anything to decide.
        decision: None when nobody was asked.
    """
    run = current_run()
    report = weekly_report(
        _meta(run, findings, decision),
        **_week(findings),
        **_people(run, findings, answers),
        **_learned(run, learned),
        golden_before=_state(run, before),
    )
    place = Path(folder).absolute() / f"weekly-{findings.window.name}-{run.run_id}"
    place.mkdir(parents=True, exist_ok=True)
    return _written(report, place, findings.window)


def _written(report: WeeklyReport, place: Path, window: Window) -> PublishedReport:
    markdown = to_markdown(report)
    write_atomic(place / "report.md", markdown.encode())
    write_atomic(place / "report.html", to_html(report).encode())
    write_atomic(place / "report.json", canonical_json(report))
    show_in_prefect(markdown, "weekly-report", f"Week {window.name}")
    return PublishedReport(
        markdown=str(place / "report.md"), html=str(place / "report.html"), json_file=str(place / "report.json")
    )


def _meta(run: Run, findings: WeekFindings, decision: Decision | None) -> ReportMeta:
    return ReportMeta(
        run_id=run.run_id,
        flow=run.flow,
        window_start=findings.window.start,
        window_end=findings.window.end,
        time_zone=findings.window.time_zone,
        window_name=findings.window.name,
        reported_at=run.now,
        groundedness_threshold=findings.threshold,
        components=[embedder_component(findings.embedder)],
        n_duplicates=findings.traces.n_duplicates,
        n_outside=findings.traces.n_outside,
        agreement=[
            AgreementFigure(name=figure.name, estimate=reported(figure.estimate)) for figure in findings.agreement
        ],
        decision=None if decision is None else _reported(decision),
    )


def _week(findings: WeekFindings) -> dict[str, Any]:
    """What phase 1 found; of all traces only what is counted, texts of those that are shown."""

    def texts_of(ids: Sequence[str]) -> pa.Table:
        return asked_questions(findings.traces.traces, pa.array(sorted(ids), pa.string()), "answer")

    skips = [read_columns(ref, ["source", "line", "reason", "message"]) for ref in findings.skips]
    nothing = arrow_schema(SkipRow).empty_table().select(["source", "line", "reason", "message"])
    return {
        "traces": read_columns(findings.traces.traces, _TRACES),
        "scores": read_columns(findings.scores, _SCORES),
        "triage": read_columns(findings.failures.triage, _TRIAGE),
        "groups": read_columns(findings.failures.groups, _GROUPS),
        "texts_of": texts_of,
        "weeks": facts_of(findings.earlier),
        "skips": pa.concat_tables([nothing, *skips]),
    }


def _people(run: Run, findings: WeekFindings, answers: Answers) -> dict[str, Any]:
    """What people were asked and what they said."""
    tasks = rows_of(AnnotationTask, read_dataset(findings.tasks).to_arrow())
    own = {task.task_id for task in tasks}
    given = read_dataset(answers.annotations).to_arrow()
    concord = annotator_agreement(given)
    return {
        "tasks": tasks,
        "annotations": [each for each in rows_of(Annotation, given) if each.task_id in own],
        "skipped_task_ids": {
            task.task_id for task in queued_tasks(run.home.ledger, status="skipped") if task.task_id in own
        },
        "annotator_agreement": [
            AgreementFigure(
                name=f"Krippendorff's alpha of {spoken(each.name)}, {each.metric}", estimate=reported(each.estimate)
            )
            for each in concord.fields
        ],
        "n_disagreements": concord.n_disagreements,
        "n_adjudicated": concord.n_adjudicated,
    }


def _learned(run: Run, learned: WeekLearned | None) -> dict[str, Any]:
    """What came of the answers."""
    if learned is None:
        return {}
    return {
        "golden_after": _grown_state(run, learned),
        "rejections": learned.grown.rejected,
        "coverage": learned.coverage,
        "scorer": _scorer_change(learned),
    }


def embedder_component(embedder: EmbedderName) -> Component:
    stands_in_for = "an embedder of your own" if embedder.name == "embedded" else None
    return Component(role="embedder", identity=embedder.identity(), stands_in_for=stands_in_for)


def _reported(decision: Decision) -> ReportedDecision:
    return ReportedDecision(
        decision=decision.decision,
        reviewer=decision.reviewer,
        note=decision.note or None,
        pinned_hash=decision.pinned_hash,
        decided_at=decision.decided_at,
        proof=decision.proof,
        role=decision.role,
    )


def _state(run: Run, golden: ActiveGolden) -> GoldenState | None:
    if golden.dataset is None or golden.version is None:
        return None
    rows = read_dataset(golden.dataset).to_arrow()
    return GoldenState(version=read_version(run, golden.name, golden.version), rows=rows)


def _grown_state(run: Run, learned: WeekLearned) -> GoldenState | None:
    if not learned.grown.changed or learned.version is None:
        return None
    about = read_version(run, learned.before.name, learned.version)
    return GoldenState(version=about, rows=read_dataset(learned.grown.rows).to_arrow())


def _scorer_change(learned: WeekLearned) -> ScorerChange | None:
    refit, published = learned.refit, learned.scorer
    if refit is None or published is None:
        return None
    return ScorerChange(
        published=published.published,
        reason=published.reason,
        source_before=refit.source_before,
        source_after=refit.source_after,
        n_labels=refit.n_labels,
        n_unsupported=refit.n_unsupported,
        auc_before=refit.auc_before.mean,
        auc_after=refit.auc_after.mean,
        improvement=reported(refit.improvement),
    )
