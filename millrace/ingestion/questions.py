"""Questions to answer, from rows of JSON: redacted, screened, bad rows set aside."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
from pydantic import ValidationError

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.ingestion.readers import Row
from millrace.ingestion.row_objects import object_of, refusal, skip_row
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


def map_questions(batch: Iterable[Row], screens: Screens, *, source: str, seen: set[str]) -> QuestionTables:
    """Rows with the fields of ``Question`` as records, in row order; other fields are left out.

    Args:
        seen: question ids taken so far, added to; of rows with one id the first is taken.
    """
    questions: list[Question] = []
    skips: list[SkipRow] = []
    for row in batch:
        try:
            question = _screened(_question(row), screens)
            if question.question_id in seen:
                raise BadInputError("a question with this id came before", reason="duplicate_id")
        except BadInputError as error:
            skips.append(skip_row(row, error, source))
        else:
            seen.add(question.question_id)
            questions.append(question)
    return QuestionTables(table_of(Question, questions), table_of(SkipRow, skips))


def _question(row: Row) -> Question:
    content = object_of(row)
    try:
        question = Question.model_validate({name: content[name] for name in _FIELDS if name in content})
        table_of(Question, [question])
    except ValidationError as error:
        raise refusal(error) from error
    except UnicodeEncodeError as error:
        raise BadInputError("a text has a lone surrogate", reason="lone_surrogate") from error
    except (pa.ArrowException, OverflowError) as error:
        raise BadInputError("a time or number does not fit its column", reason="out_of_range") from error
    return question


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
