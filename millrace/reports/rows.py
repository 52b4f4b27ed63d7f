"""Numbers that link to their rows, and the rows themselves as blocks."""

from millrace.records.daily_report import DailyReport
from millrace.records.report import RowList, WeeklyReport
from millrace.reports.document import Cell, Link, Rows
from millrace.reports.wording import NOTHING, decimal, number


class Lists:
    """The lists of a report by name; each is shown with at most ``max_rows`` rows."""

    def __init__(self, report: WeeklyReport | DailyReport, max_rows: int) -> None:
        self._by_name = {each.name: each for each in report.lists}
        self._max_rows = max_rows

    def link(self, value: int | str, name: str) -> Cell:
        """The number or text, linked where the report has its rows."""
        text = number(value) if isinstance(value, int) else value
        return Link(text, anchor(name)) if name in self._by_name else text

    def rows(self, *names: str) -> tuple[Rows, ...]:
        """The lists of these names as blocks, those that there are."""
        return tuple(self._block(self._by_name[name]) for name in names if name in self._by_name)

    def _block(self, rows: RowList) -> Rows:
        shown = tuple(tuple(_text(value) for value in row) for row in rows.rows[: self._max_rows])
        return Rows(anchor(rows.name), rows.title, tuple(rows.columns), shown, rows.n, rows.command)


def anchor(name: str) -> str:
    """Where a list stands on the page."""
    return f"rows-{name}"


def _text(value: str | int | float | None) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return decimal(value)
    return number(value) if isinstance(value, int) else value
