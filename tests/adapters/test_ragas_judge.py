"""The real Ragas, asking a played judge model through the real gateway client."""

import millrace.adapters.quiet_judges  # noqa: F401, I001 - before ragas

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ragas.metrics.collections.answer_relevancy.util import AnswerRelevanceInput, AnswerRelevancePrompt
from ragas.metrics.collections.context_precision.util import ContextPrecisionInput, ContextPrecisionPrompt
from ragas.metrics.collections.faithfulness.util import (
    NLIStatementInput,
    NLIStatementPrompt,
    StatementGeneratorInput,
    StatementGeneratorPrompt,
)

from blocks.judge import JudgesConfig
from millrace.ports import JudgeCase, JudgeOutcome, Vectors
from tests.support.embedder import HashedWords
from tests.support.gateway import Asked, Play, PlayedGateway
from tests.support.judge_cases import HALF_TRUE, KNOWN, Memory, case, judges
from tests.support.judge_replies import EVASIVE, WITHOUT_STATEMENTS, judgement, judging, prompt_of

RAGAS = JudgesConfig(deepeval_faithfulness=False)


def judged(metric: str, case: JudgeCase, script: Any = judging, **client: Any) -> tuple[JudgeOutcome, PlayedGateway]:
    with PlayedGateway(script) as gateway, judges(gateway.url, RAGAS, **client) as opened:
        return opened[metric].judge([case])[0], gateway


def test_faithfulness_is_the_share_of_statements_that_the_contexts_hold() -> None:
    outcome, gateway = judged("ragas_faithfulness", HALF_TRUE)  # of two sentences the first stands in a context
    assert outcome.value == pytest.approx(0.5)
    assert (outcome.n_calls, len(gateway.requests)) == (2, 2)


def test_context_precision_judges_by_the_reference_where_one_is_known_and_says_so() -> None:
    # The reference stands in the second context only: precision at 2 is 1/2. The answer's truth stands in the first.
    outcome, _ = judged("ragas_context_precision", HALF_TRUE)
    assert (outcome.value, outcome.variant) == (0.5, "with_reference")
    alone = JudgeCase(HALF_TRUE.question, HALF_TRUE.answer, HALF_TRUE.contexts)
    outcome, _ = judged("ragas_context_precision", alone)
    assert (outcome.value, outcome.variant, outcome.n_calls) == (1.0, "without_reference", 2)


def test_answer_relevancy_is_the_mean_cosine_of_the_questions_made() -> None:
    outcome, gateway = judged("ragas_answer_relevancy", HALF_TRUE)
    question, made = HashedWords().embed([HALF_TRUE.question, f"{HALF_TRUE.answer}?"])
    assert outcome.value == pytest.approx(float(question @ made), abs=1e-6)
    assert len(gateway.requests) == outcome.n_calls == 3


def test_the_questions_made_are_samples_of_their_own_that_the_journal_tells_apart() -> None:
    journal = Memory()

    def numbered(asked: Asked) -> Play:
        return Play(text=json.dumps({"question": f"number {asked.number}", "noncommittal": 0}))

    first, gateway = judged("ragas_answer_relevancy", HALF_TRUE, numbered, journal=journal)
    assert len(gateway.requests) == 3
    assert len({reply.text for reply in journal.replies.values()}) == 3
    again, gateway = judged("ragas_answer_relevancy", HALF_TRUE, numbered, journal=journal)
    assert (again.value, len(gateway.requests)) == (first.value, 0)


def test_an_evasive_answer_is_irrelevant() -> None:
    outcome, _ = judged("ragas_answer_relevancy", JudgeCase("Why?", f"That is {EVASIVE}.", ()))
    assert outcome.value == 0.0


class Opposite:
    """An embedder for which every other text points the other way."""

    identity = "opposite/1"
    dimension = 2

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([[1.0, 0.0] if text == "Why?" else [-0.6, 0.8] for text in texts], dtype=np.float32)


def test_a_negative_cosine_becomes_0_and_is_told() -> None:
    outcome, _ = judged("ragas_answer_relevancy", JudgeCase("Why?", "Because.", ()), embedder=Opposite())
    assert outcome.value == 0.0
    assert outcome.message is not None
    assert "-0.6" in outcome.message


def test_an_answer_without_statements_is_undefined_and_not_nan() -> None:
    outcome, _ = judged("ragas_faithfulness", JudgeCase("Why?", WITHOUT_STATEMENTS, (KNOWN,)))
    assert (outcome.value, outcome.reason, outcome.failed, outcome.n_calls) == (None, "no_statements", False, 1)


