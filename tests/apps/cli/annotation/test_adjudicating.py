"""Several annotators to a task: blindness, history, agreement, and settling what they differ in."""

import json
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
OK = ["--verdict", "ok", "--behaviour", "abstain"]
HALLUCINATION = ["--verdict", "hallucination", "--behaviour", "answer", "--answer", "Two years.", "--support", "part"]


@pytest.fixture
def queue(home):
    """``both-1`` and ``both-2`` for two annotators each, ``one-3`` for one."""
    new = []
    for number, (name, n_annotators) in enumerate([("both-1", 2), ("both-2", 2), ("one-3", 1)], start=1):
        row = AnnotationTask(
            task_id=name, question_key=sha256_json(name), tenant_id="t", trace_id=f"trace-{number}",
            question=f"How long is guarantee {number}?\x1b[2J", contexts=[{"context_id": "c1", "text": "A passage."}],
            answer="An answer.", failure_type="hallucination" if number == 1 else None, group_id=f"g{number}",
            group_label="guarantee pump" if number == 1 else "returns", why="test", position=number,
            estimated_minutes=2, n_annotators=n_annotators,
        )  # fmt: skip
        task = NewTask(
            task_id=name, question_key=row.question_key, tenant_id="t", position=number,
            payload=row.model_dump(mode="json"), n_annotators=n_annotators,
        )  # fmt: skip
        new.append(task)
    enqueue(home.ledger, new, "run-1", AT)
    return home.ledger


def answer(cli, task, name, options):
    outcome = cli("annotate", "submit", task, "--annotator", name, *options)
    assert outcome.code == 0, outcome.err
    return outcome.out


@pytest.fixture
def differing(cli, queue):
    """``both-1`` answered by ann and ben, who differ."""
    assert "1 of the 2 answers" in answer(cli, "both-1", "ann", OK)
    assert "of the" not in answer(cli, "both-1", "ben", HALLUCINATION)
    return queue


@pytest.mark.parametrize("name", ["release", "list", "show", "history", "adjudicate", "guidelines"])
def test_every_command_takes_the_common_options(cli, name):
    outcome = cli("annotate", name, "--help")
    assert outcome.code == 0
    assert all(option in outcome.out for option in ("--json", "--home", "--debug"))


def test_a_task_for_two_goes_to_two_people_and_never_twice_to_one(cli, queue):
    answer(cli, "both-1", "ann", OK)
    claimed = [
        cli("annotate", "next", "--annotator", name, "--json").document["task"]["task_id"] for name in ("ann", "ben")
    ]
    assert claimed == ["both-2", "both-1"]


def test_support_is_stored_and_a_wrong_one_explained(cli, queue):
    answer(cli, "one-3", "ann", HALLUCINATION)
    assert annotations_for(queue)[0].answer["support"] == "part"
    outcome = cli("annotate", "submit", "one-3", *OK, "--support", "most", "--json")
    assert outcome.code == 2
    assert "support" in outcome.document["error"]["message"]


def test_release_gives_the_task_back(cli, queue):
    cli("annotate", "next", "--annotator", "ann")
    assert cli("annotate", "release", "both-1", "--annotator", "ben", "--json").document["released"] is False
    assert cli("annotate", "release", "both-1", "--annotator", "ann", "--json").document["released"] is True
    assert tasks(queue)[0].status == "pending"


def test_nobody_sees_anothers_answer_before_the_task_is_complete(cli, queue):
    answer(cli, "both-1", "ann", [*HALLUCINATION, "--note", "telltale"])
    for command in ("show", "history"):
        for options in ([], ["--json"]):
            assert "telltale" not in cli("annotate", command, "both-1", "--annotator", "ben", *options).out
            assert "telltale" in cli("annotate", command, "both-1", "--annotator", "ann", *options).out
    assert "telltale" not in cli("annotate", "next", "--annotator", "ben", "--json").out
    document = cli("annotate", "history", "both-1", "--annotator", "ben", "--json").document
    assert (document["answers"], document["hidden_answers"]) == ([], 1)
    refused = cli("annotate", "adjudicate", "both-1", "--annotator", "ben")
    assert refused.code == 2
    assert "1 of the 2 answers" in refused.err
    assert "telltale" not in refused.out + cli("annotate", "adjudicate").out + cli("annotate", "status", "--json").out
    answer(cli, "both-1", "ben", OK)
    for command in ("show", "history"):
        assert "telltale" in cli("annotate", command, "both-1", "--annotator", "ben").out


