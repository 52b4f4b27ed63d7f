"""A sentence is made false by a number or a name that its passage has not; nothing else of it changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.evaluation.swaps import names_in, numbers_in, with_other_name, with_other_number

SENTENCE = "Since 1850 the mill of Anna Reed uses `wheel.turn` 3 times."


def test_numbers_and_names_are_found_in_order_and_code_is_one_name() -> None:
    assert numbers_in(SENTENCE) == ["1850", "3"]
    assert names_in(SENTENCE) == ["Anna Reed", "`wheel.turn`"]


@pytest.mark.parametrize("text", ["python3", "v2.20", "3.11-slim", "`sleep 5`", "`x[1]`", "2026/11", "a.5"])
def test_parts_of_names_versions_and_code_are_no_numbers(text: str) -> None:
    assert numbers_in(f"Use {text} here") == []


@pytest.mark.parametrize(
    ("text", "found"), [("Waits 1,000 ms.", "1,000"), ("Costs 2.5 units.", "2.5"), ("Has 7.", "7")]
)
def test_separators_belong_to_a_number_and_full_stops_do_not(text: str, found: str) -> None:
    assert numbers_in(text) == [found]


def test_the_first_number_is_replaced_by_the_first_that_the_passage_has_not() -> None:
    passage = f"{SENTENCE} It has 24 rooms."
    assert with_other_number(SENTENCE, passage, ["3", "24", "1990", "5"]) == SENTENCE.replace("1850", "1990")
    assert with_other_number(SENTENCE, passage, ["3", "24"]) is None
    assert with_other_number("No number here.", passage, ["5"]) is None


def test_a_word_is_replaced_by_a_word_and_code_by_code() -> None:
    assert with_other_name(SENTENCE, SENTENCE, ["`other`", "Carl"]) == SENTENCE.replace("Anna Reed", "Carl")
    code = "Then `wheel.turn` is called."
    assert with_other_name(code, code, ["Carl", "`other`"]) == "Then `other` is called."
    assert with_other_name(code, code, ["Carl"]) is None
    assert with_other_name("Nothing named here.", code, ["Carl", "`other`"]) is None


def test_a_name_that_the_passage_has_in_another_case_is_no_other_name() -> None:
    assert with_other_name("The wheel of Anna.", "The wheel of Anna and CARL.", ["Carl"]) is None


@given(st.text(alphabet="ab 12.,`A", max_size=30), st.text(alphabet="ab 12.,", max_size=30))
def test_what_is_swapped_differs_in_one_place_only(sentence: str, passage: str) -> None:
    found = with_other_number(sentence, passage, ["777"])
    if found is not None:
        before, after = found.split("777")
        assert sentence.startswith(before)
        assert sentence.endswith(after)
        assert found != sentence
