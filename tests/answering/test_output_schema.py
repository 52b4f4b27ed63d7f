"""Outputs are checked against their route's schema; what does not fit is corrected once, or is a failure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.answering.draft import Draft, Step
from millrace.answering.output_schema import (
    PLAIN_ANSWER,
    OutputCheckConfig,
    OutputSchemas,
    check_output,
    output_problem,
)
from millrace.records.trace import Citation
from tests.support.chat import Reply, RuleModel, failed
from tests.support.drafts import draft

STEPS: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "steps": {"type": "array", "minItems": 1}},
    "required": ["answer", "steps"],
}
SCHEMAS = OutputSchemas(routes={"howto": STEPS})


def answered(answer: str | None, route: str = "rag_knowledge_base", **fields: Any) -> Draft:
    return draft("q", route=route, answer=answer, **fields)


def checked(given_draft: Draft, model: RuleModel | None = None, **config: Any) -> Step:
    (step,) = check_output([given_draft], SCHEMAS, model, OutputCheckConfig(**config))
    return step


def says(reply: Reply) -> RuleModel:
    return RuleModel(lambda _request: reply)


def test_a_plain_answer_fits_unless_it_is_blank() -> None:
    step = checked(answered("Three times."))
    assert (step.draft.status, step.draft.answer, step.draft.output) == (None, "Three times.", None)
    assert step.facts["fits"] is True
    for blank in ("", " \n", None):
        wrong = checked(answered(blank)).draft
        assert wrong.status == "failed"
        assert (wrong.error or "").startswith("output does not fit the schema of route rag_knowledge_base: $.answer: ")


def test_without_a_model_a_violation_is_a_failure_with_path_and_message() -> None:
    wrong = answered("Do it.", "howto", output={"answer": "Do it.", "steps": []})
    assert (
        checked(wrong).draft.error == "output does not fit the schema of route howto: $.steps: [] should be non-empty"
    )


def test_a_violation_is_sent_back_once_with_its_error_and_corrected() -> None:
    model = says({"answer": "Do it.", "steps": ["one"]})
    step = checked(answered("Do it.", "howto", output={"answer": "Do it."}), model)
    ((request,),) = model.batches
    assert (request.purpose, request.schema) == ("repair", STEPS)
    assert "'steps' is a required property" in request.messages[-1].content
    assert '{"answer":"Do it."}' in request.messages[-1].content
    assert (step.draft.status, step.draft.output) == (None, {"answer": "Do it.", "steps": ["one"]})
    assert [purpose for purpose, _ in step.draft.usages] == ["repair"]
    assert (step.facts["repair_tried"], step.facts["answer_changed"]) == (True, False)


@pytest.mark.parametrize(
    ("reply", "message"),
    [({"answer": "Do it."}, "'steps' is a required property"), (failed(), "the repair failed: timeout: no reply")],
)
def test_what_the_model_cannot_correct_at_once_is_a_failure(reply: Reply, message: str) -> None:
    model = says(reply)
    step = checked(answered("Do it.", "howto", output={"answer": "Do it."}), model)
    assert len(model.batches) == 1
    assert step.draft.status == "failed"
    assert message in (step.draft.error or "")
    assert [purpose for purpose, _ in step.draft.usages] == ["repair"]


def test_a_correction_keeps_the_citations_of_the_sentences_it_keeps() -> None:
    citations = (Citation(start=0, end=7, context_id="c1"), Citation(start=8, end=15, context_id="c2"))
    before = answered("One is. Two is.", "howto", citations=citations)
    step = checked(before, says({"answer": "Two is.", "steps": ["one"]}))
    assert step.draft.citations == (Citation(start=0, end=7, context_id="c2"),)
    assert step.facts["answer_changed"] is True


def test_only_violations_are_sent_all_in_one_call() -> None:
    model = says({"answer": "Mended.", "steps": ["one"]})
    drafts = [answered("Fine."), answered("a", "howto"), answered("Fine."), answered("b", "howto")]
    steps = check_output(drafts, SCHEMAS, model, OutputCheckConfig())
    assert [len(batch) for batch in model.batches] == [2]
    assert [step.draft.answer for step in steps] == ["Fine.", "Mended.", "Fine.", "Mended."]


def test_correcting_can_be_switched_off() -> None:
    model = says({"answer": "Mended.", "steps": ["one"]})
    assert checked(answered("a", "howto"), model, repairs=False).draft.status == "failed"
    assert model.batches == []


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "is not valid under any of the given schemas"),
        ({"type": "object", "properties": {"answer": {"type": "string"}}}, "'answer' is required"),
        ({"type": "array", "required": ["answer"]}, "'answer' is required"),
        ({**STEPS, "properties": {"answer": {"type": "number"}}}, "must be of type string"),
        ({**STEPS, "properties": {"answer": {"type": "string"}, "found": {}}}, "found are taken"),
        (
            {**STEPS, "properties": {"answer": {"type": "string"}, "x": {"$ref": "https://e.org/s"}}},
            "inside the schema",
        ),
        ({**STEPS, "allOf": [{"$dynamicRef": "file:///etc/passwd"}]}, "inside the schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_when_it_is_set(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=f"route 'howto'.*{message}"):
        OutputSchemas(routes={"howto": schema})


def test_a_schema_may_refer_to_itself() -> None:
    schema = {**STEPS, "$defs": {"step": {"type": "string"}}}
    schema["properties"] = {"answer": {"type": "string"}, "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}}}
    assert output_problem({"answer": "x", "steps": [1]}, OutputSchemas(routes={"howto": schema}).of("howto")) == (
        "$.steps[0]: 1 is not of type 'string'"
    )


def test_long_messages_are_cut() -> None:
    problem = output_problem({"answer": 5, "other": "x" * 10_000}, PLAIN_ANSWER)
    assert problem is not None
    assert len(problem) < 350


@given(st.one_of(st.none(), st.text(), st.integers(), st.dictionaries(st.text(max_size=3), st.text(), max_size=2)))
def test_whatever_a_model_says_ends_as_an_answer_or_a_failure(value: object) -> None:
    step = checked(answered(None, "howto", output={"answer": value}), says({"answer": value}))
    assert step.draft.status == "failed"
