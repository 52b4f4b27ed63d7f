"""A file becomes evidence and skips: each row for itself, however the file is cut and however fast it is read."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema
from millrace.distillation import collect_lines, collect_parse, stream_rows
from millrace.distillation.collect import file_jobs, records_at
from millrace.distillation.evidence import EvidenceBatch
from millrace.distillation.stream_mapping import StreamMapping, read_stream_mapping
from millrace.errors import BadInputError, NotFoundError
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.evidence import Evidence
from millrace.records.trace import SkipRow

STREAMS = Path(__file__).parents[2] / "configs" / "streams"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
PLAIN = StreamMapping.model_validate(
    {"stream": "s", "task_id": "task", "recorded_at": "at", "role": {"constant": "answerer"}, "text": "text"}
)
EMAIL = RedactionRule.model_validate(
    {
        "id": "email",
        "pii_type": "EMAIL",
        "regex": r"[a-z]++@[a-z]++\.org",
        "reason": "for this test",
        "positive": "mary@example.org",
        "negative": "mary at example",
    }
)


def collected(
    path: Path, mapping: StreamMapping = PLAIN, redactor: Redactor | None = None, tenant_id: str | None = None
) -> EvidenceBatch:
    """All jobs' batches as one."""
    batches = [job() for job in file_jobs(path, "f.jsonl", mapping, redactor, None, tenant_id)]
    return _joined(batches)


def _joined(batches: list[EvidenceBatch]) -> EvidenceBatch:
    evidence = [arrow_schema(Evidence).empty_table(), *[batch.evidence for batch in batches]]
    skips = [arrow_schema(SkipRow).empty_table(), *[batch.skips for batch in batches]]
    return EvidenceBatch(pa.concat_tables(evidence), pa.concat_tables(skips))


def written(tmp_path: Path, *lines: str | bytes) -> Path:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return path


def row(**fields: Any) -> str:
    return json.dumps({"task": "t", "at": "2024-05-01T12:00:00Z", "text": "An answer."} | fields)


def test_a_row_is_bound_to_its_byte_and_to_the_hash_of_its_bytes(tmp_path: Path) -> None:
    second = row(text="Zweite Antwort: é")
    path = written(tmp_path, row(), "", second + "\r", row(text="last"))
    found = collected(path).evidence.to_pylist()
    assert [each["text"] for each in found] == ["An answer.", "Zweite Antwort: é", "last"]
    offset = len(row()) + 2
    assert found[1]["source_offset"] == offset
    assert found[1]["row_hash"] == hashlib.sha256(second.encode()).hexdigest()
    assert path.read_bytes()[offset:].startswith(second.encode())
    assert found[1]["evidence_id"] == f"s-{found[1]['row_hash'][:24]}"
    assert (found[0]["source_file"], found[0]["recorded_at"]) == ("f.jsonl", NOON)
    assert (found[0]["run_id"], found[0]["producer"], found[0]["tenant_id"]) == (None, None, "default")


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbf" + row().encode())
    (found,) = collected(path).evidence.to_pylist()
    assert (found["source_offset"], found["row_hash"]) == (3, hashlib.sha256(row().encode()).hexdigest())


@pytest.mark.parametrize(
    ("line", "reason", "word"),
    [
        ("{", "not_json", "character"),
        (b'{"task": "\xff"}', "not_json", "UTF-8"),
        (row()[:-1] + ', "x": NaN}', "not_json", "NaN"),
        (row()[:-1] + ', "x": Inf}', "not_json", "character"),
        (row()[:-1] + ', "x": ' + "[" * 300 + "]" * 300 + "}", "too_deep", "levels"),
        (row() + row(), "not_json", "Extra data"),
        ("[]", "not_an_object", "object"),
        ("7", "not_an_object", "object"),
        (row()[:-1] + ', "task": "again"}', "duplicate_key", "'task'"),
        (row(text=1), "wrong_type", "text"),
        (row(task="x" * 513), "too_long", "task_id"),
        (row(at="yesterday"), "wrong_type", "recorded_at"),
        (row(at="2024-02-30T12:00:00Z"), "wrong_type", "recorded_at"),
        (row(at="2024-05-01T12:00:00"), "wrong_type", "recorded_at"),
        (row(at=True), "wrong_type", "recorded_at"),
        (row(text="\ud800"), "lone_surrogate", "text"),
        (row(task=None), "missing_provenance", "task_id"),
        (row(task=""), "missing_provenance", "task_id"),
        (row(at=None), "missing_provenance", "recorded_at"),
        (row(text=None), "missing_provenance", "text"),
    ],
)
def test_a_bad_row_is_a_skip_with_its_reason_and_the_others_are_taken(
    tmp_path: Path, line: str | bytes, reason: str, word: str
) -> None:
    raw = line.encode() if isinstance(line, str) else line
    found = collected(written(tmp_path, row(), raw, row()))
    assert found.evidence.num_rows == 2
    (skip,) = found.skips.to_pylist()
    assert (skip["source"], skip["line"], skip["reason"]) == ("f.jsonl", 2, reason)
    assert word in skip["message"]
    assert skip["row_hash"] == hashlib.sha256(raw).hexdigest()


