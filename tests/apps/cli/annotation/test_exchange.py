"""Tasks to Argilla and Label Studio and answers back, through the command line."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from millrace.datasets.canonical import sha256_json
from millrace.ledger import annotations as answers
from millrace.ledger.annotations import annotations_for
from millrace.ledger.queue import claim_next, enqueue, skip
from millrace.ledger.runs import start_run
from millrace.ledger.tasks import NewTask, task_history, tasks
from millrace.records.annotation import AnnotationTask

AT = datetime(2026, 11, 20, tzinfo=UTC)
ANN = "0a2b4c6d-0000-4000-8000-000000000001"
TOOLS = ["argilla", "label-studio"]


@pytest.fixture
def queue(home):
    """Three tasks, ``task-1`` first."""
    new = []
    for number in (1, 2, 3):
        task = AnnotationTask(
            task_id=f"task-{number}", question_key=sha256_json(number), tenant_id="t", trace_id=f"trace-{number}",
            question=f"Question {number}?", answer="An answer. 🎉", why="least certain", position=number,
            estimated_minutes=2, failure_type="hallucination",
            contexts=[{"context_id": "c1", "text": "A passage."}],
            sentences=[{"start": 0, "end": 10, "support": 0.2, "level": "lexical", "context_id": "c1"}],
        )  # fmt: skip
        new.append(
            NewTask(
                task_id=task.task_id, question_key=task.question_key, tenant_id="t", position=number,
                payload=task.model_dump(mode="json"),
            )
        )  # fmt: skip
    enqueue(home.ledger, new, "run-1", AT)
    return home.ledger


def export(cli, tool, folder, *options):
    return cli("annotate", "export", "--format", tool, "--out", folder, *options, "--json")


def answered(tool, folder, file, given):
    """What somebody's answers to the exported tasks look like when the tool exports them."""
    if tool == "argilla":
        rows = json.loads((folder / "records.json").read_text(encoding="utf-8"))
        for row in rows:
            fields = given.get(row["id"], {})
            row["responses"] = {name: [{"value": value, "user_id": ANN}] for name, value in fields.items()}
    else:
        rows = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
        for number, row in enumerate(rows, start=1):
            fields = given.get(row["data"]["task_id"], {})
            row |= {"id": number, "annotations": [_annotation(fields)] if fields else []}
    file.write_text(json.dumps(rows), encoding="utf-8")
    return file


def _annotation(fields):
    kinds = {"expected_answer": "text", "note": "text"}
    return {
        "id": 1, "was_cancelled": False, "completed_by": {"id": 3, "email": "ann@example.com"},
        "result": [
            {"from_name": name, "to_name": "answer", "value": {kinds.get(name, "choices"): [value]}}
            for name, value in fields.items()
        ],
    }  # fmt: skip


GIVEN = {
    "task-1": {
        "verdict": "hallucination", "expected_behaviour": "answer", "support": "none",
        "expected_answer": "Ask jane.doe@example.com.", "note": "card 4111 1111 1111 1111",
    },
    "task-2": {"verdict": "ok", "expected_behaviour": "answer"},
}  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_exported_and_answered_there_comes_back_redacted(cli, queue, tmp_path, tool):
    assert export(cli, tool, tmp_path / "out").document["n_tasks"] == 3
    file = answered(tool, tmp_path / "out", tmp_path / "answers.json", GIVEN)
    document = cli("annotate", "import", file, "--format", tool, "--json").document
    assert (document["n_rows"], document["n_stored"], document["n_unanswered"]) == (3, 1, 1)
    assert document["skipped_by_reason"] == {"invalid": 1}
    assert document["skipped"][0]["place"] == 2
    (stored,) = annotations_for(queue)
    assert stored.annotator == (f"argilla:{ANN}" if tool == "argilla" else "ann@example.com")
    assert (stored.answer["verdict"], stored.answer["support"]) == ("hallucination", "none")
    assert stored.answer["expected_answer"].startswith("Ask [")
    assert not any(secret in str(stored.answer) + str(document) for secret in ("jane", "4111"))


@pytest.mark.parametrize("tool", TOOLS)
def test_importing_twice_changes_nothing(cli, queue, tmp_path, tool):
    export(cli, tool, tmp_path / "out")
    file = answered(tool, tmp_path / "out", tmp_path / "answers.json", GIVEN)
    cli("annotate", "import", file, "--format", tool)
    before = (tasks(queue), annotations_for(queue), task_history(queue))
    document = cli("annotate", "import", file, "--format", tool, "--json").document
    assert (document["n_stored"], document["n_unchanged"]) == (0, 1)
    assert (tasks(queue), annotations_for(queue), task_history(queue)) == before


def test_importing_again_does_not_undo_a_later_change(cli, queue, tmp_path):
    export(cli, "argilla", tmp_path / "out")
    file = answered("argilla", tmp_path / "out", tmp_path / "answers.json", GIVEN)
    cli("annotate", "import", file, "--format", "argilla")
    later = {
        "verdict": "ok", "expected_behaviour": "block", "expected_answer": None, "note": None, "support": None,
    }  # fmt: skip
    answers.submit(queue, "task-1", f"argilla:{ANN}", later, datetime.now(UTC))
    cli("annotate", "import", file, "--format", "argilla")
    assert annotations_for(queue)[0].answer == later


