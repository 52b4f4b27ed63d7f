"""Detectors under one protocol: a case's value is its own, and where there is none a reason stands."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of, table_of
from millrace.methods.consistency import (
    Aggregation,
    AnsweredCase,
    Consistency,
    ConsistencyScorer,
    GroundednessConsistency,
    PairConsistency,
)
from millrace.methods.groundedness import score_groundedness
from millrace.records.groundedness import GroundednessScore
from millrace.records.trace import RetrievedContext, Trace, Turn, utc
from tasks.tables import groundedness_model
from tests.support.embedder import HashedWords

PASSAGE = "The mill stands in York. It was built in 1850 by Anna Reed. Water drives its great wheel."
SCORES = {("p1", "a"): 0.2, ("p2", "a"): 0.9, ("p3", "a"): 0.4}


class Table:
    """A cross-encoder that knows some pairs, in one order only."""

    identity = "table"

    def __init__(self) -> None:
        self.batches: list[list[tuple[str, str]]] = []

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.batches.append(list(pairs))
        return [SCORES[pair] for pair in pairs]


@pytest.mark.parametrize(("how", "expected"), [("max", 0.9), ("mean", 0.5), ("min", 0.2)])
def test_pairs_scores_are_aggregated_over_the_passages(how: Aggregation, expected: float) -> None:
    scorer = PairConsistency(Table(), how)
    (found,) = scorer.score([AnsweredCase("a", ("p1", "p2", "p3"))])
    assert found.value == pytest.approx(expected)
    assert scorer.identity == f"table/{how}"


def test_pairs_are_passage_then_answer_and_the_reverse_is_another_question() -> None:
    with pytest.raises(KeyError):
        PairConsistency(Table()).score([AnsweredCase("p1", ("a",))])


def test_pairs_that_recur_are_read_once() -> None:
    table = Table()
    found = PairConsistency(table).score([AnsweredCase("a", ("p1", "p2")), AnsweredCase("a", ("p2",))])
    assert table.batches == [[("p1", "a"), ("p2", "a")]]
    assert [each.value for each in found] == [0.9, 0.9]


def test_blank_passages_are_not_read() -> None:
    assert PairConsistency(Table(), "min").score([AnsweredCase("a", (" ", "p2"))])[0].value == 0.9


EMBEDDED = GroundednessConsistency(HashedWords(), groundedness_model())


@pytest.mark.parametrize("scorer", [PairConsistency(Table()), EMBEDDED], ids=["pairs", "embedded"])
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (AnsweredCase(" ", (PASSAGE,)), "no_answer"),
        (AnsweredCase("The mill.", ()), "no_context"),
        (AnsweredCase("The mill.", (" \n",)), "no_context"),
    ],
)
def test_where_nothing_can_be_compared_the_value_is_none_with_a_reason(
    scorer: ConsistencyScorer, case: AnsweredCase, reason: str
) -> None:
    assert scorer.score([case]) == [Consistency(None, reason)]


def test_the_embedded_scorer_gives_what_it_gives_to_traces() -> None:
    history = (Turn(speaker="user", text="Who built the mill in 1850?"),)
    case = AnsweredCase("Carl Young built it in 1923.", (PASSAGE, "Bread is baked."), "And when?", history)
    trace = Trace(
        trace_id="t",
        time=utc(2026, 1, 1),
        tenant_id="a",
        question=case.question,
        history=list(history),
        contexts=[RetrievedContext(context_id=text, text=text) for text in case.contexts],
        answer=case.answer,
    )
    table = score_groundedness(table_of(Trace, [trace]), embedder=HashedWords(), model=groundedness_model())
    (expected,) = rows_of(GroundednessScore, table)
    assert EMBEDDED.score([case]) == [Consistency(expected.score)]
    assert EMBEDDED.identity == expected.source


def test_supported_answers_score_above_invented_ones() -> None:
    supported, invented = EMBEDDED.score(
        [
            AnsweredCase("Water drives its great wheel.", (PASSAGE,)),
            AnsweredCase("Steam drives 7 turbines.", (PASSAGE,)),
        ]
    )
    assert supported.value is not None
    assert invented.value is not None
    assert supported.value > 0.9 > 0.5 > invented.value


texts = st.lists(
    st.sampled_from(["The mill stands in York.", "It fell in 1923.", "Yes.", "I do not know.", ""]), max_size=3
)


@given(st.lists(st.builds(AnsweredCase, texts.map(" ".join), texts.map(tuple)), max_size=5))
def test_a_cases_value_does_not_depend_on_the_others(cases: list[AnsweredCase]) -> None:
    assert EMBEDDED.score(cases) == [found for case in cases for found in EMBEDDED.score([case])]
