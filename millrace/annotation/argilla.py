"""Tasks as a dataset of Argilla 2, and answers from its records (A30).

Source:
    The folder that ``rg.Dataset.to_disk`` writes and ``from_disk`` reads, and the list of ``rg.Record.to_dict`` that
    ``records.to_json`` writes: https://docs.argilla.io/latest/how_to_guides/import_export and
    https://docs.argilla.io/latest/reference/argilla/records/records, as of Argilla 2.8.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from millrace.annotation import exchange
from millrace.annotation.exchange import FIELDS, SENTENCES, TITLES, Files, RefusedAnswer, Taken
from millrace.annotation.support import SupportLevel, sentences_within, support_level
from millrace.records.annotation import AnnotationTask, AnswerSupport, AnswerVerdict, ExpectedBehaviour

TOOL = "argilla"
RECORDS = "records.json"
_LABELS = {"verdict": AnswerVerdict, "expected_behaviour": ExpectedBehaviour, "support": AnswerSupport}
_REQUIRED = ("verdict", "expected_behaviour")
_NEW = {"id": None, "inserted_at": None, "updated_at": None}
_METADATA = {
    "task_id": "terms", "trace_id": "terms", "failure_type": "terms", "confidence": "float", "group_label": "terms",
    "position": "integer", "estimated_minutes": "float",
}  # fmt: skip
_README = """\
# Annotation tasks from Millrace, for Argilla 2

Load them from this folder:

```python
import argilla as rg

client = rg.Argilla(api_url="https://your.argilla", api_key="...")
dataset = rg.Dataset.from_disk(path=".", name="millrace", workspace="your-workspace", client=client)
```

Triage's verdict is there as a suggestion; the marks on the answer's sentences say how far the passages support them,
and are to read by: changes to them are not taken back.

When people have answered, write the answers and the users' names (Argilla's records know users by id only):

```python
import json

dataset.records.to_json("answers.json")
with open("users.json", "w") as file:
    json.dump({str(user.id): user.username for user in client.users}, file)
```

and bring them in:

