"""Every answer gets a score with its source, or the reason why it has none; a low one can withhold it."""

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from millrace.answering.extractive import ABSTENTION
from millrace.answering.hallucination import HallucinationConfig, check_hallucination
from millrace.methods.consistency import AnsweredCase, Consistency, PairConsistency
from millrace.records.trace import Citation, Score
from tests.support.drafts import draft, user


class ShareOfPassage:
    """An order-sensitive stand-in for a cross-encoder: the share of the second text's words that the first has."""

    identity = "share"

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [len(set(a.split()) & set(b.split())) / len(set(b.split())) for a, b in pairs]


class Remembering:
    identity = "remembering"

    def __init__(self) -> None:
        self.cases: list[AnsweredCase] = []

    def score(self, cases: Sequence[AnsweredCase]) -> list[Consistency]:
        self.cases.extend(cases)
        return [Consistency(0.5)] * len(cases)


def test_the_score_says_how_far_the_passages_support_the_answer_and_who_says_so() -> None:
    asked = draft("q", "a b c d", "x", answer="a b e f")
    (step,) = check_hallucination([asked], PairConsistency(ShareOfPassage()), HallucinationConfig())
    assert step.draft.scores == (Score(name="factual_consistency", value=0.5, source="share/max"),)
    assert step.facts == {"source": "share/max", "score": 0.5, "reason": None}


def test_pairs_are_read_as_passage_then_answer() -> None:
    # the passage has both words of the answer; the answer has two of the passage's four
    asked = draft("q", "a b c d", answer="a b")
    (step,) = check_hallucination([asked], PairConsistency(ShareOfPassage()), HallucinationConfig())
    assert step.draft.scores[0].value == 1.0
    assert ShareOfPassage().score([("a b", "a b c d")]) == [0.5]


def test_the_scorer_is_given_what_was_said_before() -> None:
    scorer = Remembering()
    check_hallucination([draft("q", "p", answer="a", history=[user("before")])], scorer, HallucinationConfig())
    assert scorer.cases == [AnsweredCase("a", ("p",), "q", (user("before"),))]


@pytest.mark.parametrize(("passages", "answer", "reason"), [((), "a", "no_context"), (("p",), None, "no_answer")])
def test_without_passages_or_answer_there_is_no_score_and_nothing_is_withheld(
    passages: tuple[str, ...], answer: str | None, reason: str
) -> None:
    asked = draft("q", *passages, answer=answer)
    config = HallucinationConfig(withhold_below=1)
    (step,) = check_hallucination([asked], PairConsistency(ShareOfPassage()), config)
    (score,) = step.draft.scores
    assert (score.value, score.reason, step.draft.status) == (None, reason, None)


@pytest.mark.parametrize(("least", "withheld"), [(None, False), (0.5, False), (0.51, True)])
def test_an_answer_below_the_threshold_is_withheld_where_one_is_set(least: float | None, withheld: bool) -> None:
    asked = draft(
        "q", "a b", answer="a x", citations=(Citation(start=0, end=3, context_id="c1"),), output={"answer": 1}
    )
    config = HallucinationConfig(withhold_below=least)
    (step,) = check_hallucination([asked], PairConsistency(ShareOfPassage()), config)
    assert (step.draft.status == "abstained") is withheld
    if withheld:
        assert (step.draft.answer, step.draft.citations, step.draft.output) == (ABSTENTION, (), None)
        assert step.draft.error == "the answer was withheld: factual_consistency 0.500 is below 0.51"
        assert step.draft.scores[0].value == 0.5
    assert step.facts.get("withheld") == (None if least is None else withheld)


def test_scores_of_other_stages_stay() -> None:
    earlier = Score(name="other", value=1.0, source="s")
    (step,) = check_hallucination(
        [draft("q", "p", answer="a", scores=(earlier,))], Remembering(), HallucinationConfig()
    )
    assert [score.name for score in step.draft.scores] == ["other", "factual_consistency"]


def test_settings_are_closed_and_bounded() -> None:
    for wrong in ({"aggregation": "sum"}, {"withhold_below": 1.5}, {"threshold": 0.5}):
        with pytest.raises(ValidationError):
            HallucinationConfig.model_validate(wrong)
