"""The weekly report in words: which sections there are and what stands in them."""

from millrace.records.report import Component, GroupSummary, WeeklyReport
from millrace.reports import plots
from millrace.reports.document import (
    Block,
    Document,
    Example,
    Examples,
    Facts,
    KeyFigure,
    Paragraph,
    Section,
    Table,
)
from millrace.reports.wording import NOTHING, counted, estimate_text, joined, listed, number, spoken, utc_text


def weekly_document(report: WeeklyReport) -> Document:
    """The report as blocks of plain text; Markdown and HTML say the same."""
    return Document(
        title=f"Weekly report {report.run.window_name or ''}".rstrip(),
        subtitle=_window(report),
        key_figures=_key_figures(report),
        sections=(
            Section("run", "What ran", _run(report)),
            Section("traffic", "What came in", _traffic(report)),
            Section("failures", "What failed", _failures(report)),
            Section("groundedness", "Groundedness", _groundedness(report)),
            Section("groups", "Groups of failures", _groups(report)),
            Section("agreement", "Agreement with people", _agreement(report)),
            Section("effort", "Annotation effort", _effort(report)),
            Section("golden", "Golden dataset", _golden(report)),
            Section("decision", "Decision", _decision(report)),
            Section("due", "What is due next", _due(report)),
        ),
    )


def _window(report: WeeklyReport) -> str:
    run = report.run
    return f"{utc_text(run.window_start)} to {utc_text(run.window_end)} (time zone of the window: {run.time_zone})"


def _key_figures(report: WeeklyReport) -> tuple[KeyFigure, ...]:
    failures, effort, golden = report.failures, report.effort, report.golden
    mean = report.groundedness.mean
    return (
        KeyFigure("Traces", number(report.traffic.n_traces), counted(report.traffic.n_skipped, "row") + " skipped"),
        KeyFigure("Failures", number(failures.n_failures), f"share {estimate_text(failures.share)}"),
        KeyFigure("Groundedness", NOTHING if mean.mean is None else f"{mean.mean:.2f}", f"mean {estimate_text(mean)}"),
        KeyFigure("Answered tasks", number(effort.n_completed), f"of {number(effort.n_proposed)} proposed"),
        KeyFigure("Golden rows", number(golden.n_after), _versions(report)),
    )


def _run(report: WeeklyReport) -> tuple[Block, ...]:
    run = report.run
    facts = Facts(
        (
            ("Run", run.run_id),
            ("Flow", run.flow),
            ("Window", _window(report)),
            ("Reported at", utc_text(run.reported_at)),
            *((component.role.capitalize(), _component(component)) for component in run.components),
        )
    )
    defaults = [component.identity for component in run.components if component.stands_in_for]
    if not defaults:
        return (facts,)
    return (facts, Paragraph("Bundled defaults were used, as said above; the numbers of this report rest on them."))


def _component(component: Component) -> str:
    if component.stands_in_for is None:
        return component.identity
    return f"{component.identity} (a bundled default; stands in for {component.stands_in_for})"


def _traffic(report: WeeklyReport) -> tuple[Block, ...]:
    traffic = report.traffic
    rows = [(spoken(status.name), number(status.n)) for status in traffic.statuses]
    return (
        Table(("Status", "Traces"), (*rows, ("all", number(traffic.n_traces))), has_total=True),
        Facts(
            (
                ("Tenants", listed(traffic.tenants)),
                ("Rows skipped", _with_reasons(traffic.n_skipped, listed(traffic.skip_reasons))),
                ("Duplicate rows", number(traffic.n_duplicates)),
            )
        ),
    )


def _failures(report: WeeklyReport) -> tuple[Block, ...]:
    failures = report.failures
    rows = [(spoken(row.failure_type), number(row.n), estimate_text(row.share)) for row in failures.by_type]
    total = ("all failures", number(failures.n_failures), estimate_text(failures.share))
    return (
        Paragraph(
            "Shares of all triaged traces, with 95 % Wilson interval and number of traces; those that triage has not "
            "decided on are counted as failed."
        ),
        plots.failures_plot(failures),
        Table(("Failure type", "Traces", "Share"), (*rows, total), has_total=True),
    )


def _groundedness(report: WeeklyReport) -> tuple[Block, ...]:
    scores = report.groundedness
    undefined = sum(count.n for count in scores.undefined)
    return (
        plots.groundedness_plot(scores),
        Facts(
            (
                ("Mean", estimate_text(scores.mean)),
                (f"Below {scores.threshold:.2f}", estimate_text(scores.below)),
                ("Scored", counted(scores.n_scored, "trace")),
                ("Not defined", _with_reasons(undefined, listed(scores.undefined))),
            )
        ),
    )


