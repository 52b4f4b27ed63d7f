"""Questions to answer, from rows of JSON: screened, redacted, bad rows set aside."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from pydantic import ValidationError

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.ingestion.readers import Row
from millrace.ingestion.row_objects import object_of, refusal, skip_row
from millrace.methods.injection import InjectionScreen
from millrace.methods.pseudonyms import pseudonym
from millrace.methods.redaction import Redacted, Redactor
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
            question = question_of(object_of(row), screens)
            if question.question_id in seen:
                raise BadInputError("a question with this id came before", reason="duplicate_id")
        except BadInputError as error:
            skips.append(skip_row(row, error, source))
        else:
            seen.add(question.question_id)
            questions.append(question)
    return QuestionTables(table_of(Question, questions), table_of(SkipRow, skips))


def question_of(content: Mapping[str, object], screens: Screens) -> Question:
    """The question in an object with the fields of ``Question``, screened and redacted; other fields are left out.

    Raises:
        BadInputError: with a ``reason``: a field is missing, or its value cannot be stored.
    """
    return _screened(_question(content), screens)


def _question(content: Mapping[str, object]) -> Question:
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
    """Screened as it was written, since a redaction may hide a payload; then redacted, ids included."""
    redact = screens.redactor.redact
    asked, turns = redact(question.question), [redact(turn.text) for turn in question.history]
    user, session = (
        Redacted("") if name is None else pseudonym(name, screens.redactor)
        for name in (question.user_id, question.session_id)
    )
    passes = [asked, *turns, user, session]
    return question.model_copy(
        update={
            "user_id": question.user_id and user.text,
            "session_id": question.session_id and session.text,
            "question": asked.text,
            "history": [
                Turn(speaker=turn.speaker, text=redacted.text)
                for turn, redacted in zip(question.history, turns, strict=True)
            ],
            "redactions": _added(count for redacted in passes for count in redacted.counts),
            "reported_pii": _added(count for redacted in passes for count in redacted.reported),
            "blocked_by": _injection(question, screens.injection),
            "pii_blocked_by": min((found.blocked_by for found in passes if found.blocked_by is not None), default=None),
        }
    )


def _injection(question: Question, screen: InjectionScreen) -> str | None:
    """The rule that the question or an earlier turn of the user's runs into, in this order."""
    own = [turn.text for turn in question.history if turn.speaker == "user"]
    return next((rule for rule in screen.detect([question.question, *own]) if rule is not None), None)


def _added(counts: Iterable[RedactionCount]) -> list[RedactionCount]:
    found: Counter[str] = Counter()
    for count in counts:
        found[count.pii_type] += count.n_items
    return [RedactionCount(pii_type=name, n_items=n) for name, n in sorted(found.items())]
