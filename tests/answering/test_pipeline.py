"""Drafts are led through the stages together, each leaving its span; a draft that fails leaves the others alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from millrace.answering.draft import Draft, Stage, Step
from millrace.answering.pipeline import run_stages
from millrace.errors import BadInputError
from millrace.records.answer import Question
from millrace.records.trace import Span, utc


def draft(text: str) -> Draft:
    asked = Question(question_id=text, tenant_id="acme", time=utc(2026, 1, 1), question=text)
    return Draft(question=asked, query=text, phrasings=(text,), route="rag")


def every_second() -> Callable[[], float]:
    seconds = iter(range(10_000))
    return lambda: float(next(seconds))


def answer_all(drafts: Sequence[Draft]) -> list[Step]:
    return [Step(replace(each, answer=each.query.upper()), {"n_letters": len(each.query)}) for each in drafts]


def facts(span: Span) -> dict[str, str]:
    return {attribute.name: attribute.value for attribute in span.attributes}


def test_every_stage_leaves_a_span_and_shares_its_time_evenly() -> None:
    (one, two) = run_stages([draft("one"), draft("three")], [Stage("generation", answer_all)], every_second())
    assert [one.answer, two.answer] == ["ONE", "THREE"]
    assert facts(one.spans[0]) == {"ran": "true", "n_letters": "3"}
    assert [timing.duration_ms for timing in (*one.timings, *two.timings)] == [500.0, 500.0]
    assert (one.timings[0].characters_in, one.timings[0].characters_out) == (3, 6)


def test_a_stage_without_function_says_why_it_did_not_run() -> None:
    (only,) = run_stages([draft("one")], [Stage("rerank", None, "no reranker is set")], every_second())
    assert facts(only.spans[0]) == {"ran": "false", "reason": "no reranker is set"}
    assert only.timings == ()


def test_a_decided_draft_is_passed_over_by_the_stages_after() -> None:
    def block_short(drafts: Sequence[Draft]) -> list[Step]:
        return [Step(each.ended("blocked", "too short") if len(each.query) < 4 else each) for each in drafts]

    stages = [Stage("injection_check", block_short), Stage("generation", answer_all)]
    blocked, answered = run_stages([draft("one"), draft("three")], stages, every_second())
    assert (blocked.status, blocked.answer, answered.answer) == ("blocked", None, "THREE")
    assert facts(blocked.spans[1]) == {"ran": "false", "reason": "the question was blocked"}


@pytest.mark.parametrize(
    ("error", "message"),
    [(BadInputError("no such thing"), "no such thing"), (KeyError("gone"), "KeyError: 'gone'")],
)
def test_only_the_draft_that_makes_a_stage_raise_fails(error: Exception, message: str) -> None:
    def refuse_two(drafts: Sequence[Draft]) -> list[Step]:
        if any(each.query == "two" for each in drafts):
            raise error
        return answer_all(drafts)

    drafts = [draft("one"), draft("two"), draft("three")]
    done = run_stages(drafts, [Stage("generation", refuse_two)], every_second())
    assert [(each.status, each.error, each.answer) for each in done] == [
        (None, None, "ONE"),
        ("failed", message, None),
        (None, None, "THREE"),
    ]


def test_a_stage_that_loses_a_draft_is_given_each_alone() -> None:
    stage = Stage("rerank", lambda drafts: answer_all(drafts[:1]))
    done = run_stages([draft("one"), draft("two")], [stage], every_second())
    assert [each.answer for each in done] == ["ONE", "TWO"]


def test_a_stage_that_gives_nothing_for_a_draft_fails_it() -> None:
    (only,) = run_stages([draft("one")], [Stage("rerank", lambda _drafts: [])], every_second())
    assert (only.status, only.error) == ("failed", "ValueError: stage rerank made 0 steps of 1 drafts")


def test_no_drafts_are_no_work() -> None:
    assert run_stages([], [Stage("generation", answer_all)], every_second()) == []
