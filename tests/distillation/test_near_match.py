"""Which prompts are near is a matter of their vectors alone; the filter by words changes only what it costs."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from millrace.distillation import near_match
from millrace.distillation.near_match import Asked, NearExample, NearMatcher
from millrace.ports import Vectors
from tests.support.contamination import examples, user


class Angles:
    """Implements ``Embedder`` and ``WordVectors``: a text "30 turns" is a vector at 30 degrees."""

    identity = "angles"
    dimension = 2

    def __init__(self, **special: float) -> None:
        self.special = special
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        angles = [math.radians(self.special.get(text, float(text.split()[-1]))) for text in texts]
        return np.array([(math.cos(each), math.sin(each)) for each in angles], dtype=np.float32).reshape(-1, 2)


def matcher(rows: Sequence[dict[str, Any]], words: Angles | None = None, **settings: Any) -> tuple[NearMatcher, Angles]:
    embedder = Angles()
    bounds = {"cosine": 0.9, "candidate_cosine": 0.5} | settings
    return NearMatcher(examples(*rows), embedder=embedder, words=words, **bounds), embedder


def asked(*texts: str) -> list[tuple[int, Asked]]:
    return [(record, Asked(text, text)) for record, text in enumerate(texts)]


def test_a_prompt_at_the_bound_counts_and_one_below_it_does_not() -> None:
    # the cosine of 25 degrees is 0.906, of 26 degrees 0.899
    found, _ = matcher([{"question": "asked at 0"}])
    assert [each.record for each in found.find(asked("at 25", "at 26", "at 335", "at 180"))] == [0, 2]
    assert found.find(asked("at 25"))[0].cosine == pytest.approx(np.cos(np.radians(25)), abs=1e-6)


def test_the_nearest_example_is_named_and_of_equals_the_lowest_id() -> None:
    found, _ = matcher(
        [{"question": "b 10", "eval_id": "b"}, {"question": "c 10", "eval_id": "a"}, {"question": "d 20"}]
    )
    assert [each.example for each in found.find(asked("at 10", "at 18", "at 12"))] == [1, 2, 1]


def test_prompts_whose_words_are_far_are_not_embedded() -> None:
    words = Angles(**{"at 10": 70.0})
    found, embedder = matcher([{"question": "asked at 0"}], words)
    embedder.embedded.clear()
    assert [each.record for each in found.find(asked("at 10", "at 20", "at 90", "at 20"))] == [1, 3]
    assert embedder.embedded == ["at 20"]
    assert (found.n_embedded, found.n_texts) == (1, 3)


@pytest.mark.parametrize("product", [0.5 - 5e-5, 0.5 + 5e-5])
def test_what_is_near_a_bound_is_decided_in_float64(product: float) -> None:
    angle = float(np.degrees(np.arccos(product)))
    found, embedder = matcher([{"question": "asked at 0"}], Angles(**{"edge 1": angle}), cosine=0.01)
    embedder.embedded.clear()
    found.find(asked("edge 1", "at 30"))
    assert ("edge 1" in embedder.embedded) == (product > 0.5)


@pytest.mark.parametrize("product", [0.9 - 5e-5, 0.9 + 5e-5])
def test_the_bound_itself_is_exact_too(product: float) -> None:
    found = NearMatcher(
        examples({"question": "asked at 0"}),
        0.9,
        0.5,
        Angles(**{"edge 1": float(np.degrees(np.arccos(product)))}),
        None,
    )
    assert len(found.find(asked("edge 1"))) == (product > 0.9)


@pytest.mark.parametrize("words", [None, Angles()])
def test_the_result_does_not_hang_on_blocks_or_company(words: Angles | None, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"question": f"asked {angle}"} for angle in range(0, 360, 80)]
    texts = asked(*(f"at {angle}" for angle in range(0, 360, 7)))
    whole = matcher(rows, words)[0].find(texts)
    assert 0 < len(whole) < len(texts)
    monkeypatch.setattr(near_match, "_PRODUCTS", 10)
    monkeypatch.setattr(near_match, "_TEXTS_AT_ONCE", 3)
    assert matcher(rows, words)[0].find(texts) == whole
    one, _ = matcher(rows, words)
    assert [each for text in texts for each in one.find([text])] == whole


LEANING = {"question": "And then 0", "history": [user("What did they build 40")]}


@pytest.mark.parametrize(
    ("plain", "in_context", "near"),
    [
        ("and 5", "What was built 40 and 5", True),
        ("and 90", "What was built 90 and then 5", False),  # after its turn it is near, by itself it is not
        ("and 5", "What was built 40 and 90", False),
        ("and 5", "and 5", True),
    ],
)
def test_a_question_that_leans_is_near_by_itself_and_after_its_turn(plain: str, in_context: str, near: bool) -> None:
    found, _ = matcher([LEANING])
    assert [each.record for each in found.find([(3, Asked(plain, in_context))])] == [3] * near


def test_a_prompt_in_its_context_may_be_a_question_that_stands_alone() -> None:
    found, _ = matcher([{"question": "How do I set retries for a flow in Docker 0"}])
    (match,) = found.find([(0, Asked("and in Docker 90", "How do I set retries? And in Docker 3"))])
    assert match.example == 0


def test_nothing_is_near_to_no_examples() -> None:
    found, _ = matcher([{"question": "?!"}])
    assert found.find(asked("at 0")) == []


def test_a_match_tells_record_example_and_cosine() -> None:
    found, _ = matcher([{"question": "asked at 0"}])
    assert found.find([(7, Asked("at 0", "at 0"))]) == [NearExample(7, 0, 1.0)]
