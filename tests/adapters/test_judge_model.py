"""What lies between a judging library and the gateway, with metrics made up for the purpose."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from pydantic import BaseModel, Field

from millrace.adapters.judge_model import CallFailedError, Calls, CaseModel, LibraryJudge, Verdict, reply_schema
from millrace.ports import JudgeCase, JudgeOutcome
from tests.support.gateway import BROKEN, Asked, Play, PlayedGateway, Script, always
from tests.support.gateway_client import opened

Score = Callable[[JudgeCase, CaseModel], Awaitable[Verdict]]

CASE = JudgeCase("Why?", "So.", ())
CALLS = Calls("made_up", 100)


class Part(BaseModel):
    mark: int
    note: str | None = None


class Marks(BaseModel):
    parts: list[Part]
    best: Part
    total: int = Field(3, description="of all")


class Even(BaseModel):
    number: int = Field(multiple_of=2)


class Shout(BaseModel):
    word: str

    def model_post_init(self, context: object) -> None:
        if not self.word.isupper():
            raise ValueError("not shouted")


def judge(script: Script, score: Score) -> tuple[JudgeOutcome, PlayedGateway]:
    with PlayedGateway(script) as gateway, opened(gateway.url, patience={"max_tries": 2}) as model:
        judge = LibraryJudge("made-up/1", model, CALLS, score)
        return judge.judge([CASE])[0], gateway


def test_a_schema_holds_all_it_needs_with_bounds_where_the_property_is() -> None:
    part = {
        "title": "Part",
        "type": "object",
        "required": ["mark"],
        "properties": {
            "mark": {"title": "Mark", "type": "integer", "enum": [0, 1]},
            "note": {"title": "Note", "anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    }
    assert reply_schema(Marks, (("mark", "enum", (0, 1)), ("absent", "minimum", 0))) == {
        "title": "Marks",
        "type": "object",
        "required": ["parts", "best"],
        "properties": {
            "parts": {"title": "Parts", "type": "array", "items": part},
            "best": part,
            "total": {"title": "Total", "type": "integer", "description": "of all"},
        },
    }


def test_a_reply_comes_back_as_the_type_that_was_asked_for() -> None:
    async def score(case: JudgeCase, model: CaseModel) -> Verdict:
        return Verdict((await model.ask("Which?", Even)).number / 10)

    outcome, _ = judge(always(Play(text='{"number": 4}')), score)
    assert (outcome.value, outcome.n_calls) == (0.4, 1)


def test_a_reply_that_only_the_type_refuses_is_a_wrong_schema() -> None:
    async def score(case: JudgeCase, model: CaseModel) -> Verdict:
        await model.ask("Which?", Shout)
        return Verdict(1.0)

    outcome, _ = judge(always(Play(text='{"word": "low"}')), score)
    assert (outcome.failed, outcome.reason, outcome.n_calls) == (True, "wrong_schema", 1)


def test_a_library_that_swallows_the_failure_is_not_believed() -> None:
    async def score(case: JudgeCase, model: CaseModel) -> Verdict:
        with suppress(CallFailedError):
            await model.ask("Which?", Even)
        return Verdict(1.0)

    outcome, _ = judge(always(BROKEN), score)
    assert (outcome.value, outcome.failed, outcome.reason) == (None, True, "server_error")


def test_a_library_that_hides_the_failure_behind_its_own_error_does_not_hide_the_reason() -> None:
    async def score(case: JudgeCase, model: CaseModel) -> Verdict:
        try:
            await model.ask("Which?", Even)
        except CallFailedError as error:
            raise RuntimeError("something went wrong") from error
        return Verdict(1.0)

    outcome, _ = judge(always(BROKEN), score)
    assert outcome.reason == "server_error"


def test_an_error_of_the_library_fails_the_case_and_not_the_others() -> None:
    async def score(case: JudgeCase, model: CaseModel) -> Verdict:
        number = (await model.ask(case.question, Even)).number
        return Verdict(1 / number)

    script = lambda asked: Play(text='{"number": 0}' if "none" in asked.question else '{"number": 2}')  # noqa: E731
    cases = [JudgeCase(question, "So.", ()) for question in ("two?", "none?", "2?")]
    with PlayedGateway(script) as gateway, opened(gateway.url) as model:
        outcomes = LibraryJudge("made-up/1", model, CALLS, score).judge(cases)
    assert [outcome.value for outcome in outcomes] == [0.5, None, 0.5]
    assert (outcomes[1].failed, outcomes[1].reason, outcomes[1].n_calls) == (True, "judge_error", 1)
    assert outcomes[1].message == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_value_that_is_no_share_is_a_failure(value: float) -> None:
    async def score(case: JudgeCase, model: CaseModel) -> Verdict:
        return Verdict(value)

    outcome, _ = judge(always(Play()), score)
    assert (outcome.value, outcome.failed, outcome.reason) == (None, True, "out_of_range")


def test_calls_beside_the_one_that_failed_are_waited_for_and_counted() -> None:
    async def score(case: JudgeCase, model: CaseModel) -> Verdict:
        await asyncio.gather(model.ask("fails", Even), model.ask("slow", Even))
        return Verdict(1.0)

    def script(asked: Asked) -> Play:
        return Play(status=422) if asked.question == "fails" else Play(text='{"number": 2}', delay_s=0.1, n_input=7)

    outcome, gateway = judge(script, score)
    assert len(gateway.requests) == outcome.n_calls > 1
    assert len(gateway.billed) == 1


def test_an_unknown_price_leaves_the_cost_unknown() -> None:
    async def score(case: JudgeCase, model: CaseModel) -> Verdict:
        for question in ("a", "b"):
            await model.ask(question, Even)
        return Verdict(1.0)

    script = lambda asked: Play(text='{"number": 2}', usage=asked.question == "a")  # noqa: E731
    outcome, _ = judge(script, score)
    assert (outcome.cost_usd, outcome.input_tokens, outcome.value) == (None, None, 1.0)
