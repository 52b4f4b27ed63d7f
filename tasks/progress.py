"""Says how far a step is, so that nobody waits in the dark."""

from threading import Lock
from time import perf_counter

from tasks.run import log

EVERY_S = 2.0


class Progress:
    """Counts what is done, from any thread, and logs the count when two seconds have passed since it last did."""

    def __init__(self, doing: str, total: int | None = None) -> None:
        """``doing`` is shown before the count, as in "embedding chunks: 1024 of 5000"."""
        self._doing = doing
        self._of = "" if total is None else f" of {total}"
        self._n_done = 0
        self._logged_at = perf_counter()
        self._log = log()  # found here: worker threads do not know the flow's run
        self._lock = Lock()

    def advance(self, n_more: int = 1) -> None:
        """So many more are done."""
        with self._lock:
            self._n_done += n_more
            now = perf_counter()
            if now - self._logged_at >= EVERY_S:
                self._logged_at = now
                self._log.info("%s: %d%s", self._doing, self._n_done, self._of)
