"""What only one person wrote is known by words, runs of words and ids, and is taken out of whatever holds it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.governance.erasure_marks import ERASED, Marks, texts_in

WORDS = st.lists(st.text("abcdefgh", min_size=3, max_size=6), min_size=1, max_size=12).map(" ".join)


def marks_of(*texts: str, ids: tuple[str, ...] = (), others: tuple[str, ...] = ()) -> Marks:
    marks = Marks()
    for text in texts:
        marks.add_text(text)
    for each in ids:
        marks.add_id(each)
    for text in others:
        marks.leave_to_others(text)
    return marks


@given(own=WORDS, other=WORDS)
def test_what_others_wrote_is_never_redacted(own: str, other: str) -> None:
    marks = marks_of(own, others=(other,))
    assert marks.redacted(other) == other


@given(own=WORDS, around=st.lists(WORDS, max_size=3), other=WORDS)
def test_nothing_redacted_holds_a_mark_and_it_is_stable(own: str, around: list[str], other: str) -> None:
    marks = marks_of(own, others=(other,))
    value = {"texts": [*around, own, f"{other}\n{own}\n{other}"], "n": 3}
    clean, _ = marks.scrubbed(value)
    assert not any(marks.is_in(text) for text in texts_in(clean))
    assert marks.scrubbed(clean) == (clean, 0)
    assert clean["n"] == 3


def test_a_word_of_their_own_is_found_in_any_case_and_escaped_within_json() -> None:
    marks = marks_of("The Zanzibär lathe")
    assert marks.is_in("see ZANZIBÄR.")
    assert marks.is_in(json.dumps(json.dumps({"page": "first\nzanzibär"})))
    assert not marks.is_in("zanzibari")


def test_five_words_in_a_row_are_a_mark_where_each_word_is_everybodys() -> None:
    marks = marks_of("the pump of the mill leaks", others=("leaks", "of the pump the mill"))
    assert marks.is_in("They say the pump of the mill leaks a lot")
    assert not marks.is_in("the pump leaks of the mill")


def test_short_words_and_ordinary_numbers_are_no_marks() -> None:
    assert not marks_of("my 1234 ox").is_in("1234 ox")
    assert marks_of("call 5551234").is_in("tel. 5551234")


def test_ids_count_where_they_stand_alone() -> None:
    marks = marks_of(ids=("trace-1", "pump"))
    assert marks.is_in("see trace-1: late")
    assert marks.is_in("pump")
    assert not marks.is_in("see trace-1-2, and the pump")


def test_of_many_lines_only_those_with_marks_go_unless_a_run_goes_over_their_end() -> None:
    assert marks_of("zanzibar").redacted("one\nzanzibar two\nthree") == f"one\n{ERASED}\nthree"
    marks = marks_of("alpha beta gamma delta epsilon", others=("alpha", "beta", "gamma", "delta", "epsilon"))
    assert marks.redacted("alpha beta\ngamma delta epsilon") == ERASED


@pytest.mark.parametrize(("label", "left"), [("pump zanzibar mill", "pump mill"), ("zanzibar", ERASED)])
def test_a_label_loses_its_words(label: str, left: str) -> None:
    assert marks_of("zanzibar").label_without(label) == left


def test_no_marks_say_so() -> None:
    assert not Marks()
    assert marks_of("zanzibar")
