"""Files are read in batches of bounded size, and bad bytes become rows of their own."""

import hashlib
import json
import tracemalloc
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError, NotFoundError
from millrace.ingestion import json_array, readers, row_bytes
from millrace.ingestion.json_array import array_elements
from millrace.ingestion.readers import RawRow, read_rows
from millrace.ingestion.row_bytes import UnreadableRow

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('a"\\[]{},é\u2028', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('b"\\]', max_size=3), inner, max_size=3),
    max_leaves=8,
)


def _rows(path: Path, content: bytes) -> list[tuple[int, object]]:
    path.write_bytes(content)
    rows = [row for batch in read_rows(path) for row in batch]
    return [(row.line, row.content if isinstance(row, RawRow) else row.reason) for row in rows]


def test_lines_are_counted_with_the_blank_ones(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"a":1}\r\n\n  \r\n{"a":2}\n{"a":3}'

    assert _rows(tmp_path / "a.jsonl", content) == [(1, b'{"a":1}\r'), (4, b'{"a":2}'), (5, b'{"a":3}')]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert _rows(tmp_path / "a.jsonl", b"") == []
    assert _rows(tmp_path / "a.json", b" [ ] \n") == []


def test_batches_end_at_the_row_or_byte_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"1\n" * 5 + b"22222\n22222\n3\n")
    monkeypatch.setattr(readers, "MAX_BATCH_ROWS", 3)
    monkeypatch.setattr(readers, "MAX_BATCH_BYTES", 8)

    # 1 1 1 | 1 1 22222 (three rows) | 22222 3 (six bytes)
    assert [len(batch) for batch in read_rows(path)] == [3, 3, 2]

    monkeypatch.setattr(readers, "MAX_BATCH_ROWS", 100)
    # 1 1 1 1 1 (22222 would make ten bytes) | 22222 (ten again) | 22222 3
    assert [len(batch) for batch in read_rows(path)] == [5, 1, 2]


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", b'%s\n{"b":1}\n'), ("a.json", b'[%s,{"b":1}]')])
def test_a_row_over_the_limit_is_set_aside_without_being_held(tmp_path: Path, name: str, content: bytes) -> None:
    long = b'"' + b"x" * (40 * 2**20) + b'"'
    path = tmp_path / name
    path.write_bytes(content % long)
    expected = hashlib.sha256(long).hexdigest()

    tracemalloc.start()
    first, second = (row for batch in read_rows(path) for row in batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert isinstance(first, UnreadableRow)
    assert (first.line, first.reason, first.row_hash) == (1, "too_long", expected)
    assert second == RawRow(2, b'{"b":1}')
    # 16 MiB are held until the limit is known to be passed, twice while the buffer grows.
    assert peak < 36 * 2**20


def test_a_row_at_the_limit_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_bytes, "MAX_ROW_BYTES", 4)

    assert _rows(tmp_path / "a.jsonl", b"1234\n12345\n1\n") == [(1, b"1234"), (2, "too_long"), (3, b"1")]


@settings(deadline=None)
@given(st.lists(JSON_VALUES, max_size=6), st.integers(1, 9), st.sampled_from([None, 1]))
def test_an_array_is_cut_into_its_elements_whatever_the_chunks(
    values: list[object], chunk: int, indent: int | None
) -> None:
    text = json.dumps(values, ensure_ascii=False, indent=indent).encode()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "CHUNK_BYTES", chunk)
        found = [content for _, content in array_elements(BytesIO(text))]

    assert [json.loads(content) for content in found if content] == values


def test_a_broken_element_spoils_no_other(tmp_path: Path) -> None:
    rows = _rows(tmp_path / "a.json", b'[{"a":1}, {oops}, {"a":3}]')

    assert rows == [(1, b'{"a":1}'), (2, b"{oops}"), (3, b'{"a":3}')]


@pytest.mark.parametrize(
    ("content", "last"),
    [
        (b'[{"a":1}, {"a":', (2, "truncated")),
        (b'[{"a":1}', (1, "truncated")),
        (b'[{"a":1}] x', (2, "not_json")),
        (b'[{"a":1}]\n[{"a":2}]', (2, "not_json")),
    ],
)
def test_an_array_that_does_not_end_well_is_reported(tmp_path: Path, content: bytes, last: tuple[int, str]) -> None:
    assert _rows(tmp_path / "a.json", content)[-1] == last


def test_lines_in_a_json_file_are_read_as_lines(tmp_path: Path) -> None:
    assert _rows(tmp_path / "a.json", b'{"a":1}\n{"a":2}\n') == [(1, b'{"a":1}'), (2, b'{"a":2}')]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_json_file_that_is_one_object_is_one_row(tmp_path: Path, indent: int | None, mark: bytes) -> None:
    row = {"a": [1, {"b": "\n"}], "c": "}"}

    ((line, content),) = _rows(tmp_path / "a.json", mark + json.dumps(row, indent=indent).encode() + b"\n")

    assert isinstance(content, bytes)
    assert (line, json.loads(content)) == (1, row)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(("names", "n_rows"), [(["spans"], 3), (["other", "spans"], 3), (["meta"], 1), ([], 1)])
def test_of_an_object_that_begins_with_a_list_asked_for_the_elements_are_the_rows(
    tmp_path: Path, indent: int | None, names: list[str], n_rows: int
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"spans": [{"n": 1}, {"n": [2]}, {"n": 3}], "meta": [4]}, indent=indent))

    rows = [row for batch in read_rows(path, names) for row in batch]

    assert [row.line for row in rows] == list(range(1, n_rows + 1))


def test_an_object_too_large_is_set_aside_and_a_list_in_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_bytes, "MAX_ROW_BYTES", 20)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"spans": [{"n": number} for number in range(9)]}))

    assert [type(row) for batch in read_rows(path) for row in batch] == [UnreadableRow]
    assert [type(row) for batch in read_rows(path, ["spans"]) for row in batch] == [RawRow] * 9


def test_a_broken_first_line_does_not_make_lines_an_object(tmp_path: Path) -> None:
    assert _rows(tmp_path / "a.json", b'{"a":\n{"a":2}\n') == [(1, b'{"a":'), (2, b'{"a":2}')]


def test_parquet_rows_are_mappings_in_small_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": list(range(25)), "t": [{"u": str(n)} for n in range(25)]}), path, row_group_size=10)
    monkeypatch.setattr(readers, "MAX_BATCH_ROWS", 10)

    batches = list(read_rows(path))

    assert max(map(len, batches)) <= 10
    rows = [row for batch in batches for row in batch]
    assert [row.line for row in rows] == list(range(1, 26))
    assert rows[24].content == {"n": 24, "t": {"u": "24"}}
    assert len({row.row_hash for row in rows}) == 25


def test_wide_parquet_rows_make_short_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"t": [f"{n:03}" * 1000 for n in range(50)]}), path, use_dictionary=False)
    monkeypatch.setattr(readers, "MAX_BATCH_BYTES", 30_000)

    # 3 000 bytes a row, so that nine or ten fit.
    assert max(len(batch) for batch in read_rows(path)) <= 10


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(BadInputError, match=r"a\.parquet"):
        list(read_rows(tmp_path / "a.parquet"))
    with pytest.raises(NotFoundError, match="absent"):
        list(read_rows(tmp_path / "absent.jsonl"))