def test_users_are_named_by_a_file(cli, queue, tmp_path):
    export(cli, "argilla", tmp_path / "out")
    file = answered("argilla", tmp_path / "out", tmp_path / "answers.json", GIVEN)
    users = tmp_path / "users.json"
    users.write_text(json.dumps({ANN: "ann"}))
    cli("annotate", "import", file, "--format", "argilla", "--users", users)
    assert annotations_for(queue)[0].annotator == "ann"


@pytest.mark.parametrize("content", ["no json", "[]", '{"3": 4}'])
def test_a_users_file_that_cannot_be_used_is_explained(cli, queue, tmp_path, content):
    file, users = tmp_path / "answers.json", tmp_path / "users.json"
    file.write_text("[]")
    users.write_text(content)
    outcome = cli("annotate", "import", file, "--format", "argilla", "--users", users)
    assert outcome.code == 2
    assert "users.json" in outcome.err


def test_bad_rows_are_counted_and_shown_and_the_rest_is_stored(cli, queue, tmp_path):
    export(cli, "label-studio", tmp_path / "out")
    good = json.loads(answered("label-studio", tmp_path / "out", tmp_path / "a.json", GIVEN).read_text())[0]
    unknown = good | {"data": good["data"] | {"task_id": "task-9"}}
    wide = good | {"data": good["data"] | {"task_id": "x" * 600}}
    surrogate = json.dumps(good | {"data": good["data"] | {"task_id": "\ud800"}})
    rows = ["broken", json.dumps(unknown), "[1]", json.dumps(wide), surrogate, json.dumps(good)]
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(rows))
    document = cli("annotate", "import", file, "--format", "label-studio", "--json").document
    assert document["n_stored"] == 1
    assert [(each["place"], each["reason"]) for each in document["skipped"]] == [
        (1, "malformed"), (2, "unknown_task"), (3, "malformed"), (4, "malformed"), (5, "malformed"),
    ]  # fmt: skip
    shown = cli("annotate", "import", file, "--format", "label-studio")
    assert shown.code == 0
    assert "6 rows: 0 answers stored, 1 known already, 5 not taken" in shown.out
    assert "unknown_task" in shown.out


def test_a_task_that_somebody_holds_is_left_to_them(cli, queue, tmp_path):
    export(cli, "argilla", tmp_path / "out")
    now = datetime.now(UTC)
    claim_next(queue, "bob", now, now + timedelta(minutes=30))
    file = answered("argilla", tmp_path / "out", tmp_path / "answers.json", GIVEN)
    (held, _) = cli("annotate", "import", file, "--format", "argilla", "--json").document["skipped"]
    assert held["reason"] == "refused"
    assert "bob" in held["message"]


@pytest.mark.parametrize("content", ["", '{"id": "task-1"}', "not json"])
def test_a_file_that_is_no_list_is_refused(cli, queue, tmp_path, content):
    file = tmp_path / "answers.json"
    file.write_text(content)
    outcome = cli("annotate", "import", file, "--format", "argilla", "--json")
    assert outcome.code == 2
    assert "list" in outcome.document["error"]["message"]


def test_a_missing_file_is_named(cli, queue, tmp_path):
    outcome = cli("annotate", "import", tmp_path / "gone.json", "--format", "argilla")
    assert outcome.code == 2
    assert "gone.json" in outcome.err


def test_open_tasks_are_exported_unless_all_are_asked_for(cli, queue, tmp_path):
    skip(queue, "task-1", "ann", "unclear", AT)
    assert export(cli, "argilla", tmp_path / "open").document["n_tasks"] == 2
    assert export(cli, "argilla", tmp_path / "all", "--status", "all").document["n_tasks"] == 3


def test_only_a_runs_tasks_are_exported(cli, queue, tmp_path, home):
    for run_id in ("run-1", "run-2"):
        start_run(queue, run_id, flow="toy-flow", config={}, started_at=AT, process="elsewhere:1:1")
    assert export(cli, "argilla", tmp_path / "one", "--run", "run-1").document["n_tasks"] == 3
    assert export(cli, "argilla", tmp_path / "two", "--run", "run-2").document["n_tasks"] == 0
    assert export(cli, "argilla", tmp_path / "none", "--run", "unknown").code == 2


@pytest.mark.parametrize("tool", TOOLS)
def test_an_export_is_the_same_bytes_each_time_and_overwrites_nothing(cli, queue, tmp_path, tool):
    document = export(cli, tool, tmp_path / "one").document
    export(cli, tool, tmp_path / "two")
    for name in document["files"]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert "README.md" in document["files"]
    again = export(cli, tool, tmp_path / "one")
    assert again.code == 2
    assert "already" in again.document["error"]["message"]
