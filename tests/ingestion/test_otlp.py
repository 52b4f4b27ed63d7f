"""Spans are put together to traces whatever lines they lie in, in bounded memory; what is none is set aside."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from millrace.ingestion import otlp, readers
from millrace.ingestion.otlp import read_otlp
from millrace.ingestion.readers import RawRow, Row
from millrace.ingestion.row_bytes import UnreadableRow


def _span(trace: str, name: str = "s", **more: Any) -> dict[str, Any]:
    return {"traceId": trace, "spanId": name, "name": name, "startTimeUnixNano": "1", **more}


def _document(*spans: Any, scopes: str = "scopeSpans", resources: str = "resourceSpans") -> dict[str, Any]:
    return {resources: [{"resource": {"attributes": []}, scopes: [{"scope": {}, "spans": list(spans)}]}]}


def _read(path: Path, *lines: object) -> list[Row]:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return [row for batch in read_otlp(path) for row in batch]


def _names(rows: list[Row]) -> dict[str, list[str]]:
    contents = [row.content for row in rows if isinstance(row, RawRow)]
    return {str(row["traceId"]): [span["name"] for span in row["spans"]] for row in contents if isinstance(row, dict)}


def _refused(rows: list[Row]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if isinstance(row, UnreadableRow)]


def test_spans_of_a_trace_are_collected_over_lines_and_it_ends_with_its_last(tmp_path: Path) -> None:
    rows = _read(
        tmp_path / "a.jsonl",
        _document(_span("aa", "a1"), _span("bb", "b1")),
        _document(_span("cc", "c1"), _span("bb", "b2")),
        _document(_span("AA", "a2")),
    )

    # cc and bb both end with line 2, where cc comes first.
    assert list(_names(rows).items()) == [("cc", ["c1"]), ("bb", ["b1", "b2"]), ("aa", ["a1", "a2"])]
    assert [row.line for row in rows] == [2, 1, 1]


def test_values_are_plain_and_the_resource_is_with_every_span(tmp_path: Path) -> None:
    nested = {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": [{"boolValue": True}, {}]}}}]}}
    attributes = [
        {"key": "int", "value": {"intValue": "9223372036854775807"}},
        {"key": "small", "value": {"intValue": 7}},
        {"key": "double", "value": {"doubleValue": 0.5}},
        {"key": "nested", "value": nested},
    ]
    document = _document(_span("aa", attributes=attributes, status={"code": 2}))
    document["resourceSpans"][0]["resource"]["attributes"] = [{"key": "service.name", "value": {"stringValue": "mill"}}]

    (row,) = _read(tmp_path / "a.jsonl", document)

    assert isinstance(row.content, dict)
    span = row.content["spans"][0]
    assert span["attributes"] == {"int": 2**63 - 1, "small": 7, "double": 0.5, "nested": {"k": [True, None]}}
    assert (span["resource"], span["status"], span["start"]) == ({"service.name": "mill"}, {"code": 2}, 1)


@pytest.mark.parametrize(
    "document",
    [
        _document(_span("aa")),
        _document(_span("aa"), scopes="instrumentationLibrarySpans"),
        _document(_span("aa"), resources="batches"),
        _document(_span("aa"))["resourceSpans"][0],
    ],
)
def test_older_and_other_names_of_the_lists_are_known(tmp_path: Path, document: dict[str, Any]) -> None:
    assert _names(_read(tmp_path / "a.jsonl", document)) == {"aa": ["s"]}


def test_what_is_no_span_is_set_aside_with_its_line_and_spoils_nothing(tmp_path: Path) -> None:
    rows = _read(
        tmp_path / "a.jsonl",
        '{"resourceSpans": ',
        {"resourceLogs": []},
        _document(_span(""), _span("aa"), {"name": "no id"}, "text", _span("aa", "t", attributes=[{"value": {}}])),
        _document(_span("aa", "u", startTimeUnixNano="soon"), _span("aa", "v", events="none"), _span("aa", "w")),
        {"resourceSpans": [3]},
        _document(),
    )

    assert _refused(rows) == [
        (1, "not_json"),
        (2, "missing_field"),
        (3, "missing_field"),
        (3, "missing_field"),
        (3, "wrong_type"),
        (3, "missing_field"),
        (4, "wrong_type"),
        (4, "wrong_type"),
        (5, "wrong_type"),
    ]
    assert _names(rows) == {"aa": ["s", "w"]}


def test_a_trace_whose_last_line_is_broken_is_taken_at_the_end(tmp_path: Path) -> None:
    rows = _read(tmp_path / "a.jsonl", _document(_span("aa", "a1")), json.dumps(_document(_span("aa")))[:-1])

    assert _names(rows) == {"aa": ["a1"]}
    assert _refused(rows) == [(2, "not_json")]


def test_a_trace_too_large_is_set_aside_once_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "MAX_ROW_BYTES", 1000)
    large = [_document(_span("aa", "x" * 300)) for _ in range(4)]

    rows = _read(tmp_path / "a.jsonl", *large, _document(_span("bb")), _document(_span("aa")))

    assert _refused(rows) == [(1, "too_long")]
    assert _names(rows) == {"bb": ["s"]}


def test_when_too_many_traces_are_open_the_one_that_began_first_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "MAX_OPEN_BYTES", 1500)
    lines = [_document(_span(name, text)) for text in ("x" * 200, "y") for name in ("aa", "bb", "cc", "dd")]

    rows = _read(tmp_path / "a.jsonl", *lines)

    # Some 590 bytes for each of the first four: the third and the fourth trace push out the first and the second.
    assert _refused(rows) == [(1, "too_spread"), (2, "too_spread")]
    assert [len(spans) for spans in _names(rows).values()] == [2, 2]


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_BATCH_BYTES", 2**20)

    def peak(n_traces: int) -> int:
        path = tmp_path / f"{n_traces}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number in range(n_traces):
                file.write(json.dumps(_document(_span(f"{number:032x}", "x" * 5000))) + "\n")
        tracemalloc.start()
        assert sum(len(batch) for batch in read_otlp(path)) == n_traces
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    # 5 000 bytes more for each trace in the file are some hundred more in memory: its id and its last row.
    assert peak(4000) < peak(1000) + 3000 * 500
