"""What ``millrace doctor`` says of one thing that it looked at."""

from typing import Literal

from millrace.records.base import Record

Status = Literal["ok", "warning", "wrong"]


class Finding(Record):
    """One thing looked at; a warning does not make the command fail."""

    subject: str
    status: Status
    found: str
    remedy: str | None = None


def judged(subject: str, found: str, remedy: str | None = None, *, wrong: bool = False) -> Finding:
    """In order without a remedy; else a warning, or wrong."""
    status: Status = "ok" if remedy is None else "wrong" if wrong else "warning"
    return Finding(subject=subject, status=status, found=found, remedy=remedy)
