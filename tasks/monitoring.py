"""Watches the application: searches, drift of questions, figures out of line, alerts."""

import pyarrow as pa
from pydantic import Field

from blocks.embedder import open_embedder
from blocks.names import EmbedderName
from millrace.annotation.disagreement import opinions
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, rows_of, table_of
from millrace.ledger.tasks import tasks as queued_tasks
from millrace.methods.injection import InjectionRule, InjectionScreen
from millrace.monitoring import day as figures
from millrace.monitoring.alert_rules import AlertRules
from millrace.monitoring.alerts import AlertDecision
from millrace.monitoring.alerts import fire_alerts as fire
from millrace.monitoring.anomaly import AnomalyConfig
from millrace.monitoring.anomaly import find_anomalies as find
from millrace.monitoring.canary import CanaryConfig, retrieval_samples
from millrace.monitoring.canary import watch_retrieval as watch_searches
from millrace.monitoring.day import AnnotationCounts
from millrace.monitoring.drift import DriftConfig, embedding_samples
from millrace.monitoring.drift import watch_drift as watch
from millrace.monitoring.figure_list import FigureList
from millrace.monitoring.operations import JUDGE_COLUMNS, TRACE_COLUMNS, operation_figures
from millrace.records.annotation import Annotation
from millrace.records.base import Record
from millrace.records.daily_report import MetricSummary
from millrace.records.monitoring import (
    Anomaly,
    CanaryResult,
    DayFigure,
    DriftResult,
    EmbeddingSample,
    FeedbackRates,
    JudgeCorrection,
    RetrievalSample,
)
from millrace.records.window import DayName, Window
from tasks.annotation import Answers
from tasks.days import RememberedDay, figures_of
from tasks.effect import effect
from tasks.golden import ActiveGolden
from tasks.parts import map_parts, read_columns, read_dataset, write_dataset
from tasks.run import current_run
from tasks.stage import stage

_COUNTED = ["tenant_id", "status", "route", "redactions"]


class DriftSettings(DriftConfig):
    """What the day's questions are held against, and how."""

    reference_days: int = Field(7, ge=1, le=60, description="The first days on record that make the reference")
    reference_from: DayName | None = Field(None, description="Take them from this day on: set it after a wanted change")


class Watched(Record):
    """Everything that was looked at on a day."""

    canary: CanaryResult
    drift: DriftResult
    feedback: FeedbackRates
    metrics: list[MetricSummary]
    corrections: list[JudgeCorrection]
    annotations: AnnotationCounts


@stage
def sample_searches(traces: DatasetRef) -> DatasetRef:
    """What the search for each question found."""
    return map_parts(traces, retrieval_samples, kind="retrieval_samples")


@stage
def watch_retrieval(searches: DatasetRef, earlier: list[DatasetRef], config: CanaryConfig) -> CanaryResult:
    """The last searches against those before them (A25).

    Args:
        earlier: searches of the days before, oldest first; only as many of the last are read as are needed.
    """
    tables, n = [read_dataset(searches).to_arrow()], searches.rows
    for ref in reversed(earlier):
        if n >= config.n_current + config.n_baseline:
            break
        tables.append(read_dataset(ref).to_arrow())
        n += ref.rows
    return watch_searches(pa.concat_tables([arrow_schema(RetrievalSample).empty_table(), *tables]), config)


@stage
def sample_questions(traces: DatasetRef, embedder: EmbedderName, config: DriftSettings) -> DatasetRef:
    """Vectors of some of the questions, kept so that later days can be compared with this one."""
    asked = read_columns(traces, ["trace_id", "time", "question"])
    items = asked.rename_columns(["item_id", "time", "text"])
    return write_dataset("embedding_samples", embedding_samples(items, open_embedder(embedder.name), config))


@stage
def watch_drift(current: DatasetRef, reference: list[DatasetRef], config: DriftSettings) -> DriftResult:
    """How far the day's questions lie from those of the reference's days (A24)."""
    tables = [read_dataset(ref).to_arrow() for ref in reference]
    known = pa.concat_tables([arrow_schema(EmbeddingSample).empty_table(), *tables])
    return watch(known, read_dataset(current).to_arrow(), config)


@effect
def count_annotations(golden: ActiveGolden, answers: Answers) -> AnnotationCounts:
    """How annotation stands now."""
    asked = opinions(rows_of(Annotation, read_dataset(answers.annotations).to_arrow()))
    statuses = [task.status for task in queued_tasks(current_run().home.ledger)]
    return AnnotationCounts(
        n_waiting=statuses.count("pending") + statuses.count("claimed"),
        n_completed=statuses.count("completed"),
        n_open_disagreements=sum(bool(each.differs_in) and not each.settled for each in asked),
        n_golden_rows=golden.dataset.rows if golden.dataset else 0,
    )


@stage
def measure_day(
    window: Window,
    traces: DatasetRef,
    skips: list[DatasetRef],
    groundedness: DatasetRef,
    threshold: float,
    searches: DatasetRef,
    injection: list[InjectionRule],
    watched: Watched,
) -> DatasetRef:
    """The day in numbers, but for what was measured with it."""
    day, counted = window.name, read_columns(traces, _COUNTED)
    screen = InjectionScreen(injection)
    n_injected = sum(
        screen.match(question) is not None
        for part in read_dataset(traces).columns(["question"])
        for question in part.column("question").to_pylist()
    )
    rows = [
        *figures.pipeline_figures(day, counted, sum(ref.rows for ref in skips)),
        *figures.safety_figures(day, counted, n_injected),
        *figures.hallucination_figures(day, read_columns(groundedness, ["score"]), threshold),
        *figures.retrieval_figures(day, read_dataset(searches).to_arrow(), watched.canary),
        *figures.evaluation_figures(day, watched.metrics, watched.corrections, watched.drift),
        *figures.feedback_figures(day, watched.feedback),
        *figures.annotation_figures(day, watched.annotations),
    ]
    return write_dataset("day_figures", table_of(DayFigure, rows))


@effect
def measure_operations(window: Window, traces: DatasetRef, judged: list[DatasetRef]) -> list[DayFigure]:
    """Times, calls and costs: measured, and so in no dataset with a content hash."""
    answered = (part.select(TRACE_COLUMNS) for part in read_dataset(traces).parts(measured=True))
    scores = (part.select(JUDGE_COLUMNS) for ref in judged for part in read_dataset(ref).parts(measured=True))
    return operation_figures(window.name, answered, scores)


@stage
def find_anomalies(
    day: DatasetRef, measured: list[DayFigure], earlier: list[RememberedDay], config: AnomalyConfig
) -> list[Anomaly]:
    """The day's figures that do not fit the days before."""
    return find(_today(day, measured), figures_of(earlier), config)


@stage
def fire_alerts(
    window: Window,
    day: DatasetRef,
    measured: list[DayFigure],
    earlier: list[RememberedDay],
    watched: Watched,
    anomalies: list[Anomaly],
    rules: AlertRules,
) -> AlertDecision:
    """The rules that hold today (A28)."""
    counted = FigureList(window.name)
    counted.number("evaluation/anomalies", len(anomalies), len(measured) + day.rows)
    return fire(
        [*_today(day, measured), *counted.rows],
        figures_of(earlier),
        canary=watched.canary,
        drift=watched.drift,
        anomalies=anomalies,
        rules=rules,
    )


def _today(day: DatasetRef, measured: list[DayFigure]) -> list[DayFigure]:
    return [*rows_of(DayFigure, read_dataset(day).to_arrow()), *measured]
