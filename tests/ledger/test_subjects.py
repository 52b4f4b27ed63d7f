import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Literal

import pytest

from millrace.errors import BadInputError
from millrace.ledger.catalogue import bury
from millrace.ledger.store import Ledger
from millrace.ledger.subjects import datasets_of_subject, index_subjects, inherit_subjects, keyed_hash

A, B, C = "a" * 64, "b" * 64, "c" * 64
USER: Literal["user"] = "user"


def test_the_hash_is_hmac_sha256_of_type_and_id() -> None:
    expected = hmac.digest(b"secret", b"user\x00ada", hashlib.sha256).hex()
    assert keyed_hash(b"secret", "user", "ada") == expected
    assert len({keyed_hash(b"secret", "tenant", "ada"), keyed_hash(b"other", "user", "ada"), expected}) == 3
    with pytest.raises(BadInputError, match="empty"):
        keyed_hash(b"", "user", "ada")


def test_a_subject_leads_to_every_dataset_that_holds_it(ledger: Ledger) -> None:
    index_subjects(ledger, B, [("user", "h1"), ("tenant", "h1")])
    index_subjects(ledger, A, [("user", "h1"), ("user", "h2"), ("user", "h1")])
    index_subjects(ledger, A, [("user", "h1")])  # a second time, after a crash
    assert datasets_of_subject(ledger, "user", "h1") == [A, B]
    assert datasets_of_subject(ledger, "tenant", "h1") == [B]
    assert datasets_of_subject(ledger, "user", "h3") == []


def test_a_dataset_holds_whomever_its_inputs_hold(ledger: Ledger) -> None:
    index_subjects(ledger, A, [("user", "h1"), ("user", "h2")])
    index_subjects(ledger, B, [("user", "h2"), ("tenant", "h3")])
    for _ in range(2):  # a second time, after a crash
        inherit_subjects(ledger, C, [A, B, A])
    inherit_subjects(ledger, "d" * 64, [])
    assert datasets_of_subject(ledger, "user", "h1") == [A, C]
    assert datasets_of_subject(ledger, "user", "h2") == [A, B, C]
    assert datasets_of_subject(ledger, "tenant", "h3") == [B, C]


def test_a_subject_does_not_lead_to_what_is_buried(ledger: Ledger) -> None:
    index_subjects(ledger, A, [("user", "h1")])
    bury(ledger, A, "erasure", datetime(2026, 1, 5, tzinfo=UTC))
    assert datasets_of_subject(ledger, "user", "h1") == []


def test_a_hundred_thousand_subjects_are_indexed_in_seconds(ledger: Ledger) -> None:
    held = [(USER, hashlib.sha256(str(number).encode()).hexdigest()) for number in range(100_000)]
    began = time.process_time()
    index_subjects(ledger, A, held)
    assert time.process_time() - began < 5  # CPU time; 0.9 s measured
    inherit_subjects(ledger, B, [A])
    assert time.process_time() - began < 10
    assert datasets_of_subject(ledger, "user", held[99_999][1]) == [A, B]
