"""What ``millrace hold`` does."""

from collections.abc import Mapping
from typing import get_args

from apps.cli.run_names import find_run
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import audit_log, holds
from millrace.ledger.catalogue import find
from millrace.ledger.holds import Hold
from millrace.ledger.schema import HoldSubject
from millrace.ledger.subjects import keyed_hash
from millrace.records.base import Record
from tasks.audit_log import move_witness
from tasks.holds import held_datasets, hold_text
from tasks.home import Home
from tasks.run import utc_now

_FULL = 64


class PlacedHold(Record):
    """A hold, and how many datasets it is the first to reach now."""

    hold: Hold
    n_datasets: int


def place_hold(home: Home, given: Mapping[str, str | None], *, reason: str, by: str) -> PlacedHold:
    """Place a hold on the one thing that is given, and note it in the audit log.

    Raises:
        BadInputError: nothing or several things are given.
        NotFoundError: no such dataset or run.
    """
    named = [(kind, value) for kind in get_args(HoldSubject) if (value := given[kind]) is not None]
    if len(named) != 1:
        raise BadInputError("give one of --dataset, --run, --user and --tenant")
    held_type, value = named[0]
    held, at = _held(home, held_type, value), utc_now()
    with home.ledger.write():
        hold = holds.place(home.ledger, held_type, held, reason=reason, by=by, at=at)
        details = {"hold_id": hold.hold_id, "held_type": held_type}
        audit_log.append(home.ledger, "hold-placed", actor=by, subject=held, details=details, at=at)
    move_witness(home)
    reached = held_datasets(home)
    return PlacedHold(hold=hold, n_datasets=sum(text == hold_text(hold) for text in reached.values()))


def release_hold(home: Home, hold_id: str, *, by: str) -> Hold:
    """End a hold, and note it in the audit log.

    Raises:
        NotFoundError: no such hold.
        BadInputError: it was released before.
    """
    at = utc_now()
    with home.ledger.write():
        hold = holds.release(home.ledger, hold_id, by=by, at=at)
        details = {"hold_id": hold.hold_id, "held_type": hold.held_type}
        audit_log.append(home.ledger, "hold-released", actor=by, subject=hold.held, details=details, at=at)
    move_witness(home)
    return hold


def _held(home: Home, held_type: HoldSubject, value: str) -> str:
    if held_type == "dataset":
        return _content_hash(home, value)
    if held_type == "run":
        return find_run(home.ledger, value).run_id
    if not value.strip():
        raise BadInputError(f"--{held_type} is empty", field=held_type)
    return keyed_hash(home.subject_key, held_type, value)


def _content_hash(home: Home, prefix: str) -> str:
    """The one dataset whose hash begins so; one that no catalogue knows by its whole hash."""
    known = sorted({entry.ref.content_hash for entry in find(home.ledger, prefix)})
    if len(known) == 1:
        return known[0]
    if known:
        raise BadInputError(f"{len(known)} datasets begin with {prefix}: give more of the hash", dataset=prefix)
    if len(prefix) == _FULL and any(home.datasets.root.glob(f"*/{prefix}")):
        return prefix
    raise NotFoundError(f"no dataset {prefix} in this home", dataset=prefix)
