"""A model answers from passages and cites them, or says that it found nothing; what it gets wrong is recorded."""

import jsonschema
import pytest

from millrace.answering.draft import Step
from millrace.answering.extractive import ABSTENTION
from millrace.answering.generation import GenerationConfig, generate_drafts, reply_schema
from millrace.answering.output_schema import PLAIN_ANSWER, OutputSchemas
from millrace.ports import ChatFailure, ChatRequest
from tests.support.chat import Reply, RuleModel, failed
from tests.support.drafts import draft

RETRIED = "A failed task is retried three times."
STEPS = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "steps": {"type": "array", "items": {"type": "string"}}},
    "required": ["answer", "steps"],
    "additionalProperties": False,
}
PLAIN = OutputSchemas()


def reply(answer: str, *passages: int, found: bool = True, **more: object) -> dict[str, object]:
    return {
        "answer": answer,
        "found": found,
        "citations": [{"passage": number, "quote": "retried three times"} for number in passages],
        **more,
    }


def generated(answer: Reply, *, route: str = "rag_knowledge_base", schemas: OutputSchemas = PLAIN) -> Step:
    direct = route == "direct_llm"
    drafts = [draft("How often?", *(() if direct else (RETRIED,)), route=route, direct=direct)]
    (step,) = generate_drafts(drafts, RuleModel(lambda _request: answer), GenerationConfig(), schemas)
    return step


def test_an_answer_cites_its_passages_by_sentence() -> None:
    step = generated(reply("Three times [1]. Then it fails.", 1))
    assert (step.draft.answer, step.draft.status, step.draft.output) == ("Three times. Then it fails.", None, None)
    assert [(each.start, each.end, each.context_id) for each in step.draft.citations] == [(0, 12, "c1")]
    assert step.draft.answered_by == "rule"
    assert [purpose for purpose, _ in step.draft.usages] == ["generation"]
    assert step.facts == {"model": "rule", "n_citations": 1, "n_invalid_citations": 0, "n_unfound_quotes": 0}


def test_a_passage_that_was_not_shown_is_dropped_and_counted() -> None:
    step = generated(reply("Three times [4].", 9))
    assert step.draft.citations == ()
    assert (step.facts["n_citations"], step.facts["n_invalid_citations"]) == (0, 2)


@pytest.mark.parametrize(
    "answer",
    [reply("It may be ten.", found=False), reply("The passages do not mention how often.", 1)],
    ids=["said by the flag", "said in words"],
)
def test_an_answer_that_says_it_has_none_is_an_abstention_in_fixed_words(answer: Reply) -> None:
    step = generated(answer)
    assert (step.draft.status, step.draft.answer, step.draft.citations) == ("abstained", ABSTENTION, ())
    assert step.draft.answered_by == "rule"
    assert step.facts["found"] is False


def test_a_failed_call_fails_its_draft_with_the_reason_and_what_it_took() -> None:
    step = generated(failed("rate_limited"))
    assert (step.draft.status, step.draft.error) == ("failed", "generation failed: rate_limited: no reply")
    assert [purpose for purpose, _ in step.draft.usages] == ["generation"]
    assert step.facts["failure"] == "rate_limited"


def test_drafts_are_asked_about_together_and_keep_their_order() -> None:
    def fail_the_second(request: ChatRequest) -> Reply:
        shown = request.messages[-1].content
        return failed() if "second?" in shown else reply(f"{'first' if 'first?' in shown else 'third'} [1].")

    model = RuleModel(fail_the_second)
    drafts = [draft("first?", RETRIED), draft("none?"), draft("second?", RETRIED), draft("third?", RETRIED)]
    steps = generate_drafts(drafts, model, GenerationConfig(), PLAIN)
    assert [len(batch) for batch in model.batches] == [3]
    assert [step.draft.answer for step in steps] == ["first.", ABSTENTION, None, "third."]
    assert [step.draft.status for step in steps] == [None, "abstained", "failed", None]


def test_without_passages_nothing_is_asked() -> None:
    model = RuleModel(lambda _request: reply("x"))
    (step,) = generate_drafts([draft("none?")], model, GenerationConfig(), PLAIN)
    assert model.batches == []
    assert (step.draft.status, step.facts) == ("abstained", {"reason": "nothing_retrieved"})


def test_a_direct_route_is_asked_without_passages_in_its_own_words() -> None:
    model = RuleModel(lambda _request: {"answer": "Hello [1]."})
    config = GenerationConfig(direct_instructions="Greet.", max_output_tokens=99)
    (step,) = generate_drafts([draft("Hi", route="direct_llm", direct=True)], model, config, PLAIN)
    ((request,),) = model.batches
    assert request.messages[0].content.startswith("Greet.")
    assert (request.schema, request.purpose, request.max_output_tokens) == (PLAIN_ANSWER, "generation", 99)
    assert (step.draft.answer, step.draft.citations) == ("Hello [1].", ())


def test_a_route_with_its_own_schema_keeps_its_own_output_without_the_evidence() -> None:
    schemas = OutputSchemas(routes={"howto": STEPS})
    step = generated(reply("Do it [1].", 1, steps=["one"]), route="howto", schemas=schemas)
    assert step.draft.output == {"answer": "Do it.", "steps": ["one"]}


@pytest.mark.parametrize("schema", [PLAIN_ANSWER, STEPS])
def test_what_is_asked_for_is_the_routes_schema_with_evidence_beside_it(schema: dict[str, object]) -> None:
    asked = reply_schema(schema)
    jsonschema.Draft202012Validator.check_schema(asked)
    valid = jsonschema.Draft202012Validator(asked)
    more = {"steps": []} if schema is STEPS else {}
    assert valid.is_valid(reply("x", 1, **more))
    assert not valid.is_valid({"answer": "x", **more})
    assert not valid.is_valid(reply("x", 1, **more, other=1))
    if schema is STEPS:
        assert not valid.is_valid(reply("x", 1))


def test_a_reply_without_its_fields_is_left_to_the_output_check() -> None:
    step = generated({})
    assert (step.draft.answer, step.draft.status) == ("", None)


def test_prompts_are_settings_so_that_their_text_enters_the_config_hash() -> None:
    assert "instructions" in GenerationConfig().model_dump()
    changed = GenerationConfig(instructions="Answer in verse.")
    model = RuleModel(lambda _request: reply("x [1]."))
    generate_drafts([draft("q", RETRIED)], model, changed, PLAIN)
    assert model.batches[0][0].messages[0].content.startswith("Answer in verse.")


def test_every_reason_of_a_failure_is_told(reasons: list[str]) -> None:
    for reason in reasons:
        error = generated(ChatFailure(reason=reason, message="m", transient=False)).draft.error  # type: ignore[arg-type]
        assert error == f"generation failed: {reason}: m"


@pytest.fixture
def reasons() -> list[str]:
    from typing import get_args

    from millrace.ports import ChatFailureReason

    return list(get_args(ChatFailureReason))
