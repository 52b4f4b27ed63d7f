"""Traces of other applications by the GenAI conventions: what becomes of their spans."""

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
from millrace.methods.otlp import DOCUMENTS, INPUT_MESSAGES, OPERATION, OUTPUT_MESSAGES, attributes_of
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.rules import read_rules
from millrace.records.trace import Trace
from tests.support.traces import ODD_JSON

ROOT = Path(__file__).parents[2]
REDACTOR = Redactor(read_rules(ROOT / "configs" / "pii.yaml", RedactionRule))
OTLP = load_mapping(ROOT / "configs" / "mappings" / "otlp.yaml")
FIXTURE = Path(__file__).parent / "data" / "otlp_genai.jsonl"
START = datetime(2025, 11, 17, 8, tzinfo=UTC)  # 1763366400 s
ASKED = [{"role": "user", "parts": [{"type": "text", "content": "Why?"}]}]
ANSWERED = [{"role": "assistant", "parts": [{"type": "text", "content": "So."}], "finish_reason": "stop"}]
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": ASKED, "gen_ai.output.messages": ANSWERED}


def _import(path: Path, mapping: TraceMapping = OTLP) -> Imported:
    (imported,) = import_traces(path, ImportSettings(mapping, REDACTOR, tenant_id="mill"))
    return imported


def _span(span_id: str = "1", parent: str = "", start: int = 1, **more: Any) -> dict[str, Any]:
    attributes = attributes_of(more.pop("attributes", CHAT))
    times = {"startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 1)}
    return {"traceId": "aa", "spanId": span_id, "parentSpanId": parent, "attributes": attributes, **times, **more}


def _event(name: str, **attributes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "attributes": attributes_of({key.replace("__", "."): each for key, each in attributes.items()}),
    }


def _read(tmp_path: Path, *spans: dict[str, Any], mapping: TraceMapping = OTLP) -> Imported:
    path = tmp_path / "spans.json"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}), encoding="utf-8")
    return _import(path, mapping)


def _trace(tmp_path: Path, *spans: dict[str, Any], mapping: TraceMapping = OTLP) -> Trace:
    imported = _read(tmp_path, *spans, mapping=mapping)
    assert imported.skips.to_pylist() == []
    return rows_of(Trace, imported.traces)[0]


def test_a_trace_by_the_conventions_becomes_a_trace() -> None:
    imported = _import(FIXTURE)

    (trace,) = rows_of(Trace, imported.traces)
    assert imported.skips.num_rows == imported.labels.num_rows == 0
    assert (trace.trace_id, trace.time, trace.tenant_id) == ("4bf92f3577b34da6a3ce929d0e0e4736", START, "mill")
    assert (trace.user_id, trace.session_id) == ("u-7", "conv_5j66")
    assert trace.question == "What does the pump weigh?"
    assert [(turn.speaker, turn.text) for turn in trace.history] == [
        ("system", "Answer from the documents."),
        ("user", "Hello"),
        ("assistant", "Hello. What can I do for you?"),
    ]
    assert trace.answer == "The pump weighs 20 kilograms."
    assert [(context.context_id, context.score, context.title) for context in trace.contexts] == [
        ("doc_123", 0.95, "Pump"),
        ("doc_456", 0.87, None),
    ]
    assert (trace.answered_by, trace.pipeline_version) == ("gpt-4o-2024-08-06", "2.4.1")
    # 120 + 30 and 12 + 5 over the two calls
    assert (trace.input_tokens, trace.output_tokens) == (150, 17)
    assert (trace.status, trace.error) == ("answered", None)
    (score,) = trace.scores
    assert (score.name, score.value, score.reason) == ("Relevance", 4.0, "It answers what was asked.")


def test_every_span_is_kept_with_its_time_and_without_the_content() -> None:
    (trace,) = rows_of(Trace, _import(FIXTURE).traces)

    names = ["POST /ask", "retrieval handbook", "chat gpt-4o-mini", "chat gpt-4o"]
    assert [span.name for span in trace.spans] == [timing.name for timing in trace.timings] == names
    assert [timing.duration_ms for timing in trace.timings] == [1310, 50, 180, 1000]
    assert trace.timings[1].start == START + timedelta(milliseconds=10)
    facts = {each.name: each.value for each in trace.spans[3].attributes}
    assert facts["gen_ai.usage.input_tokens"] == "120"
    assert facts["server.address"] == "[IP_ADDRESS]"
    failed = {each.name: each.value for each in trace.spans[2].attributes}
    assert (failed["otel.status_code"], failed["error.type"]) == ("ERROR", "timeout")
    assert "pump weighs" not in str(trace.spans)


