"""The request journal: paid replies of chat models, kept by what was asked and independent of the code that asked.

A usable reply serves every run. One of no use serves its own run only, which after a crash goes the same way again;
another run asks anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from millrace.ledger.schema import requests
from millrace.ledger.store import Ledger, chunks, insert_for
from millrace.ports import ChatReply
from millrace.records.base import Record

_FIELDS = [field.name for field in fields(ChatReply)]


class Spending(Record):
    """What the replies that a run paid for cost; ``n_unpriced`` of them have no known cost and are not in the sum."""

    n_replies: int
    n_unpriced: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


def known_replies(ledger: Ledger, keys: Iterable[str], run_id: str) -> dict[str, ChatReply]:
    """The replies under these keys that may serve the run."""
    with ledger.read() as connection:
        return _replies(connection, keys, run_id)


def keep_replies(ledger: Ledger, replies: Mapping[str, ChatReply], run_id: str, at: datetime) -> dict[str, ChatReply]:
    """Keep replies durably; returns what is kept under their keys.

    A reply that may serve this run stays, whoever brought it; one of no use from another run is replaced.
    """
    rows = [asdict(reply) | {"key": key, "run_id": run_id, "replied_at": at} for key, reply in sorted(replies.items())]
    if not rows:
        return {}
    with ledger.write() as connection:
        insert = insert_for(connection, requests)
        changed = {name: insert.excluded[name] for name in (*_FIELDS, "run_id", "replied_at")}
        useless_here = requests.c.fault.is_not(None) & (requests.c.run_id != insert.excluded.run_id)
        connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=changed, where=useless_here), rows)
        return _replies(connection, replies, run_id)


def spending_of(ledger: Ledger, run_id: str) -> Spending:
    """What this run itself paid for; replies that it found in the journal are another run's."""
    count, total = func.count, func.coalesce
    query = select(
        count(),
        count() - count(requests.c.cost_usd),
        total(func.sum(requests.c.input_tokens), 0),
        total(func.sum(requests.c.output_tokens), 0),
        total(func.sum(requests.c.cost_usd), 0.0),
    ).where(requests.c.run_id == run_id)
    with ledger.read() as connection:
        row = connection.execute(query).one()
    return Spending.model_validate(dict(zip(Spending.model_fields, row, strict=True)))


def _replies(connection: Connection, keys: Iterable[str], run_id: str) -> dict[str, ChatReply]:
    serves = or_(requests.c.fault.is_(None), requests.c.run_id == run_id)
    found: dict[str, ChatReply] = {}
    for listed in chunks(keys):
        for row in connection.execute(select(requests).where(requests.c.key.in_(listed), serves)):
            values = {name: row._mapping[name] for name in _FIELDS}
            found[row.key] = ChatReply(**values | {"retried_for": tuple(row.retried_for)})
    return found
