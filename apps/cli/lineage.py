"""The walk of ``millrace trace-back``: exported row, dataset, evidence and score, source; every hash on the way."""

from collections.abc import Iterator
from pathlib import Path

from apps.cli.lineage_files import Row, RowPlace, check_file, check_line, compare_row, export_of
from apps.cli.lineage_hops import Hop, Lineage
from apps.cli.lineage_records import Found, Records
from apps.cli.lineage_run import DistillRun, distill_runs, rows_where
from apps.cli.lineage_sources import Sources
from millrace.distillation.export_files import ExportedFile, file_sha256
from millrace.errors import BadInputError, MillraceError, NotFoundError
from millrace.records.evidence import Export
from tasks.home import Home

_SIDES: dict[Export, list[str]] = {
    "rag": ["evidence_id"],
    "sft": ["evidence_id"],
    "preference": ["chosen_id", "rejected_id"],
}
_NAMED_BY: dict[Export, list[str]] = _SIDES | {"preference": ["pair_id", "chosen_id", "rejected_id"]}


def trace_back(home: Home, row: str, run: str | None) -> Lineage:
    """Walk a row back to its source.

    Args:
        row: an evidence id, a pair id, or ``file.jsonl:LINE`` or ``file.parquet:ROW``, counted from 1.
        run: its run of distill; by default the one that published the file, or the newest that knows the id.

    Raises:
        NotFoundError: no such row, file or run.
    """
    place = RowPlace.parse(row)
    return _from_file(home, row, place, run) if place is not None else _from_id(home, row, run)


def _from_file(home: Home, row: str, place: RowPlace, run: str | None) -> Lineage:
    read = place.read()
    found, file = _publisher(home, place.path, run)
    export = export_of(read)
    if export is None or export not in found.exports:
        raise BadInputError(f"{row} is no row of an export of run {found.run_id}", row=row)
    walk, index = _Walk(found), place.number - 1
    hops = [*found.check_receipts()]
    if file is not None:
        hops.append(check_file(file, place.path))
    hops.append(compare_row(place, found.rows(export), export, read))
    # A row that is not the dataset's names records all the same, and these can be walked back.
    hops += walk.row(export, index) if hops[-1].status == "same" else walk.named_by(export, read)
    return Lineage(row=row, run_id=found.run_id, exported=[f"{export}:{place.number}"], hops=hops)


def _from_id(home: Home, row: str, run: str | None) -> Lineage:
    for found in distill_runs(home, run):
        walk = _Walk(found)
        places = walk.places(row)
        if places or walk.knows(row):
            hops = [*found.check_receipts()]
            for export, index in places:
                hops += check_line(found, export, index)
                hops += walk.row(export, index)
            if not places:
                hops += walk.record(row)
            exported = [f"{export}:{index + 1}" for export, index in places]
            return Lineage(row=row, run_id=found.run_id, exported=exported, hops=hops)
    where = f"run {run}" if run is not None else "any run of distill"
    raise NotFoundError(f"no record or pair {row!r} in {where}; give an id, or file.jsonl:LINE", row=row)


def _publisher(home: Home, path: Path, run: str | None) -> tuple[DistillRun, ExportedFile | None]:
    """The run that published the file: by its place in the home, else by its content; the file as it was published."""
    digest = file_sha256(path)
    known: list[tuple[DistillRun, ExportedFile]] = []
    for found in distill_runs(home, run):
        for file in found.files:
            if (home.root / file.name).resolve() == path.resolve():
                return found, file
            if file.sha256 == digest:
                known.append((found, file))
    if known:
        return known[0]
    if run is not None:
        return next(distill_runs(home, run)), None
    raise NotFoundError(f"no run of this home published {path}; name the run with --run", file=str(path))


class _Walk:
    """Walks rows of one run; a record that several of them share is walked once."""

    def __init__(self, run: DistillRun) -> None:
        self._run = run
        self._records = Records(run)
        self._sources = Sources(run)
        self._walked: dict[str, Found | None] = {}

    def places(self, name: str) -> list[tuple[Export, int]]:
        """Every row of an export that has the id, or is a pair with that record as a side."""
        return [
            (export, index)
            for export in self._run.exports
            for index in rows_where(self._run.rows(export), _NAMED_BY[export], name)
        ]

    def knows(self, evidence_id: str) -> bool:
        return bool(rows_where(self._run.evidence, ["evidence_id"], evidence_id))

    def row(self, export: Export, index: int) -> Iterator[Hop]:
        """From a row of an export's dataset on."""
        dataset = self._run.rows(export)
        subject, check = f"row {index} of {dataset.ref.name}", "its part, hashed"
        try:
            row = dataset.read_rows(index, index + 1).to_pylist()[0]
        except MillraceError as error:
            yield Hop(subject=subject, check=check, status="different", found=str(error))
            return
        yield Hop(subject=subject, check=check, status="same")
        yield from self.named_by(export, row)
        sides = [self._walked[row[name]] for name in _SIDES[export]]
        found = [side for side in sides if side is not None]
        if len(found) == len(sides):
            yield from self._records.check_row(export, row, found)

    def named_by(self, export: Export, row: Row) -> Iterator[Hop]:
        """From the records that a row names on."""
        for name in _SIDES[export]:
            yield from self.record(str(row.get(name)))

    def record(self, evidence_id: str) -> Iterator[Hop]:
        """From a record of the evidence on; nothing the second time."""
        if evidence_id in self._walked:
            return
        found = self._records.find(evidence_id)
        self._walked[evidence_id] = found if isinstance(found, Found) else None
        if isinstance(found, Hop):
            yield found
            return
        yield from found.hops
        yield from self._sources.of(found.record)
