"""Questions to answer, from rows of JSON: redacted, screened, bad rows set aside."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
from pydantic import ValidationError

from millrace.datasets.schema import table_of
from millrace.ingestion.readers import RawRow
from millrace.ingestion.row_bytes import UnreadableRow
from millrace.methods.injection import InjectionScreen
from millrace.methods.redaction import Redactor
from millrace.records.answer import Question
from millrace.records.trace import RedactionCount, SkipRow, Turn

_FIELDS = ("question_id", "tenant_id", "user_id", "session_id", "time", "question", "history")


@dataclass(frozen=True)
class Screens:
    """What every question passes before it is stored or answered."""

    redactor: Redactor
    injection: InjectionScreen


@dataclass(frozen=True)
class QuestionTables:
    """Tables of ``Question`` and ``SkipRow``."""

    questions: pa.Table
    skips: pa.Table


def map_questions(
    batch: Iterable[RawRow | UnreadableRow], screens: Screens, *, source: str, seen: set[str]
) -> QuestionTables:
    """Rows with the fields of ``Question`` as records, in row order; other fields are left out.

    Args:
        seen: question ids taken so far, added to; of rows with one id the first is taken.
    """
    questions: list[Question] = []
    skips: list[SkipRow] = []
    for row in batch:
        taken = _question(row, screens, source)
        if isinstance(taken, Question) and taken.question_id in seen:
            taken = _skip(row, source, "duplicate_id", "a question with this id came before")
        if isinstance(taken, Question):
            seen.add(taken.question_id)
            questions.append(taken)
        else:
            skips.append(taken)
    return QuestionTables(table_of(Question, questions), table_of(SkipRow, skips))


def _question(row: RawRow | UnreadableRow, screens: Screens, source: str) -> Question | SkipRow:
    if isinstance(row, UnreadableRow):
        return _skip(row, source, row.reason, row.message)
    try:
        content = json.loads(row.content) if isinstance(row.content, bytes) else row.content
    except (ValueError, RecursionError):
        return _skip(row, source, "not_json", "the row is not JSON")
    if not isinstance(content, dict):
        return _skip(row, source, "not_an_object", "the row is not a JSON object")
    try:
        question = Question.model_validate({name: content[name] for name in _FIELDS if name in content})
        table_of(Question, [question])
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return _skip(row, source, "invalid_field", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (pa.ArrowException, UnicodeEncodeError):
        return _skip(row, source, "unstorable_text", "a text holds characters that are no Unicode")
    return _screened(question, screens)


def _screened(question: Question, screens: Screens) -> Question:
    asked = screens.redactor.redact(question.question)
    turns = [screens.redactor.redact(turn.text) for turn in question.history]
    found: dict[str, int] = {}
    for redacted in (asked, *turns):
        for count in redacted.counts:
            found[count.pii_type] = found.get(count.pii_type, 0) + count.n_items
    return question.model_copy(
        update={
            "question": asked.text,
            "history": [
                Turn(speaker=turn.speaker, text=redacted.text)
                for turn, redacted in zip(question.history, turns, strict=True)
            ],
            "redactions": [RedactionCount(pii_type=name, n_items=n) for name, n in sorted(found.items())],
            "blocked_by": screens.injection.match(asked.text),
        }
    )


def _skip(row: RawRow | UnreadableRow, source: str, reason: str, message: str) -> SkipRow:
    return SkipRow(source=source, line=row.line, reason=reason, message=message, row_hash=row.row_hash)
