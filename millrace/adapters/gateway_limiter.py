"""How many calls may be under way at once: additive increase, multiplicative decrease, and what headers ask for.

The same rule as TCP's congestion avoidance: one call more after each round of successes, a cut when the gateway is
overloaded. Source: Chiu and Jain (1989), Computer Networks and ISDN Systems 17(1), 1-14.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from millrace.adapters.gateway_headers import RateLimits
from millrace.adapters.gateway_settings import ConcurrencyLimits


class AdaptiveLimit:
    """The arithmetic alone: times are given, in seconds of any clock that does not go back."""

    def __init__(self, limits: ConcurrencyLimits) -> None:
        self._limits = limits
        self._limit = float(limits.start)
        self._in_flight = 0
        self._last_cut = float("-inf")
        self._paused_until = float("-inf")
        self._allowance = 0  # calls that may still start before ``_allowance_until``
        self._allowance_until = float("-inf")

    @property
    def limit(self) -> int:
        """Calls that may be under way; between floor and ceiling."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        return self._in_flight

    def free(self, now: float) -> int:
        """How many calls may start now."""
        if now < self._paused_until:
            return 0
        free = max(0, self.limit - self._in_flight)
        return min(free, self._allowance) if now < self._allowance_until else free

    def pause_s(self, now: float) -> float:
        """How long the gateway wants no call to start, in seconds; 0 when it has not asked for a pause."""
        exhausted_until = self._allowance_until if self._allowance == 0 else now
        return max(0.0, self._paused_until - now, exhausted_until - now)

    def start(self, now: float) -> float:
        """Count a call as under way; returns its start, to be given back with its result."""
        self._in_flight += 1
        if now < self._allowance_until:
            self._allowance -= 1
        return now

    def end(self) -> None:
        """The call is no longer under way, whatever became of it."""
        self._in_flight -= 1

    def succeeded(self) -> None:
        """A reply came: room for one more call after as many successes as there is room for, if the room is used."""
        if 2 * self._in_flight >= self.limit:
            self._limit = min(float(self._limits.ceiling), self._limit + 1 / self._limit)

    def overloaded(self, started: float, now: float) -> None:
        """The gateway was too busy. Calls that started before the last cut tell nothing new."""
        if started >= self._last_cut:
            self._limit = max(float(self._limits.floor), self._limit * self._limits.decrease)
            self._last_cut = now

    def told(self, rates: RateLimits, now: float) -> None:
        """Obey what the headers of a reply ask for; the call that brought them is still counted as under way."""
        if rates.retry_after_s is not None:
            self._pause(now + rates.retry_after_s)
        if rates.remaining_tokens == 0 and rates.reset_tokens_s is not None:
            self._pause(now + rates.reset_tokens_s)
        if rates.remaining_requests is not None and rates.reset_requests_s is not None:
            others = max(0, self._in_flight - 1)  # the gateway may not have counted them yet
            self._allowance = max(0, rates.remaining_requests - others)
            self._allowance_until = now + rates.reset_requests_s

    def _pause(self, until: float) -> None:
        self._paused_until = max(self._paused_until, until)


class Gate:
    """Lets coroutines of one event loop through as the limit allows, first come first served but for close calls."""

    def __init__(self, limit: AdaptiveLimit, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    async def enter(self, longest_pause_s: float) -> float | None:
        """Wait for room; returns the call's start, or None when the gateway asks for a longer pause than given."""
        while self._limit.free(self._clock()) == 0:
            if self._limit.pause_s(self._clock()) > longest_pause_s:
                return None
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            self._set_alarm()
            try:
                await place
            except asyncio.CancelledError:
                self._wake()  # whoever was woken for this place must not sleep on
                raise
        return self._limit.start(self._clock())

    def leave(self) -> None:
        """The call has ended."""
        self._limit.end()
        self._wake()

    def _wake(self) -> None:
        n_free = self._limit.free(self._clock())
        if self._limit.pause_s(self._clock()) > 0:
            n_free = len(self._waiting)  # each sees for itself whether it can bear the pause
        while self._waiting and n_free > 0:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                n_free -= 1
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        pause_s = self._limit.pause_s(self._clock())
        if self._waiting and pause_s > 0:
            self._alarm = asyncio.get_running_loop().call_later(pause_s, self._wake)
