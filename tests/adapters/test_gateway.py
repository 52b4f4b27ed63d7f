"""A real client against a real local gateway: what is sent, what comes back, and what is told to nobody."""

import logging
import signal

import pytest

from millrace.adapters.gateway_settings import GatewayModels
from millrace.ports import ChatMessage, ChatRequest
from tests.support.gateway import CUT, KEY, Asked, Play, PlayedGateway, always, refused_url, sequence
from tests.support.gateway_client import ask, one, opened

SLOW = Play(delay_s=30.0)


def test_every_question_gets_its_own_reply_in_order() -> None:
    with PlayedGateway(lambda asked: Play(text=asked.question.upper())) as gateway, opened(gateway.url) as model:
        outcomes = model.complete([ask(f"question {number}") for number in range(200)])
    assert [outcome.text for outcome in outcomes] == [f"QUESTION {number}" for number in range(200)]
    assert {(outcome.usage.tries, outcome.failure) for outcome in outcomes} == {(1, None)}


def test_nothing_asked_is_nothing_done() -> None:
    with opened(refused_url()) as model:
        assert model.complete([]) == []


def test_without_usage_tokens_and_cost_are_unknown_with_the_reason() -> None:
    with PlayedGateway(always(Play(usage=False))) as gateway:
        usage = one(gateway, ask("Why?")).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cost_usd) == (None, None, None)
    assert usage.cost_reason == "the gateway told no usage"


def test_a_model_without_a_price_has_tokens_and_no_cost() -> None:
    with PlayedGateway() as gateway:
        usage = one(gateway, ask("Why not?"), models=GatewayModels(main="unheard-of")).usage
    assert (usage.input_tokens, usage.cost_usd) == (2, None)
    assert "no price known for unheard-of" in str(usage.cost_reason)


def test_a_reply_cut_at_the_limit_says_so() -> None:
    with PlayedGateway(always(Play(text="and then", finish="length"))) as gateway:
        outcome = one(gateway, ask("Why?", max_output_tokens=2))
    assert (outcome.text, outcome.truncated) == ("and then", True)
    assert gateway.requests[0].body["max_tokens"] == 2


def test_small_tasks_go_to_the_cheap_model_where_there_is_one() -> None:
    with PlayedGateway() as gateway:
        one(gateway, ask("a", tier="cheap"), models=GatewayModels(main="main", cheap="second"))
        one(gateway, ask("b", tier="main"), models=GatewayModels(main="main", cheap="second"))
        one(gateway, ask("c", tier="cheap"))
    assert [asked.body["model"] for asked in gateway.requests] == ["second", "main", "main"]


def test_what_the_settings_say_is_sent_and_none_is_not() -> None:
    with PlayedGateway() as gateway:
        one(gateway, ask("a"), seed=7)
        one(gateway, ask("b"), temperature=None, output_limit_field="max_completion_tokens")
    first, second = (asked.body for asked in gateway.requests)
    assert (first["temperature"], first["seed"], first["max_tokens"]) == (0, 7, 512)
    assert "temperature" not in second
    assert second["max_completion_tokens"] == 512


def test_equal_requests_under_way_are_asked_once() -> None:
    counting = PlayedGateway(lambda asked: Play(text=str(asked.number)), latency_s=0.05)
    with counting as gateway, opened(gateway.url) as model:
        outcomes = model.complete([ask("Why?")] * 5)
    assert {outcome.text for outcome in outcomes} == {"0"}
    assert sorted(outcome.usage.remembered for outcome in outcomes) == [False, True, True, True, True]


def test_replies_and_errors_are_redacted_before_anyone_sees_them() -> None:
    def script(asked: Asked) -> Play:
        return Play(status=400, error="bad: ann@x.org") if asked.question == "fail" else Play(text="write to ann@x.org")

    def redact(text: str) -> str:
        return text.replace("ann@x.org", "[EMAIL]")

    with PlayedGateway(script) as gateway, opened(gateway.url, redact=redact) as model:
        said, failed = model.complete([ask("say"), ask("fail")])
    assert said.text == "write to [EMAIL]"
    assert failed.failure is not None
    assert "bad: [EMAIL]" in failed.failure.message


def test_the_key_is_sent_and_appears_nowhere_else(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    plays = sequence(
        Play(status=401, error=f"Incorrect key: {KEY[:16]}****"), Play(status=400, error=f"for {KEY}"), CUT, Play()
    )
    with caplog.at_level(logging.DEBUG), PlayedGateway(plays) as gateway, opened(gateway.url) as model:
        outcomes = [model.complete([ask(str(number))])[0] for number in range(3)]
        said = [repr(model), repr(model._connection.settings), model.identity, repr(vars(model._connection))]
    assert gateway.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert caplog.text
    everything = "".join([repr(outcomes), *said, caplog.text, *capfd.readouterr()])
    assert KEY not in everything
    assert KEY[3:15] not in everything


def test_the_identity_tells_what_decides_replies_and_no_address() -> None:
    with opened("http://10.1.2.3:4567/v1", seed=3) as model, opened("http://other/v1", seed=3) as elsewhere:
        assert model.identity == elsewhere.identity
        assert '"seed":3' in model.identity
    with opened("http://other/v1", models=GatewayModels(main="second")) as other:
        assert other.identity != model.identity


def test_an_interrupted_batch_leaves_the_gateway_usable() -> None:
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    hanging = PlayedGateway(lambda asked: SLOW if asked.question == "hang" else Play())
    with hanging as gateway, opened(gateway.url, patience={"total_s": 30.0}) as model:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(KeyboardInterrupt):
                model.complete([ask("hang")])
        finally:
            signal.signal(signal.SIGALRM, previous)
        assert model.complete([ask("Why?")])[0].text == "yes"
        assert model._connection.limit.in_flight == 0


def test_messages_keep_their_roles_and_order() -> None:
    messages = (ChatMessage("system", "Be brief."), ChatMessage("user", "Why?"), ChatMessage("assistant", "So."))
    with PlayedGateway() as gateway:
        one(gateway, ChatRequest((*messages, ChatMessage("user", "And?")), purpose="test"))
    sent = [(message["role"], message["content"]) for message in gateway.requests[0].body["messages"]]
    assert sent == [("system", "Be brief."), ("user", "Why?"), ("assistant", "So."), ("user", "And?")]
