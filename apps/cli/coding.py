"""Making a code for what a run asks now."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from apps.cli.deciding import open_question
from apps.cli.reviewer_keys import signed_code, signing_reviewer
from apps.cli.terminal import Terminal
from blocks.reviewer_key import KEYS_VARIABLE
from millrace.errors import BadInputError, NotFoundError
from millrace.governance.approval_codes import SignedDecision
from millrace.records.base import Record
from millrace.records.trace import UtcTime


class MadeCode(Record):
    """A code and what it is for."""

    code: str
    run_id: str
    key: str
    pinned_hash: str
    decision: SignedDecision
    reviewer: str
    expires_at: UtcTime


def print_code(terminal: Terminal, run: str, decision: str, reviewer: str | None, valid_hours: float) -> MadeCode:
    """The code of the reviewer named, or of the only one whose key is here.

    Raises:
        NotFoundError: no such run, or no such key here.
        BadInputError: it asks nothing, no such decision, or the validity is out of bounds.
    """
    asked = open_question(terminal, run).approval
    signs, at = signing_reviewer(terminal.home, reviewer), datetime.now(UTC).replace(microsecond=0)
    if signs is None:
        whose = f"of {reviewer}" if reviewer else "to sign with, or more than one"
        raise NotFoundError(
            f"there is no reviewer's key {whose} here: name yours with --reviewer, its folder with {KEYS_VARIABLE}, or "
            "become a reviewer with `millrace reviewer add`"
        )
    wanted: SignedDecision = _decision(decision)
    valid = _validity(valid_hours)
    return MadeCode(
        code=signed_code(terminal.home, asked, wanted, signs, at=at, valid=valid),
        run_id=asked.run_id,
        key=asked.key,
        pinned_hash=asked.pinned_hash,
        decision=wanted,
        reviewer=signs.name,
        expires_at=at + valid,
    )


def _decision(text: str) -> SignedDecision:
    found: SignedDecision | None = next(
        (each for each in get_args(SignedDecision) if each == text.strip().lower()), None
    )
    if found is None:
        raise BadInputError(f"decision must be approve, reject or extend, not {text!r}", decision=text)
    return found


def _validity(hours: float) -> timedelta:
    if not 0 < hours <= 720:  # NaN too
        raise BadInputError(f"--valid-hours must be more than 0 and at most 720, not {hours:g}", valid_hours=str(hours))
    return timedelta(hours=hours)