def test_what_the_mapping_does_not_read_may_be_anything_that_is_json(tmp_path: Path) -> None:
    more = [', "x": 1, "x": 2}', ', "x": "\\ud800"}', ', "x": 1e999}', f', "x": {"1" * 5000}}}', ', "text ": {}}']
    found = collected(written(tmp_path, *[row()[:-1] + each for each in more]))
    assert (found.evidence.num_rows, found.skips.num_rows) == (5, 0)


def test_empty_text_is_taken_for_the_firewall_to_see(tmp_path: Path) -> None:
    assert collected(written(tmp_path, row(text=""))).evidence.column("text").to_pylist() == [""]


def test_time_and_tenant_are_given_where_the_row_says_neither(tmp_path: Path) -> None:
    mapping = PLAIN.model_copy(update={"tenant_id": PLAIN.task_id})
    path = written(tmp_path, row(at=None), row(at="2024-05-01T14:00:00.5+01:30"))
    (job,) = file_jobs(path, "f", PLAIN, None, datetime(2020, 1, 1, tzinfo=UTC), "acme")
    found = job().evidence.to_pylist()
    assert [each["recorded_at"] for each in found] == [
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2024, 5, 1, 12, 30, 0, 500_000, tzinfo=UTC),
    ]
    assert [each["tenant_id"] for each in found] == ["acme", "acme"]
    assert collected(path, mapping, tenant_id="acme").evidence.column("tenant_id").to_pylist() == ["t"]


def test_a_marker_is_the_same_whatever_stands_in_the_rows_around_it(tmp_path: Path) -> None:
    mapping = StreamMapping.model_validate(PLAIN.model_dump() | {"markers": {"m": "m"}})
    values = [4, 4.0, 4.5, -0.0, 1e-7, 2**53 + 1, 2.0**60, 10**25, True, "4", "yes"]
    alone = [_marker(written(tmp_path, row(m=value)), mapping) for value in values]
    assert alone[:6] == [("4", 4), ("4", 4), ("4.5", 4.5), ("0", 0), ("1e-07", 1e-7), ("9007199254740993", 2.0**53)]
    assert alone[6:] == [(str(2.0**60), 2.0**60), (str(10**25), 1e25), ("true", 1), ("4", None), ("yes", None)]
    together = collected(written(tmp_path, *[row(m=value) for value in values]), mapping).evidence
    assert [(m[0]["value"], m[0]["number"]) for m in together.column("markers").to_pylist()] == alone


def _marker(path: Path, mapping: StreamMapping) -> tuple[str, float | None]:
    ((found,),) = collected(path, mapping).evidence.column("markers").to_pylist()
    return found["value"], found["number"]


def test_a_row_gives_all_its_records_or_none(tmp_path: Path) -> None:
    mapping = StreamMapping.model_validate(
        PLAIN.model_dump()
        | {"markers": {"kind": "kind"}, "records": [{"text": "a", "markers": {"side": {"constant": 1}}}, {"text": "b"}]}
    )
    found = collected(written(tmp_path, row(a="A", b="B", kind="k"), row(a="A"), row(b="D", a="C")), mapping)
    records = found.evidence.to_pylist()
    assert [each["text"] for each in records] == ["A", "B", "C", "D"]
    assert [each["evidence_id"][-2:] for each in records] == ["-1", "-2", "-1", "-2"]
    assert len({each["evidence_id"] for each in records}) == 4
    assert [[m["name"] for m in each["markers"]] for each in records] == [["kind", "side"], ["kind"], ["side"], []]
    assert found.skips.column("line").to_pylist() == [2]


