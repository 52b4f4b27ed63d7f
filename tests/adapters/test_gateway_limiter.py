import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.adapters.gateway_headers import RateLimits
from millrace.adapters.gateway_limiter import AdaptiveLimit, Gate
from millrace.adapters.gateway_settings import ConcurrencyLimits


def limit(floor: int = 1, start: int = 4, ceiling: int = 8) -> AdaptiveLimit:
    return AdaptiveLimit(ConcurrencyLimits(floor=floor, start=start, ceiling=ceiling, decrease=0.5))


def test_no_more_calls_start_than_the_limit_allows() -> None:
    four = limit()
    for free in (4, 3, 2, 1):
        assert four.free(0.0) == free
        four.start(0.0)
    assert four.free(0.0) == 0
    four.end()
    assert four.free(0.0) == 1


def test_a_round_of_successes_makes_room_for_one_call_more_up_to_the_ceiling() -> None:
    busy = limit(start=4, ceiling=6)
    for _ in range(4):
        busy.start(0.0)
    # 4 + 1/4 + 1/4.25 + 1/4.485... after four: 4.92; after five: 5.12
    rooms = []
    for _ in range(30):
        busy.succeeded()
        rooms.append(busy.limit)
    assert rooms[:6] == [4, 4, 4, 4, 5, 5]
    assert max(rooms) == rooms[-1] == 6


def test_room_that_is_not_used_does_not_grow() -> None:
    idle = limit(start=4)
    idle.start(0.0)
    for _ in range(100):
        idle.succeeded()
    assert idle.limit == 4


def test_overload_halves_the_limit_once_for_all_calls_that_were_under_way() -> None:
    busy = limit(start=8)
    started = [busy.start(0.0) for _ in range(8)]
    for start in started:
        busy.overloaded(start, now=1.0)
    assert busy.limit == 4
    busy.overloaded(1.5, now=2.0)  # began after the cut, and still too much
    assert busy.limit == 2


def test_the_limit_never_falls_below_the_floor() -> None:
    low = limit(floor=3, start=4)
    for now in range(10):
        low.overloaded(float(now), now=float(now))
    assert low.limit == 3


def test_after_a_cut_running_calls_count_until_they_end() -> None:
    busy = limit(start=4)
    for _ in range(4):
        busy.start(0.0)
    busy.overloaded(0.0, now=1.0)
    assert (busy.limit, busy.free(1.0)) == (2, 0)
    busy.end()
    busy.end()
    assert busy.free(1.0) == 0
    busy.end()
    assert busy.free(1.0) == 1


def test_retry_after_stops_all_calls_for_as_long_as_it_says() -> None:
    stopped = limit()
    stopped.told(RateLimits(retry_after_s=3.0), now=10.0)
    assert (stopped.free(12.9), stopped.free(13.0)) == (0, 4)
    assert stopped.pause_s(11.0) == 2.0
    stopped.told(RateLimits(retry_after_s=0.5), now=11.0)  # a shorter one does not shorten it
    assert stopped.free(12.9) == 0


def test_no_more_calls_start_than_remain_before_the_reset() -> None:
    rationed = limit(start=8)
    rationed.start(0.0)
    rationed.told(RateLimits(remaining_requests=2, reset_requests_s=5.0), now=1.0)
    rationed.end()
    assert rationed.free(1.0) == 2
    rationed.start(1.0)
    rationed.start(1.0)
    assert (rationed.free(1.0), rationed.pause_s(1.0)) == (0, 5.0)
    assert rationed.free(6.0) == 6  # 8 less the 2 under way


def test_calls_under_way_may_not_be_counted_yet_in_what_remains() -> None:
    rationed = limit(start=8)
    for _ in range(3):
        rationed.start(0.0)
    rationed.told(RateLimits(remaining_requests=4, reset_requests_s=5.0), now=1.0)  # one of the three brought it
    assert rationed.free(1.0) == 2


