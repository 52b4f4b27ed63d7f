"""Whether a home takes decisions that nobody signed: only where it was set to single-user, which is kept as history."""

from datetime import datetime

from millrace.ledger.pointers import pointer, pointer_history_of, set_pointer
from millrace.ledger.store import Ledger

APPROVAL_SETTINGS = "settings/approvals"


def set_single_user(ledger: Ledger, on: bool, *, at: datetime, by: str) -> bool:
    """Set it; False when it was so already."""
    with ledger.write():
        if is_single_user(ledger) == on:
            return False
        set_pointer(ledger, APPROVAL_SETTINGS, {"single_user": on}, at, run_id=by)
    return True


def is_single_user(ledger: Ledger) -> bool:
    """Whether unsigned decisions are taken now; not before it was ever set."""
    now = pointer(ledger, APPROVAL_SETTINGS)
    return now is not None and _says_so(now.value)


def was_single_user(ledger: Ledger, at: datetime) -> bool:
    """Whether they were taken at that time."""
    before = [each for each in pointer_history_of(ledger, APPROVAL_SETTINGS) if each.at <= at]
    return bool(before) and _says_so(before[-1].value)


def _says_so(value: object) -> bool:
    return isinstance(value, dict) and value.get("single_user") is True
