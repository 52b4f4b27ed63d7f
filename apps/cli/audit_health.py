"""Whether decisions here can be trusted later: who signed them, whether the audit log is whole, and the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from apps.cli.finding import Finding, judged

if TYPE_CHECKING:
    from tasks.home import Home

_TOLERATED = timedelta(seconds=5)  # between clocks that are set from the network


def audit_findings(root: Path) -> Iterator[Finding]:
    """Nothing for a home without a ledger, and for one that cannot be opened: its own check says so."""
    from millrace.errors import MillraceError
    from millrace.ledger.store import Ledger
    from tasks.home import Home

    if not (root / "ledger.sqlite").is_file():
        return
    try:
        Ledger.open(root / "ledger.sqlite", create=False).close()
    except MillraceError:
        return
    home = Home(root)
    try:
        yield _approvals(home)
        yield from _log(home)
        yield from _clock(home, datetime.now(UTC))
    finally:
        home.ledger.close()


def _approvals(home: "Home") -> Finding:
    from millrace.ledger.approval_settings import is_single_user

    if is_single_user(home.ledger):
        remedy = "`millrace reviewer add`, then `millrace reviewer single-user off`, unless you alone use this home"
        return judged("approvals", "single-user: decisions are taken that nobody signed", remedy)
    return judged("approvals", "every decision must be signed by a reviewer")


def _log(home: "Home") -> Iterator[Finding]:
    from tasks.audit_log import witness_of
    from tasks.audit_verification import verify_audit_log

    verdict = verify_audit_log(home)
    if not verdict.verified:
        first = verdict.findings[0]
        remedy = "`millrace audit verify` lists all; compare with a backup and with whoever has access"
        yield judged("audit log", f"{verdict.n_findings} wrong, first: {first.message}", remedy, wrong=True)
        return
    yield judged("audit log", f"{verdict.n_entries} entries, chained without a gap")
    noted = witness_of(home)
    reached = 0 if noted is None else noted.sequence
    if verdict.head is not None and reached < verdict.head.sequence:
        behind = f"its witness reaches entry {reached} of {verdict.head.sequence}: what is behind could be cut off"
        yield judged("audit witness", behind, "`millrace audit anchor`; a process was probably killed just then")


def _clock(home: "Home", now: datetime) -> Iterator[Finding]:
    """A run that begins before what it builds on gets a wrong window, and its entries would go back in time."""
    latest = _latest(home)
    if latest is not None and now + _TOLERATED < latest:
        found = f"it says {now:%Y-%m-%d %H:%M:%S} UTC; the ledger's last entry is of {latest:%Y-%m-%d %H:%M:%S}"
        yield judged("clock", found, "set the clock, from the network at best, before anything runs", wrong=True)


def _latest(home: "Home") -> datetime | None:
    from sqlalchemy import func, select

    from millrace.ledger.schema import audit_log, runs

    columns = (audit_log.c.at, runs.c.started_at, runs.c.finished_at)
    with home.ledger.read() as connection:
        found = [connection.execute(select(func.max(column))).scalar_one() for column in columns]
    return max((each for each in found if each is not None), default=None)
