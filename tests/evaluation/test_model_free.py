"""All model-free metrics of traces together: rows, order, statuses, reasons."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millrace.datasets.schema import arrow_schema
from millrace.datasets.validation import checked
from millrace.errors import BadInputError
from millrace.evaluation import model_free
from millrace.evaluation.metrics import METRICS
from millrace.evaluation.model_free import score_model_free
from millrace.methods.question_identity import question_key
from millrace.ports import Vectors
from millrace.records.evaluation import MetricScore, Reference
from tests.support.embedder import HashedWords
from tests.support.scored_traces import KEY, QUESTION, context, groundedness, references, traces

NAMES = [name for name, metric in METRICS.items() if metric.tier == "model_free"]
NO_REFERENCES = arrow_schema(Reference).empty_table()


def scored(rows: pa.Table, known: pa.Table = NO_REFERENCES, **ground: float | str) -> dict[str, dict[str, Any]]:
    """Rows by trace and metric, as 't0 groundedness'."""
    table = checked(
        MetricScore, score_model_free(rows, groundedness(**ground), embedder=HashedWords(), references=known)
    )
    return {f"{row['trace_id']} {row['metric']}": row for row in table.to_pylist()}


def test_each_trace_has_each_metric_in_the_registrys_order() -> None:
    rows = traces({"answer": "Two years."}, {"trace_id": "x", "answer": None, "status": "failed"})
    table = score_model_free(
        rows, groundedness(x="no_answer", t0=0.5), embedder=HashedWords(), references=NO_REFERENCES
    )
    assert table.schema == arrow_schema(MetricScore)
    assert table.column("trace_id").to_pylist() == ["t0"] * len(NAMES) + ["x"] * len(NAMES)
    assert table.column("metric").to_pylist() == NAMES * 2
    assert set(table.column("question_key").to_pylist()) == {KEY}


def test_no_traces_give_no_rows() -> None:
    table = score_model_free(traces(), groundedness(), embedder=HashedWords(), references=NO_REFERENCES)
    assert (table.num_rows, table.schema) == (0, arrow_schema(MetricScore))


def test_values_and_reasons_belong_together() -> None:
    rows = traces({"answer": "Two years.", "contexts": [context("Two years.")]}, {"answer": "I do not know."}, {})
    for row in scored(rows, t0=0.5).values():
        assert (row["value"] is not None) == (row["status"] == "scored") == (row["reason"] is None)


def test_a_failed_trace_has_no_value_of_any_metric() -> None:
    rows = traces({"status": "failed", "answer": "half an", "citations": [{"start": 0, "end": 4, "context_id": "c1"}]})
    known = references({"expected_behaviour": "answer", "reference_answer": "Two.", "reference_context_ids": ["c1"]})
    found = scored(rows, known, t0="no_answer")
    assert {(row["status"], row["reason"]) for row in found.values()} == {("undefined", "trace_failed")}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"status": "blocked"}, "blocked"),
        ({"status": "escalated"}, "escalated"),
        ({"status": "abstained", "answer": "No idea."}, "abstained"),
        ({"answer": "The documents do not contain information on that."}, "abstained"),
        ({"answer": "  "}, "no_answer"),
    ],
)
def test_what_is_no_answer_is_neither_relevant_nor_similar(row: dict[str, Any], reason: str) -> None:
    found = scored(traces(row), references({"reference_answer": "Two years."}), t0="no_answer")
    assert found["t0 answer_relevance"]["reason"] == reason
    assert found["t0 reference_similarity"]["reason"] == reason


def test_groundedness_is_joined_by_trace_and_keeps_its_source_and_reasons() -> None:
    found = scored(traces({}, {}, {}), t2=0.25, t0="no_context", elsewhere=0.9)
    known = [
        (each["status"], each["value"], each["reason"], each["source"])
        for each in (found[f"t{place} groundedness"] for place in range(3))
    ]
    assert known == [
        ("undefined", None, "no_context", "test/1"),
        ("skipped", None, "no_score", "none"),
        ("scored", 0.25, None, "test/1"),
    ]


def test_two_groundedness_scores_of_one_trace_are_refused() -> None:
    twice = pa.concat_tables([groundedness(t0=0.1), groundedness(t0=0.2)])
    with pytest.raises(BadInputError, match="'t0'"):
        score_model_free(traces({}), twice, embedder=HashedWords(), references=NO_REFERENCES)


def test_references_are_found_by_tenant_question_and_history_and_the_first_counts() -> None:
    before = [{"speaker": "user", "text": "I bought a pump."}]
    rows = traces(
        {"answer": "Two years."},
        {"answer": "Two years.", "tenant_id": "b"},
        {"answer": "Two years.", "history": before},
        {"answer": "Two years.", "question": " how long is the WARRANTY"},
    )
    known = references(
        {"reference_answer": "Two years."},
        {"reference_answer": "Never."},
        {"question_key": question_key("a", QUESTION, ["I bought a pump!"]), "reference_answer": "Never."},
    )
    found = scored(rows, known)
    assert found["t0 reference_similarity"]["value"] == pytest.approx(1)
    assert found["t1 reference_similarity"]["reason"] == "no_reference"
    assert found["t2 reference_similarity"]["value"] < 0.5
    assert found["t3 reference_similarity"]["value"] == pytest.approx(1)


def test_relevance_is_the_cosine_of_question_in_its_context_and_answers_beginning() -> None:
    before = [{"speaker": "user", "text": "How long is the warranty of the pump?"}]
    rows = traces(
        {"answer": QUESTION},
        {"answer": "Bees fly."},
        {"question": "And of the valve?", "history": before, "answer": "And of the valve? (long warranty pump?)"},
        {"answer": QUESTION + " " * 400 + "Bees fly south over many green hills every winter."},
    )
    found = scored(rows)
    values = [found[f"t{place} answer_relevance"]["value"] for place in range(4)]
    assert values[0] == pytest.approx(1)
    assert values[1] < 0.2
    assert values[2] > 0.9
    assert values[3] == pytest.approx(1)


def test_texts_that_point_away_from_each_other_are_worth_nothing_and_no_text_has_no_value() -> None:
    class Signed(HashedWords):
        def embed(self, texts: Sequence[str]) -> Vectors:
            signs = {QUESTION: 1.0, "Yes.": -1.0, "?": 0.0}
            return np.array([[signs[text], 0.0] for text in texts], dtype=np.float32)

    rows = traces({"answer": "Yes."}, {"answer": "?"})
    table = score_model_free(rows, groundedness(), embedder=Signed(), references=NO_REFERENCES)
    found = [row for row in table.to_pylist() if row["metric"] == "answer_relevance"]
    assert [(row["value"], row["reason"]) for row in found] == [(0.0, None), (None, "no_text")]


def test_a_traces_rows_do_not_depend_on_its_company(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = traces(
        {"answer": "Two years.", "contexts": [context("Two years."), context("Bees.", "c2")]},
        {"status": "failed"},
        {"answer": "I do not know."},
        {"answer": "Bees fly.", "citations": [{"start": 0, "end": 4, "context_id": "c1"}]},
        {"contexts": [context("Bees.")], "answer": "Bees.", "citations": [{"start": 0, "end": 4, "context_id": "c1"}]},
    )
    known = references({"reference_answer": "Two years.", "reference_context_ids": ["c2"]})
    ground = groundedness(t0=0.5, t1="no_answer", t2="abstained", t3=0.1, t4=0.9)
    together = score_model_free(rows, ground, embedder=HashedWords(), references=known)
    monkeypatch.setattr(model_free, "_ROWS_AT_ONCE", 2)
    pieces = pa.concat_tables([rows.slice(0, 1), rows.slice(1, 3), rows.slice(4)])
    assert score_model_free(pieces, ground, embedder=HashedWords(), references=known).equals(together)
    alone = [score_model_free(rows.slice(i, 1), ground, embedder=HashedWords(), references=known) for i in range(5)]
    assert pa.concat_tables(alone).equals(together)
