"""The daily look: how good yesterday's answers were, what changed, what is wrong, and who is told."""

from prefect import flow
from pydantic import AwareDatetime, Field

from blocks.names import EmbedderName, NotificationName
from millrace.datasets.manifest import DatasetRef
from millrace.evaluation.judge_correction import CorrectionConfig
from millrace.evaluation.people import LabelRules
from millrace.evaluation.sampling import SampleConfig
from millrace.monitoring.anomaly import AnomalyConfig
from millrace.monitoring.canary import CanaryConfig
from millrace.records.base import FileName, Identifier, Record
from millrace.records.source import SourceRef
from millrace.records.window import DayName, Window
from tasks.alerts import send_alerts
from tasks.annotation import snapshot_labels
from tasks.daily_report import DayFindings, publish_daily_report, report_folder
from tasks.days import EarlierDays, RememberedDay, find_earlier_days, remember_day
from tasks.evaluation import (
    Judging,
    ScoredDay,
    collect_references,
    correct_judges,
    judge_with_deepeval,
    judge_with_ragas,
    label_traces,
    sample_traces,
    score_model_free,
    summarise,
)
from tasks.feedback import measure_feedback, resolve_feedback, select_feedback
from tasks.golden import read_active_golden
from tasks.ingestion import resolve_sources, select_traces
from tasks.metrics import MetricsConfig, publish_metrics
from tasks.monitoring import (
    DriftSettings,
    Watched,
    count_annotations,
    find_anomalies,
    fire_alerts,
    measure_day,
    measure_operations,
    sample_questions,
    sample_searches,
    watch_drift,
    watch_retrieval,
)
from tasks.notify import check_notification
from tasks.reports import PublishedReport
from tasks.run import FlowConfig, current_run, recorded
from tasks.scorer import read_active_scorer
from tasks.sources import source_ref
from tasks.tables import alert_rules, injection_rules, redaction_rules
from tasks.triage import score_groundedness
from tasks.windows import window_of


class DailyEvalConfig(FlowConfig):
    """Which traces are evaluated, by what, and who hears of it."""

    day: DayName | None = Field(None, description="Day such as 2026-11-20; by default the last one that has ended")
    start: AwareDatetime | None = Field(None, description="With `end` instead of a day: any stretch of time")
    end: AwareDatetime | None = Field(None, description="Exclusive end of that stretch")
    time_zone: str = Field("UTC", description="IANA time zone in which the day begins")
    tenants: list[Identifier] | None = Field(None, description="Only these tenants; by default all")
    sample: SampleConfig = SampleConfig()
    embedder: EmbedderName = EmbedderName()
    judging: Judging = Judging()
    golden: FileName = Field("main", description="Golden dataset whose expected answers are references")
    references: str | None = Field(None, description="File of questions with expected answers or passages")
    references_tenant: Identifier | None = Field(None, description="Tenant of rows of that file that name none")
    labels: LabelRules = LabelRules()
    correction: CorrectionConfig = CorrectionConfig()
    correction_days: int = Field(28, ge=1, le=60, description="Days whose traces are looked at together with people's")
    ungrounded_below: float = Field(0.55, ge=0, le=1, description="Answers with less groundedness count as ungrounded")
    canary: CanaryConfig = CanaryConfig()
    drift: DriftSettings = DriftSettings()
    anomaly: AnomalyConfig = AnomalyConfig()
    alert_rules: str = Field("alerts", description="Bundled rule table, or path of one's own")
    notify: list[NotificationName] = Field([], description="Prefect notification blocks that are told of alerts")
    metrics: MetricsConfig = MetricsConfig()
    reports_folder: str = "eval_reports"


class DailyEvalResult(Record):
    """How the day was."""

    day: str
    n_traces: int
    n_alerts: int
    n_critical: int
    report: PublishedReport

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the command line says of it."""
        return [("alerts", f"{self.n_alerts}, {self.n_critical} of them critical"), ("report", self.report.html)]


@flow(name="daily-eval", persist_result=True, result_serializer="json")
@recorded("daily-eval")
def daily_eval(config: DailyEvalConfig, run_id: str | None = None) -> DailyEvalResult:
    """Evaluate a day's traces, compare it with the days before, report, and tell of what is wrong."""
    references = _checked(config)
    window = window_of(config.model_dump(mode="json"), current_run().now)
    earlier = find_earlier_days(window, config.tenants, config.drift.reference_days, config.drift.reference_from)
    scored = _score(config, window, references)
    findings = _find(config, window, earlier, scored)
    report = _tell(config, findings)
    alerts = findings.decision.alerts
    return DailyEvalResult(
        day=window.name,
        n_traces=scored.traces.traces.rows,
        n_alerts=len(alerts),
        n_critical=sum(alert.severity == "critical" for alert in alerts),
        report=report,
    )


