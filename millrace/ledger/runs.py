"""The runs of this home: what was started, by which process, and how it ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.schema import Json, RunStatus, runs
from millrace.ledger.store import Ledger, insert_new
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime


class Run(Record):
    """One run; whether a running one crashed is for the reader to find out from ``process``."""

    run_id: Identifier
    flow: Identifier
    config: Json
    status: RunStatus
    process: str
    prefect_run_id: str | None
    started_at: UtcTime
    finished_at: UtcTime | None


def start_run(
    ledger: Ledger,
    run_id: str,
    flow: str,
    config: Json,
    started_at: datetime,
    process: str,
    prefect_run_id: str | None = None,
) -> Run:
    """Note that a run starts, or starts again.

    Args:
        process: who runs it, as ``host:pid:start time``.

    Returns:
        The run, now ``running``. One that starts again keeps its first start and config and takes the new
        process; it keeps its Prefect run id when none is given.

    Raises:
        BadInputError: the run id belongs to a run of another flow.
    """
    started = {"run_id": run_id, "flow": flow, "config": config, "status": "running", "started_at": started_at}
    changed = {"status": "running", "process": process, "finished_at": None}
    if prefect_run_id is not None:
        changed["prefect_run_id"] = prefect_run_id
    with ledger.write() as connection:
        insert_new(connection, runs, [started | {"process": process}])
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(changed))
        run = run_of(ledger, run_id)
        if run.flow != flow:
            raise BadInputError(f"run {run_id} is a run of {run.flow}, not of {flow}", run_id=run_id, flow=run.flow)
        return run


def run_of(ledger: Ledger, run_id: str) -> Run:
    """The run of that id.

    Raises:
        NotFoundError: no such run.
    """
    with ledger.read() as connection:
        row = connection.execute(select(runs).where(runs.c.run_id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"no run {run_id} in this home; `millrace runs` lists them", run_id=run_id)
    return _run(row)


def update_run(
    ledger: Ledger,
    run_id: str,
    *,
    status: RunStatus | None = None,
    prefect_run_id: str | None = None,
    finished_at: datetime | None = None,
) -> Run:
    """Change what is given, leave the rest.

    Raises:
        NotFoundError: no such run.
    """
    given = {"status": status, "prefect_run_id": prefect_run_id, "finished_at": finished_at}
    changed = {name: value for name, value in given.items() if value is not None}
    with ledger.write() as connection:
        if changed:
            connection.execute(update(runs).where(runs.c.run_id == run_id).values(changed))
        return run_of(ledger, run_id)


def list_runs(ledger: Ledger, limit: int = 50) -> list[Run]:
    """At most ``limit`` runs, the latest start first."""
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id).limit(limit)
    with ledger.read() as connection:
        return [_run(row) for row in connection.execute(query)]


def _run(row: Row[Any]) -> Run:
    return Run.model_validate(dict(row._mapping))
