"""Answering annotation tasks: claims, answers, skips; what is typed is redacted."""

from datetime import UTC, datetime

import pytest

from apps.cli.annotation import asking
from apps.cli.terminal import Terminal
from millrace.datasets.canonical import sha256_json
from millrace.ledger.annotations import annotations_for
from millrace.ledger.queue import enqueue
from millrace.ledger.tasks import NewTask, tasks
from millrace.records.annotation import AnnotationTask

AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def queue(home):
    """Two tasks, ``task-1`` before ``task-2``."""
    rows = [
        AnnotationTask(
            task_id=f"task-{number}", question_key=sha256_json(number), tenant_id="t", trace_id=f"trace-{number}",
            question=f"What is [bold]{number}[/bold]?", history=[{"speaker": "user", "text": "Before."}],
            contexts=[{"context_id": "c1", "text": "A passage."}], answer="An answer.", failure_type="hallucination",
            why="least certain", position=number, estimated_minutes=2,
        )
        for number in (1, 2)
    ]  # fmt: skip
    new = [
        NewTask(
            task_id=row.task_id, question_key=row.question_key, tenant_id="t", position=row.position,
            payload=row.model_dump(mode="json"),
        )
        for row in rows
    ]  # fmt: skip
    enqueue(home.ledger, new, "run-1", AT)
    return home.ledger


def test_next_claims_and_shows_the_task_as_it_is_written(cli, queue):
    outcome = cli("annotate", "next", "--annotator", "ann")
    for text in ("What is [bold]1[/bold]?", "A passage.", "An answer.", "Before.", "least certain", "hallucination"):
        assert text in outcome.out
    assert tasks(queue)[0].claimed_by == "ann"


def test_two_annotators_get_two_tasks_and_a_third_none(cli, queue):
    claimed = [cli("annotate", "next", "--annotator", name, "--json").document["task"] for name in ("a", "b", "c")]
    assert [task and task["task_id"] for task in claimed] == ["task-1", "task-2", None]


def test_submit_stores_the_answer_redacted(cli, queue):
    outcome = cli(
        "annotate", "submit", "task-1", "--annotator", "ann", "--verdict", "hallucination", "--behaviour", "answer",
        "--answer", "Write to jane.doe@example.com.", "--note", "card 4111 1111 1111 1111", "--json",
    )  # fmt: skip
    assert outcome.code == 0
    stored = annotations_for(queue)[0].answer
    assert stored["verdict"] == "hallucination"
    assert "jane.doe" not in str(stored)
    assert "4111" not in str(stored)
    assert "Write to [" in stored["expected_answer"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--verdict", "bad", "--behaviour", "abstain"], "verdict"),
        (["--verdict", "ok", "--behaviour", "answer"], "expected_answer"),
        (["--verdict", "ok", "--behaviour", "abstain", "--answer", "x"], "expected_answer"),
    ],
)
def test_an_answer_that_cannot_be_used_is_explained_and_not_stored(cli, queue, options, problem):
    outcome = cli("annotate", "submit", "task-1", *options, "--json")
    assert outcome.code == 2
    assert problem in outcome.document["error"]["message"]
    assert annotations_for(queue) == []


def test_a_task_is_found_by_a_unique_beginning(cli, queue):
    options = ["--verdict", "ok", "--behaviour", "abstain"]
    assert "2 tasks begin with 'task'" in cli("annotate", "submit", "task", *options).err
    assert cli("annotate", "submit", "task-2", *options).code == 0
    assert cli("annotate", "submit", "other", *options).code == 2


def test_skip_keeps_the_reason_redacted_and_status_counts(cli, queue):
    assert cli("annotate", "skip", "task-2", "--reason", "ask jane.doe@example.com").code == 0
    assert tasks(queue)[1].status == "skipped"
    document = cli("annotate", "status", "--json").document
    assert (document["open"], document["skipped"], document["completed"]) == (1, 1, 0)
    assert "jane.doe" not in str(queue_history(queue))


def queue_history(ledger):
    from millrace.ledger.tasks import task_history

    return task_history(ledger)


def asked(home, queue, monkeypatch, answers):
    """Ask for the next task, with these answers typed one after the other."""
    typed = iter(answers)
    monkeypatch.setattr(asking.typer, "prompt", lambda *_arguments, **_options: next(typed))
    terminal = Terminal(as_json=False, root=home.root, debug=False)
    task = asking.claim(terminal, "ann", minutes=30)
    return asking.ask(terminal, task, "ann")


def test_asking_explains_and_asks_again_until_the_answer_fits(home, queue, monkeypatch):
    first = ["nonsense", "hall", "answer", "  ", ""]  # a blank expected answer does not do
    assert asked(home, queue, monkeypatch, [*first, "ok", "abstain", "a note"])
    assert annotations_for(queue)[0].answer == {
        "verdict": "ok", "expected_behaviour": "abstain", "expected_answer": None, "note": "a note", "support": None,
    }  # fmt: skip


def test_stopping_gives_the_task_back(home, queue, monkeypatch):
    assert not asked(home, queue, monkeypatch, ["stop"])
    assert tasks(queue)[0].status == "pending"


def test_skipping_while_asked_asks_for_the_reason(home, queue, monkeypatch):
    assert asked(home, queue, monkeypatch, ["skip", "unclear"])
    assert tasks(queue)[0].status == "skipped"
