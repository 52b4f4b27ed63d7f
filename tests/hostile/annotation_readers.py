"""What people answered in other annotation tools."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from apps.cli.annotation.files import read_users
from apps.cli.annotation.importing import take_in
from apps.cli.terminal import Terminal
from millrace.annotation import argilla, label_studio
from millrace.ledger import runs as ledger_runs
from millrace.ledger import tasks as ledger_tasks
from millrace.ledger.queue import enqueue
from millrace.ledger.store import Ledger
from millrace.records.annotation import AnnotationTask
from tests.hostile.cases import JSON_WORDS, Reader, one_file, the_file
from tests.hostile.row_seeds import sample_traces

_NOW = datetime(2026, 11, 16, tzinfo=UTC)


def readers() -> list[Reader]:
    """One for each form, and one for the names of users."""
    return [
        Reader(
            "annotations:argilla",
            partial(_take_in, "argilla"),
            lambda: one_file("in.json", *_argilla()),
            JSON_WORDS,
            ("apps.cli.annotation.importing",),
        ),
        Reader(
            "annotations:argilla-lines",
            partial(_take_in, "argilla"),
            lambda: one_file("in.jsonl", *_argilla_lines()),
            JSON_WORDS,
            ("apps.cli.annotation.importing",),
        ),
        Reader(
            "annotations:label-studio",
            partial(_take_in, "label-studio"),
            lambda: one_file("in.json", *_label_studio()),
            JSON_WORDS,
            ("apps.cli.annotation.importing",),
        ),
        Reader(
            "annotations:users",
            lambda folder, _: read_users(the_file(folder)),
            lambda: one_file("in.json", b'{"u1": "ann", "3": "bob"}'),
            JSON_WORDS,
            ("apps.cli.annotation.files",),
            share=0.5,
        ),
    ]


def _take_in(tool: str, folder: Path, scratch: Path) -> None:
    home = scratch / "home"
    if not home.is_dir():
        make_home(home)
    read = argilla.read_row if tool == "argilla" else label_studio.read_row
    done = take_in(Terminal(as_json=True, root=home, debug=False), the_file(folder), read, {"u1": "ann"})
    json.dumps([each.model_dump(mode="json") for each in done.skipped], ensure_ascii=False).encode()


def _tasks() -> list[AnnotationTask]:
    traces = sample_traces()
    return [
        AnnotationTask(
            task_id=f"task-{number}",
            question_key=f"{number}" * 64,
            tenant_id="mill",
            trace_id=trace.trace_id,
            question=trace.question,
            answer=trace.answer,
            why="uncertain",
            position=number + 1,
            estimated_minutes=1,
            n_annotators=9,
        )
        for number, trace in enumerate(traces[:2])
    ]


def make_home(root: Path) -> None:
    """A home with a run and two tasks."""
    new = [
        ledger_tasks.NewTask(
            task_id=task.task_id,
            question_key=task.question_key,
            tenant_id="mill",
            position=task.position,
            payload=task.model_dump(mode="json"),
            n_annotators=9,
        )
        for task in _tasks()
    ]
    root.mkdir()
    with Ledger.open(root / "ledger.sqlite") as ledger:
        ledger_runs.start_run(ledger, "run", "weekly-flywheel", {"a": 1}, _NOW, "p")
        enqueue(ledger, new, "run", _NOW)


def _argilla() -> list[bytes]:
    answered = {
        "verdict": "hallucination",
        "expected_behaviour": "answer",
        "expected_answer": "Mail ann@example.org.",
        "support": "none",
        "note": "n",
    }
    rows = [
        {
            "id": f"task-{number}",
            "fields": {"question": "q"},
            "status": "completed",
            "responses": {
                name: [{"value": value, "user_id": user, "status": "submitted"} for user in ("u1", "u2")]
                for name, value in answered.items()
            },
        }
        for number in range(3)
    ]
    return [json.dumps(rows).encode(), json.dumps(argilla.export_files(_tasks())["records.json"]).encode()]


def _argilla_lines() -> list[bytes]:
    return [b"".join(json.dumps(row).encode() + b"\n" for row in json.loads(content)) for content in _argilla()]


def _label_studio() -> list[bytes]:
    def choice(name: str, value: str) -> dict[str, object]:
        return {"from_name": name, "to_name": "answer", "type": "choices", "value": {"choices": [value]}}

    results = [
        choice("verdict", "ok"),
        choice("expected_behaviour", "answer"),
        {"from_name": "expected_answer", "type": "textarea", "value": {"text": ["Yes."]}},
    ]
    annotation = {
        "id": 1,
        "completed_by": {"id": 3, "email": "a@b.c"},
        "result": results,
        "created_at": "2026-11-09T08:00:00Z",
        "was_cancelled": False,
    }
    rows = [
        {
            "id": number,
            "data": {"task_id": f"task-{number}"},
            "annotations": [annotation, annotation | {"completed_by": 4}],
        }
        for number in range(2)
    ]
    return [json.dumps(rows).encode(), json.dumps(label_studio.export_files(_tasks())["tasks.json"]).encode()]
