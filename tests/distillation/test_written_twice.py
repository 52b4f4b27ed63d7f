"""Both files of an export read beside each other: equal rows come out, and nothing else does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millrace.distillation import written_twice as module
from millrace.distillation.export_files import write_data
from millrace.distillation.export_form import exported
from millrace.distillation.written_twice import equal_rows
from millrace.errors import LeakError
from millrace.records.evidence import Export
from tests.support.export_rows import EXPORTS, export_table


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH_ROWS", 3)
    monkeypatch.setattr(module, "_HALF_BLOCK_BYTES", 300)


def written(folder: Path, export: Export, n_rows: int = 20) -> tuple[Path, Path]:
    table = export_table(export, n_rows)
    write_data(folder, export, [table.slice(0, 7), table.slice(7)])
    return folder / "train.jsonl", folder / "train.parquet"


def rows_of(export: Export, lines: Path, columns: Path) -> list[dict[str, Any]]:
    return [row for table in equal_rows(export, lines, columns) for row in table.to_pylist()]


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("n_rows", [0, 1, 20])
def test_rows_that_both_files_hold_come_in_order(tmp_path: Path, export: Export, n_rows: int) -> None:
    files = written(tmp_path, export, n_rows)
    assert rows_of(export, *files) == exported(export, export_table(export, n_rows)).to_pylist()


def _nested(row: dict[str, Any]) -> None:
    row["provenance"]["run_id"] += "?"


def _said(row: dict[str, Any]) -> None:
    row["messages"][-1]["content"] += " "


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a text": lambda row: row.update(category=row["category"] + "\u200b"),
    "a nested text": _nested,
    "a message": _said,
    "a further message": lambda row: row["messages"].append({"role": "user", "content": "And?"}),
    "a field more": lambda row: row.update(user_id="uma"),
    "a field less": lambda row: row.pop("tenant_id"),
    "null": lambda row: row.update(tenant_id=None),
    "null for a message": lambda row: row["messages"][0].update(content=None),
    "another type": lambda row: row.update(evidence_id=7),
}


@pytest.mark.parametrize("at", [0, 19])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_difference_is_found(tmp_path: Path, change: Callable[[dict[str, Any]], object], at: int) -> None:
    lines, columns = written(tmp_path, "sft")
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(rows_of("sft", lines, columns)) == 20
    change(rows[at])
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(LeakError, match=r"train\.jsonl"):
        rows_of("sft", lines, columns)


def test_a_row_more_or_less_is_found(tmp_path: Path) -> None:
    lines, columns = written(tmp_path, "rag")
    *most, last = lines.read_bytes().splitlines(keepends=True)
    for changed in ([*most, last, last], most, [last, *most], [], [*most, last[:-3]], [*most, b"\xff\n"]):
        lines.write_bytes(b"".join(changed))
        with pytest.raises(LeakError):
            rows_of("rag", lines, columns)


def test_columns_of_another_form_are_found(tmp_path: Path) -> None:
    lines, columns = written(tmp_path, "rag")
    table = pq.read_table(columns)
    for changed in (table.drop_columns("title"), table.append_column("user_id", pa.array(["uma"] * 20))):
        pq.write_table(changed, columns)
        with pytest.raises(LeakError):
            rows_of("rag", lines, columns)
    columns.write_bytes(b"no columns")
    with pytest.raises(LeakError, match="cannot be compared"):
        rows_of("rag", lines, columns)
    columns.unlink()
    with pytest.raises(LeakError, match="cannot be compared"):
        rows_of("rag", lines, columns)


@pytest.mark.parametrize("content", ["{}", "\n", "ab\nabc", "abcdefghijk\nab\n", "a\nabcdefghij", "a\nbc\ndef\n" * 9])
def test_two_halves_of_a_block_hold_any_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (tmp_path / "x").write_text(content)
    longest = max(len(line) for line in content.splitlines(keepends=True))
    monkeypatch.setattr(module, "_LOOK_BYTES", 3)
    for size in range(1, 13):
        monkeypatch.setattr(module, "_HALF_BLOCK_BYTES", size)
        half = module._half_block(tmp_path / "x")
        assert longest <= 2 * half
        assert half == size or half < 2 * longest
