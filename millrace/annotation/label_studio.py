"""Tasks in Label Studio's JSON format with a labeling configuration, and answers from its JSON export (A30).

Offsets of labelled text are code points, as Label Studio stores them.

Source:
    https://labelstud.io/guide/tasks#Basic-Label-Studio-JSON-format (tasks), https://labelstud.io/guide/predictions
    (pre-annotations), https://labelstud.io/guide/task_format and https://labelstud.io/guide/export (what comes back),
    https://labelstud.io/tags (the configuration).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args
from xml.sax.saxutils import quoteattr

from millrace.annotation import exchange
from millrace.annotation.exchange import FIELDS, SENTENCES, TITLES, Files, RefusedAnswer, Taken
from millrace.annotation.support import SupportLevel, sentences_within, support_level
from millrace.records.annotation import AnnotationTask, AnswerSupport, AnswerVerdict, ExpectedBehaviour

TOOL = "label-studio"
_CHOICES = {"verdict": AnswerVerdict, "expected_behaviour": ExpectedBehaviour, "support": AnswerSupport}
_REQUIRED = ("verdict", "expected_behaviour")
_COLOURS: Mapping[SupportLevel, str] = {"supported": "#009E73", "doubtful": "#E69F00", "unsupported": "#D55E00"}
_README = """\
# Annotation tasks from Millrace, for Label Studio

1. Make a project. Under Settings, Labeling Interface, Code, paste `config.xml`.
2. Paste `guidelines.md`, where it is here, under Settings, General or Labeling Interface, Instructions.
3. Import `tasks.json`. Triage's verdict and the marks on the answer's sentences (how far the passages support them) are
   pre-annotations; the marks are to read by, changes to them are not taken back.
4. When people have answered, export as JSON (not JSON-MIN), and bring the file in:

```
millrace annotate import --format label-studio export.json
```

Exports that name users by number only give annotators such as `label-studio:3`. A file with `{"3": "their name"}`
given as `--users users.json` names them.
"""


def export_files(tasks: Sequence[AnnotationTask], guidelines: str | None = None) -> Files:
    """The tasks in their order, the labeling configuration, and how to load them."""
    texts = {} if guidelines is None else {"guidelines.md": guidelines}
    return {
        "tasks.json": [_task(task) for task in tasks],
        "config.xml": labeling_config(),
        "README.md": _README,
    } | texts


def labeling_config() -> str:
    """The interface in which people answer: XML."""
    labels = "".join(f"<Label value={quoteattr(level)} background={quoteattr(c)}/>" for level, c in _COLOURS.items())
    return f"""\
<View>
  <Style>.htx-text {{ white-space: pre-wrap; }}</Style>
  <Text name="why" value="$why" selectionEnabled="false"/>
  <Header value="Earlier turns"/>
  <Paragraphs name="history" value="$history" layout="dialogue" nameKey="speaker" textKey="text"/>
  <Header value="Question"/>
  <Text name="question" value="$question" selectionEnabled="false"/>
  <Header value="Answer"/>
  <Text name="answer" value="$answer"/>
  <Header value={quoteattr(exchange.SENTENCES_TITLE)} size="6"/>
  <Labels name="{SENTENCES}" toName="answer">{labels}</Labels>
  <Header value="Passages"/>
  <Paragraphs name="passages" value="$passages" layout="dialogue" nameKey="title" textKey="text"/>
{"".join(map(_control, FIELDS))}</View>
"""


def read_row(row: object, place: int, users: Mapping[str, str]) -> list[Taken]:
    """The answers in one exported task, one per annotation; empty when nobody has annotated it."""
    task_id = (exchange.mapping_at(row, "data") or {}).get("task_id")
    annotations = row.get("annotations") if isinstance(row, Mapping) else None
    if not isinstance(task_id, str) or not task_id or not isinstance(annotations, list):
        lacks = "annotations" if isinstance(task_id, str) and task_id else "data.task_id"
        return [RefusedAnswer(place=place, reason="malformed", message=f"a task without {lacks}")]
    return [_taken(annotation, place, task_id, users) for annotation in annotations]


def _taken(annotation: object, place: int, task_id: str, users: Mapping[str, str]) -> Taken:
    results = annotation.get("result") if isinstance(annotation, Mapping) else None
    if not isinstance(annotation, Mapping) or not isinstance(results, list):
        message = "an annotation without result"
        return RefusedAnswer(place=place, task_id=task_id, reason="malformed", message=message)
    annotator = _annotator(annotation.get("completed_by"), users)
    if annotation.get("was_cancelled"):
        return RefusedAnswer(
            place=place, task_id=task_id, annotator=annotator, reason="discarded", message="skipped in Label Studio"
        )
    fields: dict[str, object] = {}
    for result in results:
        name = result.get("from_name") if isinstance(result, Mapping) else None
        if name in FIELDS:
            values = _values(result)
            if values is None or (name in _CHOICES and len(values) != 1):
                message = f"{name}: one value is wanted"
                return RefusedAnswer(
                    place=place, task_id=task_id, annotator=annotator, reason="malformed", message=message
                )
            fields[str(name)] = "\n".join(values)
    answered_at = _time(annotation.get("updated_at") or annotation.get("created_at"))
    return exchange.take(fields, place=place, task_id=task_id, annotator=annotator, answered_at=answered_at)


def _values(result: Mapping[str, Any]) -> list[str] | None:
    """A control's values: ``value.choices`` or ``value.text``, a list or a single text; None when neither."""
    value = exchange.mapping_at(result, "value") or {}
    given = value.get("choices", value.get("text"))
    listed = [given] if isinstance(given, str) else given
    return listed if isinstance(listed, list) and all(isinstance(each, str) for each in listed) else None


