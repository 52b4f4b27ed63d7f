"""Questions to the ledger that only housekeeping asks."""

from sqlalchemy import select

from millrace.ledger.schema import Json, approvals, effects, pins, pointer_history, tasks
from millrace.ledger.store import Ledger


def pointer_names(ledger: Ledger, prefix: str) -> list[str]:
    """Names of the pointers that begin so, sorted."""
    query = select(pointer_history.c.name).distinct().where(pointer_history.c.name.startswith(prefix, autoescape=True))
    with ledger.read() as connection:
        return sorted(connection.execute(query).scalars())


def run_values(ledger: Ledger) -> list[tuple[str, Json]]:
    """Everything that runs pinned or that their effects gave out: run id and value."""
    queries = [select(pins.c.run_id, pins.c.value), select(effects.c.run_id, effects.c.result)]
    with ledger.read() as connection:
        return [(row[0], row[1]) for query in queries for row in connection.execute(query)]


def lasting_values(ledger: Ledger) -> list[Json]:
    """What is kept whatever becomes of its run: pointers with their history, annotation tasks, approvals' hashes."""
    queries = [select(pointer_history.c.value), select(tasks.c.payload), select(approvals.c.pinned_hash)]
    with ledger.read() as connection:
        return [value for query in queries for value in connection.execute(query).scalars()]
