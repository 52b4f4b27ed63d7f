"""Traces as Langfuse exports them: what becomes of inputs, outputs, observations and scores."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of
from millrace.ingestion.mapping import TraceMapping, load_mapping
from millrace.ingestion.trace_import import Imported, ImportSettings, import_traces
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.rules import read_rules
from millrace.records.trace import HumanRating, Trace
from tests.support.traces import ODD_JSON

ROOT = Path(__file__).parents[2]
REDACTOR = Redactor(read_rules(ROOT / "configs" / "pii.yaml", RedactionRule))
LANGFUSE = load_mapping(ROOT / "configs" / "mappings" / "langfuse.yaml")
FIXTURE = Path(__file__).parent / "data" / "langfuse_trace.json"
START = datetime(2025, 11, 17, 8, 0, 0, 123_000, tzinfo=UTC)
BARE = {"id": "t", "timestamp": "2025-11-17T08:00:00Z", "input": "Why?", "output": "So."}


def _import(path: Path, mapping: TraceMapping = LANGFUSE) -> Imported:
    (imported,) = import_traces(path, ImportSettings(mapping, REDACTOR, tenant_id="mill"))
    return imported


def _read(tmp_path: Path, *rows: object, mapping: TraceMapping = LANGFUSE) -> Imported:
    path = tmp_path / "traces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return _import(path, mapping)


def _trace(tmp_path: Path, mapping: TraceMapping = LANGFUSE, **more: Any) -> Trace:
    imported = _read(tmp_path, BARE | more, mapping=mapping)
    assert imported.skips.to_pylist() == []
    return rows_of(Trace, imported.traces)[0]


def test_a_trace_of_the_api_becomes_a_trace() -> None:
    (trace,) = rows_of(Trace, _import(FIXTURE).traces)

    assert (trace.trace_id, trace.time, trace.tenant_id) == ("a1b2c3d4-0000-4000-8000-000000000001", START, "mill")
    assert (trace.user_id, trace.session_id) == ("u-7", "s-9")
    assert (trace.question, trace.answer) == ("What does the pump weigh?", "The pump weighs 20 kilograms.")
    assert [(each.context_id, each.title, each.text) for each in trace.contexts] == [
        ("doc_123", "Pump", "The pump weighs 20 kilograms."),
        ("doc_456", None, "The valve weighs 3 kilograms."),
    ]
    assert (trace.answered_by, trace.pipeline_version, trace.feature_flags) == (
        "gpt-4o",
        "2.4.1",
        ["beta", "rerank-v2"],
    )
    assert (trace.input_tokens, trace.output_tokens, trace.cost_usd) == (120, 12, 0.00042)
    assert (trace.status, trace.error) == ("answered", None)
    assert [(each.name, each.value, each.reason, each.source) for each in trace.scores] == [
        ("faithfulness", 0.9, "as the document says", "EVAL"),
        ("tone", None, "polite", "API"),
    ]


def test_observations_become_spans_with_times_and_without_content() -> None:
    (trace,) = rows_of(Trace, _import(FIXTURE).traces)

    assert [span.name for span in trace.spans] == ["ask", "search", "answer"]
    assert [timing.duration_ms for timing in trace.timings] == [1300, 50, 1000]
    assert trace.timings[1].start == START + timedelta(milliseconds=27)
    facts = {each.name: each.value for each in trace.spans[1].attributes}
    assert facts == {"type": "RETRIEVER", "level": "WARNING", "statusMessage": "slow shard"}
    assert {"usage.input", "model"} <= {each.name for each in trace.spans[2].attributes}
    assert "pump" not in str(trace.spans)


def test_scores_by_people_are_ratings_and_stay_apart() -> None:
    imported = _import(FIXTURE)

    (rating,) = rows_of(HumanRating, imported.labels)
    assert (rating.dimension, rating.annotator, rating.value) == ("helpfulness", "ann", 4.0)


@pytest.mark.parametrize("form", ["download", "list", "array", "line", "snake", "texts"])
def test_each_file_that_langfuse_gives_is_the_same_trace(tmp_path: Path, form: str) -> None:
    trace = json.loads(FIXTURE.read_bytes())
    whole: Any = trace
    if form == "download":
        whole = {"trace": {key: each for key, each in trace.items() if key != "observations"}}
        whole["observations"] = trace["observations"]
    elif form == "list":
        whole = {"data": [trace], "meta": {"page": 1, "totalPages": 1}}
    elif form == "array":
        whole = [trace]
    elif form == "snake":
        whole = trace | {"user_id": trace["userId"], "session_id": trace["sessionId"], "total_cost": trace["totalCost"]}
        whole["timestamp"] = "2025-11-17 08:00:00.123000"
        whole = {key: each for key, each in whole.items() if key not in ("userId", "sessionId", "totalCost")}
    elif form == "texts":
        whole = trace | {key: json.dumps(trace[key]) for key in ("input", "metadata", "observations", "scores")}
    path = tmp_path / ("trace.jsonl" if form == "line" else "trace.json")
    path.write_text(json.dumps(whole, indent=None if form in ("line", "texts") else 2), encoding="utf-8")

    assert _import(path).traces.equals(_import(FIXTURE).traces)


TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi."},
    {
        "role": "user",
        "content": [{"type": "text", "text": "Why"}, {"type": "image_url"}, {"type": "text", "text": "now?"}],
    },
    {"role": "tool", "content": "found"},
]
HISTORY = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi.")]


@pytest.mark.parametrize(
    ("given", "question", "history"),
    [
        ("Why?", "Why?", []),
        ("{not json", "{not json", []),
        (TALK, "Why\nnow?", HISTORY),
        ({"messages": TALK, "model": "m"}, "Why\nnow?", HISTORY),
        ({"question": "Why?", "chat_history": TALK[:3]}, "Why?", HISTORY),
        ({"query": "Why?"}, "Why?", []),
        ({"args": ["Why?", "en"], "kwargs": {}}, "Why?", []),
        ({"args": [], "kwargs": {"question": "Why?", "top_k": 3}}, "Why?", []),
        ({"role": "user", "content": "Why?"}, "Why?", []),
        ([{"type": "human", "content": "Why?"}], "Why?", []),
    ],
)
def test_an_input_of_each_usual_form_gives_question_and_history(
    tmp_path: Path, given: object, question: str, history: list[tuple[str, str]]
) -> None:
    trace = _trace(tmp_path, input=given)

    assert trace.question == question
    assert [(turn.speaker, turn.text) for turn in trace.history] == history


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("So.", "So."),
        ("", ""),
        (None, None),
        ({"role": "assistant", "content": "So."}, "So."),
        ({"answer": "So.", "sources": []}, "So."),
        ([*TALK, {"role": "assistant", "content": "So."}], "So."),
        ({"messages": [{"type": "ai", "content": "So."}]}, "So."),
        ({"role": "assistant", "content": None, "tool_calls": []}, None),
        ({"rows": 3}, None),
    ],
)
def test_an_output_of_each_usual_form_gives_the_answer(tmp_path: Path, given: object, answer: str | None) -> None:
    assert _trace(tmp_path, output=given).answer == answer


def test_a_trace_without_input_and_output_is_told_by_its_last_generation(tmp_path: Path) -> None:
    generations = [
        {"type": "GENERATION", "startTime": f"2025-11-17T08:00:0{second}Z", "input": f"Why {word}?", "output": word}
        for second, word in ((2, "later"), (1, "first"))
    ]

    trace = _trace(tmp_path, input=None, output=None, observations=generations)

    assert (trace.question, trace.answer) == ("Why later?", "later")


@pytest.mark.parametrize(
    ("output", "level", "status", "error"),
    [
        (None, "ERROR", "failed", "no model"),
        ("So.", "ERROR", "answered", None),
        (None, "WARNING", "answered", None),
    ],
)
def test_a_trace_failed_when_a_step_did_and_no_answer_came(
    tmp_path: Path, output: object, level: str, status: str, error: str | None
) -> None:
    steps = [{"type": "GENERATION", "startTime": "2025-11-17T08:00:01Z", "level": level, "statusMessage": "no model"}]

    trace = _trace(tmp_path, output=output, observations=steps)

    assert (trace.status, trace.error) == (status, error)


def test_a_list_of_traces_with_ids_of_observations_and_scores_only_is_read(tmp_path: Path) -> None:
    trace = _trace(tmp_path, observations=["o1", "o2"], scores=["s1"])

    assert (trace.spans, trace.scores, trace.question) == ([], [], "Why?")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"input": None}, "missing_field"),
        ({"input": {"rows": 3}}, "missing_field"),
        ({"id": None}, "missing_field"),
        ({"timestamp": "yesterday"}, "wrong_type"),
        ({"tags": "beta"}, "wrong_type"),
        ({"userId": 7}, "wrong_type"),
        ({"totalCost": -1}, "out_of_range"),
        ({"observations": [{"startTime": "soon"}]}, "wrong_type"),
        ({"scores": [{"source": "ANNOTATION", "value": 3}]}, "wrong_type"),
        ({"metadata": {"millrace": {"status": "odd"}}}, "wrong_type"),
        (
            {
                "metadata": {"millrace": {"status": "answered"}},
                "observations": [{"metadata": {"millrace": {"span": "x"}}}],
            },
            "wrong_type",
        ),
    ],
)
def test_a_trace_that_cannot_be_taken_is_a_skip_row_with_its_reason(
    tmp_path: Path, more: dict[str, Any], reason: str
) -> None:
    imported = _read(tmp_path, BARE | {"id": "good"}, BARE | more)

    assert imported.traces["trace_id"].to_pylist() == ["good"]
    assert [(skip["line"], skip["reason"]) for skip in imported.skips.to_pylist()] == [(2, reason)]


_FIELDS = [
    "id",
    "timestamp",
    "input",
    "output",
    "metadata",
    "tags",
    "userId",
    "observations",
    "scores",
    "trace",
    "totalCost",
]
_STEPS = [
    "type",
    "name",
    "startTime",
    "endTime",
    "output",
    "input",
    "metadata",
    "level",
    "usage",
    "costDetails",
    "model",
]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(_FIELDS), ODD_JSON, max_size=3),
    st.lists(
        st.dictionaries(st.sampled_from(_STEPS), ODD_JSON | st.just("RETRIEVER") | st.just("GENERATION")), max_size=2
    ),
)
def test_no_trace_raises(tmp_path: Path, more: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    imported = _read(tmp_path, BARE | {"observations": steps} | more)

    assert imported.traces.num_rows + imported.skips.num_rows == 1


def test_a_mapping_may_start_from_the_form_and_name_what_it_knows_better(tmp_path: Path) -> None:
    mapping = TraceMapping.model_validate(
        {
            "name": "mine",
            "form": "langfuse",
            "fields": {"tenant_id": "metadata.customer", "question": "input.ticket.body"},
        }
    )

    trace = _trace(tmp_path, mapping, input={"ticket": {"body": "Which?"}}, metadata={"customer": "acme"})

    assert (trace.tenant_id, trace.question, trace.answer) == ("acme", "Which?", "So.")
