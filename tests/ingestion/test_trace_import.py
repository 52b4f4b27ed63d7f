"""Imports keep what is good, set aside what is not, and let no raw content or personal data through."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema, rows_of
from millrace.ingestion import readers
from millrace.ingestion.mapping import TraceMapping, load_mapping
from millrace.ingestion.readers import RawRow
from millrace.ingestion.trace_import import Imported, ImportSettings, import_traces, map_rows
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.rules import read_rules
from millrace.records.trace import HumanRating, SkipRow, Trace, utc

ROOT = Path(__file__).parents[2]
REDACTOR = Redactor(read_rules(ROOT / "configs" / "pii.yaml", RedactionRule))
OWN = ImportSettings(load_mapping(ROOT / "configs" / "mappings" / "millrace.yaml"), REDACTOR)
MTRAG = ROOT.parent / "shared" / "data" / "mtrag" / "responses_human.jsonl"
GOOD = {"trace_id": "t1", "time": "2026-11-16T08:00:00+02:00", "tenant_id": "a", "question": "Why?"}
MARKER = "Xq7-marker"


def _map(*lines: object, chosen: ImportSettings = OWN) -> Imported:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    batch = [RawRow(number, content) for number, content in enumerate(raw, start=1)]
    return map_rows(batch, chosen, source="in.jsonl", seen=set())


def _reasons(imported: Imported) -> list[tuple[int, str]]:
    return [(skip["line"], skip["reason"]) for skip in imported.skips.to_pylist()]


def test_a_good_row_becomes_a_trace_in_utc() -> None:
    imported = _map(GOOD)

    assert rows_of(Trace, imported.traces)[0].time == datetime(2026, 11, 16, 6, tzinfo=UTC)
    assert imported.traces.schema == arrow_schema(Trace)
    assert (imported.labels.num_rows, imported.skips.num_rows) == (0, 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not_json"),
        (b'{"trace_id": "a"} x', "not_json"),
        (b'{"cost_usd": NaN}', "not_json"),
        (b'{"cost_usd": -Infinity}', "not_json"),
        (b'{"input_tokens": ' + b"1" * 5000 + b"}", "not_json"),
        (b'{"question": "\xff"}', "not_json"),
        (b"[" * 100_000, "too_deep"),
        (b'{"question": ' + b'{"a":' * 100_000, "too_deep"),
        (b"[1]", "not_an_object"),
        (b"null", "not_an_object"),
        ({**GOOD, MARKER: 1}, "unknown_field"),
        ({**GOOD, "contexts": [{"context_id": "c", "text": "t", MARKER: 1}]}, "unknown_field"),
        ({**GOOD, "question": None}, "missing_field"),
        ({**GOOD, "time": None}, "missing_field"),
        ({**GOOD, "question": [MARKER]}, "wrong_type"),
        ({**GOOD, "status": MARKER}, "wrong_type"),
        ({**GOOD, "time": MARKER}, "wrong_type"),
        ({**GOOD, "time": "2026-11-16T08:00:00"}, "wrong_type"),
        ({**GOOD, "time": "0001-01-01T00:00:00+14:00"}, "wrong_type"),
        ({**GOOD, "cost_usd": -1}, "out_of_range"),
        (json.dumps(GOOD | {"cost_usd": 0}).replace(": 0", ": 1e999").encode(), "wrong_type"),
        ({**GOOD, "trace_id": MARKER * 100}, "too_long"),
        ({**GOOD, "question": MARKER + "\ud800"}, "lone_surrogate"),
        ({**GOOD, "history": [{"speaker": "user", "text": "\udfff"}]}, "lone_surrogate"),
        ({**GOOD, "input_tokens": 2**63}, "out_of_range"),
        ({**GOOD, "citations": [{"start": 0, "end": 2**70, "context_id": "c"}]}, "out_of_range"),
    ],
)
def test_a_bad_row_is_set_aside_by_reason_and_without_its_content(line: object, reason: str) -> None:
    other = GOOD | {"trace_id": "t2"}

    imported = _map(other, line)

    assert imported.traces["trace_id"].to_pylist() == ["t2"]
    assert _reasons(imported) == [(2, reason)]
    assert MARKER not in str(imported.skips.to_pylist())


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(MARKER) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(MARKER) | st.just("text"), inner),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.binary(max_size=80) | st.dictionaries(st.sampled_from(sorted(Trace.model_fields)), ODD).map(GOOD.__or__))
def test_no_row_raises_or_shows_itself(line: object) -> None:
    imported = _map(line)

    assert imported.traces.num_rows + imported.skips.num_rows == 1
    assert MARKER not in str(imported.skips.to_pylist())


def test_a_skip_row_says_where_and_carries_the_hash_of_the_raw_line(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\nabc\n")

    (imported,) = import_traces(path, OWN)

    skip = rows_of(SkipRow, imported.skips)[0]
    # printf abc | sha256sum
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (skip.source, skip.line, skip.row_hash) == ("in.jsonl", 2, digest)


def test_of_rows_with_the_same_id_the_first_is_taken_across_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MAX_BATCH_ROWS", 1)
    rows = [GOOD | {"trace_id": name, "question": str(n)} for n, name in enumerate(["t1", "t1", "t2", "t1"])]
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    parts = list(import_traces(path, OWN))

    assert [part.traces.num_rows for part in parts] == [1, 0, 1, 0]
    assert pa.concat_tables(part.traces for part in parts)["question"].to_pylist() == ["0", "2"]
    assert [skip for part in parts for skip in _reasons(part)] == [(2, "duplicate_id"), (4, "duplicate_id")]


@pytest.mark.parametrize("bad", [{"status": "odd"}, {"question": "\ud800"}, {"input_tokens": 2**63}])
def test_a_refused_row_does_not_take_its_id(bad: dict[str, object]) -> None:
    imported = _map(GOOD | bad, GOOD)

    assert imported.traces["question"].to_pylist() == ["Why?"]
    assert [line for line, _ in _reasons(imported)] == [1]


def test_personal_data_leaves_no_trace() -> None:
    row = GOOD | {"question": "I am mary@example.org", "answer": "SSN 219-09-9999"}

    imported = _map(row)

    trace = rows_of(Trace, imported.traces)[0]
    assert (trace.question, trace.answer) == ("I am [EMAIL]", "SSN [SSN]")
    assert {count.pii_type: count.n_items for count in trace.redactions} == {"EMAIL": 1, "SSN": 1}


def test_structured_output_and_the_reasons_of_retries_are_redacted_too() -> None:
    call = {"purpose": "generation", "model": "m", "tries": 2, "duration_ms": 1, "retried_for": ["no mary@example.org"]}

    trace = rows_of(Trace, _map(GOOD | {"output": '{"mail":"mary@example.org"}', "calls": [call]}).traces)[0]

    assert (trace.output, trace.calls[0].retried_for) == ('{"mail":"[EMAIL]"}', ["no [EMAIL]"])


def test_time_and_tenant_of_the_caller_fill_gaps_only() -> None:
    chosen = ImportSettings(OWN.mapping, REDACTOR, default_time=utc(2026, 1, 1), tenant_id="caller")
    bare = {"trace_id": "t2", "question": "?"}

    imported = _map(GOOD, bare, chosen=chosen)

    assert imported.traces["tenant_id"].to_pylist() == ["a", "caller"]
    assert imported.traces["time"].to_pylist() == [datetime(2026, 11, 16, 6, tzinfo=UTC), utc(2026, 1, 1)]


def test_labels_go_to_their_own_table_and_a_bad_one_refuses_the_row() -> None:
    mapping = TraceMapping.model_validate(
        {
            "name": "rated",
            "fields": {name: name for name in GOOD},
            "labels": [{"path": "human", "keys": ["dimension", "annotator"]}],
        }
    )
    good = GOOD | {"human": {"tone": {"ann": "4", "bob": 2.5}}}
    bad = [GOOD | {"trace_id": f"b{n}", "human": human} for n, human in enumerate([{"tone": {"ann": MARKER}}, MARKER])]

    imported = _map(good, *bad, chosen=ImportSettings(mapping, REDACTOR))

    assert [(row.annotator, row.value) for row in rows_of(HumanRating, imported.labels)] == [("ann", 4.0), ("bob", 2.5)]
    assert _reasons(imported) == [(2, "wrong_type"), (3, "wrong_type")]
    assert MARKER not in str(imported.skips.to_pylist())


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
def test_the_three_formats_give_the_same_tables(tmp_path: Path, suffix: str) -> None:
    rows = [GOOD | {"trace_id": f"t{n}", "contexts": [{"context_id": "c", "text": "é,[{"}]} for n in range(3)]
    path = tmp_path / f"in.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text(json.dumps(rows) if suffix == "json" else "\n".join(map(json.dumps, rows)), encoding="utf-8")

    (imported,) = import_traces(path, OWN)

    assert imported.traces.equals(_map(*rows).traces)


@pytest.mark.shared_data
@pytest.mark.skipif(not MTRAG.exists(), reason="needs ../shared/data/mtrag")
def test_mtrag_is_imported_whole() -> None:
    mapping = load_mapping(ROOT / "configs" / "mappings" / "mtrag.yaml")
    start = utc(2026, 11, 16)

    (imported,) = import_traces(MTRAG, ImportSettings(mapping, REDACTOR, default_time=start, tenant_id="mtrag"))

    traces = rows_of(Trace, imported.traces)
    source = [json.loads(line) for line in MTRAG.read_text(encoding="utf-8").splitlines()]
    assert (len(traces), imported.skips.num_rows) == (276, 0)
    assert {trace.time for trace in traces} == {start}
    assert [len(trace.history) + 1 for trace in traces] == [len(row["conversation"]) for row in source]
    # Three annotators, four dimensions, no automatic score.
    assert imported.labels.num_rows == sum(len(by) for row in source for by in row["human"].values())
    assert set(imported.labels["dimension"].to_pylist()) == {
        "faithfulness", "completeness", "appropriateness", "naturalness"
    }  # fmt: skip