def test_history_tells_edits_claims_and_settlements_in_order(cli, differing):
    answer(cli, "both-1", "ann", [*OK, "--note", "second thoughts"])
    cli("annotate", "adjudicate", "both-1", "--take", "ben", "--annotator", "cyd")
    document = cli("annotate", "history", "both-1", "--json").document
    events = [(each["event"], each["actor"]) for each in document["events"]]
    assert events[1:] == [("submitted", "ann"), ("submitted", "ben"), ("replaced", "ann"), ("adjudicated", "cyd")]
    assert [each["answer"]["note"] for each in document["answers"]] == [None, None, "second thoughts", None]
    assert document["answers"][2]["replaces"] == document["answers"][0]["annotation_id"]
    assert "second thoughts" in cli("annotate", "history", "both-1").out


def test_tasks_are_listed_with_filters(cli, differing):
    def listed(*options):
        return [each["task_id"] for each in cli("annotate", "list", *options, "--json").document["tasks"]]

    answer(cli, "both-2", "ann", OK)
    assert listed() == ["both-2", "one-3"]
    assert listed("--for", "ann") == ["one-3"]
    assert listed("--status", "completed") == listed("--status", "all", "--type", "hallucination") == ["both-1"]
    assert listed("--status", "all", "--group", "RETURNS") == listed("--type", "ok") == ["both-2", "one-3"]
    assert listed("--group", "g3") == ["one-3"]
    assert listed("--limit", "1") == ["both-2"]
    shown = cli("annotate", "list", "--limit", "1").out
    assert "1/2" in shown
    assert "1 more" in shown
    assert "\x1b[2J" not in shown
    outcome = cli("annotate", "list", "--status", "done")
    assert outcome.code == 2
    assert "use one of pending" in outcome.err


def test_status_tells_work_and_agreement(cli, differing):
    cli("annotate", "next", "--annotator", "cyd")
    answer(cli, "one-3", "ann", OK)
    document = cli("annotate", "status", "--json").document
    work = {each["annotator"]: (each["answers"], each["holds"]) for each in document["annotators"]}
    assert work == {"ann": (2, 0), "ben": (1, 0), "cyd": (0, 1)}
    agreement = document["agreement"]
    assert (agreement["n_tasks"], agreement["n_disagreements"], document["disagreements_open"]) == (1, 1, 1)
    # one unit, two values, both pairs differ: 1 - (2 / 2) / (2 / 2)
    assert [each["estimate"]["mean"] for each in agreement["fields"]] == [0.0, 0.0, None]
    shown = cli("annotate", "status").out
    assert "Krippendorff's alpha" in shown
    assert "1 to settle; `millrace annotate adjudicate` lists them" in shown
    assert "nobody judged it twice" in shown


def test_disagreements_are_listed_and_shown_side_by_side(cli, differing):
    answer(cli, "both-2", "ann", OK)
    answer(cli, "both-2", "ben", OK)  # they agree
    (found,) = cli("annotate", "adjudicate", "--json").document["disagreements"]
    assert (found["task_id"], found["differs_in"]) == ("both-1", ["verdict", "expected_behaviour"])
    listed = cli("annotate", "adjudicate").out
    assert "ann: ok, abstain" in listed
    assert "ben: hallucination, answer" in listed
    shown = cli("annotate", "adjudicate", "both-1").out
    for text in ("annotators differ in: verdict, expected_behaviour", "Two years.", "ann", "ben", "A passage."):
        assert text in shown
    document = cli("annotate", "adjudicate", "both-1", "--json").document
    assert [each["annotator"] for each in document["answers"]] == ["ann", "ben"]


