"""Takes in answers from other annotation tools: each once, redacted, under its annotator's name."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from apps.cli.annotation import asking
from apps.cli.terminal import Terminal
from millrace.annotation.exchange import GivenAnswer, ReadRow, RefusalReason, RefusedAnswer, Taken, settle
from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError
from millrace.ingestion.readers import read_rows
from millrace.ingestion.row_bytes import UnreadableRow
from millrace.ledger.annotations import Annotation, answer_history
from millrace.ledger.tasks import Task, tasks
from millrace.records.annotation import AnnotationAnswer


@dataclass
class Imported:
    """What became of a file. ``n_unanswered`` counts rows in which nobody answered anything."""

    n_rows: int = 0
    n_unanswered: int = 0
    n_unchanged: int = 0
    stored: list[Annotation] = field(default_factory=list)
    skipped: list[RefusedAnswer] = field(default_factory=list)

    @property
    def document(self) -> dict[str, object]:
        counts: dict[str, int] = {}
        for each in self.skipped:
            counts[each.reason] = counts.get(each.reason, 0) + 1
        return {
            "n_rows": self.n_rows,
            "n_stored": len(self.stored),
            "n_unchanged": self.n_unchanged,
            "n_unanswered": self.n_unanswered,
            "n_skipped": len(self.skipped),
            "skipped_by_reason": counts,
            "stored": [{"task_id": each.task_id, "annotator": each.annotator} for each in self.stored],
            "skipped": self.skipped,
        }


def take_in(terminal: Terminal, file: Path, read: ReadRow, users: Mapping[str, str]) -> Imported:
    """Store every usable answer of the file.

    An answer that its annotator gave to the task before, now or earlier, changes nothing: importing twice is
    importing once, and does not undo what was changed here in between.

    Raises:
        NotFoundError: no such file.
        BadInputError: not a list of rows.
    """
    done = Imported()
    known = {task.task_id: task for task in tasks(terminal.existing_home().ledger)}
    for each in settle(_taken(file, read, users, done)):
        if isinstance(each, RefusedAnswer):
            done.skipped.append(each)
        elif each.task_id not in known:
            done.skipped.append(_refused(each, "unknown_task", "this home has no such task"))
        else:
            _store(terminal, known[each.task_id], each, done)
    return done


def _taken(file: Path, read: ReadRow, users: Mapping[str, str], done: Imported) -> Iterator[Taken]:
    for place, row in _rows(file):
        done.n_rows += 1
        found = [row] if isinstance(row, RefusedAnswer) else _read(row, place, read, users)
        done.n_unanswered += not found
        yield from found


def _read(row: object, place: int, read: ReadRow, users: Mapping[str, str]) -> list[Taken]:
    try:
        return read(row, place, users)
    except ValidationError as error:  # ids and names that are too long, or no Unicode
        fields = ", ".join(sorted({str(each["loc"][0]) for each in error.errors(include_input=False)}))
        return [RefusedAnswer(place=place, reason="malformed", message=f"cannot be used: {fields}")]


def _rows(file: Path) -> Iterator[tuple[int, object]]:
    """Rows with their places; one that cannot be read comes as a refusal."""
    if file.suffix == ".json" and file.is_file() and not _is_list(file):
        raise BadInputError(f"{file}: not a list of exported rows", file=str(file))
    place = 0
    for batch in read_rows(file):
        for raw in batch:
            place += 1
            if isinstance(raw, UnreadableRow):
                yield place, RefusedAnswer(place=place, reason="malformed", message=raw.message)
                continue
            try:
                yield place, json.loads(raw.content) if isinstance(raw.content, bytes) else raw.content
            except (ValueError, RecursionError) as error:
                yield place, RefusedAnswer(place=place, reason="malformed", message=f"not JSON: {type(error).__name__}")


def _is_list(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _store(terminal: Terminal, task: Task, given: GivenAnswer, done: Imported) -> None:
    if _answered_so(terminal, task, given):
        done.n_unchanged += 1
        return
    try:
        done.stored.append(asking.store(terminal, task, given.annotator, given.answer))
    except BadInputError as error:
        done.skipped.append(_refused(given, "refused", str(error)))


def _answered_so(terminal: Terminal, task: Task, given: GivenAnswer) -> bool:
    """Whether the annotator ever gave this answer to the task."""
    clean = canonical_json(asking.redacted(given.answer))
    history = answer_history(terminal.home.ledger, task.task_id)
    mine = (each for each in history if each.annotator == given.annotator and not each.adjudicates)
    return any(canonical_json(AnnotationAnswer.model_validate(each.answer)) == clean for each in mine)


def _refused(given: GivenAnswer, reason: RefusalReason, message: str) -> RefusedAnswer:
    return RefusedAnswer(
        place=given.place, task_id=given.task_id, annotator=given.annotator, reason=reason, message=message
    )
