"""The weekly report in words: which sections there are, in which order, and what stands at the top."""

from millrace.records.report import ReportedEstimate, WeeklyReport
from millrace.reports.clusters import group_blocks
from millrace.reports.document import Block, Cell, Document, Facts, KeyFigure, Link, Section, Table
from millrace.reports.findings import failure_blocks, fix_first_blocks
from millrace.reports.learning import (
    coverage_blocks,
    decision_blocks,
    due_blocks,
    effort_blocks,
    golden_blocks,
    scorer_blocks,
    versions,
)
from millrace.reports.ran import run_blocks, window_text
from millrace.reports.reliability import groundedness_blocks, reliability_blocks
from millrace.reports.rows import Lists
from millrace.reports.wording import (
    NOTHING,
    counted,
    decimal,
    estimate_text,
    excerpt,
    listed,
    number,
    percent,
    spoken,
    with_reasons,
)

_ALL_ROWS = 1_000_000


def weekly_document(report: WeeklyReport, *, max_rows: int = _ALL_ROWS) -> Document:
    """The report as blocks of plain text; Markdown and HTML say the same. Lists show at most ``max_rows`` rows."""
    lists = Lists(report, max_rows)
    return Document(
        title=f"Weekly report {report.run.window_name or ''}".rstrip(),
        subtitle=_subtitle(report),
        key_figures=_key_figures(report, lists),
        sections=(
            Section("fix-first", "What to fix first", fix_first_blocks(report, lists)),
            Section("failures", "What failed", failure_blocks(report, lists)),
            Section("groups", "Clusters of failures", group_blocks(report, lists)),
            Section("groundedness", "Groundedness", groundedness_blocks(report, lists)),
            Section("reliability", "How far to trust triage", reliability_blocks(report, lists)),
            Section("effort", "Annotation", effort_blocks(report, lists)),
            Section("golden", "Golden dataset", golden_blocks(report, lists)),
            Section("coverage", "Evals and coverage", coverage_blocks(report, lists)),
            Section("scorer", "Groundedness scorer", scorer_blocks(report)),
            Section("decision", "Decision", decision_blocks(report)),
            Section("due", "What is due next", due_blocks(report, lists)),
            Section("traffic", "What came in", _traffic(report, lists)),
            Section("run", "What ran", run_blocks(report.run)),
        ),
    )


def _subtitle(report: WeeklyReport) -> str:
    decision = report.decision
    state = "waits for approval" if decision is None else f"{_DECIDED.get(decision.decision, decision.decision)}"
    by = "" if decision is None else f" by {excerpt(decision.reviewer, 80)}"
    return f"{window_text(report.run)} · {state}{by}"


_DECIDED = {"approve": "approved", "reject": "rejected"}


def _key_figures(report: WeeklyReport, lists: Lists) -> tuple[KeyFigure, ...]:
    failures, effort, golden, groups = report.failures, report.effort, report.golden, report.groups
    mean = report.groundedness.mean
    skipped = counted(report.traffic.n_skipped, "row") + " skipped"
    grew = sum(count.n for count in groups.trends if count.name in ("new", "growing"))
    trend = f"{number(grew)} new or growing" if len(report.weeks) > 1 else "no earlier week to compare with"
    return (
        KeyFigure("Traces", lists.link(report.traffic.n_traces, "traces"), skipped),
        KeyFigure("Failed", lists.link(percent(failures.share.mean), "failures"), _failed(report)),
        KeyFigure("Clusters of failures", lists.link(groups.n_groups, "clusters"), trend),
        KeyFigure("Groundedness", NOTHING if mean.mean is None else _grounded(mean.mean), _interval(mean)),
        KeyFigure(
            "Answered tasks",
            lists.link(effort.n_completed, "tasks-completed"),
            f"of {number(effort.n_proposed)} proposed",
        ),
        KeyFigure("Golden rows", _to_section(golden.n_after, "golden"), versions(report)),
    )


def _grounded(mean: float) -> Cell:
    return Link(decimal(mean), "groundedness")


def _to_section(n: int, anchor: str) -> Cell:
    """Linked to the section that says more, where there is something to say more about."""
    return Link(number(n), anchor) if n else number(n)


def _failed(report: WeeklyReport) -> str:
    failures = report.failures
    return f"{number(failures.n_failures)} of {number(failures.n_triaged)} triaged; {_interval(failures.share)}"


def _interval(estimate: ReportedEstimate) -> str:
    """The estimate without its mean, which stands above it."""
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return estimate_text(estimate)
    return f"95\N{NO-BREAK SPACE}% interval {decimal(estimate.low)} to {decimal(estimate.high)}"


def _traffic(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    traffic = report.traffic
    rows = [(spoken(status.name), lists.link(status.n, f"status-{status.name}")) for status in traffic.statuses]
    skipped = with_reasons(traffic.n_skipped, listed(traffic.skip_reasons))
    facts: list[tuple[str, Cell]] = [
        ("Tenants", lists.link(listed(traffic.tenants), "tenants")),
        ("Rows skipped", lists.link(skipped, "skipped")),
        ("Duplicate rows", number(traffic.n_duplicates)),
    ]
    if traffic.n_late:
        late = f"{counted(traffic.n_late, 'trace')} of earlier weeks, which came in after these were reported"
        facts.append(("Late, counted here", lists.link(late, "late")))
    if traffic.n_outside:
        outside = f"{counted(traffic.n_outside, 'row')} of the same datasets, of other weeks or tenants"
        facts.append(("Not counted here", outside))
    names = [f"status-{status.name}" for status in traffic.statuses]
    return (
        Table(("Status", "Traces"), (*rows, ("all", lists.link(traffic.n_traces, "traces"))), has_total=True),
        Facts(tuple(facts)),
        *lists.rows("traces", *names, "late", "tenants", "skipped"),
    )