@pytest.mark.parametrize(
    "more",
    [
        {"attributes": {"gen_ai.input.messages": json.dumps(ASKED), "gen_ai.output.messages": json.dumps(ANSWERED)}},
        {
            "attributes": {},
            "events": [
                {
                    "name": "gen_ai.client.inference.operation.details",
                    "attributes": attributes_of({name: CHAT[name] for name in list(CHAT)[1:]}),
                }
            ],
        },
        {
            "attributes": {},
            "events": [
                _event("gen_ai.user.message", content="Why?"),
                _event("gen_ai.choice", message='{"content": "So."}'),
            ],
        },
        {
            "attributes": {},
            "events": [
                _event("gen_ai.user.message", gen_ai__event__content='{"role": "user", "content": "Why?"}'),
                _event("gen_ai.choice", gen_ai__event__content='{"index": 0, "message": {"content": "So."}}'),
            ],
        },
        {
            "attributes": {},
            "events": [
                _event("gen_ai.user.message", content='[{"text": "Why?"}]'),
                _event("gen_ai.choice", message="So.", finish_reason="end_turn"),
            ],
        },
        {
            "attributes": {},
            "events": [
                _event("gen_ai.content.prompt", gen_ai__prompt='[{"role": "user", "content": "Why?"}]'),
                _event("gen_ai.content.completion", gen_ai__completion='[{"role": "assistant", "content": "So."}]'),
            ],
        },
        {"attributes": {"gen_ai.prompt": "Why?", "gen_ai.completion": "So."}},
        {
            "attributes": {
                "gen_ai.prompt.1.role": "user",
                "gen_ai.prompt.1.content": "Why?",
                "gen_ai.prompt.0.role": "system",
                "gen_ai.prompt.0.content": "Be brief.",
                "gen_ai.completion.0.content": "So.",
            }
        },
    ],
)
def test_each_form_of_content_that_the_conventions_had_is_read(tmp_path: Path, more: dict[str, Any]) -> None:
    trace = _trace(tmp_path, _span(**more))

    assert (trace.question, trace.answer) == ("Why?", "So.")
    assert "Why?" not in str(trace.spans)


def test_the_root_tells_what_was_asked_before_any_call_of_a_model(tmp_path: Path) -> None:
    other = [{"role": "user", "parts": [{"type": "text", "content": "A prompt with everything in it"}]}]
    child = _span("2", "1", 2, attributes=CHAT | {"gen_ai.input.messages": other})

    assert _trace(tmp_path, child, _span("1")).question == "Why?"
    assert _trace(tmp_path, child, _span("1", attributes={})).question == "A prompt with everything in it"


def test_without_a_root_the_last_call_tells(tmp_path: Path) -> None:
    later = [{"role": "user", "parts": [{"type": "text", "content": "Later?"}]}]
    spans = [
        _span("3", "gone", 3, attributes=CHAT | {"gen_ai.input.messages": later}),
        _span("2", "gone", 2, attributes={}),
    ]

    assert _trace(tmp_path, *spans).question == "Later?"


def test_documents_of_several_retrievals_are_joined_each_once_and_only_with_a_text(tmp_path: Path) -> None:
    first = [{"id": "a", "score": 1.0, "content": "A"}, {"id": "b", "score": 0.5}]
    second = [{"id": "a", "content": "again"}, {"content": "no id"}, "text", {"id": 7, "text": "seven"}]
    retrievals = [
        _span(name, "1", place, attributes={"gen_ai.retrieval.documents": documents})
        for name, place, documents in [("r1", 2, first), ("r2", 3, second)]
    ]

    trace = _trace(tmp_path, _span("1"), *retrievals)

    assert [(context.context_id, context.text) for context in trace.contexts] == [
        ("a", "A"),
        ("r2/1", "no id"),
        ("7", "seven"),
    ]


@pytest.mark.parametrize(
    ("spans", "status", "error"),
    [
        ([_span(status={"code": 2, "message": "timed out"})], "failed", "timed out"),
        ([_span(status={"code": "STATUS_CODE_ERROR"}, attributes=CHAT | {"error.type": "429"})], "failed", "429"),
        (
            [_span(status={"code": 2}, events=[_event("exception", exception__type="E", exception__message="broke")])],
            "failed",
            "broke",
        ),
        ([_span(status={"code": 2})], "failed", "the span ended in an error"),
        ([_span(status={"code": 1})], "answered", None),
        ([_span(attributes={}), _span("2", "1", 2, status={"code": 2, "message": "a try"})], "answered", None),
        (
            [
                _span(attributes={}),
                _span("2", "1", 2, status={"code": 2, "message": "all"}, attributes=dict(list(CHAT.items())[:2])),
            ],
            "failed",
            "all",
        ),
    ],
)
def test_a_trace_failed_when_its_root_did_or_when_no_answer_came(
    tmp_path: Path, spans: list[dict[str, Any]], status: str, error: str | None
) -> None:
    trace = _trace(tmp_path, *spans)

    assert (trace.status, trace.error) == (status, error)


