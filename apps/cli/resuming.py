"""Calls a run's flow again under its id, with its first settings."""

from apps.cli.environment import prepare
from apps.cli.flow_catalogue import load_flow, validated
from apps.cli.flow_runs import call_flow
from apps.cli.run_names import lives
from apps.cli.terminal import Terminal
from millrace.errors import BadInputError
from millrace.ledger import approvals
from millrace.ledger.runs import Run


def resume_run(terminal: Terminal, run: Run) -> int:
    """Continue the run in this process.

    Raises:
        BadInputError: its process still lives, or a deployment holds it suspended.
    """
    prepare(terminal.root)
    with terminal.working(f"loading {run.flow}"):
        flow = load_flow(run.flow)
        if run.status != "failed" and lives(run):
            raise BadInputError(
                f"run {run.run_id} is {run.status} in process {run.process}, which lives; {_advice(run)}",
                run_id=run.run_id,
                process=run.process,
            )
    if run.status == "waiting":
        with terminal.working("asking Prefect how the run stands"):
            _refuse_suspended(terminal, run)
    return call_flow(terminal, flow, validated(flow, run.config), run.run_id)


def _advice(run: Run) -> str:
    return f"decide with `millrace approve {run.run_id}`" if run.status == "waiting" else "wait, or end that process"


def _refuse_suspended(terminal: Terminal, run: Run) -> None:
    """A suspended run must be entered by its deployment alone, or two processes would work on it."""
    from apps.cli.prefect_runs import standing_of

    waiting = approvals.waiting(terminal.home.ledger, run.run_id)
    prefect_run_id = waiting[-1].prefect_run_id if waiting else None
    standing = standing_of(prefect_run_id) if prefect_run_id else None
    if standing is not None and standing.deployed and standing.paused:
        raise BadInputError(
            f"run {run.run_id} is suspended and its deployment continues it; "
            f"decide with `millrace approve {run.run_id}`",
            run_id=run.run_id,
        )
