"""Exports as files (D10): written aside, read again by the third wall, and published by one rename or not at all."""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from millrace.datasets.files import sync_folder, write_atomic
from millrace.distillation.export_form import JsonLines, exported, exported_schema
from millrace.records.base import Record, Sha256
from millrace.records.evidence import Export

JSONL_FILE, PARQUET_FILE, CARD_FILE = "train.jsonl", "train.parquet", "README.md"
_ZSTD_LEVEL = 1  # level 3: files a sixth smaller, in twice the time
_FEW_VALUES = [
    *("tenant_id", "category", "chosen_category", "rejected_category", "reason", "basis"),
    *(f"provenance.{name}" for name in ("stream", "source_file", "run_id")),
    *(f"rejected_provenance.{name}" for name in ("stream", "source_file", "run_id")),
]  # a dictionary of texts or hashes only costs time

_COUNTED: dict[Export, tuple[str, ...]] = {
    "rag": ("category", "provenance.stream", "tenant_id"),
    "sft": ("category", "provenance.stream", "tenant_id"),
    "preference": (
        *("chosen_category", "rejected_category", "basis"),
        *("provenance.stream", "rejected_provenance.stream", "tenant_id"),
    ),
}


class ExportedFile(Record):
    """One published file."""

    name: str = Field(description="Path with forward slashes, below the folder that the context names")
    sha256: Sha256
    n_bytes: int = Field(ge=0)
    rows: int | None = Field(ge=0, description="Rows of training data in it; None for a card")


@dataclass(frozen=True)
class WrittenExport:
    """The data files of one export, and how often its columns hold each value."""

    export: Export
    rows: int
    files: tuple[ExportedFile, ...]  # names without a folder
    counts: Mapping[str, Mapping[str, int]]  # column, "provenance.stream" for one in a struct -> value -> rows


Check = Callable[[Path, Sequence[Export]], object]
Card = Callable[[WrittenExport], str]


def write_exports(
    folder: Path, parts: Mapping[Export, Iterable[pa.Table]], card: Card, check: Check, workers: int = 3
) -> list[ExportedFile]:
    """Write every export below ``folder``, which appears complete or not at all; an earlier one is replaced whole.

    Equal parts give equal bytes for one version of Arrow and DuckDB. One part of each export under way is in memory.

    Args:
        parts: rows of each export's dataset, cut as they are stored; each part becomes a row group.
        workers: exports under way at once; with one thread each no processor waits for the last export to end.
        card: the text of an export's README.md.
        check: given the folder and its exports, reads all data files again and raises when a row must not be there;
            then nothing is published.

    Returns:
        The files, names relative to ``folder``, sorted.
    """
    new = folder.with_name(f".{folder.name}-new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        with ThreadPoolExecutor(workers) as pool:
            under_way = [pool.submit(_write_export, new / each, each, parts[each], card) for each in parts]
        files = [file for future in under_way for file in future.result()]
        check(new, list(parts))
        sync_folder(new)
        _swap_in(new, folder)
    except Exception:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return sorted(files, key=lambda file: file.name)


def _write_export(folder: Path, export: Export, parts: Iterable[pa.Table], card: Card) -> list[ExportedFile]:
    folder.mkdir()
    written = write_data(folder, export, parts)
    text = card(written).encode()
    write_atomic(folder / CARD_FILE, text)
    about = ExportedFile(name=CARD_FILE, sha256=hashlib.sha256(text).hexdigest(), n_bytes=len(text), rows=None)
    return [file.model_copy(update={"name": f"{export}/{file.name}"}) for file in (about, *written.files)]


def write_data(folder: Path, export: Export, parts: Iterable[pa.Table]) -> WrittenExport:
    """Write ``train.jsonl`` and ``train.parquet``, part by part; durable when it returns.

    Row i of one is row i of the other and of the parts. No rows give an empty file of lines and a Parquet file with
    columns and no rows.
    """
    lines, counts, n_rows = JsonLines(), {name: Counter[str]() for name in _COUNTED[export]}, 0
    with (folder / JSONL_FILE).open("wb") as jsonl, (folder / PARQUET_FILE).open("wb") as parquet:
        options = {"compression": "zstd", "compression_level": _ZSTD_LEVEL, "use_dictionary": _FEW_VALUES}
        with pq.ParquetWriter(parquet, exported_schema(export), **options) as writer:
            for part in parts:
                rows = exported(export, part)
                jsonl.write(lines.of(rows))
                writer.write_table(rows, row_group_size=max(1, rows.num_rows))
                n_rows += rows.num_rows
                for name, counter in counts.items():
                    _count(counter, rows, name)
        for stream in (jsonl, parquet):
            stream.flush()
            os.fsync(stream.fileno())
    lines.close()
    sync_folder(folder)
    files = tuple(_described(folder / name, n_rows) for name in (JSONL_FILE, PARQUET_FILE))
    return WrittenExport(export, n_rows, files, counts)


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _described(path: Path, n_rows: int) -> ExportedFile:
    return ExportedFile(name=path.name, sha256=file_sha256(path), n_bytes=path.stat().st_size, rows=n_rows)


def _count(counter: Counter[str], rows: pa.Table, name: str) -> None:
    column, _, field = name.partition(".")
    values = rows.column(column).combine_chunks()
    for pair in (values.field(field) if field else values).value_counts().to_pylist():
        counter[pair["values"]] += pair["counts"]


def _swap_in(new: Path, folder: Path) -> None:
    """Whoever reads sees the old folder, none, or the new one."""
    old = folder.with_name(f".{folder.name}-old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.rename(folder, old)
    os.rename(new, folder)
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)
