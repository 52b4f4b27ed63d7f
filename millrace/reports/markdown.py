"""Reports as Markdown. Every text is written so that it shows as itself, whatever a trace holds."""

import re
from collections.abc import Sequence

from millrace.records.report import WeeklyReport
from millrace.reports.document import Document, Examples, Facts, Figure, Paragraph, Table
from millrace.reports.sections import weekly_document
from millrace.reports.wording import shown

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ACTIVE = re.compile(r"([\\`*_{}\[\]#|~!@^$])")
_LINK_LIKE = re.compile(r"(?i)(?=://)|(?<=www)(?=\.)|(?<=mailto)(?=:)|(?<=xmpp)(?=:)")
_LIST_LIKE = re.compile(r"^([-+=]|\d+[.)](?= |$))")


def to_markdown(report: WeeklyReport) -> str:
    """The weekly report as Markdown (CommonMark with tables), without its plots; their numbers are in the text."""
    return document_markdown(weekly_document(report))


def document_markdown(document: Document) -> str:
    """A document as Markdown, ending in a newline."""
    lines = [f"# {plain(document.title)}", plain(document.subtitle)]
    figures = [(plain(key.label), plain(key.value), plain(key.detail)) for key in document.key_figures]
    lines.append("\n".join(f"- **{label}:** {value} ({detail})" for label, value, detail in figures))
    for section in document.sections:
        lines.append(f"## {plain(section.title)}")
        lines += [_block(block) for block in section.blocks if not isinstance(block, Figure)]
    return "\n\n".join(lines) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], first_number: int) -> str:
    """A table; cells are plain text, the columns from ``first_number`` on are set to the right."""
    marks = ["---" if column < first_number else "---:" for column in range(len(header))]
    return "\n".join([_row(header), "| " + " | ".join(marks) + " |", *(_row(row) for row in rows)])


def plain(text: str) -> str:
    """The text on one line with everything escaped that Markdown, its tables, HTML or automatic links would act on."""
    line = _ACTIVE.sub(r"\\\1", shown(text).translate(_ENTITIES))
    line = _LINK_LIKE.sub(r"\\", line)
    return _LIST_LIKE.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", line)


def _block(block: Paragraph | Facts | Table | Examples) -> str:
    match block:
        case Paragraph(text):
            return plain(text)
        case Facts(rows):
            return "\n".join(f"- **{plain(name)}:** {plain(value)}" for name, value in rows)
        case Table(header, rows, first_number):
            return markdown_table(header, rows, first_number)
        case Examples(heading, items):
            quoted = [
                f"> **{plain(item.trace_id)}**\\\n> Question: {plain(item.question)}\\\n> Answer: {plain(item.answer)}"
                for item in items
            ]
            return "\n\n".join([f"### {plain(heading)}", "\n>\n".join(quoted)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"
