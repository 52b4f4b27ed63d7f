"""What a ledger says of processes and of Prefect's runs, when its home is opened in another place."""

from sqlalchemy import select, update

from millrace.ledger.schema import approvals, runs
from millrace.ledger.store import Ledger

_UNENDED = ("running", "waiting")


def hand_over(ledger: Ledger, process: str) -> list[str]:
    """Let ``process`` be the one that every run without an end was last seen in, so that each can be resumed.

    Prefect's runs of the other place are forgotten: a decision taken here must not move a run there.

    Returns:
        The ids of these runs, sorted.
    """
    with ledger.write() as connection:
        unended = runs.c.status.in_(_UNENDED)
        found = sorted(connection.execute(select(runs.c.run_id).where(unended)).scalars())
        connection.execute(update(runs).where(unended).values(process=process, prefect_run_id=None))
        undecided = approvals.c.decision.is_(None) | approvals.c.run_id.in_(select(runs.c.run_id).where(unended))
        connection.execute(update(approvals).where(undecided).values(prefect_run_id=None))
    return found
