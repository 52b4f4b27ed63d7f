"""Replies by a schema, against a real local gateway that takes it in several ways or in none."""

import pytest

from millrace.errors import BadInputError
from tests.support.gateway import BROKEN, Asked, Play, PlayedGateway, in_turn
from tests.support.gateway_client import ask, one, opened

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
GOOD = Play(text='{"answer": "yes"}')
WRONG = Play(text='{"reply": "yes"}')


def test_the_cost_of_a_request_is_that_of_all_its_replies() -> None:
    plays = in_turn(
        Play(text="no JSON", n_input=1000, n_output=100),
        BROKEN,
        Play(text="{}", n_input=1200, n_output=50, n_cached=400),
        Play(text='{"answer": "yes"}', n_input=1300, n_output=10),
    )
    with PlayedGateway(plays) as gateway:
        usage = one(gateway, ask("Why?", schema=SCHEMA)).usage
    # (3 500 - 400) x 2.50 + 400 x 1.25 + 160 x 10 = 7 750 + 500 + 1 600, by the million
    assert usage.cost_usd == pytest.approx(0.009850, rel=1e-12)
    assert (usage.input_tokens, usage.output_tokens, usage.tries) == (3500, 160, 4)
    assert usage.retried_for == ("invalid_json", "server_error", "wrong_schema")


def test_a_faulty_reply_is_sent_back_with_what_is_wrong() -> None:
    with PlayedGateway(in_turn(WRONG, GOOD)) as gateway:
        outcome = one(gateway, ask("Why?", schema=SCHEMA))
    assert outcome.value == {"answer": "yes"}
    _, said, request = gateway.requests[1].body["messages"]
    assert said == {"role": "assistant", "content": WRONG.text}
    assert "'answer' is a required property" in request["content"]


def test_the_schema_goes_along_in_the_strictest_way_that_the_gateway_takes() -> None:
    def script(asked: Asked) -> Play:
        return Play(status=400, error="unknown response_format") if asked.mode == "json_schema" else GOOD

    with PlayedGateway(script) as gateway, opened(gateway.url) as model:
        first, second = (model.complete([ask(question, schema=SCHEMA)])[0] for question in ("Why?", "How?"))
    assert [asked.mode for asked in gateway.requests] == ["json_schema", "json_object", "json_object"]
    assert (first.value, first.usage.retried_for) == ({"answer": "yes"}, ("refused",))
    assert (second.value, second.usage.retried_for) == ({"answer": "yes"}, ())


def test_a_gateway_that_knows_no_response_format_is_asked_in_prose() -> None:
    def script(asked: Asked) -> Play:
        return Play(status=422) if asked.mode else Play(text='Of course: {"answer": "yes"}. Bye!')

    with PlayedGateway(script) as gateway:
        outcome = one(gateway, ask("Why?", schema=SCHEMA))
    assert [asked.mode for asked in gateway.requests] == ["json_schema", "json_object", None]
    assert outcome.value == {"answer": "yes"}


def test_a_request_refused_in_every_mode_teaches_nothing_of_modes() -> None:
    def script(asked: Asked) -> Play:
        return Play(status=400) if asked.question == "Too long" else GOOD

    with PlayedGateway(script) as gateway, opened(gateway.url) as model:
        refused, fine = (model.complete([ask(question, schema=SCHEMA)])[0] for question in ("Too long", "Why?"))
    assert refused.failure is not None
    assert refused.usage.tries == 3
    assert (fine.usage.tries, gateway.requests[-1].mode) == (1, "json_schema")


def test_a_schema_that_is_none_is_refused_before_anything_is_paid() -> None:
    unsound = ask("Why?", schema={"type": "no-such-type"})
    with PlayedGateway() as gateway, opened(gateway.url) as model, pytest.raises(BadInputError, match="JSON Schema"):
        model.complete([ask("fine"), unsound])
    assert gateway.requests == []
