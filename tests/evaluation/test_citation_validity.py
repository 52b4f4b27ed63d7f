"""Citations: where they lie, what they name, and whether that is about the same."""

from typing import Any

import pytest

from millrace.evaluation.citation_validity import citation_results, is_valid_citation
from tests.support.scored_traces import context, traces

ANSWER = "The pump weighs ten kilos. Yes."


def cite(start: int, end: int, context_id: str = "c1") -> dict[str, Any]:
    return {"start": start, "end": end, "context_id": context_id}


@pytest.mark.parametrize(
    ("citation", "passages", "valid"),
    [
        (cite(0, 26), ["The pump weighs ten kilos."], True),
        (cite(0, 26), ["Ten pumps."], True),  # 2 of pump, weigh, ten, kilo
        (cite(0, 26), ["Pumps."], False),  # 1 of 4 is less than a third
        (cite(0, 15), ["Pumps."], True),  # 1 of pump, weigh
        (cite(0, 26), ["Bees.", "A pump of ten kilos."], True),  # one passage shown in two pieces
        (cite(27, 31), ["Bees."], True),  # no content word to share
        (cite(0, 31), ["The pump weighs ten kilos."], True),
        (cite(0, 32), ["The pump weighs ten kilos."], False),
        (cite(4, 4), ["The pump weighs ten kilos."], False),
        (cite(0, 26, "c2"), ["The pump weighs ten kilos."], False),
    ],
)
def test_a_citation_lies_in_the_answer_names_a_passage_and_shares_its_words(
    citation: dict[str, Any], passages: list[str], valid: bool
) -> None:
    assert is_valid_citation(citation, ANSWER, {"c1": passages}) is valid


def test_share_of_valid_citations_and_reasons() -> None:
    shown = {"contexts": [context("The pump weighs ten kilos.")]}
    rows = traces(
        shown | {"answer": ANSWER, "citations": [cite(0, 26), cite(0, 26, "c9"), cite(0, 99), cite(4, 8)]},
        shown | {"answer": ANSWER},
        shown | {"answer": " ", "citations": [cite(0, 1)]},
        shown | {"citations": [cite(0, 1)]},
        shown | {"answer": ANSWER, "citations": [cite(0, 26)], "status": "failed"},
        {"answer": ANSWER, "citations": [cite(0, 26)]},
    )
    assert citation_results(rows) == [0.5, "no_citations", "no_answer", "no_answer", "trace_failed", 0.0]
