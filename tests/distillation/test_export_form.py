"""What leaves: which columns, and lines of JSON that say exactly what the rows say."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema
from millrace.distillation.export_form import COLUMNS, MODEL, JsonLines, exported, exported_schema
from millrace.records.evidence import Export
from tests.support.export_rows import EXPORTS, STAYS_AT_HOME, export_table, provenance

HARD = [
    '"',
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\x1f",
    "\x7f",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\ufffe",
    "é",
    "𝄞",
    "</script>",
]
TEXTS = st.lists(st.one_of(st.sampled_from(HARD), st.text(max_size=6)), max_size=5).map("".join)
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda time: time.replace(tzinfo=UTC))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "messages": st.lists(st.fixed_dictionaries({"role": TEXTS, "content": TEXTS}), max_size=3),
            "evidence_id": TEXTS,
            "offset": st.integers(0, 2**63 - 1),
            "recorded_at": TIMES,
        }
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def lines() -> JsonLines:
    return JsonLines()


@settings(deadline=None, max_examples=80)
@given(given_rows=ROWS)
def test_every_line_is_its_row(lines: JsonLines, given_rows: list[dict[str, object]]) -> None:
    rows = [
        {
            "evidence_id": row["evidence_id"],
            "tenant_id": "t",
            "user_id": None,
            "messages": row["messages"],
            "category": "accepted",
            "provenance": provenance(0)
            | {"source_offset": row["offset"], "recorded_at": row["recorded_at"], "stream": row["evidence_id"]},
        }
        for row in given_rows
    ]
    written = bytes(lines.of(exported("sft", pa.Table.from_pylist(rows, schema=arrow_schema(MODEL["sft"])))))
    *found, rest = written.decode("utf-8", "strict").split("\n")
    assert rest == ""
    assert [json.loads(line) for line in found] == [_expected(row) for row in rows]


def _expected(row: dict[str, object]) -> dict[str, object]:
    time = row["provenance"]["recorded_at"]  # type: ignore[index]
    stamp = f"{time.year:04d}-{time:%m-%dT%H:%M:%S}.{time.microsecond:06d}Z"
    provenance = row["provenance"] | {"recorded_at": stamp}  # type: ignore[operator]
    return {name: value for name, value in row.items() if name != "user_id"} | {"provenance": provenance}


@pytest.mark.parametrize("export", EXPORTS)
def test_lines_hold_the_columns_in_order_and_nobodys_user_id(lines: JsonLines, export: Export) -> None:
    text = bytes(lines.of(exported(export, export_table(export, 3)))).decode()
    assert [tuple(json.loads(line)) for line in text.splitlines()] == [COLUMNS[export]] * 3
    assert STAYS_AT_HOME not in text
    assert {*COLUMNS[export]} == {*arrow_schema(MODEL[export]).names} - {"user_id", "rejected_user_id"}


@pytest.mark.parametrize("export", EXPORTS)
def test_no_rows_give_no_bytes_and_all_columns(lines: JsonLines, export: Export) -> None:
    rows = exported(export, export_table(export, 0))
    assert bytes(lines.of(rows)) == b""
    assert rows.schema == exported_schema(export)


@pytest.mark.parametrize("cut", [1, 7, 4096])
def test_rows_keep_their_order_however_they_are_cut(lines: JsonLines, cut: int) -> None:
    rows = exported("rag", export_table("rag", 5000))
    whole = bytes(lines.of(rows))
    chunked = pa.concat_tables([rows.slice(0, cut), rows.slice(cut, 900), rows.slice(cut + 900)])
    assert [json.loads(line)["evidence_id"] for line in whole.splitlines()] == [f"traces-{n}" for n in range(5000)]
    assert bytes(lines.of(chunked)) == whole
    assert bytes(lines.of(rows.slice(cut))) == b"".join(whole.splitlines(keepends=True)[cut:])
