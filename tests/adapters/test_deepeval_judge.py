"""The real DeepEval, asking a played judge model through the real gateway client."""

import json
from typing import Any

import pytest

from blocks.judge import CriteriaConfig, JudgesConfig
from millrace.ports import JudgeCase, JudgeOutcome
from tests.support.gateway import BROKEN, Asked, Play, PlayedGateway
from tests.support.judge_cases import HALF_TRUE, KNOWN, POLITE, Memory, case, judges
from tests.support.judge_replies import WITHOUT_STATEMENTS, judgement, judging, prompt_of

STEPS = POLITE.model_copy(update={"steps": ("Look for a kind word.",)})


def judged(
    metric: str, cases: list[JudgeCase], criteria: CriteriaConfig = POLITE, script: Any = judging, **client: Any
) -> tuple[list[JudgeOutcome], PlayedGateway]:
    config = JudgesConfig(ragas=(), criteria=(criteria,))
    with PlayedGateway(script) as gateway, judges(gateway.url, config, **client) as opened:
        return opened[metric].judge(cases), gateway


def test_faithfulness_is_the_share_of_claims_that_nothing_contradicts() -> None:
    [outcome], gateway = judged("deepeval_faithfulness", [HALF_TRUE])
    assert outcome.value == pytest.approx(0.5)
    assert outcome.n_calls == len(gateway.requests) == 3  # truths, claims, verdicts; no words for a reason


def test_an_answer_without_claims_is_undefined_and_not_perfect() -> None:
    [outcome], _ = judged("deepeval_faithfulness", [JudgeCase("Why?", WITHOUT_STATEMENTS, (KNOWN,))])
    assert (outcome.value, outcome.reason, outcome.failed) == (None, "no_statements", False)


def test_claims_without_verdicts_are_undefined_and_not_perfect() -> None:
    def silent(asked: Asked) -> Play:
        reply = judgement(prompt_of(asked))
        return Play(text=json.dumps({"verdicts": []} if "verdicts" in reply else reply))

    [outcome], _ = judged("deepeval_faithfulness", [HALF_TRUE], script=silent)
    assert (outcome.value, outcome.reason) == (None, "no_verdicts")


def test_faithfulness_without_contexts_is_undefined_without_a_call() -> None:
    [outcome], gateway = judged("deepeval_faithfulness", [JudgeCase("Why?", "So.", ())])
    assert (outcome, gateway.requests) == (JudgeOutcome(None, "no_context"), [])


def test_criteria_give_marks_out_of_ten() -> None:
    cases = [JudgeCase("Tyres?", "Turn left, please.", ()), JudgeCase("Tyres?", "Turn left.", ())]
    outcomes, gateway = judged("criteria_politeness", cases, STEPS)
    assert [outcome.value for outcome in outcomes] == [0.8, 0.3]
    assert len(gateway.requests) == 2
    assert all("Look for a kind word." in question for question in gateway.questions())


def test_steps_are_derived_once_for_all_cases() -> None:
    outcomes, gateway = judged("criteria_politeness", [case(number) for number in range(30)])
    derived = [question for question in gateway.questions() if "generate 3-4 concise evaluation steps" in question]
    assert len(derived) == 1
    assert POLITE.text in derived[0]
    assert all(outcome.value == 0.3 for outcome in outcomes)
    assert sum(outcome.n_calls for outcome in outcomes) == len(gateway.requests) == 31


def test_steps_that_cannot_be_derived_fail_every_case_without_asking_for_each() -> None:
    def no_steps(asked: Asked) -> Play:
        return BROKEN if "concise evaluation steps" in prompt_of(asked) else judging(asked)

    outcomes, gateway = judged("criteria_politeness", [case(number) for number in range(30)], script=no_steps)
    assert {(outcome.failed, outcome.reason) for outcome in outcomes} == {(True, "server_error")}
    assert len(gateway.requests) == 3 * 4  # three cases try, four times each


def test_criteria_see_the_fields_they_name_and_need_them() -> None:
    shown = STEPS.model_copy(update={"fields": ("answer", "contexts", "reference")})
    outcomes, gateway = judged("criteria_politeness", [HALF_TRUE, case(1), JudgeCase("Q?", "A.", ())], shown)
    assert [outcome.reason for outcome in outcomes] == [None, "no_reference", "no_context"]
    [prompt] = gateway.questions()
    assert "Bells ring." in prompt
    assert KNOWN in prompt
    assert HALF_TRUE.question not in prompt


def test_marks_beyond_ten_are_asked_for_again_and_fail_as_a_wrong_schema() -> None:
    eleven = Play(text=json.dumps({"reason": "superb", "score": 11}))
    [outcome], gateway = judged("criteria_politeness", [HALF_TRUE], STEPS, lambda asked: eleven)
    assert (outcome.failed, outcome.reason, len(gateway.requests)) == (True, "wrong_schema", 3)


@pytest.mark.parametrize("text", ["[DEEPEVAL:IMAGE:1]", "{{ config }} {% for %}", "'\"\\", "context length exceeded"])
def test_texts_are_judged_as_texts_whatever_they_look_like(text: str) -> None:
    tricky = JudgeCase(f"What is {text}", f"It is {text}.", (f"It is {text}.",))
    for metric, value in (("deepeval_faithfulness", 1.0), ("criteria_politeness", 0.3)):
        [outcome], gateway = judged(metric, [tricky], STEPS)
        assert (outcome.value, outcome.message) == (value, None)
        assert any(text in question for question in gateway.questions())


def test_what_was_judged_before_is_not_paid_again() -> None:
    journal, cases = Memory(), [case(number) for number in range(10)]
    first, _ = judged("deepeval_faithfulness", cases, journal=journal)
    again, gateway = judged("deepeval_faithfulness", cases, journal=journal)
    assert (again, gateway.requests) == (first, [])


def test_identity_changes_with_the_words_of_the_criteria() -> None:
    identities = set()
    for criteria in (POLITE, STEPS, POLITE.model_copy(update={"text": "Short."})):
        with PlayedGateway() as gateway, judges(gateway.url, JudgesConfig(ragas=(), criteria=(criteria,))) as opened:
            identities.add(opened["criteria_politeness"].identity)
    assert len(identities) == 3
