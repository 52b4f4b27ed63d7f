"""Personal data is replaced once, in linear time, and every edit is accounted for."""

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.rules import read_rules

ROOT = Path(__file__).parents[2]
RULES = read_rules(ROOT / "configs" / "pii.yaml", RedactionRule)
REDACTOR = Redactor(RULES)
PRESIDIO = ROOT.parent / "shared" / "data" / "pii_presidio" / "generated_large.json"

PIECES = [rule.positive for rule in RULES] + [rule.negative for rule in RULES]
PIECES += ["[EMAIL]", "[PASSPORT]", "[PHONE", "]", "\0", "\ud800"]
PIECES += ["a@b.co", "+1 202-555-0143", "passport", "SSN", " ", "-"]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text("09+-.:@[]() aAxkéß\0\ud800", max_size=6))).map("".join)


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_each_rule_finds_its_positive_example_by_itself(rule: RedactionRule) -> None:
    redacted = Redactor([rule]).redact(rule.positive)

    assert f"[{rule.pii_type}]" in redacted.text
    assert [(count.pii_type, count.n_items) for count in redacted.counts] == [(rule.pii_type, 1)]


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_no_rule_touches_a_negative_example(rule: RedactionRule) -> None:
    assert REDACTOR.redact(rule.negative).text == rule.negative


@settings(deadline=None)
@given(TEXTS)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = REDACTOR.redact(text)
    twice = REDACTOR.redact(once.text)

    assert (twice.text, twice.counts, twice.edits) == (once.text, [], ())


@settings(deadline=None)
@given(TEXTS)
def test_cheap_conditions_change_no_result(text: str) -> None:
    eager = [rule.model_copy(update={"contains": [], "quick": ""}) for rule in RULES]

    assert Redactor(eager).redact(text) == REDACTOR.redact(text)


@settings(deadline=None)
@given(TEXTS)
def test_edits_rebuild_the_text_and_add_up_to_the_counts(text: str) -> None:
    redacted = REDACTOR.redact(text)

    pieces, position, shift, types = [], 0, 0, Counter()
    for edit in redacted.edits:
        shown = redacted.text[edit.start + shift : edit.start + shift + edit.length]
        pieces += [text[position : edit.start], shown]
        types[shown.strip("[]")] += 1
        position, shift = edit.end, shift + edit.length - (edit.end - edit.start)
    assert "".join(pieces) + text[position:] == redacted.text
    assert {count.pii_type: count.n_items for count in redacted.counts} == types


@settings(deadline=None)
@given(TEXTS, st.integers(0, 60), st.integers(1, 20))
def test_a_moved_span_shows_the_same_characters(text: str, start: int, length: int) -> None:
    redacted = REDACTOR.redact(text)
    end = min(start + length, len(text))

    moved = redacted.moved(start, end)

    touched = any(edit.start < end and start < edit.end for edit in redacted.edits)
    assert (moved is None) is touched
    if moved is not None:
        assert redacted.text[slice(*moved)] == text[start:end]


def test_what_a_replacement_brings_to_light_is_replaced_too() -> None:
    # The address keeps the word more than 60 characters away from the number; its placeholder does not.
    text = f"passport of {'m' * 60}@example.org 512345678"

    assert REDACTOR.redact(text).text == "passport of [EMAIL] [PASSPORT]"


def test_spans_beside_an_edit_are_not_touched_by_it() -> None:
    redacted = REDACTOR.redact("(a@b.com)")

    # "a@b.com" stood at 1 to 8 and is now "[EMAIL]", as long as before; "mary@b.com" was three characters longer.
    assert [redacted.moved(0, 1), redacted.moved(8, 9), redacted.moved(0, 2)] == [(0, 1), (8, 9), None]
    assert REDACTOR.redact("(mary@b.com)").moved(11, 12) == (8, 9)


def test_a_passport_number_is_not_reported_as_ssn() -> None:
    text = "My passport is 512345678 and my SSN is 219099999."

    assert REDACTOR.redact(text).text == "My passport is [PASSPORT] and my SSN is [SSN]."


