"""What failed, in words: what to fix first, and failures by type and by who answered."""

from millrace.records.report import GroupSummary, ReportedEstimate, WeeklyReport
from millrace.reports import plots
from millrace.reports.advice import LOOK_AT
from millrace.reports.answerers import answerer_name
from millrace.reports.clusters import cluster_name, trend_tags
from millrace.reports.document import (
    Block,
    Cell,
    Code,
    Example,
    Paragraph,
    Piece,
    Priority,
    Table,
    Tag,
    pieces,
)
from millrace.reports.lists import rows_command
from millrace.reports.rows import Lists
from millrace.reports.wording import (
    change_text,
    counted,
    estimate_text,
    joined,
    number,
    percent,
    spoken,
)


def fix_first_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """How bad the week was, and the clusters to look at before all others."""
    failures = report.failures
    if failures.n_triaged == 0:
        return (Paragraph("There was nothing to judge: no trace of this week was triaged."),)
    if failures.n_failures == 0:
        return (Paragraph(f"Nothing: none of {counted(failures.n_triaged, 'triaged trace')} failed."),)
    places = {group.group_id: place for place, group in enumerate(report.groups.first, start=1)}
    chosen = [group for group in report.groups.first if group.group_id in report.fix_first.group_ids]
    first_of: dict[str, int] = {}
    for place, group in enumerate(chosen, start=1):
        first_of.setdefault(group.failure_type, place)
    return (
        Paragraph(_how_bad(report, lists)),
        *(
            _priority(group, place, places[group.group_id], first_of[group.failure_type], lists)
            for place, group in enumerate(chosen, start=1)
        ),
        *_safety(report, chosen, lists),
    )


def _how_bad(report: WeeklyReport, lists: Lists) -> Cell:
    failures, first, groups = report.failures, report.fix_first, report.groups
    before = report.weeks[-2] if len(report.weeks) > 1 else None
    share = None if before is None else before.failures.share.mean
    earlier = "" if before is None or share is None else f" ({percent(share)} in {before.week})"
    failed = pieces(lists.link(failures.n_failures, "failures"))
    verdict = f" of {counted(failures.n_triaged, 'triaged trace')} failed, {percent(failures.share.mean)}{earlier}."
    if not first.group_ids:
        return (*failed, verdict)
    if not groups.n_groups:
        return (*failed, f"{verdict} They form no cluster; these are examples by type.")
    which = f"{counted(len(first.group_ids), 'cluster')} of {number(groups.n_groups)}"
    verb = "holds" if len(first.group_ids) == 1 else "hold"
    rest = f" {verb} {percent(first.share.mean)} of the failures; look at them first."
    return (*failed, f"{verdict} ", *pieces(lists.link(which, "clusters")), rest)


def _priority(group: GroupSummary, place: int, row_place: int, told_at: int, lists: Lists) -> Priority:
    traces: list[Piece] = [*pieces(lists.link(group.size, f"group-{row_place}"))]
    traces.append(f" {'trace' if group.size == 1 else 'traces'}, {percent(group.share.mean)} of all failures")
    facts: list[Cell] = [tuple(traces)]
    if len(group.history) > 1:
        facts.append(f"by week {' → '.join(number(week.size) for week in group.history[-4:])}")
    if group.tenants:
        facts.append(f"{'tenant' if len(group.tenants) == 1 else 'tenants'} {joined(group.tenants, at_most=3)}")
    example = group.examples[0] if group.examples else None
    return Priority(
        place=place,
        heading=cluster_name(group),
        tags=(Tag(spoken(group.failure_type)), *trend_tags(group)),
        facts=tuple(facts),
        example=None if example is None else Example(example.trace_id, example.question, example.answer or "no answer"),
        advice=LOOK_AT[group.failure_type] if told_at == place else f"the same as for {told_at}.",
    )


def _safety(report: WeeklyReport, chosen: list[GroupSummary], lists: Lists) -> tuple[Block, ...]:
    """Violations of safety are worth a look however few they are."""
    n = next(row.n for row in report.failures.by_type if row.failure_type == "safety_violation")
    if not n or any(group.failure_type == "safety_violation" for group in chosen):
        return ()
    link = pieces(lists.link(counted(n, "safety violation"), "failures-safety_violation"))
    verb = "was" if n == 1 else "were"
    return (Paragraph(("However few they are: ", *link, f" {verb} found. Look at {LOOK_AT['safety_violation']}")),)


def failure_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """Failures by type, over weeks where there are earlier ones."""
    failures, trend = report.failures, len(report.weeks) > 1
    plot = plots.trend_plot(report.weeks) if trend else plots.failures_plot(failures)
    if not failures.n_triaged:
        return (plot, *((Paragraph("No trace of this week was triaged."),) if trend else ()), *lists.rows("undecided"))
    changes = {change.failure_type: change.difference for change in report.changes}
    rows: list[tuple[Cell, ...]] = [
        (
            spoken(row.failure_type),
            lists.link(row.n, f"failures-{row.failure_type}"),
            estimate_text(row.share),
            *_change(changes.get(row.failure_type)),
        )
        for row in failures.by_type
    ]
    total = (
        "all failures",
        lists.link(failures.n_failures, "failures"),
        estimate_text(failures.share),
        *_change(changes.get(None)),
    )
    names = ("Failure type", "Traces", "Share", *((f"Against {report.weeks[-2].week}",) if trend else ()))
    undecided = report.traffic.n_traces - failures.n_triaged
    return (
        plot,
        Table(names, (*rows, total), has_total=True),
        Paragraph(
            "Shares are of the traces that triage decided on, with their 95 % Wilson interval and number"
            + ("; a change is beyond chance when its 95 % interval (Newcombe) leaves out 0." if trend else ".")
        ),
        *(_earlier_rows(report) if trend else ()),
        *((Paragraph(("Not decided: ", *pieces(lists.link(undecided, "undecided")))),) if undecided else ()),
        *lists.rows("failures", *(f"failures-{row.failure_type}" for row in failures.by_type), "undecided"),
        *_answerer_blocks(report, lists),
    )


def _earlier_rows(report: WeeklyReport) -> tuple[Block, ...]:
    """Where the rows of earlier weeks are: not on this page."""
    failures = Code("millrace rows RUN triage --where verdict=failure")
    told = (
        "Rows of an earlier week: ",
        Code("millrace runs"),
        " lists its run, and ",
        failures,
        " shows its failures.",
    )
    return (Paragraph(told),)


def _answerer_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """Which model or prompt fails, where there are several."""
    if not report.answerers:
        return ()
    intro = (
        "By who answered, ordered by the lower end of the interval, so that nobody with few traces is first by chance:"
    )
    rows: list[tuple[Cell, ...]] = [
        (answerer_name(row), lists.link(row.n_failures, f"answerer-{place}"), estimate_text(row.share))
        for place, row in enumerate(report.answerers, start=1)
    ]
    command = Code(f"{rows_command(report.run.run_id, 'selected_traces')} --where answered_by=NAME")
    return (
        Paragraph(intro),
        Table(("Answered by", "Failures", "Share"), tuple(rows)),
        Paragraph(("All traces of one of them: ", command)),
        *lists.rows(*(f"answerer-{place}" for place in range(1, len(rows) + 1))),
    )


def _change(difference: ReportedEstimate | None) -> tuple[str, ...]:
    return () if difference is None else (change_text(difference),)
