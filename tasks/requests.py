"""The request journal of the current run: the ledger's, with the run's id and the clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from millrace.ledger.requests import keep_replies, known_replies
from millrace.ledger.store import Ledger
from millrace.ports import ChatReply
from tasks.run import current_run, utc_now


@dataclass(frozen=True)
class LedgerJournal:
    """Implements ``RequestJournal``; safe to share between threads."""

    ledger: Ledger
    run_id: str
    clock: Callable[[], datetime] = utc_now

    def get(self, keys: Sequence[str]) -> Mapping[str, ChatReply]:
        return known_replies(self.ledger, keys, self.run_id)

    def put(self, replies: Mapping[str, ChatReply]) -> Mapping[str, ChatReply]:
        return keep_replies(self.ledger, replies, self.run_id, self.clock())


def request_journal() -> LedgerJournal:
    """The journal of the run this code is part of; to be called in the step's own thread, not in a part's."""
    run = current_run()
    return LedgerJournal(run.home.ledger, run.run_id)
