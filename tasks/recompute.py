"""Computes the stages of a run again, past every cache, and compares what comes out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from millrace.datasets.store import DatasetStore
from millrace.ledger import pins
from millrace.records.base import Identifier, Record
from millrace.records.receipt import Receipt
from tasks.calls import find_step, refs_in
from tasks.home import Home
from tasks.run import Run, utc_now
from tasks.stage import Stage
from tasks.steps import Step

_WORKERS = 2  # parts at the same time; changes no result


class Recomputation(Record):
    """What computing one stage again gave."""

    step: Identifier
    status: Literal["same", "different", "failed"]
    expected: list[str]
    found: list[str]
    reason: str | None = None


@dataclass(frozen=True)
class ScratchHome(Home):
    """A home whose datasets are read from it and written elsewhere."""

    scratch: Path

    @cached_property
    def datasets(self) -> DatasetStore:
        return DatasetStore(self.scratch / "datasets", fallback=DatasetStore(self.root / "datasets"))


def recompute(home: Home, receipts: Iterable[Receipt], scratch: Path) -> Iterator[Recomputation]:
    """Call each receipt's stage with its recorded arguments, one at a time; effects are left alone.

    Every stage reads the datasets that the run recorded, so that one difference shows in one stage only.

    Args:
        scratch: an empty folder; whatever comes out different stays there.
    """
    for receipt in receipts:
        if receipt.step_type == "stage":
            yield _recompute(ScratchHome(home.root, scratch), receipt)


def _recompute(home: ScratchHome, receipt: Receipt) -> Recomputation:
    expected: dict[str, Any] = {"step": receipt.step, "expected": receipt.outputs}
    try:
        step = _step(home, receipt)
        output = step.signature.result_from_json(step.execute(receipt.key).output)
    except Exception as error:  # whatever a stage raises is a finding about it, and the others are still to be computed
        return Recomputation(**expected, status="failed", found=[], reason=f"{type(error).__name__}: {error}")
    found = [ref.name for ref in refs_in(output)]
    if found == receipt.outputs and step.signature.result_to_json(output) == receipt.output:
        return Recomputation(**expected, status="same", found=found)
    return Recomputation(**expected, status="different", found=found, reason=_reason(step, receipt))


def _step(home: ScratchHome, receipt: Receipt) -> Step:
    stage: Stage[Any, Any] = find_step(receipt.function)
    arguments = stage.signature.from_json(receipt.arguments)
    return Step(_run(home, receipt.run_id), receipt.step, "stage", stage.function, stage.signature, arguments)


def _run(home: ScratchHome, run_id: str) -> Run:
    start = pins.pins_of(home.ledger, run_id).get("start", {})
    now = datetime.fromisoformat(start["now"]) if "now" in start else utc_now()
    return Run(run_id, "recompute", home, now=now, sequence=int(start.get("sequence", 0)), workers=2)


def _reason(step: Step, receipt: Receipt) -> str:
    """What may explain a difference: other code, or another machine."""
    origin = step.origin
    causes = [
        (origin.code_fingerprint != receipt.code_fingerprint, "the code changed since"),
        (origin.numeric_profile != receipt.numeric_profile, "computed under another numeric profile"),
    ]
    found = [cause for holds, cause in causes if holds]
    return "; ".join(found) or "same code, settings and numeric profile, other values"
