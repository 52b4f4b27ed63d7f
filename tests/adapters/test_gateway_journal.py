"""Replies that were paid for are not paid for again, and come back as they were handed on."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from millrace.adapters.gateway_journal import request_key
from millrace.adapters.gateway_settings import GatewayModels
from millrace.errors import UnavailableError
from millrace.ports import ChatReply, ChatRequest
from tests.support.gateway import BROKEN, EMPTY, Play, PlayedGateway, always, in_turn
from tests.support.gateway_client import ask, opened, settings

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
GOOD = Play(text='{"answer": "yes"}')
WRONG = Play(text='{"reply": "yes"}')


class Memory:
    """A journal in memory, with what was written together; slow where told so."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.replies: dict[str, ChatReply] = {}
        self.batches: list[int] = []
        self.threads: set[str] = set()
        self._delay_s = delay_s

    def get(self, keys: Sequence[str]) -> Mapping[str, ChatReply]:
        return {key: self.replies[key] for key in keys if key in self.replies}

    def put(self, replies: Mapping[str, ChatReply]) -> Mapping[str, ChatReply]:
        time.sleep(self._delay_s)
        self.batches.append(len(replies))
        self.threads.add(threading.current_thread().name)
        self.replies = {**replies, **self.replies}
        return {key: self.replies[key] for key in replies}


class Full(Memory):
    """A journal that cannot be written."""

    def put(self, replies: Mapping[str, ChatReply]) -> Mapping[str, ChatReply]:
        raise UnavailableError("the disk is full")


def test_what_was_asked_before_is_answered_from_the_journal_with_the_same_words_and_costs() -> None:
    journal = Memory()
    with PlayedGateway(lambda asked: Play(text=f"reply {asked.number}")) as gateway:
        with opened(gateway.url, journal=journal) as model:
            paid = model.complete([ask(str(number)) for number in range(20)])
        with opened(gateway.url, journal=journal) as model:
            remembered = model.complete([ask(str(number)) for number in range(20)])
        assert len(gateway.requests) == 20
    assert {outcome.usage.remembered for outcome in paid} == {False}
    assert remembered == [replace(outcome, usage=replace(outcome.usage, remembered=True)) for outcome in paid]


def test_a_conversation_about_a_faulty_reply_is_remembered_reply_by_reply() -> None:
    journal = Memory()
    plays = in_turn(WRONG, BROKEN, GOOD)
    with PlayedGateway(plays) as gateway:
        with opened(gateway.url, journal=journal) as model:
            (paid,) = model.complete([ask("Why?", schema=SCHEMA)])
            (again,) = model.complete([ask("Why?", schema=SCHEMA)])
        assert len(gateway.requests) == 3
    assert again.usage == replace(paid.usage, remembered=True)
    assert (again.value, again.usage.retried_for) == ({"answer": "yes"}, ("wrong_schema", "server_error"))
    assert sorted(str(reply.fault) for reply in journal.replies.values()) == ["None", "wrong_schema"]


def test_a_run_that_died_after_a_faulty_reply_goes_on_with_the_next() -> None:
    journal = Memory()
    with PlayedGateway(in_turn(EMPTY, GOOD)) as gateway, opened(gateway.url, journal=journal) as model:
        model.complete([ask("Why?", schema=SCHEMA)])
        usable = next(key for key, reply in journal.replies.items() if reply.fault is None)
        del journal.replies[usable]  # as if it had died before this one
        (again,) = model.complete([ask("Why?", schema=SCHEMA)])
        assert len(gateway.requests) == 3
    assert (again.value, again.usage.remembered) == ({"answer": "yes"}, False)
    assert again.usage.retried_for == ("empty_choice",)


def test_failures_without_a_reply_are_not_remembered() -> None:
    journal = Memory()
    with PlayedGateway(in_turn(*[BROKEN] * 4, Play())) as gateway, opened(gateway.url, journal=journal) as model:
        assert model.complete([ask("Why?")])[0].failure is not None
        assert model.complete([ask("Why?")])[0].text == "yes"
    assert len(journal.replies) == 1


def test_a_reply_is_durable_before_it_is_handed_on_and_writing_delays_no_call() -> None:
    journal = Memory(delay_s=0.05)
    with PlayedGateway(latency_s=0.01) as gateway, opened(gateway.url, journal=journal) as model:
        began = time.monotonic()
        outcomes = model.complete([ask(str(number)) for number in range(64)])
        elapsed = time.monotonic() - began
    assert sum(journal.batches) == len(journal.replies) == len(outcomes) == 64
    assert len(journal.batches) <= 16  # written together, by the eight or so, not each by itself
    assert elapsed < 64 * 0.05 / 2
    assert not any("millrace-gateway" in name for name in journal.threads)


def test_only_redacted_text_is_journalled_and_the_same_text_comes_back() -> None:
    journal = Memory()

    def redact(text: str) -> str:
        return text.replace("ann@x.org", "[EMAIL]")

    telling = PlayedGateway(always(Play(text='{"answer": "ann@x.org"}')))
    with telling as gateway, opened(gateway.url, journal=journal, redact=redact) as model:
        said = [model.complete([ask("Who?", schema=SCHEMA)])[0].value for _ in range(2)]
    assert said == [{"answer": "[EMAIL]"}] * 2
    assert "ann@x.org" not in repr(journal.replies)


def test_what_another_process_journalled_first_is_what_is_handed_on() -> None:
    class Late(Memory):
        def put(self, replies: Mapping[str, ChatReply]) -> Mapping[str, ChatReply]:
            self.replies |= {key: replace(reply, text="theirs") for key, reply in replies.items()}
            return super().put(replies)

    with PlayedGateway() as gateway, opened(gateway.url, journal=Late()) as model:
        assert model.complete([ask("Why?")])[0].text == "theirs"


def test_a_journal_that_cannot_be_written_stops_the_batch() -> None:
    with PlayedGateway() as gateway, opened(gateway.url, journal=Full()) as model:
        with pytest.raises(UnavailableError, match="the disk is full"):
            model.complete([ask(str(number)) for number in range(50)])
        assert len(gateway.requests) <= 32  # and not the rest, which nobody would remember


@pytest.mark.parametrize(
    ("request_fields", "changes", "same"),
    [
        ({}, {}, True),
        ({"purpose": "another"}, {}, True),
        ({}, {"max_replies": 2}, True),
        ({"max_output_tokens": 9}, {}, False),
        ({"schema": SCHEMA}, {}, False),
        ({}, {"temperature": 1.0}, False),
        ({}, {"seed": 1}, False),
    ],
)
def test_a_key_tells_all_that_is_asked_for_and_nothing_else(
    request_fields: dict[str, Any], changes: dict[str, Any], same: bool
) -> None:
    def key(url: str, request: ChatRequest, **given: Any) -> str:
        return request_key(settings(url, **given), "main", request.messages, request, 0)

    one = key("http://a/v1", ask("Why?"))
    other = key("http://b/v1", replace(ask("Why?"), **request_fields), **changes)
    assert (one == other) is same
    assert len(one) == 64


def test_model_messages_and_attempt_are_part_of_the_key() -> None:
    given, request = settings("http://a/v1", models=GatewayModels(main="main")), ask("Why?")
    keys = {
        request_key(given, "main", request.messages, request, 0),
        request_key(given, "second", request.messages, request, 0),
        request_key(given, "main", ask("How?").messages, request, 0),
        request_key(given, "main", request.messages, request, 1),
    }
    assert len(keys) == 4
