"""Training data out of evidence: what each export takes, and what the firewall refuses (D4 to D7)."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.distillation.candidates import Candidates, candidates, category_codes, may_pair
from millrace.distillation.claimed_files import KnownFiles
from millrace.distillation.config import PreferenceConfig, RagConfig, SftConfig
from millrace.distillation.duplicates import repeated
from millrace.distillation.firewall import FirewallFacts, admit
from millrace.distillation.judged_records import EVIDENCE_COLUMNS, JudgedRecords
from millrace.distillation.pairs import PairRows, choose_pairs
from millrace.distillation.preference import ProposedPairs, admit_pairs, preference_pairs
from millrace.distillation.rag import rag_rows
from millrace.distillation.sft import sft_rows
from millrace.distillation.texts import Integers, Mask, short_keys
from millrace.errors import BadInputError
from millrace.records.base import Record
from millrace.records.evidence import Export, Quarantined
from millrace.records.exports import PreferencePair
from millrace.records.source import SourceRef
from tasks.parts import Tables, read_dataset, write_parts
from tasks.run import current_run, log
from tasks.stage import stage

_JOB_ROWS = 50_000
_JOB_PAIRS = 20_000  # both sides of all of them are in memory


class ExportedRows(Record):
    """What an export took, and what it refused."""

    rows: DatasetRef
    quarantine: DatasetRef
    reasons: dict[str, int] = Field(description="Quarantined rows, or pairs, by reason; reasons that none has left out")
    streams: dict[str, int] = Field(description="Exported rows by stream; a pair counts for that of its chosen side")


class _Part(NamedTuple):
    """Rows of the evidence from ``first`` on, their scores, and what the firewall knows of them."""

    first: int
    evidence: pa.Table
    scores: pa.Table
    facts: FirewallFacts


class _Inputs:
    """The evidence with its scores, part by part, and what takes a look at all of it."""

    def __init__(
        self, evidence: DatasetRef, scores: DatasetRef, contamination: DatasetRef, known_files: SourceRef | None
    ) -> None:
        self.evidence, self.scores = read_beside(evidence, scores)
        self.firsts = [self.evidence.first_row(index) for index in range(self.evidence.n_parts)]
        self._repeated = repeated(_column(table, "evidence_id") for table in self.evidence.columns(["evidence_id"]))
        self._contamination = read_dataset(contamination).to_arrow()
        self._known = None if known_files is None else known_files_of(known_files)

    def part(self, index: int) -> _Part:
        first, evidence = self.firsts[index], self.evidence.read_part(index)
        stop = first + evidence.num_rows
        facts = FirewallFacts(self._repeated[first:stop], self._contamination, self._known)
        return _Part(first, evidence, self.scores.read_rows(first, stop), facts)

    def jobs(self) -> Iterator[range]:
        """Runs of parts with about :data:`_JOB_ROWS` rows."""
        begin = 0
        for index, part in enumerate(self.evidence.manifest.parts, 1):
            stop = self.firsts[index - 1] + part.rows
            if stop - self.firsts[begin] >= _JOB_ROWS or index == self.evidence.n_parts:
                yield range(begin, index)
                begin = min(index, self.evidence.n_parts - 1)


@stage
def export_rag(
    evidence: DatasetRef,
    scores: DatasetRef,
    contamination: DatasetRef,
    known_files: SourceRef | None,
    config: RagConfig,
) -> ExportedRows:
    """Evidence that stood, as knowledge to retrieve; every other row is quarantined with its reason."""
    inputs = _Inputs(evidence, scores, contamination, known_files)
    return _export("rag", "rag_rows", inputs, config, rag_rows)


@stage
def export_sft(
    evidence: DatasetRef,
    scores: DatasetRef,
    contamination: DatasetRef,
    known_files: SourceRef | None,
    config: SftConfig,
) -> ExportedRows:
    """Evidence that stood, as conversations to learn from; every other row is quarantined with its reason."""
    inputs = _Inputs(evidence, scores, contamination, known_files)
    return _export("sft", "sft_rows", inputs, config, partial(sft_rows, config=config))


@stage
def export_preference(
    evidence: DatasetRef,
    scores: DatasetRef,
    contamination: DatasetRef,
    known_files: SourceRef | None,
    config: PreferenceConfig,
) -> ExportedRows:
    """Two answers to one prompt, one accepted over the other; a pair that was considered is exported or quarantined."""
    inputs = _Inputs(evidence, scores, contamination, known_files)
    sides, refused = _sides(inputs, config)
    pairs = choose_pairs(sides, config)
    nothing = arrow_schema(PreferencePair).empty_table()
    first = {"preference_pairs": nothing, "quarantine": refused}
    starts = range(0, len(pairs.chosen), _JOB_PAIRS)
    jobs = [partial(_paired, inputs, pairs, slice(start, start + _JOB_PAIRS), config) for start in starts]
    log().info("%d candidates, %d pairs considered", len(sides), len(pairs.chosen))
    return _exported("preference_pairs", write_parts([lambda: first, *jobs], ["preference_pairs", "quarantine"]))


def scored_evidence(evidence: DatasetRef, scores: DatasetRef, contamination: DatasetRef) -> JudgedRecords:
    """What ``millrace.distillation.walls.check_written`` judges written rows by; read once, when first needed."""
    rows, scored = read_beside(evidence, scores)
    contaminated = _joined_column(read_dataset(contamination), "evidence_id")

    def tables() -> Iterator[pa.Table]:
        first = 0
        for part in rows.parts():
            beside = scored.read_rows(first, first + part.num_rows)
            first += part.num_rows
            judged = part.select(list(EVIDENCE_COLUMNS)).append_column("category", beside.column("category"))
            yield judged.append_column("contaminated", pc.is_in(part.column("evidence_id"), contaminated))

    return JudgedRecords(tables)


def read_beside(evidence: DatasetRef, scores: DatasetRef) -> tuple[Dataset, Dataset]:
    """Both datasets.

    Raises:
        BadInputError: there is not one score for each row.
    """
    if evidence.rows != scores.rows:
        raise BadInputError(f"{scores.name} has {scores.rows} rows, {evidence.name} {evidence.rows}: score it again")
    return read_dataset(evidence), read_dataset(scores)


def known_files_of(source: SourceRef) -> KnownFiles:
    """The files below a folder, hidden ones left out as in its hash, or the paths that a text file names, one a line.

    Raises:
        BadInputError: the text file is no UTF-8.
    """
    place = Path(source.path)
    if place.is_dir():
        found = (each.relative_to(place) for each in sorted(place.rglob("*")) if each.is_file())
        visible = (path for path in found if not any(name.startswith(".") for name in path.parts))
        return KnownFiles.of((path.as_posix() for path in visible), judges_hidden=False)
    try:
        return KnownFiles.of(place.read_text(encoding="utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise BadInputError(f"{place} is no text file of paths, one a line: {error}", file=str(place)) from error


def _export(
    export: Export,
    kind: str,
    inputs: _Inputs,
    config: RagConfig | SftConfig,
    build: Callable[[pa.Table, pa.Table], pa.Table],
) -> ExportedRows:
    def job(parts: range) -> Tables:
        taken, refused = [], []
        for part in (inputs.part(index) for index in parts):
            admission = admit(export, part.evidence, part.scores, part.facts, config)
            mask = pa.array(admission.mask)
            taken.append(build(part.evidence.filter(mask), part.scores.filter(mask)))
            refused.append(admission.quarantine)
        return {kind: pa.concat_tables(taken), "quarantine": pa.concat_tables(refused)}

    return _exported(kind, write_parts((partial(job, parts) for parts in inputs.jobs()), [kind, "quarantine"]))


def _exported(kind: str, written: dict[str, DatasetRef]) -> ExportedRows:
    streams, reasons = Counter[str](), Counter[str]()
    for table in read_dataset(written[kind]).columns(["provenance"]):
        _count(streams, pc.struct_field(_column(table, "provenance"), "stream"))
    for table in read_dataset(written["quarantine"]).columns(["reason"]):
        _count(reasons, _column(table, "reason"))
    return ExportedRows(
        rows=written[kind],
        quarantine=written["quarantine"],
        reasons=dict(sorted(reasons.items())),
        streams=dict(sorted(streams.items())),
    )


def _count(counts: Counter[str], values: pa.Array) -> None:
    for each in values.value_counts().to_pylist():
        counts[each["values"]] += each["counts"]


def _sides(inputs: _Inputs, config: PreferenceConfig) -> tuple[Candidates, pa.Table]:
    """The records that may become sides of pairs, and those that the firewall refuses as such."""
    wanted = _partners(inputs)
    touched = [
        index for index, part in enumerate(inputs.evidence.manifest.parts) if _slice(inputs, wanted, index).any()
    ]
    with ThreadPoolExecutor(current_run().workers) as pool:
        found = list(pool.map(lambda index: _sides_of_part(inputs, index, wanted, config), touched))
    nothing = _no_candidates()
    refused = [arrow_schema(Quarantined).empty_table(), *(quarantine for _, quarantine in found)]
    return Candidates.joined([nothing, *(each for each, _ in found)]), pa.concat_tables(refused)


def _partners(inputs: _Inputs) -> Mask:
    """Whether a row shares its task or subject with one that it could be paired with; two columns are read."""
    tables = list(inputs.evidence.columns(["task_id", "subject"]))
    tasks, subjects = (
        np.concatenate([np.zeros(0, dtype=np.uint64), *(short_keys(_column(table, name)) for table in tables)])
        for name in ("task_id", "subject")
    )
    categories = _joined_column(inputs.scores, "category")
    return may_pair(tasks, subjects, category_codes(categories))


def _slice(inputs: _Inputs, mask: Mask, index: int) -> Mask:
    first = inputs.firsts[index]
    return mask[first : first + inputs.evidence.manifest.parts[index].rows]


def _sides_of_part(inputs: _Inputs, index: int, wanted: Mask, config: PreferenceConfig) -> tuple[Candidates, pa.Table]:
    part = inputs.part(index)
    rows = np.flatnonzero(_slice(inputs, wanted, index))
    evidence, scores = part.evidence.take(pa.array(rows)), part.scores.take(pa.array(rows))
    facts = FirewallFacts(part.facts.repeated[rows], part.facts.contamination, part.facts.known_files)
    admission = admit("preference", evidence, scores, facts, config)
    mask = pa.array(admission.mask)
    admitted = scores.filter(mask).column("category")
    return candidates(evidence.filter(mask), admitted, part.first + rows[admission.mask]), admission.quarantine


def _paired(inputs: _Inputs, pairs: PairRows, places: slice, config: PreferenceConfig) -> Tables:
    basis = pc.if_else(pa.array(pairs.by_subject[places]), "subject", "task")
    both = _rows_at(inputs, np.concatenate([pairs.chosen[places], pairs.rejected[places]]))  # each part is read once
    proposed = ProposedPairs(both.slice(0, len(basis)), both.slice(len(basis)), basis)
    admission = admit_pairs(proposed, config)
    mask = pa.array(admission.mask)
    admitted = ProposedPairs(proposed.chosen.filter(mask), proposed.rejected.filter(mask), basis.filter(mask))
    return {"preference_pairs": preference_pairs(admitted), "quarantine": admission.quarantine}


def _rows_at(inputs: _Inputs, rows: Integers) -> pa.Table:
    """Rows of the evidence with their category, in the order asked for; only the parts that hold them are read."""
    wanted = np.unique(rows)
    parts = np.searchsorted(inputs.firsts, wanted, side="right") - 1
    found = []
    for index in np.unique(parts).tolist():
        part = inputs.part(index)
        local = pa.array(wanted[parts == index] - part.first)
        found.append(part.evidence.take(local).append_column("category", part.scores.column("category").take(local)))
    return pa.concat_tables(found).take(pa.array(np.searchsorted(wanted, rows)))


def _no_candidates() -> Candidates:
    nothing = np.zeros(0, dtype=np.uint64)
    return Candidates(nothing.astype(np.int64), nothing.astype(np.int8), *[nothing] * 7)


def _column(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks()


def _joined_column(dataset: Dataset, name: str) -> pa.Array:
    kind = arrow_schema(dataset.model).field(name).type
    return pa.concat_arrays([pa.array([], kind), *(_column(table, name) for table in dataset.columns([name]))])