def test_a_row_over_the_limit_is_skipped_unread_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (collect_lines, collect_parse, stream_rows):
        monkeypatch.setattr(module, "MAX_ROW_BYTES", 200)
    for n_bytes in (50, 150, 10_000):
        monkeypatch.setattr(collect_lines, "_BLOCK_BYTES", n_bytes)
        monkeypatch.setattr(collect_lines, "_READ_BYTES", n_bytes)
        for line in (row(text="x" * 150), row(text="x" * 2000), row(text="x" * 2000) + "\r"):
            for after in ([row(text="after"), "{"], []):
                found = collected(written(tmp_path, row(text="before"), line, *after))
                assert found.evidence.num_rows == 1 + bool(after)
                assert found.skips.column("line").to_pylist() == [2, 4][: len(after) or 1]
                skip = found.skips.to_pylist()[0]
                whole = line.removesuffix("\r") if after else line
                expected = (2, "too_long", hashlib.sha256(whole.encode()).hexdigest())
                assert (skip["line"], skip["reason"], skip["row_hash"]) == expected


def test_personal_data_is_taken_out_and_the_hash_stays_that_of_the_row(tmp_path: Path) -> None:
    mapping = read_stream_mapping(STREAMS / "evidence.yaml")
    mail = "mary@example.org"
    fields = {
        "task_id": "t", "recorded_at": "2024-05-01T12:00:00Z", "role": "r", "text": f"Ask {mail}.", "prompt": mail,
        "history": [{"speaker": "user", "text": mail}], "contexts": ["none", mail], "user_id": mail, "producer": mail,
        "markers": [{"name": "comment", "value": mail}],
    }  # fmt: skip
    path = written(tmp_path, json.dumps(fields), json.dumps({**fields, "contexts": [], "text": "clean", "history": []}))
    table = collected(path, mapping, Redactor([EMAIL])).evidence
    assert mail not in str(table.to_pylist())
    first = table.to_pylist()[0]
    assert (first["text"], first["contexts"]) == ("Ask [EMAIL].", ["none", "[EMAIL]"])
    assert first["history"] == [{"speaker": "user", "text": "[EMAIL]"}]
    assert first["user_id"].startswith("[EMAIL]~")
    assert first["row_hash"] == hashlib.sha256(json.dumps(fields).encode()).hexdigest()
    assert table.schema == arrow_schema(Evidence)
    assert records_at(path, "f.jsonl", 0, mapping, Redactor([EMAIL]), None, None) == table.slice(0, 1)


def test_no_row_begins_within_a_line_or_behind_the_end(tmp_path: Path) -> None:
    path = written(tmp_path, row(), "", row())
    for offset in (1, len(row()) + 1, 10_000):
        with pytest.raises(BadInputError, match=r"f\.jsonl: no row begins at byte"):
            records_at(path, "f.jsonl", offset, PLAIN, None, None, None)
    with pytest.raises(NotFoundError, match=r"no file absent\.jsonl"):
        list(file_jobs(tmp_path / "absent.jsonl", "f", PLAIN, None, None, None))


def test_a_file_without_rows_gives_no_evidence(tmp_path: Path) -> None:
    for content in (b"", b"\n\r\n \t\n", b"\xef\xbb\xbf"):
        path = written(tmp_path, content)
        assert (collected(path).evidence.num_rows, collected(path).skips.num_rows) == (0, 0)


@given(st.binary(max_size=40), st.integers(1, 9))
def test_bytes_are_found_in_every_piece(data: bytes, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect_lines, "_CACHED_BYTES", piece)
        found = collect_lines.places_of(np.frombuffer(data, np.uint8), 0x5B, bits=0xDF)
    assert found.tolist() == [place for place, code in enumerate(data) if code in b"[{"]
