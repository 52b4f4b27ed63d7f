"""The 22 invariants that every distillation holds, checked on what two runs over equal inputs left behind (D11)."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.store import DatasetStore
from millrace.methods.text import normalise_question
from millrace.records.acceptance import Expected, InvariantResult
from millrace.records.distillation import DistillDrift, DistillSummary
from millrace.records.evidence import Category, Export
from millrace.records.receipt import Receipt, RunSummary

_SIG_HASH = re.compile("[0-9a-f]{64}")
_FIRST = 5  # of whatever is wrong, so many are named


@dataclass(frozen=True)
class RunLeft:
    """What a distillation left in its home."""

    home: Path
    run_id: str

    @property
    def folder(self) -> Path:
        return self.home / "runs" / self.run_id

    def rows(self, export: Export) -> list[dict[str, Any]]:
        """The published rows, as whoever trains on them reads them."""
        path = self.home / "exports" / self.run_id / export / "train.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def table(self, name: str) -> pa.Table:
        """A dataset by the name it has in the run's summary."""
        kind, _, content_hash = self.distilled.datasets[name].partition(":")
        return (
            DatasetStore(self.home / "datasets")
            .open(DatasetRef(kind=kind, content_hash=content_hash, rows=0))
            .to_arrow()
        )

    @cached_property
    def receipts(self) -> list[Receipt]:
        paths = sorted((self.folder / "receipts").glob("*.json"))
        return [Receipt.model_validate_json(path.read_bytes()) for path in paths]

    @cached_property
    def distilled(self) -> DistillSummary:
        return DistillSummary.model_validate_json((self.folder / "distillation.json").read_bytes())

    @cached_property
    def categories(self) -> dict[str, Category]:
        """What the rules say of each record, by id; of a repeated id, what they say of its first row."""
        scores = self.table("scores")
        pairs = zip(scores.column("evidence_id").to_pylist(), scores.column("category").to_pylist(), strict=True)
        return dict(reversed(list(pairs)))


Check = Callable[[RunLeft, RunLeft, Expected], str | None]
"""Says what is wrong, or None."""


def check_invariants(first: RunLeft, second: RunLeft, expected: Expected) -> list[InvariantResult]:
    """All 22, in order. What cannot be read breaks the invariants that need it, and is named by them.

    Args:
        first, second: two runs over equal inputs, each from an empty home.
        expected: what the inputs hold.
    """
    return [_result(number, name, check, first, second, expected) for number, (name, check) in enumerate(_CHECKS, 1)]


def _result(
    number: int, name: str, check: Check, first: RunLeft, second: RunLeft, expected: Expected
) -> InvariantResult:
    try:
        wrong = check(first, second, expected)
    except Exception as error:  # whatever a damaged run makes a check raise is what is wrong with it
        wrong = f"{type(error).__name__}: {error}"
    return InvariantResult(number=number, name=name, passed=wrong is None, detail=wrong or "holds")


def _exists(name: str) -> Check:
    def check(first: RunLeft, _second: RunLeft, _expected: Expected) -> str | None:
        return None if (first.folder / name).is_file() else f"no {name}"

    return check


def _has_receipts(first: RunLeft, _second: RunLeft, _expected: Expected) -> str | None:
    wanted = {"collect-evidence", "score-evidence", "export-rag", "export-sft", "export-preference"}
    missing = sorted(wanted - {path.stem for path in (first.folder / "receipts").glob("*.json")})
    return f"no receipt of {', '.join(missing)}" if missing else None


def _validates(pattern: str, model: type[BaseModel]) -> Check:
    def check(first: RunLeft, _second: RunLeft, _expected: Expected) -> str | None:
        paths = sorted(first.folder.glob(pattern))
        wrong = [wrong for path in paths if (wrong := _invalid(path, model))]
        return "; ".join(wrong[:_FIRST]) or (None if paths else f"no {pattern}")

    return check


def _invalid(path: Path, model: type[BaseModel]) -> str | None:
    try:
        model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None


def _holds_no(export: Export, category: Category) -> Check:
    def check(first: RunLeft, _second: RunLeft, _expected: Expected) -> str | None:
        return _named(
            f"{row['evidence_id']} is {category}"
            for row in first.rows(export)
            if category in (first.categories.get(row["evidence_id"]), row["category"])
        )

    return check


def _holds_only(export: Export, categories: set[Category]) -> Check:
    def check(first: RunLeft, _second: RunLeft, expected: Expected) -> str | None:
        rows = first.rows(export)
        found = {row["evidence_id"]: first.categories.get(row["evidence_id"]) for row in rows}
        return (
            "no rows"
            if expected.has_pairs and not rows
            else _named(f"{stray} is {category}" for stray, category in found.items() if category not in categories)
        )

    return check


def _has_pair(first: RunLeft, _second: RunLeft, expected: Expected) -> str | None:
    return "no preference pair" if expected.has_pairs and not first.rows("preference") else None


