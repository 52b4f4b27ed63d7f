"""``millrace verify``: whether what a run or a release holds is still what was recorded of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.exits import FINDING, OK
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from apps.cli.verification import Check


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(verify)


def verify(
    terminal: Terminal,
    run: Annotated[str, typer.Argument(help="Run id, the beginning of one, `latest`, or the folder of a release.")],
    recompute: Annotated[bool, typer.Option("--recompute", help="Compute every stage of a run again as well.")] = False,
    key: Annotated[Path | None, typer.Option(help="Public key of whoever made the release; needed for one.")] = None,
) -> int:
    """Read and hash again all that a run's receipts name, or every file of a signed release."""
    if key is not None or Path(run).exists():
        return _verify_release(terminal, Path(run), key)
    from apps.cli.run_names import find_run
    from apps.cli.verification import check_datasets, check_exports, check_receipts, check_recomputed, check_sources

    home = terminal.existing_home()
    found = find_run(home.ledger, run)
    with terminal.working("reading and hashing datasets and files"):
        receipts, checks = check_receipts(home, found)
        checks += check_datasets(home, receipts) + check_exports(home, receipts) + check_sources(receipts)
    if recompute:
        with terminal.working("computing the stages again"):
            checks += check_recomputed(home, receipts)
    bad = [check for check in checks if check.is_finding]
    document = {"run_id": found.run_id, "verified": not bad, "recomputed": recompute, "checks": checks}
    terminal.show(document, *_human(found.run_id, checks, bad))
    return FINDING if bad else OK


def _verify_release(terminal: Terminal, folder: Path, key: Path | None) -> int:
    from apps.cli.release_verification import verdict_lines, verify_release

    with terminal.working("hashing the release"):
        verdict = verify_release(folder, key)
    terminal.show(verdict, *verdict_lines(verdict))
    return OK if verdict.verified else FINDING


def _human(run_id: str, checks: "list[Check]", bad: "list[Check]") -> list[Any]:
    gone = [
        lines(f"gone: source {check.subject}") for check in checks if check.status == "missing" and check not in bad
    ]
    if not bad:
        return [lines(f"run {run_id}: {len(checks)} checks, no difference"), *gone]
    rows = [(check.subject, check.what, check.expected, check.found) for check in bad]
    return [
        lines(f"run {run_id}: {len(bad)} of {len(checks)} checks found a difference"),
        table(["what", "check", "expected", "found"], rows),
        *gone,
    ]
