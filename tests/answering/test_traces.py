"""Every question of a part becomes one trace, whatever happens to it."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from millrace.answering.config import AnsweringConfig
from millrace.answering.extractive import ABSTENTION
from millrace.answering.traces import Answerer, answer_part
from millrace.datasets.schema import arrow_schema, rows_of, table_of
from millrace.records.answer import Question
from millrace.records.trace import RedactionCount, Trace, utc

MakeAnswerer = Callable[..., Answerer]


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
    assert [span.name for span in trace.spans] == ["retrieval", "generation"]
    facts = {fact.name: fact.value for fact in trace.spans[0].attributes}
    assert (facts["snapshot"], facts["n_contexts"]) == ("one", "3")
    assert [timing.name for timing in trace.timings] == ["retrieval", "generation"]


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
    assert (trace.answer, trace.contexts, trace.spans) == (None, [], [])


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

    usual, other = make_answerer(), make_answerer(AnsweringConfig(n_contexts=1))
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
    # Each reading of the clock is a second after the one before. Retrieval: one second for the embedding of all, half
    # of it each, and one for the search. Generation: the same for sentences.
    for trace in answered([RETRIES, question("Where are results stored?")], make_answerer()):
        assert [timing.duration_ms for timing in trace.timings] == [1500, 1500]


def test_an_empty_part_gives_an_empty_part(make_answerer: MakeAnswerer) -> None:
    table = answer_part(table_of(Question, []), make_answerer())
    assert (table.num_rows, table.schema) == (0, arrow_schema(Trace))
