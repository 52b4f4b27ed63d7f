"""Sound files of rows: real ones of the repository, and such as Millrace writes."""

import json
from functools import cache
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apps.cli.trace_files import LINES
from millrace.datasets.schema import table_of
from millrace.records.trace import Trace
from tests.hostile.cases import bundled, shared_lines
from tests.support.inputs import synthetic_traces

_TESTS = "tests/ingestion/data/"


def lines_of(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@cache
def sample_traces() -> list[Trace]:
    """As Millrace holds them."""
    rich = {
        "spans": [{"name": "search", "attributes": [{"name": "k", "value": "3"}]}],
        "scores": [{"name": "groundedness", "value": 0.5, "source": "test/1"}],
        "citations": [],
        "input_tokens": 12,
        "output_tokens": 5,
        "cost_usd": 0.01,
        "session_id": "s",
        "pipeline_version": "1",
    }
    given = [rich | row for row in synthetic_traces(4)]
    return [Trace.model_validate(row) for row in given]


def own_traces() -> list[bytes]:
    return [lines_of(synthetic_traces(3)), b"\n".join(LINES["jsonl"](trace) for trace in sample_traces())]


def arrays() -> list[bytes]:
    rows = [json.loads(LINES["jsonl"](trace)) for trace in sample_traces()]
    return [
        json.dumps(rows[:3]).encode(),
        json.dumps(rows[0], indent=1).encode(),
        json.dumps(rows[:2], indent=1).encode(),
    ]


def otlp() -> list[bytes]:
    written = b"\n".join(LINES["otlp"](trace) for trace in sample_traces()[:2])
    return [written, *(line for content in bundled(f"{_TESTS}otlp*.jsonl") for line in content.splitlines()[:6])]


def langfuse() -> list[bytes]:
    return [b"\n".join(LINES["langfuse"](trace) for trace in sample_traces()[:2]), *bundled(f"{_TESTS}langfuse*.json")]


def mtrag() -> list[bytes]:
    row = {
        "task_id": "t",
        "model": "m",
        "response": "Yes.",
        "contexts": [{"id": "c", "title": "T", "text": "It is."}],
        "conversation": [{"speaker": "user", "text": "Is it?"}],
        "human": {"faithfulness": {"ann": 4, "bob": 3}},
    }
    return [lines_of([row, row | {"model": "n"}]), *shared_lines("mtrag/responses_human.jsonl", 2)]


def parquets() -> list[bytes]:
    """Sound ones, and such as no trace is: types that JSON has not, columns of one name, bytes that are no text."""
    rows = [json.loads(LINES["jsonl"](trace)) for trace in sample_traces()]
    plain = pa.Table.from_pylist(
        [{name: row[name] for name in ("trace_id", "time", "question", "answer")} for row in rows]
    )
    odd = {
        "question": pa.array([b"\xff\xfe", b"a", None, b""], pa.binary()),
        "time": pa.array([2**62, -(2**62), 0, None], pa.timestamp("ns")),
        "cost_usd": pa.array([float("nan"), float("inf"), -0.0, None]),
        "trace_id": pa.array([{"a": 1}, None, {"a": 2}, {"a": 3}]),
        "input_tokens": pa.array([10**37, 1, None, -1], pa.decimal128(38, 0)),
        "contexts": pa.array([[("a", 1)], None, [], [("a", 2)]], pa.map_(pa.string(), pa.int64())),
        "answer": pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), pa.array(["x", "y"])),
    }
    tables = [plain, table_of(Trace, sample_traces())]
    tables += [_with(plain, name, column) for name, column in odd.items()]
    tables.append(pa.Table.from_arrays([plain.column(0), plain.column(1)], names=["trace_id", "trace_id"]))
    return [_parquet(table) for table in tables]


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return (table.drop_columns([name]) if name in table.column_names else table).append_column(name, column)


def _parquet(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


FEEDBACK: list[dict[str, Any]] = [
    {
        "feedback_id": "f1",
        "trace_id": "t1",
        "tenant_id": "mill",
        "user_id": "ann@example.org",
        "time": "2026-11-09T08:00:00Z",
        "rating": True,
    },
    {"trace_id": "t2", "rating": 4, "comment": "Call +1 202 555 0199."},
    {
        "trace_id": "t3",
        "rating": "thumbs_down",
        "correction": "It is three years.",
        "time": "2026-11-09T08:00:00+02:00",
    },
]


def questions() -> list[bytes]:
    row = {
        "question_id": "q",
        "tenant_id": "mill",
        "user_id": "u",
        "time": "2026-11-09T08:00:00Z",
        "question": "How long?",
        "history": [{"speaker": "user", "text": "Hello."}],
    }
    return [
        b"\n".join(bundled("configs/demo/questions.jsonl")[0].splitlines()[:4]),
        lines_of([row, row | {"question_id": "r"}]),
    ]


def references() -> list[bytes]:
    row = {
        "id": "e1",
        "tenant_id": "mill",
        "question": "How long?",
        "history": [],
        "reference_answer": "Two years.",
        "expected_answer": "Two years.",
        "reference_context_ids": ["c"],
        "expected_behaviour": "answer",
    }
    return [
        lines_of([row, row | {"id": "e2", "question": "Why?"}]),
        *bundled("configs/acceptance/eval_questions.jsonl"),
    ]


TASKS: list[dict[str, Any]] = [
    {
        "question_id": "t1",
        "tenant_id": "mill",
        "time": "2026-11-09T08:00:00Z",
        "question": "How long?",
        "validation": [
            {"name": "years", "kind": "must_match", "value": "[0-9]+ years?"},
            {
                "name": "form",
                "kind": "json_schema",
                "value": {"type": "object", "required": ["a"], "$ref": "#/$defs/x", "$defs": {"x": {}}},
            },
        ],
    },
    {"question_id": "t2", "tenant_id": "mill", "time": "2026-11-09T08:00:00Z", "question": "Why?"},
]

CASES: list[dict[str, Any]] = [
    {
        "case_id": "c1",
        "contexts": ["It is two years."],
        "answer": "Two years.",
        "question": "How long?",
        "history": [],
        "label": "supported",
        "labelled_by": "people",
        "origin": "annotation",
        "source": "t1",
    },
]


def evidence() -> list[bytes]:
    own = {
        "evidence_id": "e",
        "recorded_at": "2026-11-09T08:00:00Z",
        "run_id": "r",
        "task_id": "t",
        "subject": "s",
        "producer": "p",
        "role": "answer",
        "tenant_id": "mill",
        "user_id": "u",
        "prompt": "How?",
        "history": [{"speaker": "user", "text": "Hi"}],
        "contexts": ["a"],
        "text": "So.",
        "claimed_files": ["a.py"],
        "markers": [{"name": "m", "value": "v", "number": 1.0}],
        "split": "train",
    }
    halueval = {
        "user_query": "Q?",
        "chatgpt_response": "A.",
        "hallucination": "yes",
        "hallucination_spans": ["A"],
        "ID": "1",
    }
    real = [*shared_lines("mtrag/responses_human.jsonl", 1), *shared_lines("mtrag/mtragun_reference.jsonl", 1)]
    return [
        lines_of([own, own | {"evidence_id": "f"}]),
        lines_of([halueval]),
        *real,
        *bundled("configs/acceptance/f*.jsonl"),
    ]
