"""Evidence tables: ids, defaults, and the hash that binds a record to its row."""

from datetime import UTC, datetime
from hashlib import sha256

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema, rows_of
from millrace.datasets.validation import checked
from millrace.distillation.evidence import as_evidence, marker, sig_hashes
from millrace.records.evidence import Evidence, Marker

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)
ROW_HASH = sha256(b"row").hexdigest()


def columns(**more: object) -> dict[str, object]:
    return {
        "stream": ["reviews"],
        "source_file": ["reviews.jsonl"],
        "source_offset": [0],
        "row_hash": [ROW_HASH],
        "recorded_at": [AT],
        "task_id": ["CH-1"],
        "role": ["reviewer"],
        "text": ["Approved."],
    } | more


def only(**more: object) -> Evidence:
    table = checked(Evidence, as_evidence(columns(**more), 1))
    return rows_of(Evidence, table)[0]


def test_a_record_without_an_id_is_named_after_its_stream_and_row():
    assert only().evidence_id == f"reviews-{ROW_HASH[:24]}"
    assert only(evidence_id=["rev-1"]).evidence_id == "rev-1"
    assert only(evidence_id=[None]).evidence_id == f"reviews-{ROW_HASH[:24]}"


def test_what_a_stream_does_not_have_takes_the_records_defaults():
    record = only()
    assert record.tenant_id == "default"
    assert record.markers == []
    assert record.contexts == []
    assert record.prompt is None
    assert record.split is None


def test_the_signature_is_sha256_over_the_bound_fields_with_zero_bytes_between():
    micros = int(AT.timestamp()) * 1_000_000
    written = f"rev-1\0reviews\0reviews.jsonl\0{0}\0{ROW_HASH}\0nightly-1\0CH-1\0{micros}"
    record = only(evidence_id=["rev-1"], run_id=["nightly-1"])
    assert record.sig_hash == sha256(written.encode()).hexdigest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("evidence_id", "rev-2"),
        ("stream", "audits"),
        ("source_file", "other.jsonl"),
        ("source_offset", 1),
        ("row_hash", sha256(b"another row").hexdigest()),
        ("run_id", "nightly-2"),
        ("task_id", "CH-2"),
        ("recorded_at", datetime(2026, 9, 1, 6, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_the_signature_changes_with_each_bound_field(field, value):
    given_id = {"evidence_id": ["rev-1"], "run_id": ["nightly-1"]}
    assert only(**given_id).sig_hash != only(**given_id | {field: [value]}).sig_hash


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=2, max_size=6, unique=True))
def test_no_two_records_share_a_signature_though_zero_bytes_are_in_their_names(pairs):
    n = len(pairs)
    schema = arrow_schema(Evidence)
    constant = {name: pa.array(values * n, schema.field(name).type) for name, values in columns(run_id=[None]).items()}
    named = {
        "evidence_id": pa.array([first for first, _ in pairs]),
        "stream": pa.array([second for _, second in pairs]),
    }
    assert len(set(sig_hashes(constant | named).to_pylist())) == n


def test_no_rows_are_an_empty_table():
    empty: dict[str, object] = {name: [] for name in columns()}
    assert as_evidence(empty, 0).num_rows == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, Marker(name="m", value="true", number=1.0)),
        (False, Marker(name="m", value="false", number=0.0)),
        (3, Marker(name="m", value="3", number=3.0)),
        (0.25, Marker(name="m", value="0.25", number=0.25)),
        ("red", Marker(name="m", value="red", number=None)),
        ("3", Marker(name="m", value="3", number=None)),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (["red"], None),
    ],
)
def test_a_marker_keeps_words_numbers_and_truth_values(value, expected):
    made = marker("m", value)
    assert (made and Marker.model_validate(made)) == expected


def test_only_rows_without_an_id_are_named_after_their_rows():
    two = {name: values * 2 for name, values in columns().items()} | {"evidence_id": ["rev-1", None]}
    ids = as_evidence(two, 2).column("evidence_id").to_pylist()
    assert ids == ["rev-1", f"reviews-{ROW_HASH[:24]}"]


def test_a_zero_byte_in_a_name_is_doubled_in_what_the_signature_binds():
    micros = int(AT.timestamp()) * 1_000_000
    written = f"rev\0\0\0reviews\0reviews.jsonl\0{0}\0{ROW_HASH}\0nightly-1\0CH-1\0{micros}"
    record = only(evidence_id=["rev\0"], run_id=["nightly-1"])
    assert record.sig_hash == sha256(written.encode()).hexdigest()
