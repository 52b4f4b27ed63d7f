"""Generation by a language model: an answer from numbered passages that cites them, or the statement of none (A10)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.citations import Quote, cited_answer
from millrace.answering.draft import Draft, Step
from millrace.answering.extractive import ABSTENTION
from millrace.answering.output_schema import JsonSchema, OutputSchemas
from millrace.answering.prompts import ANSWER_DIRECTLY, ANSWER_FROM_PASSAGES, answer_messages
from millrace.methods.abstention import is_abstention
from millrace.ports import ChatModel, ChatOutcome, ChatRequest
from millrace.records.trace import Citation

_NOTHING_RETRIEVED = "nothing_retrieved"
_EVIDENCE: JsonSchema = {
    "found": {"type": "boolean", "description": "Whether the passages hold the answer"},
    "citations": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "passage": {"type": "integer", "description": "Number of a passage"},
                "quote": {"type": "string", "description": "The words of the passage that say it"},
            },
            "required": ["passage", "quote"],
            "additionalProperties": False,
        },
    },
}


class GenerationConfig(BaseModel):
    """What the model is told, and how long its answer may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_output_tokens: int = Field(768, ge=16, le=32_768, description="Longest reply, its citations included")
    n_turns: int = Field(6, ge=0, le=100, description="Turns of the history that the model is shown, the last ones")
    instructions: str = Field(
        ANSWER_FROM_PASSAGES, min_length=1, max_length=20_000, description="How to answer from passages"
    )
    direct_instructions: str = Field(
        ANSWER_DIRECTLY, min_length=1, max_length=20_000, description="How to answer where nothing is looked up"
    )


def generate_drafts(
    drafts: Sequence[Draft], model: ChatModel, config: GenerationConfig, schemas: OutputSchemas
) -> list[Step]:
    """Answer the drafts, all in one call of the model.

    A draft without passages is abstained from unasked, unless its route answers directly. A request that fails ends
    its draft as ``failed`` with the reason; an answer that says that it has none ends it as ``abstained``, in the fixed
    words. Citations of passages that were not shown are dropped and counted.
    """
    asked = [draft for draft in drafts if draft.passages or draft.direct]
    outcomes = iter(model.complete([_request(draft, config, schemas) for draft in asked]) if asked else ())
    return [
        _generated(draft, next(outcomes), schemas)
        if draft.passages or draft.direct
        else Step(_abstained(draft), {"reason": _NOTHING_RETRIEVED})
        for draft in drafts
    ]


def reply_schema(schema: JsonSchema) -> JsonSchema:
    """A route's schema with what is asked for beside it: whether an answer was found, and citations."""
    return {
        **schema,
        "properties": {**schema.get("properties", {}), **_EVIDENCE},
        "required": [*schema.get("required", ()), *_EVIDENCE],
    }


def _request(draft: Draft, config: GenerationConfig, schemas: OutputSchemas) -> ChatRequest:
    schema = schemas.of(draft.route)
    instructions = config.direct_instructions if draft.direct else config.instructions
    return ChatRequest(
        messages=answer_messages(draft, instructions, config.n_turns),
        purpose="generation",
        max_output_tokens=config.max_output_tokens,
        schema=schema if draft.direct else reply_schema(schema),
    )


def _generated(draft: Draft, outcome: ChatOutcome, schemas: OutputSchemas) -> Step:
    draft = replace(draft, usages=(*draft.usages, ("generation", outcome.usage)))
    facts: dict[str, object] = {"model": outcome.usage.model}
    if outcome.failure is not None:
        message = f"generation failed: {outcome.failure.reason}: {outcome.failure.message}"
        return Step(draft.ended("failed", message), facts | {"failure": outcome.failure.reason})
    draft = replace(draft, answered_by=outcome.usage.model)
    reply = outcome.value or {}
    if reply.get("found") is False or is_abstention(str(reply.get("answer") or "")):
        return Step(_abstained(draft), facts | {"found": False})
    return _answered(draft, reply, facts, schemas)


def _answered(draft: Draft, reply: Mapping[str, Any], facts: Mapping[str, object], schemas: OutputSchemas) -> Step:
    answer = str(reply.get("answer") or "")
    citations: tuple[Citation, ...] = ()
    counts: dict[str, object] = {}
    if not draft.direct:
        quotes = [Quote(each["passage"], each["quote"]) for each in reply.get("citations", ())]
        cited = cited_answer(answer, quotes, [passage.context for passage in draft.passages])
        answer, citations = cited.answer, cited.citations
        counts = {
            "n_citations": len(cited.citations),
            "n_invalid_citations": cited.n_invalid,
            "n_unfound_quotes": cited.n_unfound_quotes,
        }
    own = {name: value for name, value in reply.items() if name not in _EVIDENCE} | {"answer": answer}
    output = own if draft.route in schemas.routes else None
    return Step(replace(draft, answer=answer, citations=citations, output=output), {**facts, **counts})


def _abstained(draft: Draft) -> Draft:
    return replace(draft, answer=ABSTENTION, citations=(), output=None).ended("abstained")
