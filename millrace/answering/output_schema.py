"""The form that a route's output must have: checked, repaired once by the model, else a failure (A12)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jsonschema
from pydantic import BaseModel, ConfigDict, Field, field_validator

from millrace.answering.citations import moved_citations
from millrace.answering.draft import Draft, Step
from millrace.answering.prompts import REPAIR, repair_messages
from millrace.datasets.canonical import canonical_json, sha256_json
from millrace.ports import ChatModel, ChatOutcome, ChatRequest

JsonSchema = Mapping[str, Any]

RESERVED = ("found", "citations")  # what generation asks for beside the route's own output
PLAIN_ANSWER: JsonSchema = {
    "type": "object",
    "properties": {"answer": {"type": "string", "minLength": 1, "pattern": r"\S"}},
    "required": ["answer"],
    "additionalProperties": False,
}
_SHOWN_CHARACTERS = 300


class OutputSchemas(BaseModel):
    """JSON Schema (2020-12) by route; any other route's output is an answer in plain text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    routes: dict[str, dict[str, Any]] = Field(
        {}, description="Schema of an object by route; 'answer' must be among its required properties, a string"
    )

    @field_validator("routes")
    @classmethod
    def _usable(cls, routes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for route, schema in routes.items():
            problem = _schema_problem(schema)
            if problem:
                raise ValueError(f"schema of route {route!r}: {problem}")
        return routes

    def of(self, route: str) -> JsonSchema:
        """The route's schema, or that of a plain answer."""
        return self.routes.get(route, PLAIN_ANSWER)


class OutputCheckConfig(BaseModel):
    """What becomes of an output that does not fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    repairs: bool = Field(True, description="Have the model correct the form once; without a gateway nothing can")
    instructions: str = Field(REPAIR, min_length=1, max_length=20_000, description="What the correcting model is told")
    max_output_tokens: int = Field(1024, ge=16, le=32_768, description="Longest corrected output")


@dataclass(frozen=True)
class _Checked:
    """A draft's output, what is wrong with it, and what came of correcting it."""

    draft: Draft
    output: JsonSchema
    problem: str | None
    repair: ChatOutcome | None = None


def check_output(
    drafts: Sequence[Draft], schemas: OutputSchemas, model: ChatModel | None, config: OutputCheckConfig
) -> list[Step]:
    """Check each draft's output against the schema of its route.

    An output that does not fit is sent back to the model once, all of them in one call; what does not fit then either
    is a failure with the schema's complaint. A correction keeps those citations whose sentence it keeps. Without a
    model nothing is corrected.
    """
    validators = {route: jsonschema.Draft202012Validator(schemas.of(route)) for route in {d.route for d in drafts}}
    checked = [_check(draft, validators[draft.route]) for draft in drafts]
    wrong = [place for place, each in enumerate(checked) if each.problem]
    if model is not None and config.repairs and wrong:
        requests = [_repair_request(checked[place], schemas, config) for place in wrong]
        for place, outcome in zip(wrong, model.complete(requests), strict=True):
            checked[place] = _corrected(checked[place], outcome, validators[checked[place].draft.route])
    return [_step(each, schemas) for each in checked]


def output_problem(output: object, schema: JsonSchema) -> str | None:
    """What is wrong with an output, as ``path: message``; None when it fits."""
    return _problem(jsonschema.Draft202012Validator(schema), output)


def _check(draft: Draft, validator: jsonschema.Draft202012Validator) -> _Checked:
    output = {"answer": draft.answer} if draft.output is None else draft.output
    return _Checked(draft, output, _problem(validator, output))


def _corrected(before: _Checked, outcome: ChatOutcome, validator: jsonschema.Draft202012Validator) -> _Checked:
    draft = replace(before.draft, usages=(*before.draft.usages, ("repair", outcome.usage)))
    if outcome.failure is not None:
        problem = f"{before.problem}; the repair failed: {outcome.failure.reason}: {outcome.failure.message}"
        return _Checked(draft, before.output, problem, outcome)
    output = outcome.value or {}
    return _Checked(draft, output, _problem(validator, output), outcome)


def _repair_request(checked: _Checked, schemas: OutputSchemas, config: OutputCheckConfig) -> ChatRequest:
    reply = canonical_json(dict(checked.output)).decode()
    return ChatRequest(
        messages=repair_messages(config.instructions, reply, checked.problem or ""),
        purpose="repair",
        max_output_tokens=config.max_output_tokens,
        schema=schemas.of(checked.draft.route),
    )


def _step(checked: _Checked, schemas: OutputSchemas) -> Step:
    draft, route = checked.draft, checked.draft.route
    facts = {"schema": _schema_name(route, schemas), "repair_tried": checked.repair is not None}
    if checked.problem is not None:
        message = f"output does not fit the schema of route {route}: {checked.problem}"
        return Step(draft.ended("failed", message), facts | {"fits": False, "problem": checked.problem})
    answer = str(checked.output["answer"])
    fitting = replace(
        draft,
        answer=answer,
        output=dict(checked.output) if route in schemas.routes else None,
        citations=moved_citations(draft.citations, draft.answer or "", answer) if checked.repair else draft.citations,
    )
    return Step(fitting, facts | {"fits": True, "answer_changed": answer != draft.answer if checked.repair else None})


def _schema_name(route: str, schemas: OutputSchemas) -> str:
    return sha256_json(schemas.routes[route])[:12] if route in schemas.routes else "plain answer"


def _problem(validator: jsonschema.Draft202012Validator, output: object) -> str | None:
    error = jsonschema.exceptions.best_match(validator.iter_errors(output))
    if error is None:
        return None
    message = error.message
    shown = message if len(message) <= _SHOWN_CHARACTERS else f"{message[: _SHOWN_CHARACTERS - 3]}..."
    return f"{error.json_path}: {shown}"


def _schema_problem(schema: JsonSchema) -> str | None:
    """Why a schema cannot be one of a route's output; None when it can."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        return f"{error.json_path}: {error.message}"
    properties = schema.get("properties", {})
    if schema.get("type") != "object" or "answer" not in schema.get("required", ()):
        return "it must describe an object ('type: object') in which 'answer' is required"
    if not isinstance(properties.get("answer"), Mapping) or properties["answer"].get("type") != "string":
        return "the property 'answer' must be of type string"
    if taken := [name for name in RESERVED if name in properties]:
        return f"the names {', '.join(taken)} are taken: the model gives its citations under them"
    outside = [reference for reference in _references(schema) if not reference.startswith("#")]
    return f"references must stay inside the schema, {outside[0]!r} does not" if outside else None


def _references(schema: object) -> Iterator[str]:
    """Every ``$ref`` and its like, however deep: validating must never fetch anything."""
    if isinstance(schema, Mapping):
        for name, value in schema.items():
            if name in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)
