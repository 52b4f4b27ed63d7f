"""The embedded groundedness scorer."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.datasets.schema import rows_of
from millrace.errors import BadInputError
from millrace.methods.groundedness import GroundednessModel, measure_traces, score_groundedness
from millrace.methods.groundedness_fit import cross_validated_scores, fit_coefficients
from millrace.methods.text import words
from millrace.ports import Vectors
from millrace.records.groundedness import GroundednessScore
from millrace.statistics.correlation import spearman
from millrace.statistics.roc import roc_auc

ROOT = Path(__file__).parents[2]
MTRAG = ROOT.parent / "shared" / "data" / "mtrag" / "responses_human.jsonl"
MODEL = GroundednessModel.model_validate(yaml.safe_load((ROOT / "configs" / "groundedness.yaml").read_text()))
PASSAGE = "The mill stands in York. It was built in 1,850 by Anna Reed. Water drives its great wheel."


class HashedWords:
    """An embedder whose cosine is the overlap of words; counts what it was given."""

    identity, dimension = "hashed-words", 64

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded.extend(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row, hashlib.sha256(word.encode("utf-8", "replace")).digest()[0] % self.dimension] += 1
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(norms == 0, 1, norms)


def trace(answer: str | None, *passages: str, **fields: Any) -> dict[str, Any]:
    contexts = [{"context_id": f"c{number}", "text": text} for number, text in enumerate(passages)]
    row = {"trace_id": "t", "question": "What?", "history": [], "contexts": contexts, "answer": answer}
    return row | {"status": "answered"} | fields


def table(*rows: dict[str, Any]) -> pa.Table:
    turn = pa.struct([("speaker", pa.string()), ("text", pa.string())])
    context = pa.struct([("context_id", pa.string()), ("text", pa.string())])
    text = pa.string()
    columns = [("trace_id", text), ("question", text), ("history", pa.list_(turn)), ("contexts", pa.list_(context))]
    return pa.Table.from_pylist(list(rows), schema=pa.schema([*columns, ("answer", text), ("status", text)]))


def scores(*rows: dict[str, Any], embedder: HashedWords | None = None) -> list[GroundednessScore]:
    found = score_groundedness(table(*rows), embedder=embedder or HashedWords(), model=MODEL)
    return rows_of(GroundednessScore, found)


def score(answer: str, *passages: str, **fields: Any) -> float:
    value = scores(trace(answer, *passages, **fields))[0].score
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (trace(None, PASSAGE), "no_answer"),
        (trace("  ", PASSAGE), "no_answer"),
        (trace("It stands in York.", PASSAGE, status="blocked"), "no_answer"),
        (trace("I do not know.", PASSAGE), "abstained"),
        (trace(None, PASSAGE, status="abstained"), "abstained"),
        (trace("It stands in York."), "no_context"),
        (trace("It stands in York.", " "), "no_context"),
        (trace("Yes, it is.", PASSAGE), "no_claim"),
    ],
)
def test_where_nothing_can_be_compared_the_score_is_none_with_a_reason(row: dict[str, Any], reason: str) -> None:
    found = scores(row)[0]
    assert (found.score, found.reason, found.sentences) == (None, reason, [])


def test_an_answer_from_the_passage_scores_above_one_beside_it() -> None:
    assert score("Water drives its great wheel.", PASSAGE) > 0.9
    assert score("Steam engines replaced every turbine.", PASSAGE) < 0.3


def test_a_wrong_number_and_a_wrong_name_lower_the_score() -> None:
    right = score("The mill was built in 1850 by Anna Reed.", PASSAGE)
    assert score("The mill was built in 1923 by Anna Reed.", PASSAGE) < right
    assert score("The mill was built in 1850 by Carl Reed.", PASSAGE) < right


def test_a_number_that_the_user_brought_up_is_no_invention() -> None:
    answer = "The mill was built after 1700."
    said = {"history": [{"speaker": "user", "text": "Is it older than 1700?"}]}
    assert score(answer, PASSAGE, **said) > score(answer, PASSAGE)
    assert score(answer, PASSAGE, question="Is it older than 1,700?") == score(answer, PASSAGE, **said)


def test_a_list_number_is_no_number_of_the_answer() -> None:
    assert score("7. Water drives its great wheel.", PASSAGE) == score("Water drives its great wheel.", PASSAGE)


def test_each_sentence_says_where_it_stands_what_decided_and_what_is_nearest() -> None:
    answer = "Yes. Water drives its great wheel. The mill in York grinds barley flour."
    other = "A mill grinds corn and barley."
    found = scores(trace(answer, PASSAGE, other))[0].sentences
    assert [answer[s.start : s.end] for s in found] == answer.split(". ", 1)[1].replace("wheel. ", "wheel.|").split("|")
    assert [s.level for s in found] == ["lexical", "lexical"]  # 5 of 5 and 4 of 5 words ("flour" is missing)
    assert [s.context_id for s in found] == ["c0", "c1"]


def test_only_undecided_sentences_are_embedded_and_each_text_once() -> None:
    # "mill, stand, near, york, harbour": 3 of 5 words found; the other answer has all of its words.
    undecided, decided = (
        trace("The mill stands near York harbours.", PASSAGE),
        trace("Water drives its wheel.", PASSAGE),
    )
    embedder = HashedWords()
    found = scores(undecided, decided, undecided, embedder=embedder)
    assert [row.sentences[0].level for row in found] == ["embedding", "lexical", "embedding"]
    assert embedder.embedded == ["The mill stands near York harbours.", "The mill stands in York."]


def test_where_vectors_decide_the_nearest_passage_is_theirs() -> None:
    # The first passage shares a word more ("fast"); the second shares the stop words, which only the vectors see.
    answer = "There the mill stands fast near our harbours."
    found = scores(trace(answer, "Mill stands burn down fast.", "There the mill stands, our own."))[0].sentences[0]
    assert (found.level, found.context_id) == ("embedding", "c1")


def test_the_score_is_the_logistic_of_the_weighted_mean_of_the_logits() -> None:
    found = scores(trace("Water drives its great wheel. Steam engines replaced every turbine.", PASSAGE))[0]
    first, second = (np.log(s.support / (1 - s.support)) for s in found.sentences)
    # 4 content words (water, drive, great, wheel) and 4 (steam, engine, replaced, turbine)
    assert found.score == pytest.approx(1 / (1 + np.exp(-(4 * first + 4 * second) / 8)))


answers = st.lists(
    st.sampled_from(
        ["The mill stands near York harbours.", "Water drives its wheel.", "It was sold in 1999.", "Yes.", "York"]
    ),
    max_size=4,
).map(" ".join)
traces = st.builds(
    lambda answer, passages, question: trace(answer, *passages, question=question),
    answers | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40),
    st.lists(st.sampled_from([PASSAGE, "Harbours are near.", ""]), max_size=3),
    st.sampled_from(["What?", "In 1999?"]),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(traces, min_size=1, max_size=5))
def test_a_trace_scores_the_same_alone_and_in_any_company(rows: list[dict[str, Any]]) -> None:
    together = scores(*rows)
    assert together == [scores(row)[0] for row in rows]
    assert together == scores(*rows[::-1])[::-1]
    assert all((row.score is None) == (row.reason is not None) for row in together)


def test_an_empty_table_gives_an_empty_table_and_a_missing_column_is_named() -> None:
    assert scores() == []
    with pytest.raises(BadInputError, match="history"):
        score_groundedness(table().drop(["history"]), embedder=HashedWords(), model=MODEL)


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="undecided_above"):
        GroundednessModel.model_validate(MODEL.model_dump() | {"undecided_above": 0.9})


def test_fitting_finds_the_sign_of_what_decides() -> None:
    rows = [trace("Water drives its great wheel.", PASSAGE), trace("Steam replaced turbines.", PASSAGE)] * 5
    measured = measure_traces(table(*rows), embedder=HashedWords(), model=MODEL)
    assert fit_coefficients(measured, [1.0, 0.0] * 5, MODEL).words > 0
    assert fit_coefficients(measured, [0.0, 1.0] * 5, MODEL).words < 0
    with pytest.raises(BadInputError, match="scale"):
        fit_coefficients(measured, [4.0, 1.0] * 5, MODEL)


@pytest.mark.shared_data
def test_on_tasks_not_seen_scores_rank_like_people() -> None:
    if not MTRAG.exists():
        pytest.skip("MTRAG is not beside the checkout")
    from millrace.adapters.minilm import MiniLmEmbedder

    sources = [json.loads(line) for line in MTRAG.read_text(encoding="utf-8").splitlines()]
    rows = [
        trace(
            source["response"],
            *(context["text"] for context in source["contexts"]),
            question=source["conversation"][-1]["text"],
            history=source["conversation"][:-1],
        )
        for source in sources
    ]
    measured = measure_traces(table(*rows), embedder=MiniLmEmbedder.load(), model=MODEL)
    scored = [i for i, found in enumerate(measured) if found.sentences]
    rated = np.array([np.mean([float(v) for v in sources[i]["human"]["faithfulness"].values()]) for i in scored])
    usable, tasks = [measured[i] for i in scored], [sources[i]["task_id"] for i in scored]
    unseen = cross_validated_scores(usable, (rated - 1) / 3, tasks, MODEL, seeds=range(3))

    assert len(scored) == 265
    correlations = [spearman(repeat, rated).value or 0.0 for repeat in unseen]
    areas = [roc_auc(-repeat, rated <= 2).value or 0.0 for repeat in unseen]
    assert np.mean(correlations) >= 0.60
    assert np.mean(areas) >= 0.95
    refitted = fit_coefficients(usable, (rated - 1) / 3, MODEL).model_dump()
    assert refitted == pytest.approx(MODEL.coefficients.model_dump(), abs=0.05)
