"""The clusters of failures, in words."""

from millrace.records.report import GroupSummary, WeeklyReport
from millrace.reports.document import (
    Block,
    Cell,
    Example,
    Examples,
    Facts,
    Folded,
    Paragraph,
    Piece,
    Spark,
    Table,
    Tag,
    Tone,
    pieces,
)
from millrace.reports.groups import ORDER
from millrace.reports.rows import Lists
from millrace.reports.wording import NOTHING, counted, decimal, joined, listed, number, percent, spoken

_TONES: dict[str, Tone] = {"new": "bad", "growing": "bad", "steady": "quiet", "shrinking": "good", "resolved": "good"}


def group_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """The clusters in a table, then each with its examples and traces, folded away."""
    groups = report.groups
    if not groups.first and not groups.resolved:
        return (Paragraph("No failures were grouped."),)
    trend = any(len(group.history) > 1 for group in groups.first) or bool(groups.trends)
    clusters = lists.link(
        f"{counted(groups.n_clustered, 'failure')} in {counted(groups.n_groups, 'cluster')}", "clusters"
    )
    told = Facts(
        (
            ("In clusters", clusters),
            ("Unclustered", _unclustered(report, lists)),
            *((("Trends", lists.link(listed(groups.trends), "clusters")),) if groups.trends else ()),
        )
    )
    return (
        told,
        *((_group_table(report, lists, trend),) if groups.first else ()),
        Paragraph(ORDER),
        *(_folded(group, place, lists) for place, group in enumerate(groups.first, start=1)),
        *_resolved(report),
        *lists.rows("clusters"),
    )


def _unclustered(report: WeeklyReport, lists: Lists) -> Cell:
    """How many failures are near to no cluster, each type linked to its own."""
    told: list[Piece] = [f"{counted(report.groups.n_unclustered, 'failure')} near to no cluster"]
    for place, group in enumerate(report.groups.first, start=1):
        if not group.clustered:
            told.append(": " if len(told) == 1 else ", ")
            told += pieces(lists.link(f"{spoken(group.failure_type)} {number(group.size)}", f"group-{place}"))
    return tuple(told)


def _group_table(report: WeeklyReport, lists: Lists, trend: bool) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for place, group in enumerate(report.groups.first, start=1):
        sizes = tuple(week.size for week in group.history)
        weeks: tuple[Cell, ...] = ()
        if trend:
            spark = Spark("by week " + ", ".join(number(size) for size in sizes), sizes) if len(sizes) > 1 else NOTHING
            weeks = (spark, trend_tags(group) or NOTHING)
        size = lists.link(group.size, f"group-{place}")
        rows.append(
            (
                number(place),
                cluster_name(group),
                Tag(spoken(group.failure_type)),
                *weeks,
                size,
                percent(group.share.mean),
            )
        )
    names = ("", "Typical words", "Failure type", *(("By week", "Trend") if trend else ()))
    left = report.groups.n_groups - sum(group.clustered for group in report.groups.first)
    if left:
        rest = report.groups.n_clustered - sum(group.size for group in report.groups.first if group.clustered)
        smaller = lists.link(counted(left, "smaller cluster"), "clusters")
        rows.append(("", smaller, *([""] * (len(names) - 2)), lists.link(rest, "clusters"), ""))
    return Table((*names, "Traces", "Of failures"), tuple(rows), first_number=len(names))


def _folded(group: GroupSummary, place: int, lists: Lists) -> Folded:
    facts: list[tuple[str, Cell]] = [("Group", group.group_id), ("Tenants", joined(group.tenants, at_most=5))]
    if group.n_questions:
        facts.append(("Different questions", number(group.n_questions)))
    facts.append(("Expected to be right", f"{decimal(group.expected, 1)} of {number(group.size)}"))
    examples = tuple(Example(item.trace_id, item.question, item.answer or "no answer") for item in group.examples)
    central = (Paragraph("Most central first:"), Examples(examples)) if examples else ()
    title = f"{place}. {spoken(group.failure_type).capitalize()}: {cluster_name(group)} "
    return Folded(
        anchor=f"group-{place}",
        title=(title, *trend_tags(group), f" · {counted(group.size, 'trace')}"),
        blocks=(Facts(tuple(facts)), *central, *lists.rows(f"group-{place}")),
    )


def _resolved(report: WeeklyReport) -> tuple[Block, ...]:
    if not report.groups.resolved:
        return ()
    rows = tuple(
        (spoken(group.failure_type), cluster_name(group), number(max(week.size for week in group.history)))
        for group in report.groups.resolved
        if group.history
    )
    text = "Resolved: these clusters had failures the week before and have none now."
    return (Paragraph(text), Table(("Failure type", "Typical words", "Most in a week"), rows, first_number=2))


def cluster_name(group: GroupSummary) -> str:
    return group.label or ("no typical words" if group.clustered else "near to no cluster")


def trend_tags(group: GroupSummary) -> tuple[Tag, ...]:
    return () if group.trend is None else (Tag(group.trend, _TONES[group.trend]),)
