"""How an erasure ended: for people, for the ledger and for the audit log."""

from pathlib import Path
from typing import get_args

from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.governance.erasure_report import (
    ErasureReport,
    Inventory,
    Outcome,
    Remaining,
    StepDone,
    erasure_markdown,
    inventory_page,
)
from millrace.ledger import erasures
from millrace.ledger.schema import ErasureStatus
from millrace.records.base import Record
from tasks.approval import Decision
from tasks.effect import effect
from tasks.erasure import tell_once
from tasks.run import current_run, show_in_prefect, utc_now

REPORTS = "erasure"
VERIFIED = [
    "every dataset on disk: user columns by keyed hash, further rows by the traces, tasks and evidence they are about",
    "every text of every dataset, of the ledger's JSON and pages, of the home's files, of Prefect's results and "
    "database: no word, run of five words or id that was the person's alone",
    "not looked into: frozen releases, the files that were imported, backups outside the home",
]


class EndedErasure(Record):
    """How it ended, and where that is written."""

    outcome: Outcome
    reason: str
    remaining: list[Remaining]
    markdown: str
    json_file: str


@effect
def write_inventory_page(inventory: Inventory) -> str:
    """What the person who decides is shown, as Markdown."""
    return inventory_page(inventory)


@effect
def end_erasure(
    handle: str,
    inventory: Inventory,
    steps: list[StepDone],
    ended: Outcome | None,
    decision: Decision | None,
    reports_folder: str,
) -> EndedErasure:
    """Conclude: the outcome with what remains, in a report, in the ledger and in the audit log.

    Args:
        ended: how it ended before anything was erased; None when it was erased.
    """
    run = current_run()
    remaining = [*inventory.remaining, *(problem for step in steps for problem in step.problems)]
    outcome: Outcome = ended or ("partial" if remaining else "completed")
    report = ErasureReport(
        handle=handle,
        run_id=run.run_id,
        at=run.now,
        outcome=outcome,
        reason=_reason(outcome, inventory, steps, decision),
        decided_by=decision.reviewer if decision else None,
        inventory=inventory,
        steps=steps,
        remaining=remaining,
        verified=VERIFIED if steps else [],
    )
    folder = Path(reports_folder).absolute() / REPORTS / f"{handle}-{run.run_id}"
    folder.mkdir(parents=True, exist_ok=True)
    markdown = erasure_markdown(report)
    write_atomic(folder / "report.md", markdown.encode())
    write_atomic(folder / "report.json", canonical_json(report))
    if outcome in get_args(ErasureStatus):
        with run.home.ledger.write():
            erasures.end_request(run.home.ledger, handle, outcome, run.run_id, utc_now())  # type: ignore[arg-type]
    details = {"run": run.run_id, "outcome": outcome, "remaining": len(remaining)}
    tell_once(run, "erasure-ended", handle, details | {"decided_by": report.decided_by})
    show_in_prefect(markdown, "erasure", f"Erasure {handle}")
    return EndedErasure(
        outcome=outcome,
        reason=report.reason or "",
        remaining=remaining,
        markdown=str(folder / "report.md"),
        json_file=str(folder / "report.json"),
    )


def _reason(outcome: Outcome, inventory: Inventory, steps: list[StepDone], decision: Decision | None) -> str:
    if outcome == "dry_run":
        return "a dry run: nothing was erased"
    if outcome == "rejected" and decision is not None:
        return f"rejected by {decision.reviewer}: {decision.note}"
    if not steps:
        return "nothing of the person is here" if inventory.is_empty else "nothing that can be erased is here"
    if outcome == "partial":
        return "something remains; the report says what, and what to do"
    return "erased, and looked for again without finding anything"
