"""An id that is personal data is replaced by a name that tells as much apart and says nothing."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.methods.pseudonyms import pseudonym
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.rules import read_rules

RULES = read_rules(Path(__file__).parents[2] / "configs" / "pii.yaml", RedactionRule)
REDACTOR = Redactor(RULES)
PIECES = [rule.positive for rule in RULES] + [
    "mary@example.org",
    "mary@example",
    "203.0.113.7",
    " ",
    "-",
    "u1",
    "\ud800",
]


@pytest.mark.parametrize("identifier", ["", "u-4711", "emil-1112", "018f4c2e-7b1a-7c3d-9e2f-0a1b2c3d4e5f"])
def test_an_ordinary_id_stays(identifier: str) -> None:
    assert pseudonym(identifier, REDACTOR).text == identifier


def test_an_id_that_is_personal_data_is_told_apart_by_a_hash() -> None:
    digits = hashlib.sha256(b"mary@example.org").hexdigest()[:16]
    letters = "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digits)

    found = pseudonym("mary@example.org", REDACTOR)
    assert found.text == f"[EMAIL]~{letters}"
    assert [(count.pii_type, count.n_items) for count in found.counts] == [("EMAIL", 1)]
    assert pseudonym("bob@example.org", REDACTOR).text != found.text


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join))
def test_a_pseudonym_of_a_pseudonym_is_itself(identifier: str) -> None:
    once = pseudonym(identifier, REDACTOR)

    assert pseudonym(once.text, REDACTOR).text == once.text


def test_what_is_only_reported_stays_in_an_id() -> None:
    reporting = Redactor([rule.model_copy(update={"mode": "report"}) for rule in RULES])
    found = pseudonym("mary@example.org", reporting)

    assert found.text == "mary@example.org"
    assert [count.pii_type for count in found.reported] == ["EMAIL"]
