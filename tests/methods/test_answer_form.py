"""The form of an answer: finished, JSON where it was asked for, no debris."""

import pytest

from millrace.methods.answer_form import asks_for_json, has_debris, holds_json, is_json, is_unfinished


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The warranty of the machine covers two years and", True),
        ("The warranty of the machine covers two years.", False),
        ("The warranty of the machine covers the following parts:", True),
        ("One line that is whole.\nThe warranty of the machine covers two years and", True),
        ("You find the warranty of the machine under https://example.org/warranty", False),
        ("Two years", False),
        ("", False),
    ],
)
def test_long_prose_without_an_end_is_unfinished(answer: str, expected: bool) -> None:
    assert is_unfinished(answer) is expected


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        (["Give me the years as JSON"], True),
        (["What is the warranty?", "Reply with a JSON object."], True),
        (["What is JSON?"], False),
        ([], False),
    ],
)
def test_json_is_asked_for_in_so_many_words(requests: list[str], expected: bool) -> None:
    assert asks_for_json(requests) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [('{"years": 2}', True), ('Here:\n```json\n{"years": 2}\n```\n', True), ("{years: 2}", False), ("", False)],
)
def test_json_may_be_the_answer_or_stand_in_a_fence(answer: str, expected: bool) -> None:
    assert holds_json(answer) is expected


def test_a_text_nested_too_deeply_is_no_json() -> None:
    assert not is_json("[" * 100_000)


@pytest.mark.parametrize(
    "answer",
    [
        "The warranty\ufffd is two years.",
        "The warranty is two years.\x00",
        "The owner\u00e2\u20ac\u2122s warranty.",
        "Caf\u00c3\u00a9 and garden.",
        "Two years.<|im_end|>",
        "<|assistant|> Two years.",
        "Two years.</s>",
    ],
)
def test_debris_is_found(answer: str) -> None:
    assert has_debris(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Two years.\n\tAnd a day.\r\n",
        "Caf\u00e9, na\u00efve, \u201cquoted\u201d \u2013 30\u00a0\u20ac, \u00c2ge, S\u00c3O PAULO, \u00a9 2026",
        "A turn ends with <|im_end|> in this template.",
        "Use <s>old</s> for what is struck out.",
    ],
)
def test_what_people_write_is_no_debris(answer: str) -> None:
    assert not has_debris(answer)