def _groups(report: WeeklyReport) -> tuple[Block, ...]:
    groups = report.groups
    if not groups.largest:
        return (plots.groups_plot(groups),)
    rows = [
        (spoken(row.failure_type), row.label, joined(row.tenants, at_most=5), number(row.size))
        for row in groups.largest
    ]
    return (
        plots.groups_plot(groups),
        Table(("Failure type", "Typical words", "Tenants", "Traces"), tuple(rows), first_number=3),
        *(_examples(group) for group in groups.largest),
    )


def _examples(group: GroupSummary) -> Examples:
    return Examples(
        f"{spoken(group.failure_type)}: {group.label} ({counted(group.size, 'trace')})",
        tuple(Example(item.trace_id, item.question, item.answer or "no answer") for item in group.examples),
    )


def _agreement(report: WeeklyReport) -> tuple[Block, ...]:
    if not report.agreement:
        return (Paragraph("No human ratings came with the traces, so no agreement was measured."),)
    figures = [(figure.name, figure.estimate) for figure in report.agreement]
    rows = [(name, spoken(estimate.method), estimate_text(estimate)) for name, estimate in figures]
    return (Table(("Measure", "Interval by", "Estimate"), tuple(rows), first_number=2),)


def _effort(report: WeeklyReport) -> tuple[Block, ...]:
    effort = report.effort
    if effort.n_proposed == 0:
        return (Paragraph("No tasks were proposed."),)
    waiting = f"{number(effort.n_waiting)} (about {counted(round(effort.minutes_waiting), 'minute')} of work)"
    return (
        Facts(
            (
                ("Proposed", counted(effort.n_proposed, "task")),
                ("Completed", number(effort.n_completed)),
                ("Skipped", number(effort.n_skipped)),
                ("Waiting", waiting if effort.n_waiting else "0"),
                ("Annotators, as claimed", listed(effort.annotators)),
            )
        ),
    )


def _golden(report: WeeklyReport) -> tuple[Block, ...]:
    golden = report.golden
    rejected = sum(count.n for count in golden.rejected)
    fate = ("Annotations rejected", _with_reasons(rejected, listed(golden.rejected)))
    if golden.name is None:
        return (Paragraph("There is no golden dataset yet, and this run has not written one."), Facts((fate,)))
    rows = [(spoken(row.category), number(row.n_eval), number(row.n_train)) for row in golden.categories]
    n_eval = sum(row.n_eval for row in golden.categories)
    n_train = sum(row.n_train for row in golden.categories)
    row_counts = ((golden.n_before, "before"), (golden.n_added, "added"), (golden.n_removed, "removed"))
    changes = (
        ("Dataset", golden.name),
        ("Version", _versions(report)),
        ("Content hash", golden.content_hash or "unchanged"),
        ("Rows", ", ".join(f"{number(n)} {what}" for n, what in row_counts)),
        fate,
        *(("Warning", warning) for warning in golden.warnings),
    )
    return (
        Facts(changes),
        plots.golden_plot(golden.categories),
        Table(("Category", "Eval", "Train"), (*rows, ("all", number(n_eval), number(n_train))), has_total=True),
    )


def _versions(report: WeeklyReport) -> str:
    before, after = report.golden.version_before, report.golden.version_after
    if after is None:
        return "none yet" if before is None else f"{before}, unchanged"
    if before == after:
        return f"{after}, unchanged"
    return f"{before or 'none'} → {after}"


def _decision(report: WeeklyReport) -> tuple[Block, ...]:
    decision = report.decision
    if decision is None:
        return (Paragraph("The run waits for its approval; nothing has been published."),)
    return (
        Facts(
            (
                ("Decision", decision.decision),
                ("Reviewer, as claimed", decision.reviewer),
                ("Note", decision.note or "none"),
                ("Decided at", utc_text(decision.decided_at)),
                ("Pinned hash", decision.pinned_hash),
            )
        ),
    )


def _due(report: WeeklyReport) -> tuple[Block, ...]:
    due = report.due
    waiting = "No annotation task is waiting."
    if due.n_waiting_tasks:
        verb = "waits" if due.n_waiting_tasks == 1 else "wait"
        waiting = f"{counted(due.n_waiting_tasks, 'annotation task')} {verb} for an answer."
    if not due.gaps:
        return (Paragraph(waiting), Paragraph("Every failure type has at least one golden row."))
    rows = tuple((spoken(gap.failure_type), number(gap.n_failures)) for gap in due.gaps)
    return (
        Paragraph(waiting),
        Paragraph("These failure types have no golden row:"),
        Table(("Failure type", "Failures in the window"), rows),
    )


def _with_reasons(n: int, reasons: str) -> str:
    return f"{number(n)} ({reasons})" if n else "0"