def _annotator(completed_by: object, users: Mapping[str, str]) -> str:
    """Exports hold the user's number, or an object with number and e-mail address."""
    if isinstance(completed_by, Mapping):
        named = users.get(str(completed_by.get("id"))) or completed_by.get("email") or completed_by.get("username")
        if isinstance(named, str) and named:
            return users.get(named, named)
        completed_by = completed_by.get("id")
    return exchange.user_name("unknown" if completed_by is None else completed_by, users, TOOL)


def _time(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _control(name: str) -> str:
    header = f"  <Header value={quoteattr(TITLES[name])}/>\n"
    required = ' required="true"' if name in _REQUIRED else ""
    if name not in _CHOICES:
        return f'{header}  <TextArea name="{name}" toName="answer" rows="4" maxSubmissions="1" editable="true"/>\n'
    choices = "".join(f"<Choice value={quoteattr(value)}/>" for value in get_args(_CHOICES[name]))
    tag = f'<Choices name="{name}" toName="answer" choice="single" showInline="true"{required}>'
    return f"{header}  {tag}{choices}</Choices>\n"


def _task(task: AnnotationTask) -> dict[str, Any]:
    history = [{"speaker": turn.speaker, "text": turn.text} for turn in task.history]
    passages = [
        {"title": f"[{rank}] {context.title or context.context_id}", "text": context.text}
        for rank, context in enumerate(task.contexts, start=1)
    ]
    data = exchange.facts(task) | {
        "question": task.question,
        "answer": task.answer or "(no answer)",
        "history": history or [{"speaker": "", "text": "(none)"}],
        "passages": passages or [{"title": "", "text": "(none)"}],
        "why": exchange.why_text(task),
    }
    return {"data": data, "predictions": [_prediction(task)]}


def _prediction(task: AnnotationTask) -> dict[str, Any]:
    name = task.task_id  # every result of a project wants an id of its own
    verdict = _result(f"{name}-verdict", "verdict", "choices", {"choices": [exchange.guess(task)]})
    answer = task.answer or ""
    marks = [
        _result(f"{name}-sentence-{number}", SENTENCES, "labels", {
            "start": each.start, "end": each.end, "text": answer[each.start : each.end],
            "labels": [support_level(each.support)],
        })
        for number, each in enumerate(sentences_within(answer, task.sentences), start=1)
    ]  # fmt: skip
    score = {} if task.confidence is None else {"score": task.confidence}
    return {"model_version": f"{exchange.SOURCE}-triage", "result": [verdict, *marks]} | score


def _result(result_id: str, from_name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": result_id, "from_name": from_name, "to_name": "answer", "type": kind, "value": value}
