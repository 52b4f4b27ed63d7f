import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.records.report import ReportedEstimate
from millrace.reports.wording import (
    change_text,
    counted,
    decimal,
    estimate_text,
    excerpt,
    joined,
    number,
    percent,
    sentence_case,
    short_hash,
    shown,
)


def test_an_estimate_reads_mean_interval_and_n() -> None:
    estimate = ReportedEstimate(mean=0.831, low=0.7996, high=0.8649, n=100, n_failed=4, method="wilson")
    assert estimate_text(estimate) == "0.83 [0.80, 0.86] (n = 100, 4 failed)"


def test_failed_items_are_mentioned_only_when_there_are_some() -> None:
    assert (
        estimate_text(ReportedEstimate(mean=0.5, low=0.1, high=0.9, n=4, method="wilson"))
        == "0.50 [0.10, 0.90] (n = 4)"
    )


def test_an_undefined_estimate_says_why() -> None:
    assert (
        estimate_text(ReportedEstimate(mean=None, n=0, method="wilson", reason="no_items")) == "not defined: no items"
    )


def test_an_estimate_without_an_interval_says_why() -> None:
    estimate = ReportedEstimate(mean=0.3, n=1, method="student_t", reason="one_item")
    assert estimate_text(estimate) == "0.30 (no interval: one item; n = 1)"


def test_an_estimate_may_not_be_undefined_without_a_reason() -> None:
    with pytest.raises(ValidationError, match="reason"):
        ReportedEstimate(mean=None, n=0, method="wilson")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-0.004, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (-0.006, 2, "\N{MINUS SIGN}0.01"),
        (0.005001, 2, "0.01"),
        (-0.4, 0, "0"),
        (0.1236, 3, "0.124"),
    ],
)
def test_what_rounds_to_nothing_has_no_sign(value: float, digits: int, text: str) -> None:
    assert decimal(value, digits) == text


@given(st.floats(-2, 2), st.integers(0, 3))
def test_a_sign_stands_only_before_a_number_that_is_not_shown_as_nothing(value: float, digits: int) -> None:
    text = decimal(value, digits)
    assert text.startswith("\N{MINUS SIGN}") == (round(value, digits) < 0)
    assert "-" not in text


def test_no_text_of_an_estimate_has_a_negative_nothing() -> None:
    estimate = ReportedEstimate(mean=-0.001, low=-0.0049, high=0.001, n=9, method="student_t")
    assert estimate_text(estimate) == "0.00 [0.00, 0.00] (n = 9)"
    assert change_text(estimate) == "0.00 [0.00, 0.00], within chance"
    assert percent(-0.0) == "0\N{NO-BREAK SPACE}%"


def test_a_change_has_its_sign() -> None:
    estimate = ReportedEstimate(mean=0.06, low=-0.01, high=0.13, n=9, method="newcombe")
    assert change_text(estimate) == "+0.06 [\N{MINUS SIGN}0.01, +0.13], within chance"


def test_a_reason_that_says_nothing_more_is_not_said() -> None:
    estimate = ReportedEstimate(mean=None, n=3, method="bootstrap", reason="undefined")
    assert estimate_text(estimate) == "not defined"


def test_sentence_case_changes_the_first_letter_alone() -> None:
    assert (sentence_case("recall of AUC"), sentence_case("")) == ("Recall of AUC", "")


def test_counts_have_their_thousands_apart() -> None:
    assert number(1234567).split() == ["1", "234", "567"]
    assert (counted(1, "trace"), counted(2, "trace")) == ("1 trace", "2 traces")


def test_long_lists_say_how_many_more_there_are() -> None:
    assert joined(["a", "b", "c"], at_most=2) == "a, b and 1 more"
    assert (joined(["a", "b"], at_most=2), joined([], at_most=2)) == ("a, b", "none")


def test_short_hash_keeps_the_kind() -> None:
    assert short_hash("traces:" + "ab" * 32) == "traces:abababababab"


def test_an_excerpt_is_cut_between_words() -> None:
    # 14 characters of room after the ellipsis: "one two three " is cut back to its last whole word.
    assert excerpt("one two three four", 15) == "one two three…"


@given(st.text(max_size=80), st.integers(2, 40))
def test_an_excerpt_is_one_line_and_never_longer_than_asked(text: str, max_chars: int) -> None:
    cut = excerpt(text, max_chars)
    assert len(cut) <= max_chars
    assert len(cut.splitlines()) <= 1


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\u202e", "\u2066", "\u200b", "\ud800"])
def test_characters_that_hide_or_reorder_text_are_made_visible(hidden: str) -> None:
    assert shown(f"pay{hidden}pal") == "pay\ufffdpal"


def test_joiners_of_emoji_and_scripts_stay() -> None:
    assert shown("👩\u200d🔬") == "👩\u200d🔬"
