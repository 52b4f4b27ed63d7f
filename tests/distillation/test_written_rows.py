"""Reading exported files again, in batches."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millrace.distillation import written_rows as module
from millrace.distillation.written_rows import place_of, written_rows
from millrace.errors import LeakError

ROW = {
    "evidence_id": "e",
    "tenant_id": "t",
    "text": "x",
    "category": "accepted",
    "provenance": {"sig_hash": "0", "run": 1},
}


def test_rows_come_in_order_whatever_the_size_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_BYTES", 1000)
    monkeypatch.setattr(module, "_BATCH_ROWS", 3)
    rows = [ROW | {"evidence_id": f"e{n}", "text": "y" * (n * 37 % 5000), "extra": n} for n in range(50)]
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps(row) for row in rows))  # no line feed at the end
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    for name in ("x.jsonl", "x.parquet"):
        batches = list(written_rows("rag", tmp_path / name))
        assert len(batches) > 3
        assert [each for batch in batches for each in batch["evidence_id"].to_pylist()] == [f"e{n}" for n in range(50)]
        assert [each for batch in batches for each in batch["text"].to_pylist()] == [row["text"] for row in rows]
        assert batches[0]["provenance"].to_pylist()[0] == {"sig_hash": "0"}


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    for content in ("", "\n\n"):
        (tmp_path / "x.jsonl").write_text(content)
        assert list(written_rows("rag", tmp_path / "x.jsonl")) == []


def test_places_count_from_one_and_blank_lines_too(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("\n{}\n\n{}\n")
    assert [place_of(tmp_path / "x.jsonl", row) for row in (0, 1)] == ["line 2", "line 4"]
    assert place_of(tmp_path / "x.parquet", 0) == "row 1"


def test_a_missing_column_or_file_cannot_be_checked(tmp_path: Path) -> None:
    pq.write_table(pa.table({"evidence_id": ["e"]}), tmp_path / "x.parquet")
    for name in ("x.parquet", "none.jsonl"):
        with pytest.raises(LeakError, match="cannot be checked"):
            list(written_rows("rag", tmp_path / name))


@pytest.mark.parametrize(
    ("content", "longest"), [("", 0), ("\n\n", 0), ("ab\nabc", 3), ("abcdefghijk\nab\n", 11), ("a\nabcdefghij", 10)]
)
def test_the_longest_line_is_found_over_block_boundaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, longest: int
) -> None:
    (tmp_path / "x").write_text(content)
    for size in range(1, 13):
        monkeypatch.setattr(module, "_BLOCK_BYTES", size)
        assert module._longest_line(tmp_path / "x") == longest
