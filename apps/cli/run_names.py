"""Which run is meant, and how it stands."""

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import runs
from millrace.ledger.runs import Run
from millrace.ledger.store import Ledger

LATEST = "latest"
_ALL = 1_000_000
_UNENDED = ("running", "waiting")


def find_run(ledger: Ledger, name: str) -> Run:
    """The run of that id, of which it is the only one beginning so, or the one started last (``latest``).

    Raises:
        NotFoundError: none.
        BadInputError: several begin so; the message lists them.
    """
    known = runs.list_runs(ledger, limit=_ALL)
    if name == LATEST:
        matches = known[:1]
    else:
        matches = [run for run in known if run.run_id == name] or [run for run in known if run.run_id.startswith(name)]
    if not matches:
        raise NotFoundError(f"no run {name!r} in this home; `millrace runs` lists them", run=name)
    if len(matches) > 1:
        shown = ", ".join(run.run_id for run in matches[:5])
        raise BadInputError(f"{len(matches)} runs begin with {name!r}: {shown}; give more of the id", run=name)
    return matches[0]


def lives(run: Run) -> bool:
    """Whether the process that the run was last seen in still exists."""
    from tasks.processes import process_lives

    return process_lives(run.process)


def standing(run: Run) -> str:
    """The run's status as people should read it: one that runs in no living process has crashed."""
    return "crashed" if run.status == "running" and not lives(run) else run.status


def ended(run: Run) -> bool:
    return run.status not in _UNENDED