```
millrace annotate import --format argilla --users users.json answers.json
```
"""


def export_files(tasks: Sequence[AnnotationTask], guidelines: str | None = None) -> Files:
    """The files of a dataset with these tasks as records, in their order."""
    return {
        ".argilla/dataset.json": _dataset(tasks, guidelines),
        ".argilla/settings.json": _settings(tasks, guidelines),
        RECORDS: [_record(task) for task in tasks],
        "README.md": _README,
    }


def read_row(row: object, place: int, users: Mapping[str, str]) -> list[Taken]:
    """The answers in one record, one per user who responded; empty when nobody did."""
    responses = exchange.mapping_at(row, "responses")
    task_id = _task_id(row)
    if task_id is None or responses is None:
        lacks = "id" if task_id is None else "responses"
        return [RefusedAnswer(place=place, task_id=task_id, reason="malformed", message=f"a record without {lacks}")]
    by_user: dict[str, dict[str, Any]] = {}
    for name in FIELDS:
        given = responses.get(name) or []
        for response in given if isinstance(given, list) else [given]:
            if not isinstance(response, Mapping) or not response.get("user_id"):
                message = f"a response to {name} without user_id"
                return [RefusedAnswer(place=place, task_id=task_id, reason="malformed", message=message)]
            mine = by_user.setdefault(str(response["user_id"]), {})
            mine[name] = response.get("value")
            mine["status"] = response.get("status") or mine.get("status")
    return [_taken(fields, place, task_id, exchange.user_name(user, users, TOOL)) for user, fields in by_user.items()]


def _taken(fields: Mapping[str, Any], place: int, task_id: str, annotator: str) -> Taken:
    status = fields.get("status")
    if status == "discarded":
        refused = RefusedAnswer(
            place=place, task_id=task_id, annotator=annotator, reason="discarded", message="discarded in Argilla"
        )
    elif status not in (None, "submitted"):
        refused = RefusedAnswer(
            place=place, task_id=task_id, annotator=annotator, reason="not_submitted", message="not submitted yet"
        )
    else:
        return exchange.take(fields, place=place, task_id=task_id, annotator=annotator)
    return refused


def _task_id(row: object) -> str | None:
    own = row.get("id") if isinstance(row, Mapping) else None
    return own if isinstance(own, str) and own else None


def _dataset(tasks: Sequence[AnnotationTask], guidelines: str | None) -> dict[str, Any]:
    return _NEW | {
        "name": "millrace",
        "status": "draft",
        "guidelines": guidelines,
        "allow_extra_metadata": True,
        "distribution": _distribution(tasks),
        "workspace_id": None,
        "last_activity_at": None,
    }


def _settings(tasks: Sequence[AnnotationTask], guidelines: str | None) -> dict[str, Any]:
    fields = [("question", True), ("history", False), ("answer", False), ("passages", False), ("why", True)]
    return {
        "guidelines": guidelines,
        "questions": [*map(_question, FIELDS), _sentence_question()],
        "fields": [_field(name, required) for name, required in fields],
        "vectors": [],
        "metadata": [_metadata(name, kind) for name, kind in _METADATA.items()],
        "allow_extra_metadata": True,
        "distribution": _distribution(tasks),
        "mapping": None,
    }


def _distribution(tasks: Sequence[AnnotationTask]) -> dict[str, Any]:
    """Argilla knows one number for the whole dataset: what every task wants at least."""
    return {"strategy": "overlap", "min_submitted": min((task.n_annotators for task in tasks), default=1)}


def _property(name: str, title: str, settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _NEW | {"name": name, "title": title, "settings": settings, "dataset_id": None} | more


def _field(name: str, required: bool) -> dict[str, Any]:
    settings = {"type": "text", "use_markdown": False}
    return _property(name, name.capitalize(), settings, required=required, description=None, type="text")


def _question(name: str) -> dict[str, Any]:
    settings = _labels("label_selection", get_args(_LABELS[name])) if name in _LABELS else _text()
    return _property(name, TITLES[name], settings, required=name in _REQUIRED, description=None, type=settings["type"])


def _sentence_question() -> dict[str, Any]:
    settings = _labels("span", get_args(SupportLevel)) | {"allow_overlapping": False, "field": "answer"}
    title = exchange.SENTENCES_TITLE
    return _property(SENTENCES, title, settings, required=False, description=None, type="span")


def _labels(kind: str, labels: Sequence[str]) -> dict[str, Any]:
    options = [{"text": label.replace("_", " "), "value": label} for label in labels]
    return {"type": kind, "options": options, "visible_options": len(options)}


def _text() -> dict[str, Any]:
    return {"type": "text", "use_markdown": False}


def _metadata(name: str, kind: str) -> dict[str, Any]:
    bounds = {"values": None} if kind == "terms" else {"min": None, "max": None}
    settings = {"visible_for_annotators": True, "type": kind} | bounds
    return _property(name, name.replace("_", " "), settings, visible_for_annotators=True)


def _record(task: AnnotationTask) -> dict[str, Any]:
    texts = {
        "question": task.question,
        "history": exchange.history_text(task),
        "answer": task.answer or "",
        "passages": exchange.passages_text(task),
        "why": exchange.why_text(task),
    }
    return {
        "id": task.task_id,
        "fields": {name: text for name, text in texts.items() if text.strip() or name == "question"},
        "metadata": exchange.facts(task),
        "suggestions": _suggestions(task),
        "responses": {},
        "vectors": {},
        "status": "pending",
        "_server_id": None,
    }


def _suggestions(task: AnnotationTask) -> dict[str, Any]:
    agent = f"{exchange.SOURCE} triage"
    found: dict[str, Any] = {"verdict": {"value": exchange.guess(task), "score": task.confidence, "agent": agent}}
    spans = [
        {"start": each.start, "end": each.end, "label": support_level(each.support)}
        for each in sentences_within(task.answer or "", task.sentences)
    ]
    if spans:
        found[SENTENCES] = {"value": spans, "score": None, "agent": f"{exchange.SOURCE} groundedness"}
    return found
