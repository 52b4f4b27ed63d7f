"""Whom to ask about what: groups first, then uncertainty, nothing twice, within the budget."""

from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.annotation.proposal import (
    ProposalConfig,
    estimated_minutes,
    n_annotators,
    propose,
    propose_from,
    question_key,
)
from millrace.annotation.selection import candidate_part
from millrace.datasets.schema import rows_of, table_of
from millrace.datasets.validation import bad_rows
from millrace.methods.groundedness_belief import scorer_belief
from millrace.records.annotation import AnnotationTask
from millrace.records.groundedness import GroundednessScore, SentenceSupport
from millrace.records.trace import RetrievedContext, Trace, utc
from millrace.records.triage import FailureGroup, TriageRow

PLENTY = ProposalConfig(budget_minutes=1e6)


class Case(NamedTuple):
    """A trace; a group means that it is a failure."""

    question: str
    group: str | None = None
    score: float | None = None


def tables(cases: list[Case], order: list[int] | None = None) -> dict[str, pa.Table]:
    numbered = [(i, cases[i]) for i in (order if order is not None else range(len(cases)))]
    known: dict[str, Any] = {"time": utc(2026, 11, 9), "tenant_id": "a"}
    groups: dict[str, list[str]] = {}
    for i, case in enumerate(cases):
        if case.group:
            groups.setdefault(case.group, []).append(f"t{i:02d}")
    return {
        "traces": table_of(
            Trace, [Trace(trace_id=f"t{i:02d}", question=case.question, answer="So.", **known) for i, case in numbered]
        ),
        "triage": table_of(
            TriageRow,
            [
                TriageRow(
                    trace_id=f"t{i:02d}",
                    verdict="failure" if case.group else "ok",
                    failure_type="hallucination" if case.group else None,
                    reason="because",
                    group_id=case.group,
                    **known,
                )
                for i, case in numbered
            ],
        ),
        "groups": table_of(
            FailureGroup,
            [
                FailureGroup(
                    group_id=name,
                    failure_type="hallucination",
                    size=len(members),
                    label="some words",
                    example_trace_ids=members[:1],
                    tenants=["a"],
                )
                for name, members in groups.items()
            ],
        ),
        "scores": table_of(
            GroundednessScore,
            [
                GroundednessScore(
                    trace_id=f"t{i:02d}",
                    score=case.score,
                    reason=None if case.score is not None else "no_context",
                    source="test/1",
                )
                for i, case in numbered
            ],
        ),
    }


def asked(
    cases: list[Case],
    keys: set[str] | None = None,
    config: ProposalConfig = PLENTY,
    order: list[int] | None = None,
) -> list[AnnotationTask]:
    return rows_of(AnnotationTask, propose(**tables(cases, order), asked_keys=keys or set(), config=config))


CASES = [
    Case("small", group="g1", score=0.1),
    Case("big one", group="g2", score=0.2),
    Case("big two", group="g2", score=0.3),
    Case("fine", score=0.9),
    Case("nearly", score=0.65),
    Case("unscored failure", group="g2"),
    Case("unscored ok"),
]


def test_one_of_each_group_largest_first_then_by_uncertainty_then_unscored_failures() -> None:
    # groups: g2 (size 3), g1; then |score - 0.55|: t04 0.10, t02 0.25, t03 0.35; then the failure without a score
    assert [task.trace_id for task in asked(CASES)] == ["t01", "t00", "t04", "t02", "t03", "t05"]


def test_positions_count_from_one_and_each_task_says_why() -> None:
    tasks = asked(CASES)
    assert [task.position for task in tasks] == [1, 2, 3, 4, 5, 6]
    assert tasks[0].why == "stands for a group of 3 (hallucination): some words"
    assert tasks[2].why == "uncertain: groundedness 0.65, threshold 0.55"
    assert (tasks[0].failure_type, tasks[0].group_id) == ("hallucination", "g2")
    assert (tasks[2].failure_type, tasks[2].group_id) == (None, None)