@pytest.mark.parametrize(
    ("metric", "case", "reason"),
    [
        ("ragas_faithfulness", JudgeCase("Why?", "So.", ()), "no_context"),
        ("ragas_faithfulness", JudgeCase("Why?", "So.", (" ",)), "no_context"),
        ("ragas_context_precision", JudgeCase("Why?", "So.", ()), "no_context"),
        ("ragas_answer_relevancy", JudgeCase("Why?", " ", (KNOWN,)), "no_answer"),
        ("ragas_answer_relevancy", JudgeCase("\n", "So.", (KNOWN,)), "no_question"),
    ],
)
def test_what_cannot_be_judged_is_undefined_without_a_call(metric: str, case: JudgeCase, reason: str) -> None:
    outcome, gateway = judged(metric, case)
    assert outcome == JudgeOutcome(None, reason)
    assert gateway.requests == []


def test_a_verdict_that_is_neither_0_nor_1_is_asked_for_again() -> None:
    def twice(asked: Asked) -> Play:
        reply = judgement(prompt_of(asked))
        return Play(text=json.dumps(reply | {"verdict": 2} if len(asked.body["messages"]) == 1 else reply))

    outcome, gateway = judged("ragas_context_precision", HALF_TRUE, twice)
    assert outcome.value == 0.5
    assert outcome.n_calls == len(gateway.requests) == 4


def test_what_a_case_took_is_what_the_gateway_billed() -> None:
    outcome, gateway = judged("ragas_faithfulness", HALF_TRUE)
    n_input, n_output = (sum(counts) for counts in zip(*gateway.billed, strict=True))
    assert (outcome.input_tokens, outcome.output_tokens) == (n_input, n_output)
    assert outcome.cost_usd == pytest.approx((2.5 * n_input + 10 * n_output) / 1e6)


def test_replies_are_asked_for_by_a_schema_without_references() -> None:
    _, gateway = judged("ragas_faithfulness", HALF_TRUE)
    sent = [asked.body["response_format"]["json_schema"]["schema"] for asked in gateway.requests]
    assert "$" not in json.dumps(sent)
    assert sent[1]["properties"]["statements"]["items"]["properties"]["verdict"]["enum"] == [0, 1]


def test_a_gateway_that_knows_no_schemas_judges_alike() -> None:
    def old(asked: Asked) -> Play:
        refused = Play(status=400, error="response_format json_schema is not supported")
        return refused if asked.mode == "json_schema" else judging(asked)

    outcome, _ = judged("ragas_faithfulness", HALF_TRUE, old)
    assert outcome.value == pytest.approx(0.5)


def test_outcomes_keep_the_order_of_many_cases_at_once() -> None:
    cases = [case(number, "Part {0} lasts {0} years." if number % 3 else "All is {0}.") for number in range(60)]
    with PlayedGateway(judging, latency_s=0.002) as gateway, judges(gateway.url, RAGAS) as opened:
        outcomes = opened["ragas_faithfulness"].judge(cases)
        assert gateway.peak_in_flight > 4
    assert [outcome.value for outcome in outcomes] == [float(number % 3 > 0) for number in range(60)]


def test_identity_names_what_decides_the_value_and_no_address() -> None:
    with PlayedGateway() as gateway, judges(gateway.url, RAGAS) as opened:
        identities = {name: judge.identity for name, judge in opened.items()}
        assert all("ragas/" in each and '"main":"main"' in each for each in identities.values())
        assert "hashed-words/1" in identities["ragas_answer_relevancy"]
        assert gateway.url not in str(identities)
        assert len(set(identities.values())) == 3
    fewer = RAGAS.model_copy(update={"n_questions": 1})
    with PlayedGateway() as gateway, judges(gateway.url, fewer) as opened:
        assert opened["ragas_answer_relevancy"].identity != identities["ragas_answer_relevancy"]


def test_prompts_are_ragas_own_word_for_word() -> None:
    asked: dict[str, list[str]] = {}
    for metric in RAGAS.ragas_metrics:
        outcome, gateway = judged(metric, HALF_TRUE)
        assert outcome.value is not None
        asked[metric] = gateway.questions()
    statements = StatementGeneratorPrompt().to_string(
        StatementGeneratorInput(question=HALF_TRUE.question, answer=HALF_TRUE.answer)
    )
    verdicts = NLIStatementPrompt().to_string(
        NLIStatementInput(context="\n".join(HALF_TRUE.contexts), statements=["Tyres last five years", "Tyres are blue"])
    )
    useful = [
        ContextPrecisionPrompt().to_string(
            ContextPrecisionInput(question=HALF_TRUE.question, context=text, answer=HALF_TRUE.reference or "")
        )
        for text in HALF_TRUE.contexts
    ]
    made = AnswerRelevancePrompt().to_string(AnswerRelevanceInput(response=HALF_TRUE.answer))
    assert list(asked.values()) == [[statements, verdicts], useful, [made] * 3]
