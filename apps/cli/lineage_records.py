"""From a row of an export's dataset to the records it was made from: evidence and score, each hash taken again."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from apps.cli.lineage_hops import Hop, compared, differing, missing
from apps.cli.lineage_run import DistillRun, rows_where
from millrace.datasets.dataset import Dataset
from millrace.distillation.config import SftConfig
from millrace.distillation.evidence import sig_hashes
from millrace.distillation.preference import ProposedPairs, preference_pairs
from millrace.distillation.rag import rag_rows
from millrace.distillation.sft import sft_rows
from millrace.errors import MillraceError
from millrace.records.evidence import Export

Row = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """A record of the evidence and its score, as tables of one row; ``hops`` tell how they were found."""

    evidence: pa.Table
    score: pa.Table
    hops: tuple[Hop, ...]

    @property
    def record(self) -> Row:
        row: Row = self.evidence.to_pylist()[0]
        return row


class Records:
    """The evidence of one run and its scores."""

    def __init__(self, run: DistillRun) -> None:
        self._run = run

    @cached_property
    def _datasets(self) -> tuple[Dataset, Dataset]:
        return self._run.evidence, self._run.scores

    def find(self, evidence_id: str) -> Found | Hop:
        """The record of that id, its part hashed again; a hop that says why when there is none.

        It is the first row that has the id: the firewall refuses later ones as duplicates.
        """
        subject = f"record {evidence_id}"
        try:
            evidence, scores = self._datasets
            places = rows_where(evidence, ["evidence_id"], evidence_id)
            if not places:
                return missing(subject, f"rows of {evidence.ref.name}", "no row has that id")
            place = slice(places[0], places[0] + 1)
            record, score = (each.read_rows(place.start, place.stop) for each in (evidence, scores))
        except MillraceError as error:
            return Hop(subject=subject, check="hash of the parts that hold it", status="different", found=str(error))
        hops = (
            Hop(subject=subject, check=f"row {places[0]} of {evidence.ref.name}, its part hashed", status="same"),
            compared(subject, "sig_hash, taken again", record["sig_hash"][0].as_py(), _sig_hash(record)),
            compared(subject, f"row {places[0]} of {scores.ref.name}, its part hashed", evidence_id, _id(score)),
        )
        return Found(record, score, hops)

    def check_row(self, export: Export, row: Row, sides: list[Found]) -> Iterator[Hop]:
        """Whether the export's row follows from its records, and its provenance is theirs."""
        subject = f"{export} row {row['pair_id' if export == 'preference' else 'evidence_id']}"
        for name, side in zip(("provenance", "rejected_provenance"), sides, strict=False):
            expected = {field: side.record[field] for field in row[name]}
            names = differing(expected, row[name])
            yield Hop(
                subject=subject,
                check=f"{name}, against record {side.record['evidence_id']}",
                status="different" if names else "same",
                found=f"fields that differ: {', '.join(names)}" if names else None,
            )
        yield self._made_again(subject, export, row, sides)

    def _made_again(self, subject: str, export: Export, row: Row, sides: list[Found]) -> Hop:
        check = "made again from evidence and score"
        try:
            made = self._make(export, row, sides).to_pylist()[0]
        except (MillraceError, ValidationError, KeyError) as error:
            return Hop(subject=subject, check=check, status="different", found=str(error))
        names = differing(row, made)
        found = f"fields that differ: {', '.join(names)}" if names else None
        return Hop(subject=subject, check=check, status="different" if names else "same", found=found)

    def _make(self, export: Export, row: Row, sides: list[Found]) -> pa.Table:
        if export == "rag":
            return rag_rows(sides[0].evidence, sides[0].score)
        if export == "sft":
            config = SftConfig.model_validate(self._run.steps["export-sft"].arguments["config"])
            return sft_rows(sides[0].evidence, sides[0].score, config)
        chosen, rejected = (side.evidence.append_column("category", side.score["category"]) for side in sides)
        return preference_pairs(ProposedPairs(chosen, rejected, pa.array([row["basis"]])))


def _sig_hash(record: pa.Table) -> str:
    found: str = sig_hashes({name: record.column(name).combine_chunks() for name in record.column_names})[0].as_py()
    return found


def _id(score: pa.Table) -> str | None:
    return score["evidence_id"][0].as_py() if score.num_rows else None
