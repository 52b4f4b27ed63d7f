"""What ``millrace erase`` asks of a home."""

import secrets

from millrace.errors import BadInputError
from millrace.ledger import audit_log, erasures, subjects
from millrace.ledger.erasures import ErasureRequest
from millrace.methods.pseudonyms import pseudonym
from millrace.methods.redaction import Redactor
from millrace.records.base import Record
from millrace.records.trace import UtcTime
from tasks.audit_log import move_witness
from tasks.home import Home
from tasks.run import utc_now
from tasks.tables import redaction_rules

_HANDLE_BYTES = 5


class TakenIn(Record):
    """A request that was taken in."""

    handle: str
    n_datasets: int


class StepTold(Record):
    """A step of an erasure, as the audit log has it."""

    at: UtcTime
    run: str
    step: str
    said: str


class Standing(Record):
    """How a request stands."""

    request: ErasureRequest
    steps: list[StepTold]


def take_in(home: Home, user: str, tenant: str | None, by: str) -> TakenIn:
    """Note a request under a new handle; the audit log is told the keyed hash only.

    An id that is personal data itself was replaced by a pseudonym when it came in: then that is looked for.

    Raises:
        BadInputError: an empty user, tenant or name.
    """
    for name, value in (("user", user), ("tenant", tenant), ("by", by)):
        if value is not None and not value.strip():
            raise BadInputError(f"{name} must not be empty", field=name)
    hashed = _hash_in_use(home, user)
    tenant_hash = None if tenant is None else subjects.keyed_hash(home.subject_key, "tenant", tenant)
    handle = f"e-{secrets.token_hex(_HANDLE_BYTES)}"
    with home.ledger.write():
        at = utc_now()
        erasures.add_request(home.ledger, handle, subject_hash=hashed, tenant_hash=tenant_hash, requested_by=by, at=at)
        details = {"subject_hash": hashed, "tenant_hash": tenant_hash}
        audit_log.append(home.ledger, "erasure-requested", actor=by, subject=handle, details=details, at=at)
    move_witness(home)
    return TakenIn(handle=handle, n_datasets=len(subjects.datasets_of_subject(home.ledger, "user", hashed)))


def standing_of(home: Home, handle: str) -> Standing:
    """The request, and the steps of every run that carried it out.

    Raises:
        NotFoundError: no such request.
    """
    request = erasures.request_of(home.ledger, handle)
    told = [entry for entry in audit_log.entries(home.ledger) if entry.subject == handle and "run" in entry.details]
    steps = [
        StepTold(
            at=entry.at,
            run=entry.details["run"],
            step=entry.details.get("step", "ended"),
            said=_said(entry.details.get("counts"), entry.details.get("outcome", "")),
        )
        for entry in told
    ]
    return Standing(request=request, steps=steps)


def _hash_in_use(home: Home, user: str) -> str:
    """Of the id as given and its pseudonym the one that datasets hold; the id as given when none does."""
    names = [user, pseudonym(user, Redactor(redaction_rules("pii"))).text]
    hashes = [subjects.keyed_hash(home.subject_key, "user", name) for name in dict.fromkeys(names)]
    held = (each for each in hashes if subjects.datasets_of_subject(home.ledger, "user", each))
    return next(held, hashes[0])


def _said(counts: dict[str, int] | None, outcome: str) -> str:
    return outcome if counts is None else ", ".join(f"{name} {n}" for name, n in sorted(counts.items()) if n)
