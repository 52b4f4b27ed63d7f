"""What other tools find in exported traces: the names and forms that their own documents give."""

import json
from typing import Any

from millrace.exports.langfuse import langfuse_line
from millrace.exports.otlp import otlp_line
from millrace.methods.otlp import plain_attributes
from millrace.records.trace import Trace

TRACE = Trace.model_validate(
    {
        "trace_id": "t1",
        "time": "2026-11-16T08:00:00Z",
        "tenant_id": "mill",
        "user_id": "u-7",
        "session_id": "s-9",
        "question": "What does it weigh?",
        "history": [{"speaker": "assistant", "text": "Hello."}],
        "contexts": [{"context_id": "c1", "text": "It weighs 20 kilograms.", "score": 0.9}],
        "answer": "20 kilograms.",
        "status": "failed",
        "error": "timeout",
        "answered_by": "gpt-4o",
        "feature_flags": ["beta"],
        "spans": [{"name": "retrieval", "attributes": [{"name": "n_contexts", "value": "1"}]}],
        "scores": [{"name": "faithfulness", "value": 0.5, "reason": "half", "source": "app"}],
        "input_tokens": 100,
        "output_tokens": 7,
        "pipeline_version": "abc",
        "timings": [{"name": "retrieval", "duration_ms": 30}],
        "calls": [
            {
                "purpose": "generation",
                "model": "gpt-4o",
                "tries": 1,
                "duration_ms": 500,
                "input_tokens": 90,
                "cost_usd": 0.25,
            }
        ],
        "cost_usd": 0.25,
    }
)
START = 1794816000 * 10**9  # date -u -d 2026-11-16T08:00:00 +%s


def _spans() -> list[dict[str, Any]]:
    resource = json.loads(otlp_line(TRACE))["resourceSpans"][0]
    assert plain_attributes(resource["resource"]["attributes"]) == {
        "service.name": "millrace",
        "service.version": "abc",
    }
    spans: list[dict[str, Any]] = resource["scopeSpans"][0]["spans"]
    return spans


def test_the_root_span_says_what_was_asked_and_answered_by_the_genai_conventions() -> None:
    root = _spans()[0]
    facts = plain_attributes(root["attributes"])

    assert json.loads(facts["gen_ai.input.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello."}]},
        {"role": "user", "parts": [{"type": "text", "content": "What does it weigh?"}]},
    ]
    assert json.loads(facts["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "20 kilograms."}], "finish_reason": "stop"}
    ]
    assert json.loads(facts["gen_ai.retrieval.documents"]) == [
        {"id": "c1", "score": 0.9, "content": "It weighs 20 kilograms."}
    ]
    assert facts["gen_ai.operation.name"] == "invoke_workflow"
    assert (facts["gen_ai.conversation.id"], facts["user.id"], facts["gen_ai.response.model"]) == (
        "s-9",
        "u-7",
        "gpt-4o",
    )
    assert (facts["gen_ai.usage.input_tokens"], facts["gen_ai.usage.output_tokens"]) == (100, 7)
    assert (root["status"], facts["error.type"]) == ({"code": 2, "message": "timeout"}, "_OTHER")
    (event,) = root["events"]
    assert event["name"] == "gen_ai.evaluation.result"
    assert plain_attributes(event["attributes"])["gen_ai.evaluation.score.value"] == 0.5


def test_spans_are_children_in_hexadecimal_ids_and_nanoseconds() -> None:
    root, retrieval, call = _spans()

    assert {span["traceId"] for span in (root, retrieval, call)} == {"628b49d96dcde97a430dd4f597705899"}  # sha256 of t1
    assert retrieval["parentSpanId"] == call["parentSpanId"] == root["spanId"]
    assert "parentSpanId" not in root
    assert len({span["spanId"] for span in (root, retrieval, call)}) == 3
    ms = 10**6
    times = [(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])) for span in (root, retrieval, call)]
    assert times == [(START, START + 500 * ms), (START, START + 30 * ms), (START, START + 500 * ms)]
    facts = plain_attributes(call["attributes"])
    assert (call["name"], call["kind"], facts["gen_ai.operation.name"]) == ("chat gpt-4o", 3, "chat")
    assert (facts["gen_ai.request.model"], facts["gen_ai.usage.input_tokens"]) == ("gpt-4o", 90)


def test_langfuse_finds_messages_passages_generations_and_scores() -> None:
    trace = json.loads(langfuse_line(TRACE))

    assert (trace["id"], trace["timestamp"], trace["userId"], trace["sessionId"]) == (
        "t1",
        "2026-11-16T08:00:00Z",
        "u-7",
        "s-9",
    )
    assert [message["role"] for message in trace["input"]] == ["assistant", "user"]
    assert trace["output"] == {"role": "assistant", "content": "20 kilograms."}
    assert (trace["tags"], trace["release"], trace["totalCost"], trace["latency"]) == (["beta"], "abc", 0.25, 0.03)
    retriever, span, generation = trace["observations"]
    assert (retriever["type"], span["type"], generation["type"]) == ("RETRIEVER", "SPAN", "GENERATION")
    assert retriever["output"][0]["text"] == "It weighs 20 kilograms."
    assert (span["startTime"], span["endTime"]) == ("2026-11-16T08:00:00Z", "2026-11-16T08:00:00.030000Z")
    assert (generation["model"], generation["usageDetails"], generation["costDetails"]) == (
        "gpt-4o",
        {"input": 90},
        {"total": 0.25},
    )
    (score,) = trace["scores"]
    assert (score["name"], score["value"], score["dataType"], score["comment"]) == (
        "faithfulness",
        0.5,
        "NUMERIC",
        "half",
    )


def test_a_score_that_was_not_computed_is_a_category_in_langfuse() -> None:
    score = {"name": "faithfulness", "value": None, "reason": "no judge", "source": "app"}
    trace = TRACE.model_copy(update={"scores": [TRACE.scores[0].model_validate(score)]})

    (found,) = json.loads(langfuse_line(trace))["scores"]

    assert (found["dataType"], found["value"], found["stringValue"]) == ("CATEGORICAL", None, "not computed")


def test_the_same_trace_gives_the_same_bytes() -> None:
    copy = Trace.model_validate_json(TRACE.model_dump_json())

    assert (otlp_line(copy), langfuse_line(copy)) == (otlp_line(TRACE), langfuse_line(TRACE))