def test_the_longest_match_wins_then_the_nearest_word_then_the_earlier_rule() -> None:
    common = {"reason": "", "positive": "", "negative": ""}
    short = RedactionRule(id="s", pii_type="SHORT", regex="ab", **common)
    long = RedactionRule(id="l", pii_type="LONG", regex="bcd", **common)
    same = RedactionRule(id="t", pii_type="SAME", regex="bcd", **common)
    far = RedactionRule(id="f", pii_type="FAR", regex="bcd", context=["word"], **common)

    assert Redactor([short, long, same]).redact("abcd").text == "a[LONG]"
    assert Redactor([same, long]).redact("abcd").text == "a[SAME]"
    assert Redactor([far, long]).redact("word abcd").text == "word a[LONG]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IBAN DE89 3704 0044 0532 0130 00 have it", "IBAN [IBAN] have it"),
        ("IBAN NO93 8601 1117 947 soon", "IBAN [IBAN] soon"),
        ("card 4111 1111 1111 1111 12 times", "card [CREDIT_CARD] 12 times"),
        ("in 2020 4111-1111-1111-1111", "in 2020 [CREDIT_CARD]"),
        ("a@b.com-Office", "[EMAIL]-Office"),
        ("<mary@example.org>, (bob@example.org)", "<[EMAIL]>, ([EMAIL])"),
        ("time 12:30:45, 2024-05-17, 3.14159265358979", "time 12:30:45, 2024-05-17, 3.14159265358979"),
        ("::ffff:203.0.113.7 and 203.0.113.7:8080", "::ffff:[IP_ADDRESS] and [IP_ADDRESS]:8080"),
        ("\ud800 a@b.com \udfff", "\ud800 [EMAIL] \udfff"),
        ("", ""),
    ],
)
def test_borders_of_matches(text: str, expected: str) -> None:
    assert REDACTOR.redact(text).text == expected


REPEATED = ["a", "1", "a@", "a.", "1.", "1:", "eyJ", "sk-a", "+1 ", "4111 ", "DE12 ", "1-", "@a."]
REPEATED += [
    "12 Elm ",
    "Elm ",
    "A",
    "key ",
    "password ",
    "://a:",
    "-----BEGIN PRIVATE KEY-----a",
    "Rue de la ",
    "Mr. Al ",
]


