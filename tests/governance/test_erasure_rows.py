"""A person's rows are found by keyed id, by what they are about and by where evidence is from; others lose quotes."""

from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.governance.erasure_marks import Marks
from millrace.governance.erasure_rows import (
    SubjectKeys,
    learn_keys,
    learn_marks,
    leave_to_others,
    place_of,
    rows_of_subject,
    without_marks,
)
from millrace.governance.erasure_rules import RULES
from millrace.methods.question_identity import question_key
from millrace.records.evaluation import Reference
from millrace.records.evidence import Contamination, Evidence
from millrace.records.feedback import Feedback
from millrace.records.golden import GoldenRow
from millrace.records.trace import RetrievedContext, Trace, utc
from millrace.records.triage import FailureGroup

NOW = utc(2026, 11, 20)


def keys(tenant: str | None = None) -> SubjectKeys:
    return SubjectKeys(lambda user: user == "ann", None if tenant is None else lambda each: each == tenant)


def trace(trace_id: str, user: str | None, question: str = "why", **fields: Any) -> Trace:
    known = {"trace_id": trace_id, "time": NOW, "tenant_id": "mill", "user_id": user, "question": question}
    return Trace.model_validate(known | fields)


def found(table: pa.Table, kind: str, known: SubjectKeys) -> list[bool]:
    mask: list[bool] = rows_of_subject(table, RULES[kind], known).to_pylist()
    return mask


def test_by_user_and_tenant_and_never_by_nobody() -> None:
    rows = [trace("a", "ann"), trace("b", "bob"), trace("c", None), trace("d", "ann", tenant_id="dam")]
    table = table_of(Trace, rows)
    assert found(table, "traces", keys()) == [True, False, False, True]
    assert found(table, "traces", keys("dam")) == [False, False, False, True]


def test_feedback_of_others_on_their_traces_and_theirs_on_others() -> None:
    said = [("f1", "a", "bob"), ("f2", "b", "ann"), ("f3", "b", "bob")]
    rows = [Feedback(feedback_id=f, trace_id=t, tenant_id="mill", user_id=u, time=NOW) for f, t, u in said]
    known = keys()
    known.families["trace"].add("a")
    assert found(table_of(Feedback, rows), "feedback", known) == [True, True, False]


def evidence(evidence_id: str, row: int, **fields: Any) -> Evidence:
    known: dict[str, Any] = {"evidence_id": evidence_id, "stream": "s", "source_file": "feedback:h", "text": "t"}
    known |= {"source_offset": row, "row_hash": "a" * 64, "sig_hash": "b" * 64, "recorded_at": NOW}
    return Evidence.model_validate(known | {"task_id": evidence_id, "role": "answerer"} | fields)


def test_evidence_by_the_row_it_is_from() -> None:
    known = keys()
    known.families["place"].add(place_of("feedback:h", 2))
    table = table_of(Evidence, [evidence("e1", 1), evidence("e2", 2), evidence("e3", 3, user_id="ann")])
    assert found(table, "evidence", known) == [False, True, True]


def test_golden_rows_are_known_as_examples_and_references() -> None:
    row = GoldenRow(
        golden_id="golden-7",
        tenant_id="mill",
        question="Why?",
        expected_behaviour="abstain",
        category="ok",
        near_duplicate_group="g",
        split="eval",
        source_trace_id="a",
        annotation_id="x",
        added_in="1.0.0",
    )
    known = keys()
    learn_keys(table_of(GoldenRow, [row]), RULES["golden"], known)
    matches = [("golden main golden-7", True), ("golden main golden-8", False), ("file golden-7", False)]
    rows = [
        Contamination(evidence_id="e", match="exact", eval_id=name, similarity=1, matched="") for name, _ in matches
    ]
    assert found(table_of(Contamination, rows), "contamination", known) == [is_theirs for _, is_theirs in matches]
    key = question_key("mill", "why", [])
    references = [Reference(question_key=k, tenant_id="mill", source="golden main 1.0.0") for k in (key, "0" * 64)]
    assert found(table_of(Reference, references), "references", known) == [True, False]


def test_others_keep_their_rows_without_what_is_theirs() -> None:
    known, marks = keys(), Marks()
    learn_marks(table_of(Trace, [trace("a", "ann", "my zanzibar lathe")]), RULES["traces"], marks)
    others = table_of(Trace, [trace("b", "bob", "my lathe"), trace("c", "bob", "a lathe", answer="Zanzibar!")])
    leave_to_others(others.slice(0, 1), RULES["traces"], known, marks)
    clean, n_changed = without_marks(others, RULES["traces"], known, marks)
    assert (n_changed, clean.column("question").to_pylist()) == (1, ["my lathe", "a lathe"])
    assert clean.column("answer").to_pylist() == [None, "[erased]"]
    assert clean.schema == others.schema


def test_a_group_loses_ids_and_words_and_stays() -> None:
    group = FailureGroup(
        group_id="g",
        failure_type="hallucination",
        size=2,
        label="zanzibar pump",
        example_trace_ids=["a", "b"],
        tenants=[],
    )
    known, marks = keys(), Marks()
    known.families["trace"].add("a")
    marks.add_text("zanzibar")
    table = table_of(FailureGroup, [group])
    assert found(table, "failure_groups", known) == [False]
    (row,) = without_marks(table, RULES["failure_groups"], known, marks)[0].to_pylist()
    assert (row["label"], row["example_trace_ids"], row["size"]) == ("pump", ["b"], 2)


@pytest.mark.parametrize(("context_id", "is_mark"), [("theirs", True), ("shared", False)])
def test_a_passage_of_theirs_in_anothers_trace_is_not_the_others_word(context_id: str, is_mark: bool) -> None:
    known, marks = keys(), Marks()
    known.families["chunk"].add("theirs")
    marks.add_text("zanzibar")
    contexts = [RetrievedContext(context_id=context_id, text="zanzibar")]
    quoting = table_of(Trace, [trace("b", "bob", contexts=contexts, answer="zanzibar")])
    leave_to_others(quoting, RULES["traces"], known, marks)
    assert marks.is_in("zanzibar") is is_mark
