"""Judges cases in a process of its own: ``python -m tests.support.judge_run URL LEDGER N_CASES``; prints nothing.

Replies are remembered in the ledger, so that another process finds what this one had paid for when it was killed.
"""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from millrace.ledger.requests import keep_replies, known_replies
from millrace.ledger.store import Ledger
from millrace.ports import ChatReply
from tests.support.gateway_client import T0
from tests.support.judge_cases import case, judges


class Journal:
    """The ledger's request journal, without Prefect, whose import takes seconds."""

    def __init__(self, path: Path) -> None:
        self._ledger = Ledger.open(path)

    def get(self, keys: Sequence[str]) -> Mapping[str, ChatReply]:
        return known_replies(self._ledger, keys, "judge-run")

    def put(self, replies: Mapping[str, ChatReply]) -> Mapping[str, ChatReply]:
        return keep_replies(self._ledger, replies, "judge-run", T0)


def main(url: str, ledger: str, n_cases: str) -> None:
    cases = [case(number) for number in range(int(n_cases))]
    with judges(url, journal=Journal(Path(ledger))) as opened, ThreadPoolExecutor() as pool:
        for running in [pool.submit(judge.judge, cases) for judge in opened.values()]:
            running.result()


if __name__ == "__main__":
    main(*sys.argv[1:])