def _checked(config: DailyEvalConfig) -> SourceRef | None:
    """What cannot go well fails before any work; the file of references, where there is one."""
    for receiver in config.notify:
        check_notification(receiver)
    alert_rules(config.alert_rules)
    config.judging.check(config.embedder)
    return source_ref(config.references) if config.references else None


def _score(config: DailyEvalConfig, window: Window, references: SourceRef | None) -> ScoredDay:
    """The window's traces, or a sample of them, by every metric."""
    sources = resolve_sources(window, config.tenants)
    late = sources.late if config.start is None else []
    traces = select_traces(sources.traces, window, config.tenants, late)
    golden = read_active_golden(config.golden)
    known = collect_references(golden, references, config.references_tenant, redaction_rules())
    sampled = sample_traces(traces.traces, config.sample)
    scorer = read_active_scorer()
    groundedness = score_groundedness(sampled.traces, config.embedder, scorer.model)
    judged = [
        score_model_free(sampled.traces, groundedness, known.references, config.embedder),
        judge_with_ragas(sampled.traces, known.references, config.judging, config.embedder, redaction_rules()),
        judge_with_deepeval(sampled.traces, known.references, config.judging, redaction_rules()),
    ]
    return ScoredDay(
        traces=traces,
        sampled=sampled,
        groundedness=groundedness,
        scores=judged,
        skips=[*sources.skips, known.skips],
        ratings=sources.ratings,
        golden=golden,
    )


def _find(config: DailyEvalConfig, window: Window, earlier: EarlierDays, scored: ScoredDay) -> DayFindings:
    """The day in figures, what is out of line with the days before, and which alerts that calls for."""
    traces, is_day = scored.traces.traces, config.start is None
    searches = sample_searches(traces)
    questions = sample_questions(traces, config.embedder, config.drift)
    watched = _watch(config, scored, earlier, searches, questions)
    figures = measure_day(
        window,
        traces,
        scored.skips,
        scored.groundedness,
        config.ungrounded_below,
        searches,
        injection_rules(),
        watched,
    )
    measured = measure_operations(window, traces, scored.scores)
    anomalies = find_anomalies(figures, measured, earlier.last, config.anomaly) if is_day else []
    decision = fire_alerts(window, figures, measured, earlier.last, watched, anomalies, alert_rules(config.alert_rules))
    if is_day:
        day = RememberedDay(
            day=window.name,
            figures=figures,
            measured=measured,
            searches=searches,
            questions=questions,
            scores=scored.scores,
            weights=scored.sampled.weights,
        )
        remember_day(window, config.tenants, day)
    return DayFindings(
        window=window,
        scored=scored,
        watched=watched,
        figures=figures,
        measured=measured,
        anomalies=anomalies,
        decision=decision,
        earlier=earlier.last,
        embedder=config.embedder,
        sample=config.sample,
        judging=config.judging,
    )


def _watch(
    config: DailyEvalConfig, scored: ScoredDay, earlier: EarlierDays, searches: DatasetRef, questions: DatasetRef
) -> Watched:
    """How the day's scores, searches and questions compare with people's judgement and with the days before."""
    answers, traces = snapshot_labels(), scored.traces.traces
    labels = label_traces(answers.annotations, scored.ratings, config.labels)
    before = earlier.last[1 - config.correction_days :] if config.correction_days > 1 else []
    return Watched(
        canary=watch_retrieval(searches, [day.searches for day in earlier.last], config.canary),
        drift=watch_drift(questions, [day.questions for day in earlier.first], config.drift),
        feedback=measure_feedback(traces, select_feedback(traces, resolve_feedback(traces)).feedback),
        metrics=summarise(scored.scores, scored.sampled.weights),
        corrections=correct_judges(scored.scores, scored.sampled.weights, before, labels, config.correction),
        annotations=count_annotations(scored.golden, answers),
    )


def _tell(config: DailyEvalConfig, findings: DayFindings) -> PublishedReport:
    """The report, then the alerts, then the report with what became of them; the figures for Prometheus."""
    alerts = findings.decision.alerts
    report = publish_daily_report(findings, [], config.reports_folder)
    if alerts:
        place = str(report_folder(config.reports_folder, findings.window) / "report.html")
        deliveries = send_alerts(alerts, config.notify, tenants=config.tenants, report=place)
        report = publish_daily_report(findings, deliveries, config.reports_folder)
    publish_metrics(findings.figures, findings.measured, alerts, config.tenants, config.metrics)
    return report
