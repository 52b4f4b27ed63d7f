"""Where datasets live: opening them, and building new ones part by part."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from millrace.datasets.canonical import canonical_json
from millrace.datasets.dataset import MANIFEST_FILE, Dataset, read_manifest
from millrace.datasets.files import sync_folder, write_atomic
from millrace.datasets.manifest import DatasetRef, Manifest, Origin, Part, content_hash
from millrace.datasets.parts import cut
from millrace.datasets.schema import measured_fields
from millrace.datasets.validation import checked
from millrace.datasets.values import table_hash
from millrace.errors import BadInputError, DamagedDatasetError, NotFoundError
from millrace.records.kinds import KINDS, Kind

_PARTS = TypeAdapter(list[Part])


class DatasetStore:
    """All datasets of one home, under ``root/<kind>/<content hash>``; reads fall through to ``fallback``."""

    def __init__(self, root: Path, fallback: "DatasetStore | None" = None) -> None:
        self.root = root
        self._fallback = fallback

    def folder(self, ref: DatasetRef) -> Path:
        """Where this store keeps the dataset, or would."""
        return self.root / ref.kind / ref.content_hash

    def exists(self, ref: DatasetRef) -> bool:
        """Whether the dataset's manifest is there."""
        return self._here(ref) or (self._fallback is not None and self._fallback.exists(ref))

    def open(self, ref: DatasetRef) -> Dataset:
        """A dataset by its ref.

        Raises:
            NotFoundError: this home does not hold it.
            DamagedDatasetError: its manifest is damaged or foreign.
        """
        kind = kind_of(ref.kind)
        if not self._here(ref):
            if self._fallback is not None:
                return self._fallback.open(ref)
            raise NotFoundError(f"no dataset {ref.name} under {self.root}; run the stage that makes it", ref=ref.name)
        manifest = read_manifest(self.folder(ref), ref.content_hash)
        if manifest.schema_version > kind.version:
            raise BadInputError(
                f"{ref.name} has schema version {manifest.schema_version}, this Millrace reads up to {kind.version}: "
                "upgrade Millrace",
                ref=ref.name,
            )
        return Dataset(self.folder(ref), manifest, kind.model)

    def _here(self, ref: DatasetRef) -> bool:
        return (self.folder(ref) / MANIFEST_FILE).is_file()

    def refs(self) -> list[DatasetRef]:
        """Every complete dataset, sorted by kind and hash."""
        folders = sorted(path.parent for path in self.root.glob(f"*/*/{MANIFEST_FILE}") if path.parts[-3] in KINDS)
        return [read_manifest(folder, folder.name).ref for folder in folders]

    @contextmanager
    def building(self, kind: str, key: str) -> Iterator["DatasetBuilder"]:
        """A builder that finds again what an earlier, interrupted build with the same key committed.

        Two processes with one key take turns.
        """
        folder = self.root / ".building" / f"{kind}-{key}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder.mkdir(exist_ok=True)
            yield DatasetBuilder(self, kind_of(kind), folder)

    def write(self, kind: str, table: pa.Table, origin: Origin, *, key: str) -> DatasetRef:
        """A dataset from one table, validated, cut and published."""
        with self.building(kind, key) as builder:
            builder.commit(0, table)
            return builder.publish(1, origin)


class DatasetBuilder:
    """Commits slots in any order; publishing makes the dataset exist. Slot i becomes the i-th run of parts."""

    def __init__(self, store: DatasetStore, kind: Kind, folder: Path) -> None:
        self._store = store
        self._kind = kind
        self._folder = folder

    def committed(self, slot: int) -> bool:
        """Whether this slot was finished, now or before an interruption."""
        return self._slot_file(slot).is_file()

    def commit(self, slot: int, table: pa.Table) -> None:
        """Validate, cut and store one slot's rows; durable when it returns.

        Raises:
            BadInputError: a row breaks its record's rules; the message names it.
        """
        valid = checked(self._kind.model, table)
        parts = [self._write_part(f"{slot:05d}-{index:03d}.parquet", part) for index, part in enumerate(cut(valid))]
        write_atomic(self._slot_file(slot), canonical_json([part.model_dump() for part in parts]))

    def publish(self, n_slots: int, origin: Origin) -> DatasetRef:
        """Write the manifest, then move the whole folder to its name; an equal dataset that exists is kept.

        Raises:
            DamagedDatasetError: what a slot holds cannot be read.
        """
        parts = [part for slot in range(n_slots) for part in self._slot_parts(slot)]
        manifest = Manifest(
            kind=self._kind.name,
            schema_version=self._kind.version,
            rows=sum(part.rows for part in parts),
            parts=parts,
            content_hash=content_hash(self._kind.name, self._kind.version, parts),
            origin=origin,
        )
        write_atomic(self._folder / MANIFEST_FILE, canonical_json(manifest))
        self._move(manifest.ref, n_slots)
        return manifest.ref

    def _move(self, ref: DatasetRef, n_slots: int) -> None:
        target = self._store.folder(ref)
        if not (target / MANIFEST_FILE).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(self._folder, target)
            sync_folder(target.parent)
            for slot in range(n_slots):
                (target / self._slot_file(slot).name).unlink()
        else:
            shutil.rmtree(self._folder)

    def _slot_parts(self, slot: int) -> list[Part]:
        path = self._slot_file(slot)
        try:
            return _PARTS.validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            message = f"{path} is damaged: remove the folder {self._folder}, and run the stage again"
            raise DamagedDatasetError(message, file=str(path)) from error

    def _slot_file(self, slot: int) -> Path:
        return self._folder / f"slot-{slot:05d}.json"

    def _write_part(self, name: str, table: pa.Table) -> Part:
        measured = measured_fields(self._kind.model)
        core = table.drop_columns(measured) if measured else table
        write_atomic(self._folder / f"part-{name}", _parquet(core))
        if measured:
            write_atomic(self._folder / f"measured-{name}", _parquet(table.select(measured)))
        return Part(
            file=f"part-{name}",
            rows=table.num_rows,
            hash=table_hash(core),
            measured_file=f"measured-{name}" if measured else None,
        )


def kind_of(name: str) -> Kind:
    """The registered kind of this name.

    Raises:
        BadInputError: no such kind.
    """
    if name not in KINDS:
        raise BadInputError(f"no dataset kind {name!r}; there are {', '.join(sorted(KINDS))}", kind=name)
    return KINDS[name]


def _parquet(table: pa.Table) -> bytes:
    """The file's bytes, written once and read by every later stage: LZ4 reads twice as fast as Zstandard."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="lz4", use_dictionary=False)
    return bytes(sink.getvalue())
