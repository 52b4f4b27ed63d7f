"""Which report is laid out by whom: one path for all of them from here on."""

from millrace.records.daily_report import DailyReport
from millrace.records.report import WeeklyReport
from millrace.reports.daily import daily_document
from millrace.reports.document import Document
from millrace.reports.sections import weekly_document

Report = WeeklyReport | DailyReport

ALL_ROWS = 1_000_000


def document_of(report: Report, *, max_rows: int = ALL_ROWS) -> Document:
    """The report as blocks of plain text; lists show at most ``max_rows`` rows."""
    if isinstance(report, DailyReport):
        return daily_document(report, max_rows)
    return weekly_document(report, max_rows=max_rows)
