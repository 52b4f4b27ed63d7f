"""Rows that are read together are the rows that are read one by one, whatever they hold and however they are cut."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema
from millrace.datasets.validation import checked
from millrace.distillation import collect_lines, collect_parse, collect_plan, stream_rows
from millrace.distillation.collect import read_range, records_at
from millrace.distillation.collect_blocks import Reading
from millrace.distillation.collect_lines import line_ranges
from millrace.distillation.evidence import EvidenceBatch
from millrace.distillation.stream_mapping import StreamMapping, read_stream_mapping
from millrace.records.evidence import Evidence
from millrace.records.trace import SkipRow

STREAMS = Path(__file__).parents[2] / "configs" / "streams"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
PLAIN = StreamMapping.model_validate(
    {"stream": "s", "task_id": "task", "recorded_at": "at", "role": {"constant": "answerer"}, "text": "text"}
)
RICH = StreamMapping.model_validate(
    {
        "stream": "rich",
        "evidence_id": {"template": "{task}/{n}"},
        "recorded_at": {"first": ["meta.at", "at"]},
        "task_id": {"first": ["task", {"path": "meta.task", "values": {"a": "b", "4": "four", "true": "yes"}}]},
        "subject": "meta.task",
        "producer": {"path": "by", "default": "nobody"},
        "role": {"constant": "answerer"},
        "tenant_id": "tenant",
        "user_id": {"first": ["user", {"constant": "someone"}]},
        "prompt": {"template": "Q: {prompt}?"},
        "text": "text",
        "split": "split",
        "history": {"path": "turns", "speaker": "who.role", "text": "said", "speakers": {"a": "assistant"}},
        "contexts": "passages[*].text",
        "claimed_files": "files",
        "markers": {
            "free": "m",
            "told": {"path": "v", "values": {"yes": "accepted", "4": 1, "false": 2.5}, "default": False},
            "low": {"path": "ratings", "aggregate": "min"},
            "mean": {"path": "ratings", "aggregate": "mean"},
            "n": {"path": "ratings", "aggregate": "n"},
            "both": {"first": ["m", "v", {"constant": "neither"}]},
        },
    }
)
PAIRS = StreamMapping.model_validate(
    {
        "stream": "pairs", "task_id": "task", "recorded_at": "at", "role": {"constant": "r"}, "markers": {"free": "m"},
        "records": [{"text": "text", "evidence_id": "by"}, {"text": "prompt", "markers": {"told": "v"}}],
    }
)  # fmt: skip
TREE = StreamMapping.model_validate(
    PLAIN.model_dump() | {"tree": {"node": "v", "parent": "by", "position": "n"}, "markers": {"m": "m"}}
)
OWN = read_stream_mapping(STREAMS / "evidence.yaml")

ODD_VALUES: list[Any] = (
    [None, "", "a", "é😀", "yes", "x" * 513, "\ud800", "\0", "NaN", "user", "eval", "2024-05-01T12:00:00+02:00", 0,
     4, 4.0, -0.0, 0.1, 1e-9, 2**53, 2.0**53, 2**64, 10**400, True, False, [], {}, [None], ["a", 1], [1, 2.5],
     [3, None, 4.0], {"a": 1}, {"task": "a"}, [{"text": "a"}, {}], [{"name": "n", "value": "v", "number": -0.0}],
     [{"name": "", "value": ""}], [{"who": {"role": "a"}, "said": "x"}], [{"speaker": "user", "text": "x"}, None],
     "2024-02-30T12:00:00Z", [2**53 + 1], [{"speaker": "user"}], [{"name": "n"}], [{"who": {}, "said": None}]]
)  # fmt: skip
ODD = st.sampled_from(ODD_VALUES)
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "task": st.sampled_from(["t1", "t2"]),
    "n": st.integers(0, 3),
    "at": st.sampled_from(["2024-05-01T12:00:00Z", "2024-05-01T12:00:00.123456-05:00", "2023-12-31 23:59:59+00:00"]),
    "meta": st.just({"task": "a", "at": None}),
    "by": st.sampled_from(["m1", "m2", None]),
    "text": st.text(max_size=12),
    "prompt": st.text("ab\n\"\\é", max_size=6),
    "m": st.sampled_from([1, 2, 0.5, 1.0]),
    "v": st.sampled_from(["yes", 4, False]),
    "ratings": st.lists(st.sampled_from([1, 2, 3.5, 0.1]), max_size=3),
    "turns": st.just([{"who": {"role": "a"}, "said": "Hello."}, {"who": {"role": "user"}, "said": "So?"}]),
    "passages": st.just([{"text": "one"}, {"text": "two", "id": 2}]),
    "files": st.just(["src/a.py"]),
    "split": st.sampled_from(["eval", "train", None]),
    # the fields of evidence itself
    "task_id": st.sampled_from(["t1", "t2"]),
    "role": st.just("r"),
    "recorded_at": st.just("2024-05-01T12:00:00Z"),
    "history": st.just([{"speaker": "user", "text": "Hello."}]),
    "contexts": st.just(["one", "two"]),
    "claimed_files": st.just([]),
    "markers": st.just([{"name": "a", "value": "1.0", "number": 1}, {"name": "b", "value": "yes", "number": None}]),
}  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line of JSON as the mappings above like it, with nothing or something wrong with it."""
    fields = {name: draw(usual) for name, usual in USUAL.items()}
    for name in draw(st.lists(st.sampled_from([*USUAL, "tenant", "user", "evidence_id"]), max_size=3)):
        if draw(st.booleans()):
            fields[name] = draw(ODD)
        else:
            fields.pop(name, None)
    text = json.dumps(fields, ensure_ascii=draw(st.booleans()))
    line = text.encode(errors="surrogatepass")
    return draw(st.sampled_from(DAMAGES))(line) if draw(st.integers(0, 3)) == 0 else line


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda line: line + b"\r",
    lambda line: b" " + line + b"\t ",
    lambda line: line + line,
    lambda line: line[:-1],
    lambda line: line[:-1] + b', "task": "again", "m": 1}',
    lambda line: line[:-1] + b', "other": 1, "other": 2}',
    lambda line: line[:-1] + b', "other": -Infinity}',
    lambda line: line[:-1] + b', "other": [Inf]}',
    lambda line: line[:-1] + b', "m": NaN}',
    lambda line: line[:-1] + b', "other": "\xff"}',
    lambda line: line[:-1] + b', "other": "NaN\\ud800"}',
    lambda line: line[:-1] + b', "other": ' + b"[" * 201 + b"]" * 201 + b"}",
    lambda line: line[:-1] + b', "other": [' + b'[],{"[":"]"},' * 150 + b"[]]}",
    lambda line: line[:-1] + b', "other": 1e999, "o": ' + b"9" * 5000 + b"}",
    lambda line: line[:-1] + b",}",
    lambda line: b'{"\\u0074ask": "escaped", ' + line[1:],
    lambda line: b"\xef\xbb\xbf" + line,
    lambda line: b"",
    lambda line: b" \t",
    lambda line: b"[1]",
    lambda line: b'{"a":{}',
    lambda line: b"\0",
]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(lines(), max_size=12),
    st.sampled_from([OWN, RICH, PAIRS, TREE]),
    st.sampled_from([None, NOON]),
    st.sampled_from([64, 1500, 2**25]),
    st.sampled_from([200, 2**23]),
    st.booleans(),
)
def test_rows_read_together_are_the_rows_read_one_by_one_however_the_file_is_cut(
    tmp_path: Path,
    content: list[bytes],
    mapping: StreamMapping,
    time: datetime | None,
    range_bytes: int,
    block_bytes: int,
    ends: bool,
) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"\n".join(content) + b"\n" * ends)
    with pytest.MonkeyPatch.context() as patch:
        one_by_one = _read(path, Reading(mapping, "f", time, None, columnwise=False), 2**25)
        patch.setattr(collect_lines, "_BLOCK_BYTES", block_bytes)
        patch.setattr(collect_lines, "_READ_BYTES", block_bytes)
        patch.setattr(collect_parse, "_FEW_LINES", 2)
        together = _read(path, Reading(mapping, "f", time, None), range_bytes)
    assert together.evidence.to_pylist() == one_by_one.evidence.to_pylist()
    assert together.skips.to_pylist() == one_by_one.skips.to_pylist()
    checked(Evidence, together.evidence)
    checked(SkipRow, together.skips)