def test_a_question_asked_before_is_replaced_by_another_of_its_group() -> None:
    first = asked(CASES)[0]
    tasks = asked(CASES, {first.question_key})
    assert first.question_key not in {task.question_key for task in tasks}
    assert tasks[0].trace_id == "t02"


def test_members_of_a_group_stand_in_for_each_other_by_trace_id() -> None:
    cases = [Case(question, group="g1") for question in ("one", "two", "three")]
    key = asked(cases)[0].question_key
    assert asked(cases, {key}, order=[2, 1, 0])[0].trace_id == "t01"


def test_equal_questions_are_proposed_once() -> None:
    tasks = asked([Case("Why so?", score=0.5), Case("why SO", score=0.5), Case("why not", score=0.5)])
    assert [task.trace_id for task in tasks] == ["t00", "t02"]


def test_what_was_proposed_is_never_proposed_again() -> None:
    assert asked(CASES, {task.question_key for task in asked(CASES)}) == []


def test_a_task_over_the_budget_is_passed_over_for_a_shorter_one() -> None:
    # reading at one word a minute: question and the answer "So."
    config = ProposalConfig(budget_minutes=4.0, reading_words_per_minute=1, decision_minutes=0)
    cases = [Case("one two", score=0.55), Case("one two three", score=0.56), Case("x", score=0.9)]
    tasks = asked(cases, config=config)
    # 3 minutes, then 4 do not fit into the minute that is left, nor do 2
    assert [task.trace_id for task in tasks] == ["t00"]
    tasks = asked(cases, config=config.model_copy(update={"budget_minutes": 5.0}))
    assert [(task.trace_id, task.estimated_minutes) for task in tasks] == [("t00", 3.0), ("t02", 2.0)]


def test_no_budget_asks_nothing() -> None:
    assert asked(CASES, config=ProposalConfig(budget_minutes=0)) == []


def test_minutes_count_all_texts_that_are_read() -> None:
    trace = {
        "question": "a b",
        "answer": "c d e",
        "history": [{"text": "f g"}, {"text": "h"}],
        "contexts": [{"text": "i j k l"}],
    }
    # 2 + 3 + 2 + 1 + 4 = 12 words at 6 a minute, and half a minute to decide
    config = ProposalConfig(reading_words_per_minute=6, decision_minutes=0.5)
    assert estimated_minutes(trace, config) == 2.5
    assert estimated_minutes(trace | {"answer": None}, config) == 2.0


BASE: dict[str, Any] = {"tenant_id": "a", "question": "Why so?", "history": [{"text": "Hi"}], "answer": "So."}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"question": " why SO"}, True),
        ({"answer": "so"}, True),
        ({"trace_id": "other"}, True),
        ({"tenant_id": "b"}, False),
        ({"question": "Why not?"}, False),
        ({"history": []}, False),
        ({"history": [{"text": "Hi"}, {"text": ""}]}, False),
        ({"answer": None}, False),
    ],
)
def test_a_key_is_the_tenant_question_history_and_answer(change: dict[str, Any], same: bool) -> None:
    assert (question_key(BASE) == question_key(BASE | change)) is same


def test_clusters_come_first_then_what_is_in_none_and_resolved_groups_never() -> None:
    found = tables([*CASES, Case("alone", group="g3"), Case("alone too", group="g3"), Case("lone", group="g3")])
    groups = rows_of(FailureGroup, found["groups"])
    rest = [each.model_copy(update={"clustered": each.group_id != "g2"}) for each in groups]
    resolved = groups[0].model_copy(update={"group_id": "g0", "size": 0, "example_trace_ids": []})
    table = propose(**found | {"groups": table_of(FailureGroup, [resolved, *rest])}, asked_keys=set(), config=PLENTY)
    # g3 (3 of a cluster), g1 (1 of a cluster), then g2 (3, unclustered)
    assert table.column("group_id").to_pylist()[:3] == ["g3", "g1", "g2"]
    assert "g0" not in table.column("group_id").to_pylist()


