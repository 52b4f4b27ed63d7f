"""Work made of coroutines shares the gateway's limits with all other calls."""

import threading
import time
from collections.abc import Mapping, Sequence

import pytest

from millrace.adapters.gateway_journal import request_key
from millrace.adapters.gateway_settings import ConcurrencyLimits
from millrace.ports import ChatMessage, ChatReply
from tests.support.gateway import Asked, Play, PlayedGateway
from tests.support.gateway_client import ask, opened, settings
from tests.support.judge_cases import Memory

FOUR = ConcurrencyLimits(start=4, ceiling=4)


def echo(asked: Asked) -> Play:
    return Play(text=asked.question)


class Lazy(Sequence[int]):  # type: ignore[misc]
    """Numbers, and how many were taken."""

    def __init__(self, n_items: int) -> None:
        self.n_items = n_items
        self.n_taken = 0

    def __len__(self) -> int:
        return self.n_items

    def __getitem__(self, number: int) -> int:  # type: ignore[override]
        if number >= self.n_items:
            raise IndexError
        self.n_taken += 1
        return number


def test_results_keep_the_order_of_the_items_and_calls_obey_the_limit() -> None:
    with PlayedGateway(echo, latency_s=0.005) as gateway, opened(gateway.url, limits=FOUR) as model:

        async def twice(number: int) -> str:
            first = await model.ask(ask(f"{number}"))
            return f"{first.text}{(await model.ask(ask(f'{number}!'))).text}"

        assert model.run_each(range(50), twice) == [f"{number}{number}!" for number in range(50)]
        assert gateway.peak_in_flight == 4


def test_items_are_taken_as_room_gets_free_and_the_first_error_ends_it() -> None:
    items = Lazy(1000)
    with PlayedGateway(echo) as gateway, opened(gateway.url, limits=FOUR) as model:

        async def fail_at_20(number: int) -> None:
            await model.ask(ask(f"{number}"))
            if number == 20:
                raise ValueError("the twentieth")

        with pytest.raises(ValueError, match="the twentieth"):
            model.run_each(items, fail_at_20)
    assert 20 < items.n_taken < 40


def test_samples_are_asked_apart_and_equal_requests_once() -> None:
    with PlayedGateway(lambda asked: Play(text=f"{asked.number}"), latency_s=0.01) as gateway:
        with opened(gateway.url, journal=Memory()) as model:
            outcomes = model.complete([ask("Why?", sample=sample) for sample in (0, 1, 2, 1, 0)])
        assert len(gateway.requests) == 3
    texts = [outcome.text for outcome in outcomes]
    assert len(set(texts)) == 3
    assert (texts[0], texts[1]) == (texts[4], texts[3])


def test_the_first_sample_has_the_key_that_it_had_before_there_were_samples() -> None:
    known = "7c091981fef88271"
    messages = (ChatMessage("user", "Why?"),)
    keys = [request_key(settings("http://x/v1"), "main", messages, ask("Why?", sample=n), 0) for n in (0, 1)]
    assert keys[0].startswith(known)
    assert keys[0] != keys[1]


class Stuck(Memory):
    """A journal that makes nothing durable until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def put(self, replies: Mapping[str, ChatReply]) -> Mapping[str, ChatReply]:
        self.go.wait(20)
        return super().put(replies)


def test_no_more_replies_wait_to_become_durable_than_two_for_each_call() -> None:
    journal = Stuck()
    with PlayedGateway(echo) as gateway, opened(gateway.url, journal=journal, limits=FOUR) as model:
        threads = [
            threading.Thread(target=model.complete, args=([ask(f"{start}-{n}") for n in range(50)],))
            for start in range(3)
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while len(gateway.requests) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)  # for more, if they come
        n_paid = len(gateway.requests)
        journal.go.set()
        for thread in threads:
            thread.join()
        assert (n_paid, len(gateway.requests)) == (8, 150)