def test_when_no_tokens_remain_calls_wait_for_the_reset() -> None:
    spent = limit()
    spent.told(RateLimits(remaining_tokens=0, reset_tokens_s=2.0), now=1.0)
    assert (spent.free(2.9), spent.free(3.0)) == (0, 4)
    spent.told(RateLimits(remaining_tokens=1, reset_tokens_s=9.0), now=3.0)
    assert spent.free(3.0) == 4


Event = tuple[str, float]
EVENTS = st.lists(
    st.tuples(st.sampled_from(["start", "success", "overload", "told", "end"]), st.floats(0, 3)), max_size=60
)


@given(EVENTS, st.integers(1, 4), st.integers(0, 4), st.integers(0, 8))
def test_whatever_happens_the_limit_stays_between_floor_and_ceiling(
    events: list[Event], floor: int, above: int, further: int
) -> None:
    ceiling = floor + above + further
    adaptive = limit(floor, floor + above, ceiling)
    now, started = 0.0, list[float]()
    for event, seconds in events:
        now += seconds
        if event == "start" and adaptive.free(now) > 0:
            started.append(adaptive.start(now))
        elif event == "success":
            adaptive.succeeded()
        elif event == "overload" and started:
            adaptive.overloaded(started[-1], now)
        elif event == "told":
            adaptive.told(RateLimits(remaining_requests=int(seconds), reset_requests_s=seconds), now)
        elif event == "end" and started:
            started.pop()
            adaptive.end()
        assert floor <= adaptive.limit <= ceiling
        assert adaptive.in_flight == len(started) <= ceiling
        assert 0 <= adaptive.free(now) <= ceiling


def in_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_gate_lets_the_next_one_in_when_one_leaves() -> None:
    async def body() -> None:
        two = limit(start=2, ceiling=2)
        gate = Gate(two, asyncio.get_running_loop().time)
        entered: list[int] = []

        async def call(number: int) -> None:
            assert await gate.enter(1.0) is not None
            entered.append(number)

        tasks = [asyncio.create_task(call(number)) for number in range(4)]
        await settled()
        assert entered == [0, 1]
        gate.leave()
        await settled()
        assert entered == [0, 1, 2]
        gate.leave()
        await asyncio.gather(*tasks)
        assert entered == [0, 1, 2, 3]

    in_loop(body)


def test_the_gate_opens_by_itself_when_a_pause_ends() -> None:
    async def body() -> None:
        clock = asyncio.get_running_loop().time
        adaptive = limit()
        gate = Gate(adaptive, clock)
        adaptive.told(RateLimits(retry_after_s=0.05), clock())
        began = clock()
        entered = await asyncio.gather(*(gate.enter(1.0) for _ in range(3)))
        assert None not in entered
        assert 0.04 < clock() - began < 1.0

    in_loop(body)


def test_a_pause_longer_than_the_callers_patience_is_not_waited_for() -> None:
    async def body() -> None:
        clock = asyncio.get_running_loop().time
        adaptive = limit(start=1)
        gate = Gate(adaptive, clock)
        assert await gate.enter(1.0) is not None
        waiting = asyncio.create_task(gate.enter(1.0))
        await settled()
        adaptive.told(RateLimits(retry_after_s=3600.0), clock())
        gate.leave()
        assert await waiting is None
        assert await gate.enter(1.0) is None

    in_loop(body)


def test_who_gives_up_waiting_does_not_take_the_place_along() -> None:
    async def body() -> None:
        adaptive = limit(start=1, ceiling=1)
        gate = Gate(adaptive, asyncio.get_running_loop().time)
        await gate.enter(1.0)
        waiting: list[Awaitable[float | None]] = [asyncio.ensure_future(gate.enter(1.0)) for _ in range(2)]
        await settled()
        gate.leave()  # wakes the first, which is cancelled before it runs
        asyncio.ensure_future(waiting[0]).cancel()
        assert await waiting[1] is not None
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]

    in_loop(body)