def test_a_calibrated_probability_says_what_is_uncertain_before_the_score_does() -> None:
    found = tables([Case("near the threshold", score=0.55), Case("far", score=0.95)])
    rows = rows_of(TriageRow, found["triage"])
    odds = [
        rows[0].model_copy(update={"failure_probability": 0.05}),
        rows[1].model_copy(update={"failure_probability": 0.5}),
    ]
    table = propose(**found | {"triage": table_of(TriageRow, odds)}, asked_keys=set(), config=PLENTY)
    assert table.column("trace_id").to_pylist() == ["t01", "t00"]


def test_of_equal_uncertainty_what_stands_for_more_traces_comes_first() -> None:
    cases = [Case("once", score=0.5), Case("often", score=0.5), Case(" OFTEN", score=0.5)]
    assert [task.trace_id for task in asked(cases)] == ["t01", "t00"]


def test_a_task_shows_what_triage_and_the_scorer_found() -> None:
    found = tables([Case("why", group="g1", score=0.4)])
    row = rows_of(TriageRow, found["triage"])[0].model_copy(update={"confidence": 0.7})
    sentence = SentenceSupport(start=0, end=3, support=0.4, level="lexical", context_id=None)
    score = rows_of(GroundednessScore, found["scores"])[0].model_copy(update={"sentences": [sentence]})
    known = found | {"triage": table_of(TriageRow, [row]), "scores": table_of(GroundednessScore, [score])}
    task = rows_of(AnnotationTask, propose(**known, asked_keys=set(), config=PLENTY))[0]
    assert (task.triage_reason, task.confidence, task.group_label) == ("because", 0.7, "some words")
    assert task.sentences == [sentence]


def test_two_people_are_asked_the_share_that_was_set_always_the_same_and_both_cost_minutes() -> None:
    keys = [question_key(BASE | {"question": f"question {number}"}) for number in range(2000)]
    doubled = {key for key in keys if n_annotators(key, ProposalConfig(double_share=0.25)) == 2}
    assert len(doubled) == pytest.approx(500, abs=80)  # four standard deviations of a binomial
    assert doubled <= {key for key in keys if n_annotators(key, ProposalConfig(double_share=0.5)) == 2}
    assert {n_annotators(key, ProposalConfig()) for key in keys} == {1}
    assert {n_annotators(key, ProposalConfig(double_share=1)) for key in keys} == {2}
    tasks = asked(CASES, config=ProposalConfig(budget_minutes=5.5, double_share=1))
    assert len(tasks) == 2  # a little more than a minute each, for two people


def test_traces_are_fetched_a_shortlist_at_a_time_and_nothing_is_left_out() -> None:
    found = tables([Case(f"question {number}", score=number / 40) for number in range(40)])
    fetched: list[int] = []

    def fetch(ids: pa.Array) -> pa.Table:
        fetched.append(len(ids))
        return found["traces"].filter(pa.compute.is_in(found["traces"].column("trace_id"), ids))

    light = pa.concat_tables([candidate_part(found["traces"].slice(0, 25)), candidate_part(found["traces"].slice(25))])
    config = PLENTY.model_copy(update={"shortlist": 10})
    table = propose_from(
        found["triage"], found["groups"], found["scores"], light, fetch=fetch, asked_keys=set(), config=config
    )
    assert table.num_rows == 40
    assert max(fetched) == 10


def test_a_budget_that_is_all_but_spent_is_not_searched_through_all_traces() -> None:
    found = tables([Case(f"question {number}", score=number / 200) for number in range(200)])
    fetched: list[int] = []

    def fetch(ids: pa.Array) -> pa.Table:
        fetched.append(len(ids))
        return found["traces"].filter(pa.compute.is_in(found["traces"].column("trace_id"), ids))

    # three words and a minute each: 1.01 minutes; after four tasks a task without words would fit, but no task does
    table = propose_from(
        found["triage"],
        found["groups"],
        found["scores"],
        candidate_part(found["traces"]),
        fetch=fetch,
        asked_keys=set(),
        config=ProposalConfig(budget_minutes=5.045, shortlist=10),
    )
    assert table.num_rows == 4
    assert len(fetched) <= 2


