"""References from golden datasets and from files."""

from pathlib import Path
from typing import Any

import pytest

from millrace.datasets.schema import table_of
from millrace.datasets.validation import checked
from millrace.errors import BadInputError
from millrace.evaluation.question_keys import question_keys
from millrace.evaluation.references import ReferenceRow, golden_references, merge_references, read_reference_rows
from millrace.methods.question_identity import question_key
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.methods.trace_redaction import redact_trace
from millrace.records.evaluation import Reference
from millrace.records.golden import GoldenRow
from millrace.records.rules import read_rules
from millrace.records.trace import SkipRow, Trace, utc
from tests.support.scored_traces import references

RULES = read_rules(Path(__file__).parents[2] / "configs" / "pii.yaml", RedactionRule)
ROW = {"tenant_id": "a", "question": "How long is the warranty?", "reference_answer": "Two years."}


def golden(name: str, **fields: Any) -> GoldenRow:
    known: dict[str, Any] = {
        "golden_id": name,
        "tenant_id": "a",
        "question": f"How heavy is {name}?",
        "expected_behaviour": "answer",
        "expected_answer": "Ten kilos.",
        "category": "ok",
        "near_duplicate_group": name,
        "split": "eval",
        "source_trace_id": "t",
        "annotation_id": "n",
        "added_in": "1.0.0",
    }
    return GoldenRow.model_validate(known | fields)


def read(*contents: Any, **settings: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows = [ReferenceRow(line, "ab" * 32, content) for line, content in enumerate(contents, start=1)]
    tables = read_reference_rows(rows, source="r.jsonl", redactor=Redactor(RULES), **settings)
    return checked(Reference, tables.references).to_pylist(), checked(SkipRow, tables.skips).to_pylist()


def test_golden_rows_of_the_eval_split_are_references() -> None:
    before = [{"speaker": "user", "text": "I bought a pump."}]
    context = {"context_id": "c1", "text": "shown, not known to be right"}
    rows = table_of(
        GoldenRow,
        [
            golden("pump", history=before, contexts=[context]),
            golden("bomb", expected_behaviour="block", expected_answer=None),
            golden("valve", split="train"),
        ],
    )
    found = checked(Reference, golden_references(rows, "golden main 1.2.0")).to_pylist()
    assert found == [
        {
            "question_key": question_key("a", "How heavy is bomb?", []),
            "tenant_id": "a",
            "expected_behaviour": "block",
            "reference_answer": None,
            "reference_context_ids": [],
            "source": "golden main 1.2.0",
        },
        {
            "question_key": question_key("a", "How heavy is pump?", ["I bought a pump."]),
            "tenant_id": "a",
            "expected_behaviour": "answer",
            "reference_answer": "Ten kilos.",
            "reference_context_ids": [],
            "source": "golden main 1.2.0",
        },
    ]


def test_a_trace_that_asked_the_same_has_the_key_even_where_both_were_redacted() -> None:
    asked = {"question": "Is ann@example.org right?", "history": [{"speaker": "user", "text": "I am bob@example.org."}]}
    trace = Trace(trace_id="t", time=utc(2026, 11, 9), tenant_id="a", **asked)
    redacted = redact_trace(trace, Redactor(RULES))
    assert "[EMAIL]" in redacted.question
    [found], _ = read(asked | {"reference_answer": "Yes, ask ann@example.org."}, tenant_id="a")
    assert [found["question_key"]] == question_keys(table_of(Trace, [redacted]))
    assert found["reference_answer"] == "Yes, ask [EMAIL]."


@pytest.mark.parametrize(
    ("fields", "behaviour"),
    [
        ({}, "answer"),
        ({"reference_answer": "I do not know."}, "abstain"),
        ({"expected_behaviour": "block"}, "block"),
        ({"reference_answer": None, "expected_behaviour": "abstain"}, "abstain"),
        ({"reference_answer": " ", "reference_context_ids": ["c1"]}, None),
    ],
)
def test_the_behaviour_is_given_or_told_by_the_answer(fields: dict[str, Any], behaviour: str | None) -> None:
    [found], _ = read(ROW | fields | {"anything": "else"})
    assert found["expected_behaviour"] == behaviour


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"question": "Why?", "reference_answer": "So."}, "missing_field"),
        ({"tenant_id": "a", "reference_answer": "So."}, "missing_field"),
        (ROW | {"question": " "}, "wrong_type"),
        (ROW | {"expected_behaviour": "shout"}, "wrong_type"),
        (ROW | {"reference_context_ids": "c1"}, "wrong_type"),
        (ROW | {"history": [{"speaker": "nobody", "text": "x"}]}, "wrong_type"),
        (ROW | {"reference_answer": None}, "no_reference"),
        (ROW | {"reference_answer": "secret \ud800"}, "lone_surrogate"),
        (BadInputError("the row is not a JSON object", reason="not_an_object"), "not_an_object"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason_and_without_its_content(content: Any, reason: str) -> None:
    found, skips = read(ROW, content, ROW)
    assert len(found) == 2
    assert [(skip["line"], skip["reason"], skip["source"]) for skip in skips] == [(2, reason, "r.jsonl")]
    assert skips[0]["row_hash"] == "ab" * 32
    assert "secret" not in skips[0]["message"]
    assert "shout" not in skips[0]["message"]


def test_the_first_source_wins_and_what_it_stands_for_is_counted() -> None:
    first = references({"reference_answer": "one", "source": "file"}, {"reference_answer": "two", "source": "file"})
    other = {"question_key": question_key("a", "Why?", [])}
    second = references({"reference_answer": "three", "source": "golden"}, other | {"source": "golden"})
    merged = merge_references([first, second])
    answers = merged.references.column("reference_answer").to_pylist()
    assert answers == ["one", None]
    assert merged.n_repeated == {"file": 1, "golden": 1}
    assert merge_references([]).references.num_rows == 0
