"""Between the judging libraries and the gateway: their prompts out, replies of their own types back, nothing lost.

A library is handed a :class:`CaseModel` for each case. All calls go through the chat model's limits, retries and
journal, and whatever becomes of the case, what it took is known.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from millrace.ports import (
    AwaitableChatModel,
    ChatFailure,
    ChatMessage,
    ChatOutcome,
    ChatRequest,
    ChatUsage,
    JudgeCase,
    JudgeOutcome,
)

ReplyT = TypeVar("ReplyT", bound=BaseModel)
Bounds = tuple[tuple[str, str, float | tuple[int, ...]], ...]  # property, keyword of JSON Schema, its value
Need = Literal["contexts", "reference"]

JUDGE_ERROR = "judge_error"
OUT_OF_RANGE = "out_of_range"
_LONGEST_MESSAGE = 300


class CallFailedError(Exception):
    """A call of the judge model gave nothing usable; it passes through the library and ends the case."""

    def __init__(self, failure: ChatFailure) -> None:
        super().__init__(f"{failure.reason}: {failure.message}")
        self.failure = failure


@dataclass(frozen=True)
class Calls:
    """How a metric's calls are made.

    Attributes:
        purpose: names the metric in the request.
        max_output_tokens: of each reply.
        bounds: what a reply must keep to beyond the library's own schema, by the name of the property.
    """

    purpose: str
    max_output_tokens: int
    bounds: Bounds = ()


@dataclass(frozen=True)
class Verdict:
    """What a library says of a case: a number, or the reason why it has none."""

    value: float | None
    reason: str | None = None
    message: str | None = None
    variant: str | None = None


class CaseModel:
    """The judge model as one case of one metric sees it; keeps what its calls took and why one failed."""

    def __init__(self, chat: AwaitableChatModel, calls: Calls) -> None:
        self._chat = chat
        self._calls = calls
        self._asked: list[asyncio.Task[ChatOutcome]] = []
        self.usages: list[ChatUsage] = []
        self.failure: ChatFailure | None = None
        self.trouble: Exception | None = None

    async def ask(self, prompt: str, reply: type[ReplyT], sample: int = 0) -> ReplyT:
        """The reply to a prompt, as the library's own type.

        Raises:
            CallFailedError: there was no usable reply.
            UnavailableError: the journal cannot be written.
        """
        request = ChatRequest(
            (ChatMessage("user", prompt),),
            purpose=self._calls.purpose,
            max_output_tokens=self._calls.max_output_tokens,
            schema=reply_schema(reply, self._calls.bounds),
            sample=sample,
        )
        task = asyncio.ensure_future(self._chat.ask(request))
        self._asked.append(task)
        try:
            outcome = await task
        except Exception as error:
            self.trouble = error
            raise
        self.usages.append(outcome.usage)
        return self._read(outcome, reply)

    async def settle(self) -> None:
        """Wait for calls that a library left behind when one beside them failed: they are paid for all the same."""
        await asyncio.gather(*self._asked, return_exceptions=True)

    def _read(self, outcome: ChatOutcome, reply: type[ReplyT]) -> ReplyT:
        failure = outcome.failure
        if failure is None:
            try:
                return reply.model_validate(outcome.value)
            except ValidationError as error:
                problem = error.errors(include_url=False, include_input=False)[0]
                failure = ChatFailure("wrong_schema", f"At {problem['loc']}: {problem['msg']}", transient=False)
        self.failure = self.failure or failure
        raise CallFailedError(failure)


@dataclass(frozen=True)
class LibraryJudge:
    """Implements ``Judge`` with a library's metric.

    Attributes:
        score: judges one case, asking through the model it is given; may raise anything.
        needs: what a case must have, beside question and answer, to be asked about at all.
    """

    identity: str
    chat: AwaitableChatModel
    calls: Calls
    score: Callable[[JudgeCase, CaseModel], Awaitable[Verdict]]
    needs: tuple[Need, ...] = ()

    def judge(self, cases: Sequence[JudgeCase]) -> list[JudgeOutcome]:
        """One outcome per case, in order; what cannot be judged is undefined without a call.

        Raises:
            UnavailableError: the journal cannot be written, so that nothing paid would be remembered.
        """
        return self.chat.run_each(cases, self._judge)

    async def _judge(self, case: JudgeCase) -> JudgeOutcome:
        missing = self._missing(case)
        if missing is not None:
            return JudgeOutcome(None, missing)
        model = CaseModel(self.chat, self.calls)
        try:
            verdict = await self.score(case, model)
        except Exception as error:
            await model.settle()
            return _failed(error, model)
        if model.failure is not None:  # the library made something up for the reply that did not come
            return _failed(CallFailedError(model.failure), model)
        return _judged(verdict, model)

    def _missing(self, case: JudgeCase) -> str | None:
        if not case.question.strip():
            return "no_question"
        if not case.answer.strip():
            return "no_answer"
        if "contexts" in self.needs and not any(text.strip() for text in case.contexts):
            return "no_context"
        if "reference" in self.needs and not (case.reference and case.reference.strip()):
            return "no_reference"
        return None


@cache
def reply_schema(reply: type[BaseModel], bounds: Bounds = ()) -> Mapping[str, Any]:
    """The JSON Schema of a reply that does not contain itself, without references and defaults.

    Not every gateway follows references. Only what a library's prompt promises is put in as a bound, such as a verdict
    of 0 or 1: the gateway then asks again for a reply that breaks it, where the library would count with it.
    """
    schema = reply.model_json_schema()
    definitions = schema.pop("$defs", {})
    plain: Mapping[str, Any] = _plain(schema, definitions, bounds)
    return plain


def _plain(node: Any, definitions: Mapping[str, Any], bounds: Bounds) -> Any:
    if isinstance(node, list):
        return [_plain(each, definitions, bounds) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    plain = {name: _plain(value, definitions, bounds) for name, value in node.items() if name != "default"}
    for name, keyword, value in bounds:
        if name in plain.get("properties", {}):
            plain["properties"][name][keyword] = list(value) if isinstance(value, tuple) else value
    return plain


def _judged(verdict: Verdict, model: CaseModel) -> JudgeOutcome:
    value, took = verdict.value, _took(model.usages)
    if value is not None and not 0 <= value <= 1:  # NaN too
        message = f"the library gave {value}"
        return JudgeOutcome(None, OUT_OF_RANGE, message, failed=True, variant=verdict.variant, **took)
    return JudgeOutcome(value, verdict.reason, verdict.message, variant=verdict.variant, **took)


def _failed(error: Exception, model: CaseModel) -> JudgeOutcome:
    if model.trouble is not None:
        raise model.trouble
    failure = model.failure or (error.failure if isinstance(error, CallFailedError) else None)
    if failure is not None:
        return JudgeOutcome(None, failure.reason, failure.message, failed=True, **_took(model.usages))
    message = f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
    return JudgeOutcome(None, JUDGE_ERROR, message, failed=True, **_took(model.usages))


def _took(usages: Sequence[ChatUsage]) -> dict[str, Any]:
    """Calls with their tries, tokens and cost; a sum is None when one of its terms is not known, or there is none."""
    costs = [usage.cost_usd for usage in usages]
    return {
        "n_calls": sum(usage.tries for usage in usages),
        "input_tokens": _total([usage.input_tokens for usage in usages]),
        "output_tokens": _total([usage.output_tokens for usage in usages]),
        "cost_usd": None if not costs or None in costs else math.fsum(cost for cost in costs if cost is not None),
    }


def _total(counts: Sequence[int | None]) -> int | None:
    return None if not counts or None in counts else sum(count for count in counts if count is not None)