def test_tokens_of_the_root_stand_for_the_whole_and_older_names_are_known(tmp_path: Path) -> None:
    usage = {"gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 2}
    calls = [_span(name, "1", place, attributes=CHAT | usage) for name, place in (("2", 2), ("3", 3))]

    summed = _trace(tmp_path, _span("1", attributes={}), *calls)
    told = _trace(tmp_path, _span("1", attributes=CHAT | {"gen_ai.usage.input_tokens": 25}), *calls)

    assert (summed.input_tokens, summed.output_tokens) == (20, 4)
    # The root is a call too, without output tokens of its own.
    assert (told.input_tokens, told.output_tokens) == (25, 4)


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (_span(attributes={"gen_ai.operation.name": "chat"}), "missing_field"),
        (_span(attributes={"gen_ai.input.messages": "cut off ["}), "missing_field"),
        (_span(attributes={"gen_ai.input.messages": [{"role": "tool", "parts": []}]}), "missing_field"),
        (_span(start=0), "missing_field"),
        (_span(start=2**62 * 1000), "out_of_range"),
        (_span(attributes=CHAT | {"user.id": 7}), "wrong_type"),
        (
            _span(
                attributes=CHAT
                | {"millrace.trace_id": "t", "millrace.time": "2026-01-01T00:00:00Z", "millrace.citations": "{"}
            ),
            "wrong_type",
        ),
        (_span(attributes={"gen_ai.prompt": '{"content": ' * 600 + "1" + "}" * 600}), "too_deep"),
    ],
)
def test_a_trace_that_cannot_be_taken_is_a_skip_row_with_its_reason(
    tmp_path: Path, span: dict[str, Any], reason: str
) -> None:
    imported = _read(tmp_path, span)

    assert imported.traces.num_rows == 0
    assert [(skip["line"], skip["reason"]) for skip in imported.skips.to_pylist()] == [(1, reason)]


_FIELDS = ["traceId", "spanId", "parentSpanId", "name", "status", "attributes", "events", "startTimeUnixNano"]
_ATTRIBUTES = [
    *(
        INPUT_MESSAGES,
        OUTPUT_MESSAGES,
        DOCUMENTS,
        "gen_ai.prompt",
        "gen_ai.prompt.0.content",
        "gen_ai.usage.input_tokens",
    ),
    *("millrace.trace_id", "millrace.span", "millrace.citations", "millrace.attributes", "user.id", OPERATION),
]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from(_ATTRIBUTES), ODD_JSON), min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(_FIELDS), ODD_JSON, max_size=2),
    st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "gen_ai.evaluation.result", "exception"]),
)
def test_no_trace_raises(tmp_path: Path, attributes: list[dict[str, Any]], odd: dict[str, Any], event: str) -> None:
    structured = [[{"key": name, "value": _structured(each)} for name, each in one.items()] for one in attributes]
    events = [{"name": event, "attributes": structured[0]}]
    spans = [
        {**_span(str(n), "0" if n else ""), "attributes": one, "events": events} for n, one in enumerate(structured)
    ]

    imported = _read(tmp_path, spans[0] | odd, *spans[1:])

    assert imported.traces.num_rows + imported.skips.num_rows >= 1


def _structured(value: Any) -> dict[str, Any]:
    """Any JSON as a structured attribute."""
    if isinstance(value, list):
        return {"arrayValue": {"values": [_structured(each) for each in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _structured(each)} for key, each in value.items()]}}
    return attributes_of({"": value})[0]["value"] if value is not None else {}


def test_a_mapping_may_start_from_the_form_and_name_what_it_knows_better(tmp_path: Path) -> None:
    mapping = TraceMapping.model_validate(
        {
            "name": "mine",
            "form": "otlp",
            "fields": {"tenant_id": 'root.attributes["app.tenant"]', "question": 'root.attributes["app.question"]'},
        }
    )
    span = _span(attributes={"app.tenant": "acme", "app.question": "Which?", "gen_ai.output.messages": ANSWERED})

    trace = _trace(tmp_path, span, mapping=mapping)

    assert (trace.tenant_id, trace.question, trace.answer) == ("acme", "Which?", "So.")
