"""The weekly turn: find what failed, ask people, wait for approval, grow the golden dataset, report."""

from prefect import flow
from pydantic import Field

from blocks.names import EmbedderName, NotificationName
from millrace.annotation.proposal import ProposalConfig
from millrace.evaluation.suites import EvalsConfig
from millrace.golden.build import GoldenConfig
from millrace.methods.groundedness_gate import RefitConfig
from millrace.methods.groundedness_refit import RefitOutcome
from millrace.records.base import FileName, Identifier, Record
from millrace.records.window import iso_week
from millrace.triage.grouping import GroupingConfig
from tasks.annotation import (
    Answers,
    enqueue_annotations,
    propose_annotations,
    snapshot_answers,
    snapshot_asked_questions,
    snapshot_labels,
)
from tasks.approval import Decision, ask_person
from tasks.evals import expand_evals, publish_evals
from tasks.feedback import resolve_feedback, select_feedback
from tasks.golden import build_golden, publish_golden, read_active_golden
from tasks.ingestion import resolve_sources, select_traces
from tasks.notify import check_notification
from tasks.reports import PublishedReport, WeekFindings, WeekLearned, publish_report, write_approval_page
from tasks.run import FlowConfig, current_run, recorded
from tasks.scorer import PublishedScorer, publish_scorer, read_active_scorer, refit_scorer
from tasks.tables import groundedness_model, injection_rules, triage_calibration, triage_rules
from tasks.triage import compare_with_ratings, group_failures, score_groundedness, triage_traces
from tasks.weeks import find_earlier_weeks, measure_week, remember_week


class WeeklyFlywheelConfig(FlowConfig):
    """What one weekly turn works on."""

    week: str | None = Field(None, description="ISO week such as 2026-W46; by default the last one that has ended")
    time_zone: str = Field("UTC", description="IANA time zone in which the week begins")
    tenants: list[Identifier] | None = Field(None, description="Only these tenants; by default all")
    golden: FileName = Field("main", description="Name of the golden dataset that grows")
    embedder: EmbedderName = EmbedderName()
    triage_rules: str = Field("triage", description="Bundled rule table, or path of one's own")
    grouping: GroupingConfig = GroupingConfig()
    proposal: ProposalConfig = ProposalConfig()
    building: GoldenConfig = GoldenConfig()
    evals: EvalsConfig = EvalsConfig()
    refits_scorer: bool = Field(True, description="Let the groundedness scorer learn from what people answered")
    refitting: RefitConfig = RefitConfig()
    minimum_completed: int = Field(0, ge=0, description="Approval is refused while fewer tasks of the run are answered")
    notify: NotificationName | None = Field(None, description="Prefect notification block that tells of the approval")
    reports_folder: str = "eval_reports"


class WeeklyFlywheelResult(Record):
    """How the turn ended."""

    status: str
    reason: str | None = None
    golden_version: str | None = None
    golden_added: int = 0
    golden_removed: int = 0
    report: PublishedReport | None = None

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the command line says of it."""
        return [("report", self.report.html)] if self.report else []


@flow(name="weekly-flywheel", persist_result=True, result_serializer="json")
@recorded("weekly-flywheel")
def weekly_flywheel(config: WeeklyFlywheelConfig, run_id: str | None = None) -> WeeklyFlywheelResult:
    """Turn the wheel once: phase 1 finds and asks, a person approves, phase 2 learns and reports."""
    check_notification(config.notify)
    findings = _find_and_ask(config)
    golden = read_active_golden(config.golden)
    if not findings.tasks.rows and not (answers := snapshot_answers()).tasks.rows:
        report = publish_report(findings, golden, answers, None, None, config.reports_folder)
        return WeeklyFlywheelResult(
            status="completed", reason="nothing to decide", golden_version=golden.version, report=report
        )
    page = write_approval_page(findings, golden, config.refits_scorer)
    decision = ask_person(
        f"Approve week {findings.window.name}?",
        page,
        permission="approve_week",
        minimum_completed=config.minimum_completed,
        notify=config.notify,
    )
    answers = snapshot_answers()
    if not decision.approved:
        report = publish_report(findings, golden, answers, None, decision, config.reports_folder)
        reason = f"rejected by {decision.reviewer}: {decision.note}"
        return WeeklyFlywheelResult(status="rejected", reason=reason, golden_version=golden.version, report=report)

    learned = _learn(config, findings, answers, decision)
    report = publish_report(findings, learned.before, answers, learned, decision, config.reports_folder)
    return WeeklyFlywheelResult(
        status="completed",
        golden_version=learned.version,
        golden_added=learned.grown.added,
        golden_removed=len(learned.grown.removed),
        report=report,
    )


def _find_and_ask(config: WeeklyFlywheelConfig) -> WeekFindings:
    """Phase 1: what failed, how it compares with the weeks before, and what people are asked about it."""
    window = iso_week(config.week, config.time_zone, current_run().now)
    rules, calibration = triage_rules(config.triage_rules), triage_calibration()
    scorer = read_active_scorer()

    sources = resolve_sources(window, config.tenants)
    traces = select_traces(sources.traces, window, config.tenants, sources.late)
    scores = score_groundedness(traces.traces, config.embedder, scorer.model)
    said = select_feedback(traces.traces, resolve_feedback(traces.traces))
    triage = triage_traces(traces.traces, scores, rules, injection_rules(), calibration, said.feedback)
    earlier = find_earlier_weeks(window, config.tenants)
    failures = group_failures(triage, traces.traces, config.embedder, config.grouping, window.name, earlier)
    facts = measure_week(window, failures.triage, scores, traces.traces.rows)
    remember_week(window, config.tenants, facts, failures.groups)
    tasks = propose_annotations(
        failures.triage,
        failures.groups,
        traces.traces,
        scores,
        snapshot_asked_questions(),
        snapshot_labels().tasks,
        scorer.model,
        config.embedder,
        config.proposal,
    )
    enqueue_annotations(tasks)
    return WeekFindings(
        window=window,
        traces=traces,
        skips=sources.skips,
        scores=scores,
        failures=failures,
        earlier=earlier,
        tasks=tasks,
        agreement=compare_with_ratings(failures.triage, sources.ratings),
        embedder=config.embedder,
        threshold=config.proposal.uncertain_groundedness,
    )


def _learn(config: WeeklyFlywheelConfig, findings: WeekFindings, answers: Answers, decision: Decision) -> WeekLearned:
    """Phase 2: what people answered becomes golden rows, evals and, behind its gate, a better scorer."""
    while True:
        active = read_active_golden(config.golden)
        grown = build_golden(active, answers.tasks, answers.annotations, config.embedder, config.building)
        published = publish_golden(active, grown, decision.note)
        if published.published:
            break
    suite = expand_evals(grown.rows, findings.failures.groups, findings.failures.triage, config.evals)
    publish_evals(suite, config.golden, published.version)
    refit, scorer = _refit(config) if config.refits_scorer else (None, None)
    return WeekLearned(
        before=active,
        grown=grown,
        version=published.version,
        coverage=suite.coverage,
        refit=refit,
        scorer=scorer,
    )


def _refit(config: WeeklyFlywheelConfig) -> tuple[RefitOutcome, PublishedScorer]:
    """A scorer fitted to all answers so far is used from the next run on, if it is better on answers it never saw."""
    current = read_active_scorer()
    outcome = refit_scorer(current, groundedness_model(), snapshot_labels(), config.embedder, config.refitting)
    return outcome, publish_scorer(current, outcome)
