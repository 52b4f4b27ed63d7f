"""What retention lists, and what it did, for people."""

from collections.abc import Sequence

from pydantic import Field

from millrace.governance.retention import AgingItem, KindTotal, RetentionOutcome, RetentionPlan, totals
from millrace.records.base import Identifier, Record
from millrace.reports.document import Block, Document, Facts, KeyFigure, Paragraph, Section, Table
from millrace.reports.markdown import document_markdown
from millrace.reports.wording import NOTHING, counted, number, utc_text

MOST_SHOWN = 200


class RetentionReport(Record):
    """How a run of retention stands or ended, as JSON."""

    format: int = 1
    run_id: Identifier
    status: str = Field(description="dry run, waiting, completed or rejected")
    decided_by: str | None
    note: str | None
    plan: RetentionPlan
    outcome: RetentionOutcome | None


def retention_page(plan: RetentionPlan, json_file: str) -> str:
    """What a person is shown before they decide; Markdown."""
    said = "Approving deletes exactly what is listed here, for good. Rejecting leaves everything as it is."
    more = f"The whole list is in {json_file}."
    sections = (_totals_section(plan, plan.going, None), *_list_sections(plan.going, plan.kept))
    subtitle = f"{said} {more}"
    return document_markdown(
        Document(title="Past their time", subtitle=subtitle, key_figures=_key_figures(plan, None), sections=sections)
    )


def retention_markdown(report: RetentionReport) -> str:
    """The report as Markdown."""
    plan, outcome = report.plan, report.outcome
    going = plan.going if outcome is None else outcome.gone
    facts = Facts(
        (
            ("Status", report.status),
            ("Counted from", utc_text(plan.now)),
            ("Decided by", report.decided_by or "nobody was asked"),
            ("Note", report.note or NOTHING),
        )
    )
    spared = () if outcome is None or not outcome.spared else (_item_section("Spared meanwhile", outcome.spared),)
    return document_markdown(
        Document(
            title="Retention",
            subtitle=f"Run {report.run_id}. {_verdict(report)}",
            key_figures=_key_figures(plan, outcome),
            sections=(
                Section("run", "The run", (facts,)),
                _totals_section(plan, going, outcome),
                *spared,
                *_list_sections(going, plan.kept),
            ),
        )
    )


def _verdict(report: RetentionReport) -> str:
    if report.outcome is not None:
        return "What is listed as past its time was deleted."
    return "Nothing was deleted."


def _key_figures(plan: RetentionPlan, outcome: RetentionOutcome | None) -> tuple[KeyFigure, ...]:
    going = plan.going if outcome is None else outcome.gone
    rows = sum(item.rows or 0 for item in going)
    n_bytes = sum(item.n_bytes for item in going)
    deleted = _deleted(plan, outcome)
    verb = "would go" if outcome is None else "are gone"
    return (
        KeyFigure("Datasets and exports", number(len(going)), f"{number(rows)} rows, {number(n_bytes)} bytes {verb}"),
        KeyFigure("Rows of the ledger", number(sum(deleted.values())), verb),
        KeyFigure("Kept past their time", number(len(plan.kept)), "something else needs them"),
    )


def _deleted(plan: RetentionPlan, outcome: RetentionOutcome | None) -> dict[str, int]:
    if outcome is not None:
        return {str(table): n for table, n in outcome.rows.items()}
    return {each.table: each.n_rows for each in plan.rows}


def _totals_section(plan: RetentionPlan, going: Sequence[AgingItem], outcome: RetentionOutcome | None) -> Section:
    deleted = {each.table: each.n_rows for each in plan.rows} if outcome is None else outcome.rows
    lines = [_total(each) for each in totals(plan, going, deleted)]
    header = ("kind", "days", "go", "rows", "bytes", "kept past their time")
    return Section("totals", "By kind", (Table(header, tuple(lines), 1),))


def _total(each: KindTotal) -> tuple[str, ...]:
    days = NOTHING if each.ttl_days is None else number(each.ttl_days)
    return each.kind, days, number(each.n_going), number(each.rows), number(each.n_bytes), number(each.n_kept)


def _list_sections(going: Sequence[AgingItem], kept: Sequence[AgingItem]) -> tuple[Section, ...]:
    return (_item_section("Past their time", going), _item_section("Kept past their time", kept))


def _item_section(title: str, items: Sequence[AgingItem]) -> Section:
    """A list of at most MOST_SHOWN; how many more there are is said."""
    if not items:
        return Section(title.lower().replace(" ", "-"), title, (Paragraph("Nothing."),))
    rows = tuple(
        (
            each.kind,
            each.name,
            utc_text(each.aged_from),
            NOTHING if each.rows is None else number(each.rows),
            number(each.n_bytes),
            "; ".join(each.reasons) or NOTHING,
        )
        for each in items[:MOST_SHOWN]
    )
    blocks: list[Block] = [Table(("kind", "name", "age counted from", "rows", "bytes", "why"), rows, 3)]
    if len(items) > MOST_SHOWN:
        blocks.append(Paragraph(f"And {counted(len(items) - MOST_SHOWN, 'more', 'more')}: the JSON beside lists all."))
    return Section(title.lower().replace(" ", "-"), title, tuple(blocks))
