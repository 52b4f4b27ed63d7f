"""``millrace runs`` and ``millrace show``: what ran, and how it went."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from millrace.ledger.approvals import Approval
    from millrace.ledger.runs import Run
    from millrace.records.receipt import Receipt

_SHOWN_HASH = 12


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app)(runs)
    command(app)(show)


def runs(
    terminal: Terminal,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest first.")] = 20,
) -> None:
    """List the runs of this home."""
    from millrace.ledger.runs import list_runs

    with terminal.working("reading the ledger"):
        listed = list_runs(terminal.existing_home().ledger, limit=limit)
        documents = [_run_document(run) for run in listed]
    rows = [(each["run_id"], each["flow"], each["status"], _minute(each["started_at"])) for each in documents]
    terminal.show({"runs": documents}, table(["run", "flow", "status", "started (UTC)"], rows))


def show(
    terminal: Terminal,
    run: Annotated[str, typer.Argument(help="Run id, the beginning of one, or `latest`.")],
) -> None:
    """Show a run: its steps, what they took in and gave out, and what it waits for."""
    from apps.cli.run_names import find_run
    from millrace.ledger.approvals import waiting
    from tasks.receipts import read_summary

    home = terminal.existing_home()
    with terminal.working("reading the run"):
        found = find_run(home.ledger, run)
        document = _run_document(found)
        receipts = receipts_of(terminal, found.run_id)
        summary = read_summary(home.run_folder(found.run_id))
        asked = waiting(home.ledger, found.run_id)
    document |= {"summary": summary, "receipts": receipts, "waiting_approvals": asked}
    head = [(name, document[name]) for name in ("run_id", "flow", "status", "started_at", "finished_at")]
    if summary is not None:
        head += [("reason", summary.reason), ("run_hash", summary.run_hash)]
    terminal.show(
        document, table(["", ""], [row for row in head if row[1]]), _steps(receipts), *_hints(document, asked)
    )


def receipts_of(terminal: Terminal, run_id: str) -> "list[Receipt]":
    """A run's receipts; empty while it has taken no step."""
    from tasks.receipts import read_receipts

    folder = terminal.home.run_folder(run_id)
    return read_receipts(folder) if any((folder / "receipts").glob("*.json")) else []


def _run_document(run: "Run") -> dict[str, Any]:
    from apps.cli.run_names import standing

    return run.model_dump(mode="json") | {"status": standing(run)}


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _steps(receipts: "list[Receipt]") -> Any:
    rows = [
        (
            each.step,
            each.step_type,
            each.counts.rows_in,
            each.counts.rows_out,
            each.counts.rows_skipped,
            "yes" if each.cached else "",
            f"{each.duration_s:.2f}",
            "\n".join(_short(name) for name in each.outputs),
        )
        for each in receipts
    ]
    return table(["step", "type", "in#", "out#", "skipped#", "cached", "s#", "outputs"], rows)


def _short(name: str) -> str:
    kind, _, content_hash = name.partition(":")
    return f"{kind}:{content_hash[:_SHOWN_HASH]}"


def _hints(document: dict[str, Any], asked: "list[Approval]") -> list[Any]:
    run_id = document["run_id"]
    hints = [f"waits for a person: {each.title}; decide with `millrace approve {run_id}`" for each in asked]
    if document["status"] in ("crashed", "failed"):
        hints.append(f"continue it with `millrace resume {run_id}`")
    return [lines(*hints)] if hints else []
