"""Finds the distillation that others work on: one that is named, or the newest that is complete."""

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import runs
from tasks.home import Home

FLOW = "distill"
_ALL = 1_000_000


def find_distillation(home: Home, run_id: str | None) -> str:
    """Its run id.

    Raises:
        NotFoundError: no such run, or none that is complete.
        BadInputError: the run is of another flow, or not complete.
    """
    if run_id is None:
        newest = (run for run in runs.list_runs(home.ledger, _ALL) if run.flow == FLOW and run.status == "completed")
        found = next(newest, None)
        if found is None:
            raise NotFoundError(f"no complete run of {FLOW} in {home.root}: start with `millrace run {FLOW}`")
        return found.run_id
    run = runs.run_of(home.ledger, run_id)
    if run.flow != FLOW or run.status != "completed":
        raise BadInputError(
            f"run {run_id} is a {run.status} run of {run.flow}: name a complete run of {FLOW}", run_id=run_id
        )
    return run_id