PASSAGE = "The mill stands in York. It was built in 1850 by Anna Reed. Water drives its great wheel."
TAUGHT = ["Water drives its great wheel.", "Steam moves trains.", "Anna Reed left in 1923."]


def with_answers(found: dict[str, pa.Table]) -> dict[str, pa.Table]:
    passages = [RetrievedContext(context_id="c0", text=PASSAGE)]
    rows = rows_of(Trace, found["traces"])
    answered = [
        row.model_copy(update={"answer": TAUGHT[int(row.trace_id[1:]) % 3], "contexts": passages}) for row in rows
    ]
    return found | {"traces": table_of(Trace, answered)}


def test_with_a_scorer_that_learns_what_is_chosen_is_diverse(embedder: Any, scorer: Any) -> None:
    # four of each of three answers; without a scorer they come by id, "Water ..." first
    found = with_answers(tables([Case(f"question {number}", score=0.5) for number in range(12)]))
    table = propose(**found, asked_keys=set(), config=PLENTY, belief=scorer_belief(scorer, embedder))
    answers = table.column("answer").to_pylist()
    assert answers[0] != answers[1] != answers[2]
    assert table.column("why").to_pylist()[0] == "teaches the scorer: groundedness 0.50, threshold 0.55"
    assert table.num_rows == 12
    plain = propose(**found, asked_keys=set(), config=PLENTY)
    assert plain.column("trace_id").to_pylist() == [f"t{number:02d}" for number in range(12)]


def test_what_was_answered_before_teaches_less_now(embedder: Any, scorer: Any) -> None:
    found = with_answers(tables([Case(f"question {number}", score=0.5) for number in range(3)]))
    first = propose(**found, asked_keys=set(), config=PLENTY, belief=scorer_belief(scorer, embedder))
    again = propose(**found, asked_keys=set(), config=PLENTY, belief=scorer_belief(scorer, embedder, first.slice(0, 1)))
    assert again.column("trace_id").to_pylist()[0] != first.column("trace_id").to_pylist()[0]


def test_with_a_scorer_too_order_of_rows_changes_nothing(embedder: Any, scorer: Any) -> None:
    cases = [Case(f"question {number}", group="g1" if number % 3 else None, score=number / 12) for number in range(12)]
    belief = scorer_belief(scorer, embedder)
    one = propose(**with_answers(tables(cases)), asked_keys=set(), config=PLENTY, belief=belief)
    other = propose(
        **with_answers(tables(cases, order=[*range(11, -1, -1)])), asked_keys=set(), config=PLENTY, belief=belief
    )
    assert one.equals(other)


cases = st.lists(
    st.builds(
        Case,
        question=st.sampled_from(["one", "two words", "Two words!", "three short words", "four"]),
        group=st.sampled_from([None, "g1", "g2"]),
        score=st.sampled_from([None, 0.1, 0.5, 0.6, 0.9]),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(cases=cases, budget=st.sampled_from([0.0, 2.0, 3.5, 100.0]), data=st.data())
def test_order_of_rows_changes_nothing_and_the_budget_holds(cases: list[Case], budget: float, data: Any) -> None:
    order = data.draw(st.permutations(range(len(cases))))
    config = ProposalConfig(budget_minutes=budget)
    known = {task.question_key for task in asked(cases)}
    before = data.draw(st.sets(st.sampled_from(sorted(known)))) if known else set()
    table = propose(**tables(cases), asked_keys=before, config=config)
    shuffled = {
        name: rows.take(pa.array(range(len(rows))[::-1] if name == "groups" else order, pa.int64()))
        for name, rows in tables(cases).items()
    }
    assert table.equals(propose(**shuffled, asked_keys=before, config=config))
    assert bad_rows(AnnotationTask, table) == []
    assert sum(table.column("estimated_minutes").to_pylist()) <= budget
    keys = table.column("question_key").to_pylist()
    assert len(set(keys)) == len(keys)
    assert before.isdisjoint(keys)