def _read(path: Path, reading: Reading, range_bytes: int) -> EvidenceBatch:
    ranges = line_ranges(path, range_bytes)
    return _joined([read_range(path, each, reading, lambda table: table) for each in ranges])


def test_each_odd_value_in_each_field_is_read_alike_both_ways(tmp_path: Path) -> None:
    usual = {
        "task": "t", "n": 1, "at": "2024-05-01T12:00:00Z", "meta": {"task": "a"}, "by": "m", "text": "x", "prompt": "p",
        "m": 0.5, "v": "yes", "ratings": [1, 2.5], "turns": [{"who": {"role": "a"}, "said": "So?"}], "files": ["a.py"],
        "passages": [{"text": "one"}], "split": "eval", "task_id": "t", "role": "r",
        "recorded_at": "2024-05-01T12:00:00Z", "history": [{"speaker": "user", "text": "Hello."}], "contexts": ["one"],
        "claimed_files": ["b.py"], "markers": [{"name": "a", "value": "1.0", "number": 1}],
        "tenant": "acme", "user": "u", "evidence_id": "e",
    }  # fmt: skip
    odd = [json.dumps({**usual, name: value}) for name in usual for value in ODD_VALUES]
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join([json.dumps(usual)] * 100 + odd))
    for mapping in (OWN, RICH, PAIRS, TREE):
        one_by_one = _read(path, Reading(mapping, "f", NOON, None, columnwise=False), 2**25)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(collect_parse, "_FEW_LINES", 1)
            patch.setattr(collect_parse, "_MANY_LINES", 1)
            together = _read(path, Reading(mapping, "f", NOON), 2**25)
        # as words, for minus zero equals zero
        assert repr(together.evidence.to_pylist()) == repr(one_by_one.evidence.to_pylist())
        assert together.skips.to_pylist() == one_by_one.skips.to_pylist()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines(), min_size=1, max_size=5), st.sampled_from([OWN, RICH, PAIRS]))
