"""Tells a gateway that is down from one that fails now and then, so that a batch does not wait for it call by call."""


class Outage:
    """A circuit breaker: open after a long row of failed tries, closed by the first that succeeds.

    Args:
        after_s: the row has lasted this long, in seconds,
        n_tries: and has this many tries.
        probe_every_s: while open, one call in this time is let through to see whether the gateway is back.
    """

    def __init__(self, after_s: float, n_tries: int = 20, probe_every_s: float = 5.0) -> None:
        self._after_s = after_s
        self._n_tries = n_tries
        self._probe_every_s = probe_every_s
        self._n_failed = 0
        self._first_failed = 0.0
        self._last_probe = float("-inf")

    def succeeded(self) -> None:
        """The gateway answered, be it with a refusal."""
        self._n_failed = 0

    def failed(self, now: float) -> None:
        """A try ended without an answer, or with an error of the gateway's own."""
        if self._n_failed == 0:
            self._first_failed = now
        self._n_failed += 1

    def forbids(self, now: float) -> bool:
        """Whether a call starting now is not worth its try."""
        if self._n_failed < self._n_tries or now - self._first_failed < self._after_s:
            return False
        if now - self._last_probe < self._probe_every_s:
            return True
        self._last_probe = now
        return False
