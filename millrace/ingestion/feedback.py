"""Imports what users say of answers (A19): ratings of a declared scale, redacted; bad rows set aside."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import Field, ValidationError

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.ingestion.rating_scales import RatingScale, rating_of
from millrace.ingestion.readers import Row, read_rows
from millrace.ingestion.row_objects import object_of, refusal, skip_row
from millrace.methods.field_paths import MISSING, PathField
from millrace.methods.pseudonyms import pseudonym
from millrace.methods.redaction import Redactor
from millrace.records.base import Record
from millrace.records.feedback import Feedback
from millrace.records.trace import SkipRow

FeedbackField = Literal["feedback_id", "trace_id", "tenant_id", "user_id", "time", "rating", "correction", "comment"]
_FIELDS: tuple[FeedbackField, ...] = tuple(Feedback.model_fields)  # type: ignore[arg-type]
_SAID = ("rating", "correction", "comment")


class FeedbackForm(Record):
    """How rows say it; fields that are not named are looked for under their own name, others are left out."""

    scale: RatingScale | None = Field(None, description="Without one only true, false and the words for thumbs count")
    fields: dict[FeedbackField, PathField] = Field({}, description="Where in a row a field is")


def feedback_form(scale: RatingScale | None, fields: Mapping[FeedbackField, str]) -> FeedbackForm:
    """The form with paths as they are written, such as ``user.id``.

    Raises:
        BadInputError: something that is no path.
    """
    try:
        return FeedbackForm.model_validate({"scale": scale, "fields": dict(fields)})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


@dataclass(frozen=True)
class FeedbackSettings:
    """How rows become feedback. Time and tenant are for rows that give none."""

    form: FeedbackForm
    redactor: Redactor
    default_time: datetime | None = None
    tenant_id: str | None = None


@dataclass(frozen=True)
class ImportedFeedback:
    """Tables of ``Feedback`` and ``SkipRow``; every input row is in one of them."""

    feedback: pa.Table
    skips: pa.Table


class FeedbackImport:
    """Takes rows batch by batch, in file order.

    Attributes:
        n_ratings, n_corrections, n_comments: of the rows taken so far.
        n_duplicates: rows that an earlier row of the file says word for word, so far; they are skips.
        n_revised: rows taken whose user spoke of the same trace before in the file, so far; the latest counts.
    """

    def __init__(self, settings: FeedbackSettings, source: str) -> None:
        self._settings, self._source = settings, source
        self._seen: set[str] = set()
        self._spoken: set[tuple[str, str, str | None]] = set()
        self.n_ratings = self.n_corrections = self.n_comments = 0
        self.n_duplicates = self.n_revised = 0

    def batches(self, path: Path) -> Iterator[ImportedFeedback]:
        """The file's rows as tables.

        Raises:
            NotFoundError: no such file.
            BadInputError: a file that cannot be opened as what its name says. Bad rows never raise.
        """
        return (self.of(batch) for batch in read_rows(path))

    def of(self, batch: Iterable[Row]) -> ImportedFeedback:
        """One batch of rows as tables, in row order."""
        taken: list[Feedback] = []
        skips: list[SkipRow] = []
        for row in batch:
            try:
                feedback = feedback_of(object_of(row), self._settings)
                self._note(feedback)
            except BadInputError as error:
                skips.append(skip_row(row, error, self._source))
            else:
                taken.append(feedback)
        return ImportedFeedback(table_of(Feedback, taken), table_of(SkipRow, skips))

    def _note(self, feedback: Feedback) -> None:
        said = sha256_json(feedback.model_dump(mode="json"))
        if said in self._seen:
            self.n_duplicates += 1
            raise BadInputError("an earlier row says the same", reason="duplicate")
        self._seen.add(said)
        who = (feedback.trace_id, feedback.tenant_id, feedback.user_id)
        self.n_revised += who in self._spoken
        self._spoken.add(who)
        self.n_ratings += feedback.rating is not None
        self.n_corrections += feedback.correction is not None
        self.n_comments += feedback.comment is not None


def feedback_of(content: Mapping[str, object], settings: FeedbackSettings) -> Feedback:
    """A row's feedback, redacted; a user id that is personal data becomes a pseudonym, as in traces.

    Raises:
        BadInputError: with a ``reason``; no message holds what the row says.
    """
    values = {"time": settings.default_time, "tenant_id": settings.tenant_id, **_values(content, settings.form)}
    values["rating"] = rating_of(values.get("rating"), settings.form.scale)
    given = {name: value for name, value in values.items() if value is not None}
    try:
        feedback = Feedback.model_validate({"feedback_id": "-", **given})
    except ValidationError as error:
        raise refusal(error) from error
    except OverflowError as error:
        raise BadInputError("time: too close to the first or last year for UTC", reason="wrong_type") from error
    if all(getattr(feedback, name) is None for name in _SAID):
        raise BadInputError("neither a rating nor a correction nor a comment", reason="says_nothing")
    _check_texts(feedback)
    redacted = _redacted(feedback, settings.redactor)
    return redacted if "feedback_id" in given else redacted.model_copy(update={"feedback_id": _made_id(redacted)})


def _values(content: Mapping[str, object], form: FeedbackForm) -> dict[str, object]:
    """The row's own values; null and blank texts count as not given."""
    found: dict[str, object] = {}
    for name in _FIELDS:
        path = form.fields.get(name)
        value = content.get(name, MISSING) if path is None else path.look_up(content)
        blank = value is MISSING or value is None or (isinstance(value, str) and not value.strip())
        if not blank:
            found[name] = value
    return found


def _check_texts(feedback: Feedback) -> None:
    try:
        "".join(value for value in feedback.model_dump().values() if isinstance(value, str)).encode()
    except UnicodeEncodeError as error:
        raise BadInputError("a text has a lone surrogate", reason="lone_surrogate") from error


def _redacted(feedback: Feedback, redactor: Redactor) -> Feedback:
    """Trace and tenant ids stay: other data is found by them."""
    texts = {name: getattr(feedback, name) for name in ("correction", "comment")}
    names = {name: getattr(feedback, name) for name in ("feedback_id", "user_id")}
    update = {name: text and redactor.redact(text).text for name, text in texts.items()}
    return feedback.model_copy(
        update=update | {name: text and pseudonym(text, redactor).text for name, text in names.items()}
    )


def _made_id(feedback: Feedback) -> str:
    """The same for the same word of the same user at the same time, in whatever file it comes."""
    return sha256_json(feedback.model_dump(mode="json", exclude={"feedback_id"}))[:32]