def test_a_record_is_found_again_at_its_offset(tmp_path: Path, content: list[bytes], mapping: StreamMapping) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"\n".join(content))
    evidence = _read(path, Reading(mapping, "f"), 2**25).evidence
    offsets = evidence.column("source_offset").to_pylist()
    for offset in set(offsets):
        same = pa.array([each == offset for each in offsets])
        again = records_at(path, "f", offset, mapping, None, None, None)
        assert again.to_pylist() == evidence.filter(same).to_pylist()


def test_the_mappings_above_are_read_in_columns() -> None:
    for mapping in (PLAIN, OWN, RICH, PAIRS, TREE):
        collect_plan.ColumnPlan(mapping)
    with pytest.raises(collect_plan.NotColumnarError):
        collect_plan.ColumnPlan(read_stream_mapping(STREAMS / "mtrag.yaml"))


def _joined(batches: list[EvidenceBatch]) -> EvidenceBatch:
    evidence = [arrow_schema(Evidence).empty_table(), *[batch.evidence for batch in batches]]
    skips = [arrow_schema(SkipRow).empty_table(), *[batch.skips for batch in batches]]
    return EvidenceBatch(pa.concat_tables(evidence), pa.concat_tables(skips))


def test_one_bad_row_does_not_send_the_others_the_slow_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def noted(line: bytes) -> dict[str, object]:
        seen.append(line)
        return stream_rows.object_of(line)

    monkeypatch.setattr("millrace.distillation.collect_blocks.object_of", noted)
    good = '{"task": "t", "at": "2024-05-01T12:00:00Z", "text": "x"}'
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join([*[good] * 70, good.replace('"x"', "7"), *[good] * 129, good + good]))
    found = _read(path, Reading(PLAIN, "f"), 2**25)
    assert (found.evidence.num_rows, found.skips.num_rows) == (199, 2)
    assert (
        len(seen) < 1 + 4 * 8
    )  # the bad row, and few around the line with two objects, which the parser does not name


def test_an_object_that_goes_on_in_the_next_line_is_no_row_even_if_the_counts_agree(tmp_path: Path) -> None:
    good = '{"task": "t", "at": "2024-05-01T12:00:00Z", "text": "x"}'
    path = tmp_path / "f.jsonl"
    path.write_text(good + good + "\n" + good.replace(', "at"', ',\n"at"'))
    found = _read(path, Reading(PLAIN, "f"), 2**25)
    assert (found.evidence.num_rows, found.skips.column("line").to_pylist()) == (0, [1, 2, 3])
