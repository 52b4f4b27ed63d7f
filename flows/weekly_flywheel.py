"""The weekly turn: find what failed, ask people, wait for approval, grow the golden dataset, report."""

from prefect import flow
from pydantic import Field

from blocks.names import EmbedderName
from millrace.annotation.proposal import ProposalConfig
from millrace.golden.build import GoldenConfig
from millrace.records.base import Identifier, Record
from millrace.records.window import iso_week
from millrace.triage.grouping import GroupingConfig
from tasks.annotation import enqueue_annotations, propose_annotations, snapshot_answers, snapshot_asked_questions
from tasks.approval import ask_person
from tasks.golden import build_golden, publish_golden, read_active_golden
from tasks.ingestion import resolve_sources, select_traces
from tasks.reports import PublishedReport, WeekFindings, publish_report, write_approval_page
from tasks.run import FlowConfig, current_run, recorded
from tasks.tables import groundedness_model, injection_rules, triage_rules
from tasks.triage import compare_with_ratings, group_failures, score_groundedness, triage_traces


class WeeklyFlywheelConfig(FlowConfig):
    """What one weekly turn works on."""

    week: str | None = Field(None, description="ISO week such as 2026-W46; by default the last one that has ended")
    time_zone: str = Field("UTC", description="IANA time zone in which the week begins")
    tenants: list[Identifier] | None = Field(None, description="Only these tenants; by default all")
    golden: Identifier = Field("main", description="Name of the golden dataset that grows")
    embedder: EmbedderName = EmbedderName()
    triage_rules: str = Field("triage", description="Bundled rule table, or path of one's own")
    grouping: GroupingConfig = GroupingConfig()
    proposal: ProposalConfig = ProposalConfig()
    building: GoldenConfig = GoldenConfig()
    minimum_completed: int = Field(0, ge=0, description="Approval is refused while fewer tasks of the run are answered")
    reports_folder: str = "eval_reports"


class WeeklyFlywheelResult(Record):
    """How the turn ended."""

    status: str
    reason: str | None = None
    golden_version: str | None = None
    golden_added: int = 0
    report: PublishedReport | None = None


@flow(name="weekly-flywheel", persist_result=True, result_serializer="json")
@recorded("weekly-flywheel")
def weekly_flywheel(config: WeeklyFlywheelConfig, run_id: str | None = None) -> WeeklyFlywheelResult:
    """Turn the wheel once: phase 1 finds and asks, a person approves, phase 2 learns and reports."""
    window = iso_week(config.week, config.time_zone, current_run().now)
    model, rules = groundedness_model(), triage_rules(config.triage_rules)

    sources = resolve_sources(window, config.tenants)
    traces = select_traces(sources.traces, window, config.tenants)
    scores = score_groundedness(traces.traces, config.embedder, model)
    triage = triage_traces(traces.traces, scores, rules, injection_rules())
    failures = group_failures(triage, traces.traces, config.embedder, config.grouping)
    tasks = propose_annotations(
        failures.triage, failures.groups, traces.traces, scores, snapshot_asked_questions(), config.proposal
    )
    enqueue_annotations(tasks)
    agreement = compare_with_ratings(failures.triage, sources.ratings)
    findings = WeekFindings(
        window=window,
        traces=traces,
        skips=sources.skips,
        scores=scores,
        failures=failures,
        tasks=tasks,
        agreement=agreement,
    )

    page = write_approval_page(findings, read_active_golden(config.golden))
    decision = ask_person(f"Approve week {window.name}?", page, minimum_completed=config.minimum_completed)
    if not decision.approved:
        return WeeklyFlywheelResult(status="rejected", reason=f"rejected by {decision.reviewer}: {decision.note}")

    answers = snapshot_answers()
    while True:
        active = read_active_golden(config.golden)
        grown = build_golden(active, answers.tasks, answers.annotations, config.embedder, config.building)
        published = publish_golden(active, grown, decision.note)
        if published.published:
            break
    report = publish_report(
        findings,
        answers,
        active,
        grown,
        decision,
        config.embedder,
        config.proposal.uncertain_groundedness,
        config.reports_folder,
    )
    return WeeklyFlywheelResult(
        status="completed", golden_version=published.version, golden_added=grown.added, report=report
    )
