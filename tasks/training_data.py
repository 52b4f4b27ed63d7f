"""Training data out of evidence: what each export takes, and what the firewall refuses (D4 to D7)."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.distillation.candidates import NEITHER, Candidates, candidates, category_codes, category_names, may_pair
from millrace.distillation.claimed_files import KnownFiles
from millrace.distillation.config import PreferenceConfig, RagConfig, SftConfig
from millrace.distillation.duplicates import repeated
from millrace.distillation.firewall import FirewallFacts, admit
from millrace.distillation.judged_records import EVIDENCE_COLUMNS, JudgedRecords
from millrace.distillation.pairs import PairRows, choose_pairs
from millrace.distillation.preference import ProposedPairs, admit_pairs, preference_pairs
from millrace.distillation.rag import RAG_COLUMNS, rag_rows
from millrace.distillation.sft import SFT_COLUMNS, sft_rows
from millrace.distillation.texts import Integers, Mask, codes
from millrace.errors import BadInputError
from millrace.records.base import Record
from millrace.records.evidence import Evidence, Export, Quarantined
from millrace.records.exports import PreferencePair
from millrace.records.source import SourceRef
from tasks.parts import Tables, read_dataset, write_parts
from tasks.run import current_run, log
from tasks.stage import stage

_JOB_ROWS = 50_000
_JOB_PAIRS = 20_000  # both sides of all of them are in memory
_NO_SIDE = {"contexts", "markers", "role"}
_SIDE_COLUMNS = [name for name in arrow_schema(Evidence).names if name not in _NO_SIDE]  # what makes and judges sides


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

    def parts(self, indices: Sequence[int]) -> Iterator[_Part]:
        """Some parts in order, at least one; those of the scores, which are cut elsewhere, are read once for all."""
        begin = self.firsts[indices[0]]
        scores = self.scores.read_rows(begin, self._stop(indices[-1]))
        for index in indices:
            first, stop = self.firsts[index], self._stop(index)
            facts = FirewallFacts(self._repeated[first:stop], self._contamination, self._known)
            yield _Part(first, self.evidence.read_part(index), scores.slice(first - begin, stop - first), facts)

    def rows(self, index: int) -> slice:
        """Those of a part, among all."""
        return slice(self.firsts[index], self._stop(index))

    def _stop(self, index: int) -> int:
        return self.firsts[index] + self.evidence.manifest.parts[index].rows

    def jobs(self) -> Iterator[range]:
        """Runs of parts with about :data:`_JOB_ROWS` rows."""
        begin = 0
        for index in range(self.evidence.n_parts):
            if self._stop(index) - self.firsts[begin] >= _JOB_ROWS or index == self.evidence.n_parts - 1:
                yield range(begin, index + 1)
                begin = index + 1


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
    return _export("rag", "rag_rows", inputs, config, RAG_COLUMNS, rag_rows)


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
    return _export("sft", "sft_rows", inputs, config, SFT_COLUMNS, partial(sft_rows, config=config))


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
    categories = np.full(inputs.evidence.manifest.rows, NEITHER, dtype=np.int8)
    categories[sides.row] = sides.category
    nothing = arrow_schema(PreferencePair).empty_table()
    first = {"preference_pairs": nothing, "quarantine": refused}
    starts = range(0, len(pairs.chosen), _JOB_PAIRS)
    jobs = [partial(_paired, inputs, categories, pairs, slice(at, at + _JOB_PAIRS), config) for at in starts]
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
    columns: tuple[str, ...],
    build: Callable[[pa.Table, pa.Table], pa.Table],
) -> ExportedRows:
    def job(parts: range) -> Tables:
        taken, refused = [], []
        for part in inputs.parts(parts):
            admission = admit(export, part.evidence, part.scores, part.facts, config)
            mask = pa.array(admission.mask)
            taken.append(build(part.evidence.select(list(columns)).filter(mask), part.scores.filter(mask)))
            refused.append(admission.quarantine)
        return {kind: pa.concat_tables(taken), "quarantine": pa.concat_tables(refused)}

    return _exported(kind, write_parts((partial(job, parts) for parts in inputs.jobs()), [kind, "quarantine"]))


def _exported(kind: str, written: dict[str, DatasetRef]) -> ExportedRows:
    streams, reasons = Counter[str](), Counter[str]()
    for table in read_dataset(written[kind]).columns(["provenance.stream"]):
        _count(streams, table.flatten().column(0).combine_chunks())
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
    touched = ([index for index in parts if wanted[inputs.rows(index)].any()] for parts in inputs.jobs())
    with ThreadPoolExecutor(current_run().workers) as pool:
        found = list(pool.map(lambda parts: _sides_of_parts(inputs, parts, wanted, config), filter(None, touched)))
    refused = [arrow_schema(Quarantined).empty_table(), *(quarantine for _, quarantine in found)]
    return Candidates.joined([_no_candidates(), *(each for each, _ in found)]), pa.concat_tables(refused)


def _partners(inputs: _Inputs) -> Mask:
    """Whether a row shares its task or subject with one that it could be paired with; two columns are read."""
    tables = list(inputs.evidence.columns(["task_id", "subject"]))
    tasks, subjects = (codes(_column(table, name) for table in tables) for name in ("task_id", "subject"))
    categories = _joined_column(inputs.scores, "category")
    return may_pair(tasks, subjects, category_codes(categories))


def _sides_of_parts(
    inputs: _Inputs, parts: Sequence[int], wanted: Mask, config: PreferenceConfig
) -> tuple[Candidates, pa.Table]:
    found, refused = [], []
    for part in inputs.parts(parts):
        rows = np.flatnonzero(wanted[part.first : part.first + part.evidence.num_rows])
        evidence, scores = (table.take(pa.array(rows)) for table in (part.evidence.select(_SIDE_COLUMNS), part.scores))
        facts = FirewallFacts(part.facts.repeated[rows], part.facts.contamination, part.facts.known_files)
        admission = admit("preference", evidence, scores, facts, config)
        mask = pa.array(admission.mask)
        admitted = scores.column("category").filter(mask)
        found.append(candidates(evidence.filter(mask), admitted, part.first + rows[admission.mask]))
        refused.append(admission.quarantine)
    return Candidates.joined(found), pa.concat_tables(refused)


def _paired(
    inputs: _Inputs, categories: npt.NDArray[np.int8], pairs: PairRows, places: slice, config: PreferenceConfig
) -> Tables:
    basis = pc.if_else(pa.array(pairs.by_subject[places]), "subject", "task")
    rows = np.concatenate([pairs.chosen[places], pairs.rejected[places]])  # each part is read once
    both = _rows_at(inputs, rows).append_column("category", category_names(categories[rows]))
    proposed = ProposedPairs(both.slice(0, len(basis)), both.slice(len(basis)), basis)
    admission = admit_pairs(proposed, config)
    mask = pa.array(admission.mask)
    admitted = ProposedPairs(proposed.chosen.filter(mask), proposed.rejected.filter(mask), basis.filter(mask))
    return {"preference_pairs": preference_pairs(admitted), "quarantine": admission.quarantine}


def _rows_at(inputs: _Inputs, rows: Integers) -> pa.Table:
    """Rows of the evidence in the order asked for; only the parts that hold them are read."""
    wanted = np.unique(rows)
    parts = np.searchsorted(inputs.firsts, wanted, side="right") - 1
    found = []
    for index in np.unique(parts).tolist():
        local = pa.array(wanted[parts == index] - inputs.firsts[index])
        found.append(inputs.evidence.read_part(index).select(_SIDE_COLUMNS).take(local))
    return pa.concat_tables(found).take(pa.array(np.searchsorted(wanted, rows)))


def _no_candidates() -> Candidates:
    nothing = np.zeros(0, dtype=np.uint64)
    return Candidates(nothing.astype(np.int64), nothing.astype(np.int8), *[nothing] * 7)


def _column(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks()


def _joined_column(dataset: Dataset, name: str) -> pa.Array:
    kind = arrow_schema(dataset.model).field(name).type
    return pa.concat_arrays([pa.array([], kind), *(_column(table, name) for table in dataset.columns([name]))])
