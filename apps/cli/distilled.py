"""What a run of ``distill`` made of one record: its score, and its rows in the exports, found part by part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from apps.cli.run_names import find_run
from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.distillation.scoring_rules import ScoringRules
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.runs import list_runs
from millrace.records.base import Record
from millrace.records.evidence import Evidence, EvidenceScore
from millrace.records.receipt import Receipt
from tasks.home import Home
from tasks.receipts import read_receipts

FLOW = "distill"
EXPORTS = ("rag", "sft", "preference")
_SCORING, _CONTAMINATION = "score-evidence", "find-contamination"
_NAMED_BY = {"preference_pairs": ["chosen_id", "rejected_id"], "quarantine": ["evidence_id", "other_id"]}
_SHOWN_IDS = 5
_ALL_RUNS = 1_000_000


class ScoredRecord(Record):
    """A record and what was stored as its score."""

    evidence: Evidence
    score: EvidenceScore


class ExportOutcome(Record):
    """What one export made of a record: rows of the export, and refusals with their reasons. Often neither."""

    export: str
    rows: list[dict[str, Any]]
    quarantined: list[dict[str, Any]]


@dataclass(frozen=True)
class Distilled:
    """The steps of one run of ``distill``, by name."""

    home: Home
    run_id: str
    steps: dict[str, Receipt]

    @property
    def rules(self) -> ScoringRules:
        """The rules that scored this run.

        Raises:
            BadInputError: another version of Millrace wrote them, in a form that this one does not read.
        """
        try:
            return ScoringRules.model_validate(self.steps[_SCORING].arguments["rules"])
        except (KeyError, ValidationError) as error:
            raise BadInputError(
                f"the rules that scored run {self.run_id} cannot be read by this Millrace; run `millrace run {FLOW}`",
                run_id=self.run_id,
            ) from error

    def records(self, name: str) -> list[ScoredRecord]:
        """The records of that id, or of the only id that begins so; several where an id was given twice.

        Raises:
            NotFoundError: no such record.
            BadInputError: several ids begin so; the message lists some.
        """
        receipt = self.steps[_SCORING]
        evidence = self.home.datasets.open(DatasetRef.model_validate(receipt.arguments["evidence"]))
        scores = self.home.datasets.open(DatasetRef.model_validate(receipt.output))
        return [
            ScoredRecord(evidence=_row(evidence, row), score=_row(scores, row)) for row in self._rows_of(evidence, name)
        ]

    def contamination(self, evidence_id: str) -> list[dict[str, Any]]:
        """Eval examples that the record is, or nearly is."""
        return [row for _, row in self._rows_naming(_CONTAMINATION, evidence_id)]

    def outcome(self, export: str, evidence_id: str) -> ExportOutcome | None:
        """What an export made of the record; None when the run did not come to that export."""
        if f"export-{export}" not in self.steps:
            return None
        found = list(self._rows_naming(f"export-{export}", evidence_id))
        return ExportOutcome(
            export=export,
            rows=[row for kind, row in found if kind != "quarantine"],
            quarantined=[row for kind, row in found if kind == "quarantine"],
        )

    def _rows_of(self, evidence: Dataset, name: str) -> list[int]:
        found = _beginning_with(evidence, name)
        ids = [name] if name in found else sorted(found)
        if not ids:
            raise NotFoundError(
                f"no record {name!r} in run {self.run_id}; `millrace rows {self.run_id} evidence --columns "
                "evidence_id,text` lists them, and --run names another run",
                record=name,
            )
        if len(ids) > 1:
            raise BadInputError(f"several records begin with {name!r}: {', '.join(ids)}; give more of the id")
        return found[ids[0]]

    def _rows_naming(self, step: str, evidence_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Kind and content of each row of a step's outputs that names the record."""
        for name in self.steps[step].outputs if step in self.steps else ():
            kind, _, content_hash = name.partition(":")
            dataset = self.home.datasets.open(DatasetRef(kind=kind, content_hash=content_hash, rows=0))
            for row in _naming(dataset, _NAMED_BY.get(kind, ["evidence_id"]), evidence_id):
                yield kind, row


def distilled(home: Home, run: str | None) -> Distilled:
    """A run of ``distill`` by its name, or the newest one that scored evidence.

    Raises:
        NotFoundError: there is none, or the run named scored nothing.
    """
    if run is not None:
        run_id = find_run(home.ledger, run).run_id
        steps = _steps(home, run_id)
        if _SCORING not in steps:
            raise NotFoundError(f"run {run_id} scored no evidence; name a run of {FLOW}", run_id=run_id)
        return Distilled(home, run_id, steps)
    for known in list_runs(home.ledger, limit=_ALL_RUNS):
        steps = _steps(home, known.run_id) if known.flow == FLOW else {}
        if _SCORING in steps:
            return Distilled(home, known.run_id, steps)
    raise NotFoundError(f"no run of {FLOW} in this home scored evidence; `millrace run {FLOW}` does")


def _steps(home: Home, run_id: str) -> dict[str, Receipt]:
    try:
        return {receipt.step: receipt for receipt in read_receipts(home.run_folder(run_id))}
    except NotFoundError:
        return {}


def _beginning_with(evidence: Dataset, name: str) -> dict[str, list[int]]:
    """Rows by id, of the id itself and of some of those that begin so."""
    found: dict[str, list[int]] = {}
    first = 0
    for part in evidence.columns(["evidence_id"]):
        ids = part.column("evidence_id")
        rows = np.flatnonzero(pc.starts_with(ids, pattern=name).to_numpy())
        for row, each in zip(rows.tolist(), ids.take(pa.array(rows)).to_pylist(), strict=True):
            if each == name or each in found or len(found) < _SHOWN_IDS:
                found.setdefault(each, []).append(first + row)
        first += part.num_rows
    return found


def _row(dataset: Dataset, row: int) -> Any:
    return dataset.model.model_validate(dataset.read_rows(row, row + 1).to_pylist()[0])


def _naming(dataset: Dataset, columns: Sequence[str], evidence_id: str) -> Iterator[dict[str, Any]]:
    for index, part in enumerate(dataset.columns(list(columns))):
        masks = [pc.fill_null(pc.equal(part.column(name), evidence_id), False).to_numpy() for name in columns]
        mask = np.logical_or.reduce(masks)
        if mask.any():
            yield from dataset.read_part(index).filter(pa.array(mask)).to_pylist()
