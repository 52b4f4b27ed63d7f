"""``millrace restore``: a home out of a backup."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.backup import shown_progress
from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, mebibytes

if TYPE_CHECKING:
    from millrace.records.backup import Restored


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(restore)


def restore(terminal: Terminal, file: Annotated[Path, typer.Argument(help="A backup of `millrace backup`.")]) -> None:
    """Make the home that --home names, which must be empty or not there, out of a backup; all of it or nothing."""
    with TemporaryDirectory(prefix="millrace-prefect-") as aside:
        os.environ["PREFECT_HOME"] = aside  # made by Prefect's import, and the new home must be empty
        from tasks.audit_log import process_actor
        from tasks.restore import restore_backup

        restored = restore_backup(file, terminal.root, shown_progress(terminal, "restored"), actor=process_actor())
    terminal.show(restored, lines(*_restored_lines(restored)))


def _restored_lines(restored: "Restored") -> list[str]:
    about = restored.about
    shown = [
        f"{restored.home}: {about.n_files} files, {mebibytes(about.n_bytes)}, as of "
        f"{about.made_at:%Y-%m-%d %H:%M:%S} UTC, every byte as it was written",
        "what was erased since then is here again: ask for these erasures once more",
    ]
    if restored.schema_version != about.schema_version:
        shown.append(f"the ledger was migrated from version {about.schema_version} to {restored.schema_version}")
    if restored.unended_runs:
        shown += ["runs without an end; `millrace approve RUN` decides, `millrace resume RUN` goes on:"]
        shown += [f"  {run_id}" for run_id in restored.unended_runs]
    return shown