def test_taking_an_annotators_answer_settles(cli, differing):
    outcome = cli("annotate", "adjudicate", "both-1", "--take", "ben", "--note", "ask jane.doe@example.com",
                  "--annotator", "cyd", "--json")  # fmt: skip
    stored = outcome.document["annotation"]
    assert (stored["adjudicates"], stored["annotator"], stored["answer"]["expected_answer"]) == (
        True,
        "cyd",
        "Two years.",
    )
    assert stored["answer"]["support"] == "part"
    assert "jane.doe" not in json.dumps(stored)
    assert [each.adjudicates for each in annotations_for(differing)] == [False, False, True]
    assert cli("annotate", "adjudicate", "--json").document["disagreements"] == []
    (settled,) = cli("annotate", "adjudicate", "--all", "--json").document["disagreements"]
    assert settled["adjudication"]["annotator"] == "cyd"
    document = cli("annotate", "status", "--json").document
    assert (document["disagreements_open"], document["agreement"]["n_adjudicated"]) == (0, 1)


def test_an_own_answer_settles_and_a_later_one_replaces_it(cli, differing):
    assert cli("annotate", "adjudicate", "both-1", *OK, "--annotator", "ann").code == 0
    assert cli("annotate", "adjudicate", "both-1", *HALLUCINATION, "--annotator", "dan").code == 0
    assert [(each.annotator, each.adjudicates) for each in annotations_for(differing)] == [
        ("ann", False), ("ben", False), ("dan", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["both-1", "--take", "eve"], "take one of ann, ben"),
        (["both-1", "--take", "ann", "--verdict", "ok"], "leave out the options"),
        (["both-1", "--verdict", "ok"], "expected_behaviour"),
        (["both-1", "--verdict", "ok", "--behaviour", "answer"], "expected_answer"),
        (["--take", "ann"], "name the task"),
        (["one-3", *OK], "0 of the 1 answers"),
        (["nothing"], "no annotation task"),
    ],
)
def test_what_settles_nothing_is_explained_and_not_stored(cli, differing, arguments, problem):
    outcome = cli("annotate", "adjudicate", *arguments, "--json")
    assert outcome.code == 2
    assert problem in outcome.document["error"]["message"]
    assert len(annotations_for(differing)) == 2


def test_agreeing_annotators_leave_nothing_to_settle(cli, queue):
    for name in ("ann", "ben"):
        answer(cli, "both-1", name, OK)
    outcome = cli("annotate", "adjudicate", "both-1", *OK)
    assert outcome.code == 2
    assert "annotators agree" in outcome.err


def settled_by_typing(home, monkeypatch, answers):
    from apps.cli.annotation import adjudicating

    typed = iter(answers)
    monkeypatch.setattr(asking.typer, "prompt", lambda *_arguments, **_options: next(typed))
    monkeypatch.setattr(Terminal, "interactive", property(lambda _: True))
    adjudicating.show_and_ask(Terminal(as_json=False, root=home.root, debug=False), "both-1", "cyd")
    assert next(typed, None) is None
    return [each.answer for each in annotations_for(home.ledger) if each.adjudicates]


def test_asked_for_the_answer_that_counts_one_takes_a_number(home, differing, monkeypatch):
    (stored,) = settled_by_typing(home, monkeypatch, ["3", "2"])  # there is no third answer
    assert stored["verdict"] == "hallucination"


def test_or_gives_an_own_one_until_it_can_be_used(home, differing, monkeypatch):
    typed = ["own", "ok", "answer", " ", "all", "", "ok", "abstain", "unknown", "why"]  # a blank answer does not do
    assert settled_by_typing(home, monkeypatch, typed) == [
        {"verdict": "ok", "expected_behaviour": "abstain", "expected_answer": None, "note": "why", "support": None}
    ]


def test_or_stops(home, differing, monkeypatch):
    assert settled_by_typing(home, monkeypatch, ["stop"]) == []


def test_guidelines_explain_every_choice(cli):
    text = cli("annotate", "guidelines", "--json").document["guidelines"]
    for field in ("verdict", "expected_behaviour", "support"):
        for choice in choices(field):
            assert f"| `{choice}` |" in text, choice
    shown = cli("annotate", "guidelines").out
    assert "Annotation guidelines" in shown
    assert "| ---" not in shown  # rendered


def choices(field):
    from typing import get_args

    from millrace.records.annotation import AnswerSupport, AnswerVerdict, ExpectedBehaviour

    return get_args(
        {"verdict": AnswerVerdict, "expected_behaviour": ExpectedBehaviour, "support": AnswerSupport}[field]
    )
