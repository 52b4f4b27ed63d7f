"""What was handed to a person is asked about: each question once, in the order of the traces."""

from typing import Any

from millrace.annotation.escalation import REASON, escalated_tasks
from millrace.annotation.proposal import ProposalConfig, question_key
from millrace.datasets.schema import table_of
from millrace.records.trace import Trace, utc

CONFIG = ProposalConfig(reading_words_per_minute=60, decision_minutes=2, budget_minutes=0)


def trace(number: int, **fields: Any) -> Trace:
    known: dict[str, Any] = {
        "trace_id": f"t{number}",
        "time": utc(2026, 11, 9),
        "tenant_id": "a",
        "question": f"Call me about case {number}!",
        "status": "escalated",
        "route": "escalate_human",
    }
    return Trace(**known | fields)


def test_only_escalated_traces_are_asked_about_in_their_order() -> None:
    parts = [
        table_of(Trace, [trace(3), trace(1, status="failed", error="timeout")]),
        table_of(Trace, [trace(2), trace(0, status="answered", answer="So.")]),
    ]
    tasks = escalated_tasks(parts, CONFIG)
    assert [(task.trace_id, task.position) for task in tasks] == [("t3", 1), ("t2", 2)]
    assert {(task.failure_type, task.triage_reason) for task in tasks} == {(None, REASON)}
    assert {task.why for task in tasks} == {"handed to a person by the route escalate_human"}


def test_equal_questions_of_a_tenant_become_one_task_across_parts() -> None:
    parts = [
        table_of(Trace, [trace(1), trace(2, question="call me, about CASE 1")]),
        table_of(
            Trace,
            [trace(3, question="Call me about case 1!"), trace(4, question="Call me about case 1!", tenant_id="b")],
        ),
    ]
    assert [(task.trace_id, task.tenant_id) for task in escalated_tasks(parts, CONFIG)] == [("t1", "a"), ("t4", "b")]


def test_a_task_has_the_key_under_which_proposals_know_its_question() -> None:
    (task,) = escalated_tasks([table_of(Trace, [trace(1)])], CONFIG)
    assert task.question_key == question_key(trace(1).model_dump())


def test_a_person_was_promised_so_that_no_budget_limits_them() -> None:
    tasks = escalated_tasks([table_of(Trace, [trace(number) for number in range(50)])], CONFIG)
    assert len(tasks) == 50
    # five words at 60 a minute, and two minutes
    assert {task.estimated_minutes for task in tasks} == {2.08}


def test_without_a_route_the_task_says_no_more_than_is_known() -> None:
    (task,) = escalated_tasks([table_of(Trace, [trace(1, route=None)])], CONFIG)
    assert task.why == "handed to a person"


def test_no_traces_give_no_tasks() -> None:
    assert escalated_tasks([], CONFIG) == []
