"""A real client against a real local gateway that plays each fault: every request gets its outcome."""

from collections import Counter

import pytest

from millrace.adapters.gateway_settings import GatewayModels
from tests.support.gateway import (
    BROKEN,
    BROKEN_BODY,
    BUSY,
    CUT,
    EMPTY,
    NO_CHOICE,
    Asked,
    Play,
    PlayedGateway,
    always,
    in_turn,
    refused_url,
)
from tests.support.gateway_client import ask, one, opened

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
GOOD = Play(text='{"answer": "yes"}')
SLOW = Play(delay_s=30.0)
WRONG = Play(text='{"reply": "yes"}')
PROSE = Play(text="I would say yes")


@pytest.mark.parametrize(
    ("play", "reason", "tries"),
    [
        (BUSY, "rate_limited", 2),
        (BROKEN, "server_error", 2),
        (Play(status=503, headers={"retry-after": "0.01"}), "server_error", 2),
        (BROKEN_BODY, "server_error", 2),
        (Play(raw=b"[]"), "server_error", 2),
        (Play(raw=b"\xff\xfe"), "server_error", 2),
        (CUT, "connection", 2),
        (SLOW, "timeout", 2),
        (EMPTY, "empty_choice", 2),
        (Play(text=" \n"), "empty_choice", 2),
        (NO_CHOICE, "empty_choice", 2),
    ],
)
def test_a_fault_that_heals_is_tried_again_and_seen(play: Play, reason: str, tries: int) -> None:
    with PlayedGateway(in_turn(play, Play())) as gateway:
        outcome = one(gateway, ask("Why?"), patience={"total_s": 0.2})
    assert (outcome.text, outcome.failure) == ("yes", None)
    assert (outcome.usage.tries, outcome.usage.retried_for) == (tries, (reason,))
    assert len(gateway.requests) == tries


@pytest.mark.parametrize(
    ("play", "reason", "n_asked", "transient"),
    [
        (BROKEN, "server_error", 4, True),
        (CUT, "connection", 4, True),
        (SLOW, "timeout", 4, True),
        (EMPTY, "empty_choice", 3, True),
        (Play(refusal="I must not"), "refused", 1, False),
        (Play(text=None, finish="content_filter"), "refused", 1, False),
        (Play(status=400, error="context too long"), "refused", 1, False),
        (Play(status=401, error="bad key"), "refused", 1, False),
        (Play(status=404, error="no such model"), "refused", 1, False),
        (Play(status=429, code="insufficient_quota"), "refused", 1, False),
        (Play(status=501), "refused", 1, False),
    ],
)
def test_a_fault_that_stays_is_a_typed_failure_after_all_tries(
    play: Play, reason: str, n_asked: int, transient: bool
) -> None:
    with PlayedGateway(always(play)) as gateway:
        outcome = one(gateway, ask("Why?"), patience={"total_s": 0.1})
    assert outcome.text is None
    assert outcome.failure is not None
    assert (outcome.failure.reason, outcome.failure.transient) == (reason, transient)
    assert (outcome.usage.tries, outcome.usage.retried_for) == (n_asked, (reason,) * (n_asked - 1))
    assert len(gateway.requests) == n_asked


def test_nobody_at_the_address_is_a_connection_that_failed() -> None:
    with opened(refused_url()) as model:
        (outcome,) = model.complete([ask("Why?")])
    assert outcome.failure is not None
    assert outcome.failure.reason == "connection"
    assert outcome.usage.tries == 4


def test_a_request_that_cannot_be_sent_fails_alone() -> None:
    with PlayedGateway() as gateway, opened(gateway.url) as model:
        broken, whole = model.complete([ask("half a pair: \ud800"), ask("Why?")])
    assert broken.failure is not None
    assert broken.failure.reason == "refused"
    assert whole.text == "yes"


def test_among_faults_of_every_kind_no_row_is_lost() -> None:
    plays = {
        "good": (GOOD,),
        "busy": (BUSY, GOOD),
        "broken": (BROKEN, BROKEN, GOOD),
        "cut": (CUT, GOOD),
        "body": (BROKEN_BODY, GOOD),
        "slow": (SLOW, GOOD),
        "prose": (PROSE, GOOD),
        "wrong": (WRONG, GOOD),
        "empty": (EMPTY, NO_CHOICE, GOOD),
        "hopeless": (WRONG,),
        "refused": (Play(status=400),),
    }
    n_each = 12
    scripts = {f"{kind} {number}": in_turn(*plays[kind]) for kind in plays for number in range(n_each)}

    def script(asked: Asked) -> Play:
        first = next(message for message in asked.body["messages"] if message["role"] == "user")
        return scripts[first["content"]](asked)

    with PlayedGateway(script) as gateway, opened(gateway.url, patience={"total_s": 0.5}) as model:
        outcomes = model.complete([ask(question, schema=SCHEMA) for question in scripts])
    assert len(outcomes) == len(scripts)
    failed = Counter(
        (question.split()[0], outcome.failure.reason)
        for question, outcome in zip(scripts, outcomes, strict=True)
        if outcome.failure
    )
    assert failed == {("hopeless", "wrong_schema"): n_each, ("refused", "refused"): n_each}
    assert all(outcome.value == {"answer": "yes"} for outcome in outcomes if outcome.failure is None)
    retried = {
        question.split()[0]: outcome.usage.retried_for for question, outcome in zip(scripts, outcomes, strict=True)
    }
    assert retried["broken"] == ("server_error", "server_error")
    assert retried["empty"] == ("empty_choice", "empty_choice")
    assert (retried["slow"], retried["prose"], retried["wrong"]) == (("timeout",), ("invalid_json",), ("wrong_schema",))
    # to the cent and beyond: what the gateway billed, at 2.50 and 10 a million
    billed = sum(2.5 * n_input + 10 * n_output for n_input, n_output in gateway.billed) / 1e6
    assert sum(outcome.usage.cost_usd or 0.0 for outcome in outcomes) == pytest.approx(billed, rel=1e-12)


def test_when_the_main_model_fails_for_good_the_fallback_answers() -> None:
    def script(asked: Asked) -> Play:
        return BROKEN if asked.body["model"] == "main" else Play(n_input=1_000_000, n_output=0)

    models = GatewayModels(main="main", fallback="second")
    with PlayedGateway(script) as gateway:
        outcome = one(gateway, ask("Why?"), models=models)
    assert outcome.text == "yes"
    assert (outcome.usage.model, outcome.usage.cost_usd) == ("second", pytest.approx(0.15))
    assert outcome.usage.retried_for == ("server_error",) * 4


def test_when_both_models_fail_the_outcome_has_the_last_failure_and_all_tries() -> None:
    def script(asked: Asked) -> Play:
        return WRONG if asked.body["model"] == "main" else Play(status=403)

    with PlayedGateway(script) as gateway:
        outcome = one(gateway, ask("Why?", schema=SCHEMA), models=GatewayModels(main="main", fallback="second"))
    assert outcome.failure is not None
    assert outcome.failure.reason == "refused"
    assert outcome.usage.retried_for == ("wrong_schema",) * 3
    assert outcome.usage.tries == 4
