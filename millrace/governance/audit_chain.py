"""Checks an audit log against itself and against witnesses of how far it reached (A16).

The chain shows whatever was changed without hashing everything behind it again. Who did that, or cut the end off,
contradicts only what was noted elsewhere: a witness. Both are read as streams, so a log may be longer than memory.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import Any, Literal

from pydantic import Field, ValidationError

from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError
from millrace.ledger.audit_log import START, entry_hash
from millrace.records.base import Record
from millrace.records.governance import AuditEntry, AuditHead

Problem = Literal[
    "unreadable",
    "edited",
    "missing",
    "out_of_place",
    "broken_link",
    "truncated",
    "witness_differs",
    "witness_goes_back",
    "witness_unreadable",
    "witness_unsigned",
]
MOST_FINDINGS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = ("actor", "action", "subject", "details", "previous", "hash")
_LARGEST = 2**63 - 1


class AuditFinding(Record):
    """One thing that is wrong, and at which sequence."""

    sequence: int | None = Field(description="Of the entry; None where the row or the witness has no number")
    problem: Problem
    message: str
    witness: str | None = Field(None, description="Which witness says so; None for the log itself")


class AuditVerdict(Record):
    """What became of the check; ``findings`` are the first ones by place in the log, at most MOST_FINDINGS."""

    verified: bool
    n_entries: int = Field(ge=0, description="Rows that were read")
    n_witnesses: int = Field(ge=0, description="Witnesses that the log was held against")
    head: AuditHead | None = Field(description="Where the log stands; None where its last row cannot be read")
    first_bad: int | None = Field(description="The first sequence at which something is wrong; None without one")
    n_findings: int = Field(ge=0)
    findings: list[AuditFinding]


@dataclass(frozen=True)
class Witness:
    """A head that was noted, and by whom; or, with no head, a note that is wrong in itself."""

    name: str
    head: AuditHead | None
    problem: Problem = "witness_unreadable"
    message: str = ""

    @property
    def place(self) -> int:
        return 0 if self.head is None else self.head.sequence


def verify_chain(rows: Iterable[Mapping[str, Any]], *witnesses: Iterable[Witness]) -> AuditVerdict:
    """Hold a log against its own hashes and against any number of witnesses.

    Args:
        rows: as ``audit_rows.stored_rows`` gives them, in order; each is looked at once.
        witnesses: streams, each in ascending order of sequence; one that goes back is itself a finding.

    Returns:
        Verified when every entry is there, whole and linked to the one before, from 1 on, and every witness's entry
        has the hash that it noted. An empty log with no witness is verified.
    """
    walk = _Walk(merge(*witnesses, key=lambda each: each.place))
    for row in rows:
        walk.take(row)
    return walk.end()


def read_entry(row: Mapping[str, Any]) -> AuditEntry | str:
    """The entry that a stored row holds, or why it holds none.

    Only the exact form that an append writes is an entry: whole numbers, text, details as canonical JSON.
    """
    sequence, at = row.get("sequence"), row.get("at")
    if not (type(sequence) is int and type(at) is int and abs(sequence) <= _LARGEST):
        return "its sequence or its time is no whole number"
    wrong = [name for name in _TEXTS if not isinstance(row.get(name), str)]
    if wrong:
        return f"no text: {', '.join(wrong)}"
    try:
        details = json.loads(row["details"])
        if canonical_json(details).decode() != row["details"]:
            return "its details are not written as an append writes them"
        values = dict(row) | {"details": details, "at": _EPOCH + timedelta(microseconds=at)}
        return AuditEntry.model_validate(values)
    except ValidationError as error:
        return "no entry: " + ", ".join(sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]}))
    except (ValueError, OverflowError, RecursionError, BadInputError):
        return "its details are no JSON, or its time is none"


@dataclass
class _Walk:
    """Where the check stands; ``expected`` is the next sequence, ``link`` the hash that it must follow."""

    witnesses: Iterator[Witness]
    expected: int = 1
    link: str | None = START.hash
    n_rows: int = 0
    n_witnesses: int = 0
    n_findings: int = 0
    first_bad: int | None = None
    findings: list[AuditFinding] = field(default_factory=list)
    passed: int = 0
    passed_hash: str | None = START.hash
    heard: int = 0
    next_witness: Witness | None = None

    def __post_init__(self) -> None:
        self.next_witness = next(self.witnesses, None)
        self._hear_witnesses()

    def take(self, row: Mapping[str, Any]) -> None:
        """Look at the next row; what can be read of a bad one is where the next is expected to go on."""
        self.n_rows += 1
        raw, stored = row.get("sequence"), row.get("hash")
        sequence = raw if type(raw) is int and abs(raw) <= _LARGEST else None
        entry = read_entry(row)
        if sequence is not None:
            self._check_place(sequence)
        if isinstance(entry, str):
            self._find(sequence, "unreadable", f"{_named(sequence)} cannot be read: {entry}")
        else:
            self._check_entry(entry)
        self.link = stored if isinstance(stored, str) else None
        if sequence is not None:
            self.expected = max(self.expected, sequence + 1)
            if sequence >= self.passed:
                self.passed, self.passed_hash = sequence, self.link
            self._hear_witnesses()

    def end(self) -> AuditVerdict:
        """What witnesses say of entries behind the last is told now."""
        while (witness := self.next_witness) is not None:
            self._hear(witness)
        head = None
        if self.link is not None and _is_hash(self.link):
            head = AuditHead(sequence=self.passed, hash=self.link)
        return AuditVerdict(
            verified=self.n_findings == 0,
            n_entries=self.n_rows,
            n_witnesses=self.n_witnesses,
            head=head,
            first_bad=self.first_bad,
            n_findings=self.n_findings,
            findings=self.findings,
        )

    def _check_place(self, sequence: int) -> None:
        if sequence > self.expected:
            gone = str(self.expected) if sequence == self.expected + 1 else f"{self.expected} to {sequence - 1}"
            self._find(self.expected, "missing", f"{gone} missing before entry {sequence}: cut out, or moved")
        elif sequence < self.expected:
            self._find(
                sequence, "out_of_place", f"entry {sequence} stands where {self.expected} should: put in or moved"
            )

    def _check_entry(self, entry: AuditEntry) -> None:
        if entry_hash(entry) != entry.hash:
            message = f"entry {entry.sequence} does not hash to what it says: it was edited"
            self._find(entry.sequence, "edited", message)
        if self.link is not None and entry.previous != self.link:
            message = (
                f"entry {entry.sequence} follows another entry than the one before it: that one was edited, "
                "or entries were cut out, put in or moved here"
            )
            self._find(entry.sequence, "broken_link", message)

    def _hear_witnesses(self) -> None:
        while (witness := self.next_witness) is not None and witness.place <= self.passed:
            self._hear(witness)

    def _hear(self, witness: Witness) -> None:
        """Hold the log against what was noted, and go on to the next witness."""
        self.n_witnesses += 1
        self.next_witness = next(self.witnesses, None)
        head = witness.head
        if head is None:
            self._find(None, witness.problem, witness.message, witness.name)
        elif head.sequence > self.passed:
            message = f"the log ends at entry {self.passed}, and reached {head.sequence} when it was witnessed: cut off"
            self._find(self.passed + 1, "truncated", message, witness.name)
        elif head.sequence < self.passed:
            self._hear_late(head.sequence, witness)
        elif head.hash != self.passed_hash:
            message = f"entry {head.sequence} is another than was witnessed: it, or an entry before it, was made anew"
            self._find(head.sequence, "witness_differs", message, witness.name)
        self.heard = max(self.heard, witness.place)

    def _hear_late(self, sequence: int, witness: Witness) -> None:
        """The walk is past the witnessed entry: it is not there, or the notes are not in order."""
        if sequence >= self.heard:
            self._find(sequence, "missing", f"entry {sequence} was witnessed and is not there", witness.name)
            return
        message = f"it noted entry {sequence} after {self.heard}: an older log was put back, or its notes were moved"
        self._find(None, "witness_goes_back", message, witness.name)

    def _find(self, sequence: int | None, problem: Problem, message: str, witness: str | None = None) -> None:
        self.n_findings += 1
        if sequence is not None and (self.first_bad is None or sequence < self.first_bad):
            self.first_bad = sequence
        if len(self.findings) < MOST_FINDINGS:
            found = AuditFinding(sequence=sequence, problem=problem, message=message, witness=witness)
            self.findings.append(found)


def _named(sequence: int | None) -> str:
    return "a row without a sequence" if sequence is None else f"entry {sequence}"


def _is_hash(text: str) -> bool:
    return len(text) == len(START.hash) and not set(text) - set("0123456789abcdef")