def _no_self_pair(first: RunLeft, _second: RunLeft, _expected: Expected) -> str | None:
    return _named(row["pair_id"] for row in first.rows("preference") if row["chosen_id"] == row["rejected_id"])


def _no_equal_texts(first: RunLeft, _second: RunLeft, _expected: Expected) -> str | None:
    return _named(
        row["pair_id"]
        for row in first.rows("preference")
        if normalise_question(row["chosen"][0]["content"]) == normalise_question(row["rejected"][0]["content"])
    )


def _signed(first: RunLeft, _second: RunLeft, _expected: Expected) -> str | None:
    exports: tuple[Export, ...] = ("rag", "sft", "preference")
    return _named(
        f"{export} row {number}"
        for export in exports
        for number, row in enumerate(first.rows(export), start=1)
        if not _SIG_HASH.fullmatch(str(row.get("provenance", {}).get("sig_hash")))
    )


def _skips_without_provenance(first: RunLeft, _second: RunLeft, expected: Expected) -> str | None:
    skips = first.table("skips").to_pylist()
    found = {(skip["source"], skip["line"]) for skip in skips if skip["reason"] == "missing_provenance"}
    wanted = [(each.source, each.line) for each in expected.without_provenance]
    return _named(f"{source}, line {line} is not skipped" for source, line in wanted if (source, line) not in found)


def _quarantine_is_filled(first: RunLeft, _second: RunLeft, expected: Expected) -> str | None:
    empty = not first.table("sft_quarantine").num_rows
    return "nothing was quarantined" if expected.fills_quarantine and empty else None


def _trees_are_whole(first: RunLeft, _second: RunLeft, expected: Expected) -> str | None:
    texts = dict(
        zip(*(first.table("evidence").column(name).to_pylist() for name in ("evidence_id", "text")), strict=True)
    )
    return _named(
        f"{name}: {texts.get(name)!r}" for name, text in expected.tree_texts.items() if texts.get(name) != text
    )


def _drift_is_seen(first: RunLeft, _second: RunLeft, expected: Expected) -> str | None:
    found = first.categories
    wanted = expected.drifted_claims.items()
    return _named(f"{name} is {found.get(name, 'absent')}" for name, category in wanted if found.get(name) != category)


def _same_outputs(first: RunLeft, second: RunLeft, _expected: Expected) -> str | None:
    again = {receipt.step: receipt.outputs for receipt in second.receipts}
    stages = [receipt for receipt in first.receipts if receipt.step_type == "stage"]
    different = [receipt.step for receipt in stages if again.get(receipt.step) != receipt.outputs]
    return "no stage" if not stages else _named(f"{step} gave out something else" for step in different)


def _same_run_hash(first: RunLeft, second: RunLeft, _expected: Expected) -> str | None:
    hashes = [
        RunSummary.model_validate_json((left.folder / "summary.json").read_bytes()).run_hash for left in (first, second)
    ]
    return None if hashes[0] == hashes[1] else f"{hashes[0]}, then {hashes[1]}"


def _named(wrong: Iterator[str]) -> str | None:
    """The first of what is wrong, and how much more there is."""
    every = list(wrong)
    more = f" and {len(every) - _FIRST} more" if len(every) > _FIRST else ""
    return ", ".join(every[:_FIRST]) + more if every else None


_CHECKS: tuple[tuple[str, Check], ...] = (
    ("every stage has a receipt", _has_receipts),
    ("summary.json exists", _exists("summary.json")),
    ("summary.md exists", _exists("summary.md")),
    ("drift.json exists", _exists("drift.json")),
    ("every receipt validates", _validates("receipts/*.json", Receipt)),
    ("the summary validates", _validates("summary.json", RunSummary)),
    ("the drift report validates", _validates("drift.json", DistillDrift)),
    ("fine-tuning rows: none rejected", _holds_no("sft", "rejected")),
    ("fine-tuning rows: none that needs review", _holds_no("sft", "needs_human_review")),
    ("fine-tuning rows: none partially accepted", _holds_no("sft", "partially_accepted")),
    ("retrieval rows: accepted and partially accepted", _holds_only("rag", {"accepted", "partially_accepted"})),
    ("retrieval rows: none rejected", _holds_no("rag", "rejected")),
    ("at least one preference pair", _has_pair),
    ("no record paired with itself", _no_self_pair),
    ("no pair of equal texts", _no_equal_texts),
    ("every exported row has a provenance.sig_hash", _signed),
    ("rows without provenance are in the skips", _skips_without_provenance),
    ("the fine-tuning quarantine is filled", _quarantine_is_filled),
    ("texts split over shards are whole", _trees_are_whole),
    ("drifted claims are seen", _drift_is_seen),
    ("every stage's output is the same in the second run", _same_outputs),
    ("the run hash is the same in the second run", _same_run_hash),
)
