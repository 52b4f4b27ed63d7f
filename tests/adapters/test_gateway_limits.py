"""How many calls are under way at once, and how long a gateway is waited for."""

import time
from concurrent.futures import ThreadPoolExecutor

from millrace.adapters.gateway_settings import ConcurrencyLimits
from tests.support.gateway import BROKEN, BUSY, Asked, Play, PlayedGateway, always, sequence
from tests.support.gateway_client import ask, one, opened


def test_as_many_calls_are_under_way_as_the_limit_allows_and_no_more() -> None:
    limits = ConcurrencyLimits(start=6, ceiling=6)
    with PlayedGateway(latency_s=0.02) as gateway, opened(gateway.url, limits=limits) as model:
        model.complete([ask(str(number)) for number in range(60)])
        assert gateway.peak_in_flight == 6


def test_threads_share_one_gateways_limit() -> None:
    limits = ConcurrencyLimits(start=4, ceiling=4)
    with PlayedGateway(latency_s=0.02) as gateway, opened(gateway.url, limits=limits) as model:
        parts = [[ask(f"{part}-{number}") for number in range(20)] for part in range(3)]
        with ThreadPoolExecutor(3) as pool:
            outcomes = list(pool.map(model.complete, parts))
        assert gateway.peak_in_flight == 4
        assert [len(part) for part in outcomes] == [20, 20, 20]


def test_after_retry_after_no_call_comes_before_its_time() -> None:
    came: list[float] = []

    def script(asked: Asked) -> Play:
        came.append(time.monotonic())
        return Play(status=429, headers={"retry-after": "0.4"}) if asked.number == 0 else Play()

    limits = ConcurrencyLimits(start=1, ceiling=1)
    with PlayedGateway(script) as gateway, opened(gateway.url, limits=limits) as model:
        outcomes = model.complete([ask(str(number)) for number in range(5)])
    assert min(came[1:]) - came[0] >= 0.4
    assert all(outcome.text == "yes" for outcome in outcomes)


def test_a_rate_limit_is_waited_out_more_often_than_faults_are_tried() -> None:
    busy = Play(status=429, headers={"retry-after": "0.01"})
    with PlayedGateway(sequence(*[busy] * 12, Play())) as gateway:
        outcome = one(gateway, ask("Why?"))
    assert (outcome.text, outcome.usage.tries) == ("yes", 13)


def test_a_pause_beyond_all_patience_is_a_failure_at_once() -> None:
    began = time.monotonic()
    with PlayedGateway(always(Play(status=429, headers={"retry-after": "3600"}))) as gateway:
        outcome = one(gateway, ask("Why?"))
    assert time.monotonic() - began < 3
    assert outcome.failure is not None
    assert (outcome.failure.reason, outcome.failure.transient) == ("rate_limited", True)


def test_overload_lowers_the_number_of_calls_at_once_and_success_raises_it() -> None:
    limits = ConcurrencyLimits(start=16, ceiling=16)
    busy = PlayedGateway(sequence(*[BUSY] * 16, Play()), latency_s=0.005)
    with busy as gateway, opened(gateway.url, limits=limits) as model:
        model.complete([ask(str(number)) for number in range(16)])
        lowered = model._connection.limit.limit
        model.complete([ask(f"more {number}") for number in range(200)])
        assert lowered < 16
        assert lowered < model._connection.limit.limit <= 16


def test_a_gateway_that_is_down_is_not_waited_for_by_each_of_many_requests() -> None:
    patience = {"rate_limit_s": 0.2, "backoff_s": 0.02, "max_tries": 4}
    with PlayedGateway(always(BROKEN)) as gateway, opened(gateway.url, patience=patience) as model:
        outcomes = model.complete([ask(str(number)) for number in range(2000)])
    assert {outcome.failure.reason for outcome in outcomes if outcome.failure} <= {"server_error", "connection"}
    assert all(outcome.failure and outcome.failure.transient for outcome in outcomes)
    assert len(gateway.requests) < 1000


def test_the_duration_of_a_call_leaves_out_its_waiting_for_a_turn() -> None:
    limits = ConcurrencyLimits(start=1, ceiling=1)
    with PlayedGateway(latency_s=0.1) as gateway, opened(gateway.url, limits=limits) as model:
        requests = [[ask(str(number))] for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            parts = list(pool.map(model.complete, requests))
    durations_ms = sorted(outcome.usage.duration_ms for part in parts for outcome in part)
    assert durations_ms[0] >= 100
    assert durations_ms[4] < 300  # with the waiting, the fifth took 500
