"""Finds the distillation that others work on: one that is named, or the newest that was completed."""

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import runs
from tasks.home import Home

FLOW = "distill"
_ALL = 1_000_000


def find_distillation(home: Home, run_id: str | None) -> str:
    """Its run id.

    Raises:
        NotFoundError: no such run, or none that was completed.
        BadInputError: the run is of another flow, or not completed.
    """
    if run_id is None:
        newest = (run for run in runs.list_runs(home.ledger, _ALL) if run.flow == FLOW and run.status == "completed")
        found = next(newest, None)
        if found is None:
            raise NotFoundError(f"no distillation was completed in {home.root}; make one with `millrace run {FLOW}`")
        return found.run_id
    run = runs.run_of(home.ledger, run_id)
    if run.flow != FLOW or run.status != "completed":
        raise BadInputError(
            f"{run_id} is a run of {run.flow} and {run.status}; a completed one of {FLOW} is needed", run_id=run_id
        )
    return run_id
