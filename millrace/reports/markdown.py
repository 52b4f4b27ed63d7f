"""Reports as Markdown. Every text is written so that it shows as itself, whatever a trace holds."""

from collections.abc import Sequence

from millrace.methods.markdown import plain
from millrace.reports.document import (
    Block,
    Cloud,
    Document,
    Example,
    Examples,
    Facts,
    Figure,
    Folded,
    Heading,
    Paragraph,
    Priority,
    Rows,
    Table,
    text_of,
)
from millrace.reports.layout import Report, document_of
from millrace.reports.wording import number


def to_markdown(report: Report) -> str:
    """A report as Markdown (CommonMark with tables), without its plots; their numbers are in the text."""
    return document_markdown(document_of(report))


def document_markdown(document: Document) -> str:
    """A document as Markdown, ending in a newline."""
    lines = [f"# {plain(document.title)}", plain(document.subtitle)]
    figures = [(plain(key.label), plain(text_of(key.value)), plain(key.detail)) for key in document.key_figures]
    lines.append("\n".join(f"- **{label}:** {value} ({detail})" for label, value, detail in figures))
    for section in document.sections:
        lines.append(f"## {plain(section.title)}")
        level = 3
        for block in section.blocks:
            lines.append(_block(block, level))
            level = 4 if isinstance(block, Heading) else level
    return "\n\n".join(line for line in lines if line) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], first_number: int) -> str:
    """A table; cells are plain text, the columns from ``first_number`` on are set to the right."""
    marks = ["---" if column < first_number else "---:" for column in range(len(header))]
    return "\n".join([_row(header), "| " + " | ".join(marks) + " |", *(_row(row) for row in rows)])


def _block(block: Block, level: int) -> str:
    """``level`` is that of the headings which folded blocks and priorities bring along: below that of their part."""
    match block:
        case Heading(title=title):
            return f"### {plain(text_of(title))}"
        case Paragraph(text):
            return plain(text_of(text))
        case Facts(rows):
            return "\n".join(f"- **{plain(name)}:** {plain(text_of(value))}" for name, value in rows)
        case Table(header, rows, first_number):
            return markdown_table(header, [[text_of(cell) for cell in row] for row in rows], first_number)
        case Examples(items):
            return "\n>\n".join(_example(item) for item in items)
        case Priority():
            return _priority(block, level)
        case Rows(title=title, n=n, command=command):
            return f"- {plain(title)} ({number(n)}): {plain(command)}" if command else ""
        case Folded(title=title, blocks=blocks):
            return "\n\n".join(
                [f"{'#' * level} {plain(text_of(title))}", *(_block(inner, level + 1) for inner in blocks)]
            )
        case Figure() | Cloud():
            return ""


def _priority(block: Priority, level: int) -> str:
    facts = "; ".join(plain(text_of(cell)) for cell in (*block.tags, *block.facts))
    parts = [f"{'#' * level} {block.place}\\. {plain(text_of(block.heading))}", facts]
    if block.example is not None:
        parts.append(_example(block.example))
    return "\n\n".join([*parts, f"**{plain(block.lead)}** {plain(text_of(block.advice))}"])


def _example(item: Example) -> str:
    return f"> **{plain(item.trace_id)}**\\\n> Question: {plain(item.question)}\\\n> Answer: {plain(item.answer)}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"
