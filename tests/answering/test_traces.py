"""Every question of a part becomes one trace, whatever happens to it."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from millrace.answering.config import AnsweringConfig
from millrace.answering.extractive import ABSTENTION
from millrace.answering.traces import Answerer, answer_part
from millrace.datasets.schema import arrow_schema, rows_of, table_of
from millrace.ports import ChatFailure, ChatRequest
from millrace.records.answer import Question
from millrace.records.trace import RedactionCount, Trace, utc
from tests.support.chat import Reply, RuleModel

MakeAnswerer = Callable[..., Answerer]


STAGES = [
    "injection_check",
    "pii_check",
    "routing",
    "query_expansion",
    "retrieval",
    "deduplication",
    "rerank",
    "compression",
    "token_budget",
    "generation",
    "hallucination_check",
    "output_schema",
]


NOT_RUN = ("routing", "compression")  # by the fixture's settings; and because no model is there


def facts(trace: Trace, stage: str) -> dict[str, str]:
    (span,) = [each for each in trace.spans if each.name == stage]
    return {fact.name: fact.value for fact in span.attributes}


def question(text: str, **fields: Any) -> Question:
    return Question(
        **{"question_id": text or "blank", "tenant_id": "acme", "time": utc(2026, 1, 1), **fields}, question=text
    )


def answered(questions: list[Question], answerer: Answerer) -> list[Trace]:
    return rows_of(Trace, answer_part(table_of(Question, questions), answerer))


RETRIES = question("How often is a failed task retried?", user_id="anna", session_id="s1")


def test_an_answer_is_a_cited_sentence_with_its_passages_and_spans(make_answerer: MakeAnswerer) -> None:
    (trace,) = answered([RETRIES], make_answerer())
    assert (trace.status, trace.answer, trace.error) == ("answered", "A failed task is retried three times.", None)
    assert [(cited.context_id, cited.start, cited.end) for cited in trace.citations] == [("retries", 0, 37)]
    assert {context.context_id for context in trace.contexts} == {"retries", "storage", "tables"}
    assert (trace.answered_by, trace.user_id, trace.session_id) == ("extractive", "anna", "s1")
    assert [span.name for span in trace.spans] == STAGES
    assert (facts(trace, "retrieval")["snapshot"], facts(trace, "retrieval")["n_passages"]) == ("one", "3")
    assert [timing.name for timing in trace.timings] == [name for name in STAGES if name not in NOT_RUN]
    assert facts(trace, "routing") == {"ran": "false", "reason": "switched off"}
    assert facts(trace, "compression") == {"ran": "false", "reason": "extracts are chosen from whole passages"}


def test_a_trace_tells_route_score_and_start_of_every_stage(make_answerer: MakeAnswerer) -> None:
    (trace,) = answered([RETRIES], make_answerer())
    assert trace.route == "rag_knowledge_base"
    assert [(score.name, score.source) for score in trace.scores] == [
        ("factual_consistency", "embedded-groundedness/1")
    ]
    starts = [timing.start for timing in trace.timings if timing.start is not None]
    assert len(starts) == len(trace.timings)
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("stage", "setting"),
    [
        ("query_expansion", "expansion"),
        ("deduplication", "deduplication"),
        ("rerank", "rerank"),
        ("token_budget", "token_budget"),
        ("hallucination_check", "hallucination"),
        ("output_schema", "output_check"),
    ],
)
def test_a_stage_that_is_switched_off_says_so_and_the_others_run(
    stage: str, setting: str, make_answerer: MakeAnswerer
) -> None:
    config = AnsweringConfig.model_validate({"routing": None, setting: None})
    (trace,) = answered([RETRIES], make_answerer(config))
    assert [span.name for span in trace.spans] == STAGES
    assert {name for name in STAGES if facts(trace, name)["ran"] == "false"} == {stage, *NOT_RUN}
    assert trace.answer == "A failed task is retried three times."


def test_without_an_answerer_the_passages_are_all_there_is(make_answerer: MakeAnswerer) -> None:
    (trace,) = answered([RETRIES], make_answerer(AnsweringConfig(routing=None, answerer="none")))
    assert (trace.status, trace.answer) == ("abstained", None)
    assert trace.contexts


def test_a_part_is_answered_in_slices_of_bounded_size(
    make_answerer: MakeAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [question(f"How often is task {number} retried?") for number in range(5)]
    whole = answered(questions, make_answerer())
    monkeypatch.setattr("millrace.answering.traces._QUESTIONS_AT_ONCE", 2)
    sliced = answered(questions, make_answerer())
    assert [each.model_dump(exclude={"timings"}) for each in sliced] == [
        each.model_dump(exclude={"timings"}) for each in whole
    ]


@pytest.mark.parametrize(
    "asked", [question("Which vitamins are in an orange?"), question(RETRIES.question, tenant_id="other")]
)
def test_what_is_not_in_the_tenants_documents_is_abstained_from(asked: Question, make_answerer: MakeAnswerer) -> None:
    (trace,) = answered([asked], make_answerer())
    assert (trace.status, trace.answer, trace.citations) == ("abstained", ABSTENTION, [])


def test_a_blocked_question_is_not_searched_for(make_answerer: MakeAnswerer) -> None:
    blocked = question(RETRIES.question, blocked_by="ignore-instructions")
    (trace,) = answered([blocked], make_answerer())
    assert (trace.status, trace.error) == ("blocked", "blocked by ignore-instructions")
    assert (trace.answer, trace.contexts) == (None, [])
    assert facts(trace, "injection_check") == {
        "level": "1",
        "n_checked": "1",
        "ran": "true",
        "rule": "ignore-instructions",
    }
    assert {facts(trace, name)["reason"] for name in STAGES[1:] if name not in NOT_RUN} == {"the question was blocked"}


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_question_fails_and_the_others_go_on(blank: str, make_answerer: MakeAnswerer) -> None:
    failed, fine = answered([question(blank), RETRIES], make_answerer())
    assert (failed.status, failed.error, failed.answer) == ("failed", "the question is blank", None)
    assert fine.status == "answered"


def test_answers_do_not_depend_on_order_or_on_the_other_questions(make_answerer: MakeAnswerer) -> None:
    texts = ["Where are results stored?", "Who deletes old results?", "", "Which vitamins?", RETRIES.question]
    questions = [question(text) for text in texts]
    shuffled = random.Random(1).sample(questions, len(questions))
    answerer = make_answerer()

    def values(traces: list[Trace]) -> dict[str, Any]:
        return {trace.trace_id: trace.model_dump(exclude={"timings"}) for trace in traces}

    alone = [trace for asked in questions for trace in answered([asked], answerer)]
    assert values(answered(questions, answerer)) == values(answered(shuffled, answerer)) == values(alone)


def test_the_trace_id_follows_from_question_configuration_and_snapshot(make_answerer: MakeAnswerer) -> None:
    def only_id(asked: Question, answerer: Answerer) -> str:
        return answered([asked], answerer)[0].trace_id

    usual, other = make_answerer(), make_answerer(AnsweringConfig(routing=None, rerank=None))
    assert only_id(RETRIES, usual) == only_id(RETRIES, usual)
    renamed = RETRIES.model_copy(update={"question_id": "other"})
    ids = {only_id(RETRIES, usual), only_id(renamed, usual), only_id(RETRIES, other), only_id(question("x"), usual)}
    assert len(ids) == 4


def test_redactions_travel_with_the_question(make_answerer: MakeAnswerer) -> None:
    counts = [RedactionCount(pii_type="EMAIL", n_items=2)]
    (trace,) = answered([question("Write to [EMAIL]?", redactions=counts)], make_answerer())
    assert trace.redactions == counts


def test_a_part_takes_two_embedding_calls(make_answerer: MakeAnswerer, embedder: Any) -> None:
    answerer = make_answerer()
    before = embedder.n_calls
    answered([question(f"How is task {i} retried?") for i in range(20)], answerer)
    assert embedder.n_calls - before == 2


def test_durations_are_measured_with_the_given_clock_and_shared_out(make_answerer: MakeAnswerer) -> None:
    # The clock is looked at before and after a stage, a second apart, and two questions share each stage.
    for trace in answered([RETRIES, question("Where are results stored?")], make_answerer()):
        assert {timing.duration_ms for timing in trace.timings} == {500.0}


def test_an_empty_part_gives_an_empty_part(make_answerer: MakeAnswerer) -> None:
    table = answer_part(table_of(Question, []), make_answerer())
    assert (table.num_rows, table.schema) == (0, arrow_schema(Trace))


def reply_of(request: ChatRequest) -> Reply:
    if request.purpose == "expansion":
        return {"phrasings": ["How many tries has a task?"]}
    return {
        "answer": "Three times [1].",
        "found": True,
        "citations": [{"passage": 1, "quote": "A failed task is retried three times."}],
    }


def test_with_a_model_the_trace_tells_every_call_its_tokens_and_its_cost(make_answerer: MakeAnswerer) -> None:
    model = RuleModel(reply_of)
    (trace,) = answered([RETRIES], make_answerer(chat=model))
    assert (trace.status, trace.answer, trace.answered_by) == ("answered", "Three times.", "rule")
    assert [call.purpose for call in trace.calls] == ["expansion", "generation"]
    assert (trace.input_tokens, trace.output_tokens, trace.cost_usd) == (20, 10, 0.0)
    assert facts(trace, "compression")["ran"] == "true"
    assert facts(trace, "query_expansion")["n_phrasings"] == "2"


def test_a_call_that_fails_is_a_failed_trace_and_the_others_are_answered(make_answerer: MakeAnswerer) -> None:
    def reply(request: ChatRequest) -> Reply:
        lost = request.purpose == "generation" and "storage" in request.messages[-1].content
        return ChatFailure("timeout", "no answer within 30 s", transient=True) if lost else reply_of(request)

    asked = [question("Tell me of storage: how often is it retried?"), RETRIES]
    failed, fine = answered(asked, make_answerer(chat=RuleModel(reply)))
    assert (failed.status, failed.answer) == ("failed", None)
    assert failed.error == "generation failed: timeout: no answer within 30 s"
    assert [call.purpose for call in failed.calls] == ["expansion", "generation"]
    assert fine.status == "answered"


def test_extracts_can_be_had_beside_a_gateway(make_answerer: MakeAnswerer) -> None:
    model = RuleModel(reply_of)
    config = AnsweringConfig(routing=None, answerer="extractive")
    (trace,) = answered([RETRIES], make_answerer(config, chat=model))
    assert (trace.answered_by, trace.calls, model.batches) == ("extractive", [], [])
