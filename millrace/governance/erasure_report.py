"""What an erasure found and did, without naming the person or quoting them (A15)."""

from typing import Literal

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime

Outcome = Literal["completed", "partial", "failed", "dry_run", "rejected"]


class Place(Record):
    """Something of the person's in one place."""

    place: Identifier
    n: int = Field(ge=0, description="Rows, tasks, files or runs, as the place says")
    becomes: str = Field(description="What an erasure does there")


class Remaining(Record):
    """Something that is not erased, why, and what to do."""

    what: str
    why: str


class Inventory(Record):
    """What a home holds of a person, by place; nothing where it holds nothing."""

    handle: Identifier
    places: list[Place]
    remaining: list[Remaining] = Field([], description="Known before: held by law, frozen, or not to be looked at")

    @property
    def is_empty(self) -> bool:
        return not self.places and not self.remaining


class StepDone(Record):
    """One step of an erasure."""

    step: Identifier
    counts: dict[str, int]
    problems: list[Remaining] = Field(default=[])


class ErasureReport(Record):
    """How an erasure went."""

    handle: Identifier
    run_id: Identifier
    at: UtcTime
    outcome: Outcome
    reason: str | None = None
    decided_by: str | None = None
    inventory: Inventory
    steps: list[StepDone] = Field(default=[])
    remaining: list[Remaining] = Field(default=[])
    verified: list[str] = Field([], description="What was looked at again afterwards")


def inventory_page(inventory: Inventory) -> str:
    """What is shown to the person who decides: counts by place, no id and no text of anybody, as Markdown."""
    lines = [f"Request `{inventory.handle}`. What this home holds of the person, and what an approval does:", ""]
    lines += ["| place | items | what becomes of it |", "|---|---:|---|"]
    lines += [f"| {_cell(each.place)} | {each.n} | {_cell(each.becomes)} |" for each in inventory.places]
    lines += _remaining("What will remain", inventory.remaining)
    lines += ["", "Erasing cannot be undone. The request names nobody; neither does this page."]
    return "\n".join(lines) + "\n"


def erasure_markdown(report: ErasureReport) -> str:
    """The report as Markdown."""
    lines = [
        f"# Erasure {report.handle}",
        "",
        f"**{report.outcome}**" + (f": {report.reason}" if report.reason else ""),
    ]
    decided = f", decided by {report.decided_by}" if report.decided_by else ""
    lines += ["", f"Run `{report.run_id}`, {report.at.isoformat()}{decided}.", "", "## Found", ""]
    lines += [f"- {each.place}: {each.n} ({each.becomes})" for each in report.inventory.places] or ["Nothing."]
    if report.steps:
        lines += ["", "## Done", "", "| step | counts |", "|---|---|"]
        for step in report.steps:
            counts = ", ".join(f"{name} {n}" for name, n in sorted(step.counts.items())) or "nothing to do"
            lines.append(f"| {step.step} | {_cell(counts)} |")
    lines += _remaining("Remains", report.remaining)
    if report.verified:
        lines += ["", "## Verified by reading back", "", *(f"- {each}" for each in report.verified)]
    return "\n".join(lines) + "\n"


def _remaining(title: str, remaining: list[Remaining]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {each.what}: {each.why}" for each in remaining)] if remaining else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