@pytest.mark.parametrize("piece", REPEATED)
def test_time_grows_with_the_length_only(piece: str) -> None:
    # Every cheap condition is met, so that each pattern runs over the whole of the text.
    keys = "a@b.com passport ssn phone +1 ghp_ AKIA AIza xox eyJ sk- 1.2.3.4 a::1 AB12 3456 123456789 mrn key password "
    keys += "hf_ pnu_ glpat- PRIVATE KEY :// Apt APO box 1 name Mr rue "
    small, large = (keys + piece * (size // len(piece)) for size in (8_000, 80_000))

    assert _seconds(large) < 25 * _seconds(small) + 0.5


def test_a_text_of_a_megabyte_takes_linear_time() -> None:
    # All kinds of finds and near misses, mixed; quadratic growth would make the ratio a hundred.
    text = " ".join([*(rule.positive for rule in RULES), *(rule.negative for rule in RULES)]) + " "
    small, large = (text * (size // len(text)) for size in (100_000, 1_000_000))
    _seconds(text)

    assert _seconds(large) < 25 * _seconds(small) + 0.5


def _seconds(text: str) -> float:
    start = time.process_time()
    REDACTOR.redact(text)
    return time.process_time() - start


def _rule(pii_type: str, regex: str, **fields: Any) -> RedactionRule:
    return RedactionRule(
        id=pii_type.lower(), pii_type=pii_type, regex=regex, reason="", positive="", negative="", **fields
    )


def test_a_reported_type_is_counted_and_left_as_it_is() -> None:
    redacted = Redactor([_rule("PHONE", "[0-9]+", mode="report"), _rule("EMAIL", "a@b")]).redact("a@b 12 34")

    assert redacted.text == "[EMAIL] 12 34"
    assert [(count.pii_type, count.n_items) for count in redacted.counts] == [("EMAIL", 1)]
    assert [(count.pii_type, count.n_items) for count in redacted.reported] == [("PHONE", 2)]
    assert redacted.blocked_by is None


def test_a_reported_type_keeps_no_other_from_being_replaced() -> None:
    # Alone, the longer match would win.
    long, short = _rule("PHONE", "[0-9 ]+", mode="report"), _rule("SSN", "34")
    redacted = Redactor([long, short]).redact("12 34 56")

    assert redacted.text == "12 [SSN] 56"
    assert [count.n_items for count in redacted.reported] == [2]


def test_a_blocking_type_is_replaced_and_named() -> None:
    redactor = Redactor([_rule("SSN", "[0-9]+", mode="block"), _rule("CARD", "x+", mode="block"), _rule("MAIL", "a@b")])

    assert redactor.redact("a@b").blocked_by is None
    assert redactor.redact("12 a@b").blocked_by == "SSN"
    assert redactor.redact("12 xx a@b").blocked_by == "CARD"  # the first by name
    assert redactor.redact("12").text == "[SSN]"
    assert redactor.redact("[SSN]").blocked_by is None  # replaced by somebody before


def test_of_a_pattern_with_a_group_only_the_group_is_replaced() -> None:
    redactor = Redactor([_rule("PERSON", r"name is (?P<pii>[A-Z]\w+)")])

    assert redactor.redact("The name is Bo, name is Al.").text == "The name is [PERSON], name is [PERSON]."


def test_a_word_before_rules_a_match_out() -> None:
    redactor = Redactor([_rule("IP_ADDRESS", r"1\.2", unless=["version"], unless_before=10)])

    assert redactor.redact("Version 1.2").text == "Version 1.2"
    assert redactor.redact("1.2 version").text == "[IP_ADDRESS] version"
    assert redactor.redact("version is now 1.2").text == "version is now [IP_ADDRESS]"  # eleven characters before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("upgraded from 2.14.0.1 to 2.14.0.2", "upgraded from 2.14.0.1 to 2.14.0.2"),
        ("prefect==2.20.0.1, pkg-1.2.3.4, Chrome/120.0.0.0", "prefect==2.20.0.1, pkg-1.2.3.4, Chrome/120.0.0.0"),
        ("http://203.0.113.7/x and root@203.0.113.7", "http://[IP_ADDRESS]/x and root@[IP_ADDRESS]"),
        ("host=203.0.113.7, 203.0.113.7-203.0.113.9", "host=[IP_ADDRESS], [IP_ADDRESS]-[IP_ADDRESS]"),
    ],
)
def test_versions_are_told_from_addresses(text: str, expected: str) -> None:
    assert REDACTOR.redact(text).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 Elm Street", "[ADDRESS]"),
        ("at 221B Baker Street, London", "at [ADDRESS], London"),
        ("3022 Benson Park Drive\nTulsa, OK 74103", "[ADDRESS]"),
        ("Hausergasse 59, Paul-Nevermann-Platz 47 or Keizersgracht 101", "[ADDRESS], [ADDRESS] or [ADDRESS]"),
        ("49 boulevard Amiral Courbet", "[ADDRESS]"),
        ("Avenida Gomes Freire 1640", "[ADDRESS]"),
        ("a 16 GB Hard Drive, step 3 of Main Street", "a 16 GB Hard Drive, step 3 of Main Street"),
        ("Dr. Grace Example-Hopper saw Mrs van Dyke", "Dr. [PERSON] saw Mrs van Dyke"),
        ("medical record number: A-1234567", "medical record number: [MEDICAL_RECORD]"),
        ("my passport is A1234567 and the MRN 7654321", "my passport is [PASSPORT] and the MRN [MEDICAL_RECORD]"),
        ("password=hunter22 token: ${TOKEN_1234567890abc}", "password=[PASSWORD] token: ${TOKEN_1234567890abc}"),
    ],
)
def test_addresses_names_records_and_secrets(text: str, expected: str) -> None:
    assert REDACTOR.redact(text).text == expected


def test_no_rules_change_nothing() -> None:
    assert Redactor([]).redact("a@b.com [EMAIL]").text == "a@b.com [EMAIL]"


def test_a_type_must_be_printable_as_a_placeholder() -> None:
    with pytest.raises(ValidationError, match="pii_type"):
        RedactionRule(id="x", pii_type="e mail", regex="x", reason="", positive="", negative="")


@pytest.mark.shared_data
@pytest.mark.skipif(not PRESIDIO.exists(), reason="needs ../shared/data/pii_presidio")
def test_synthetic_sentences_are_redacted() -> None:
    types = {"EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "US_SSN": "SSN", "CREDIT_CARD": "CREDIT_CARD",
             "IBAN_CODE": "IBAN", "IP_ADDRESS": "IP_ADDRESS"}  # fmt: skip
    found, expected, wrong = Counter(), Counter(), Counter()
    for row in json.loads(PRESIDIO.read_text(encoding="utf-8")):
        gold = Counter(types[span["entity_type"]] for span in row["spans"] if span["entity_type"] in types)
        replaced = re.findall(r"\[([A-Z_]+)\]", REDACTOR.redact(row["full_text"]).text)
        shown = Counter(kind for kind in replaced if kind in types.values())
        expected += gold
        found += gold & shown
        wrong += shown - gold

    # Measured 1.00 for every type, and precision 0.98 for telephone numbers, on either half of the templates.
    assert {kind: found[kind] / n >= 0.97 for kind, n in expected.items()} == dict.fromkeys(types.values(), True)
    assert wrong.total() <= 0.02 * found.total()
