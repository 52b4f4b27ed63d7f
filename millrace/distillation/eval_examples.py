"""The questions that the application is evaluated on, which no training row may be (D4 to D6)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.datasets.canonical import canonical_json
from millrace.datasets.schema import table_of
from millrace.distillation.golden_stream import GoldenDataset, eval_side
from millrace.errors import BadInputError
from millrace.methods.redaction import Redactor
from millrace.records.base import Identifier
from millrace.records.evidence import EvalExample
from millrace.records.trace import SkipRow, Turn

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_ID = 512
_REASONS = {"missing": "missing_field", "string_unicode": "lone_surrogate"}


@dataclass(frozen=True)
class EvalRow:
    """A row of a user's file: its line from 1, its sha256, and its object or why there is none.

    An error has its ``reason`` among its details, as readers of rows give it.
    """

    line: int
    row_hash: str
    content: Mapping[str, object] | BadInputError


@dataclass(frozen=True)
class EvalTables:
    """Tables of EvalExample and SkipRow."""

    examples: pa.Table
    skips: pa.Table


class _Given(BaseModel):
    """The fields that are read of a row; others are left out, and null counts as left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str | int | None = Field(None, union_mode="left_to_right")
    tenant_id: Identifier = "default"
    question: str = Field(pattern=r"\S")
    history: list[Turn] = []
    expected_answer: str | None = None


def golden_examples(golden: Sequence[GoldenDataset]) -> list[EvalExample]:
    """The eval side of every golden dataset, of all tenants, with or without an expected answer."""
    return [
        EvalExample(
            eval_id=f"golden {about.name} {row['golden_id']}"[:_MAX_ID],
            **{name: row[name] for name in ("tenant_id", "question", "history", "expected_answer")},
        )
        for about, rows in eval_side(golden)
        for row in rows.to_pylist()
    ]


def file_examples(rows: Iterable[EvalRow], source: str, redactor: Redactor) -> tuple[list[EvalExample], list[SkipRow]]:
    """Examples from rows with a ``question``; ``id``, ``expected_answer``, ``history`` and ``tenant_id`` are optional.

    Args:
        source: the file's name without folders.

    Returns:
        In row order; a row that cannot be taken is a SkipRow with its reason, and never shows its content.
    """
    examples, skips = [], []
    for row in rows:
        try:
            examples.append(_example(row, source, redactor))
        except BadInputError as error:
            reason = str(error.details["reason"])
            skips.append(
                SkipRow(source=source, line=row.line, reason=reason, message=str(error), row_hash=row.row_hash)
            )
    return examples, skips


def eval_tables(examples: Iterable[EvalExample], skips: Iterable[SkipRow]) -> EvalTables:
    """Examples sorted by id, each once: of equal ones, whatever their ids, the first by id stays."""
    ordered = sorted(examples, key=lambda each: (each.eval_id, canonical_json(each)))
    once: dict[bytes, EvalExample] = {}
    for example in ordered:
        once.setdefault(canonical_json(example.model_dump(exclude={"eval_id"})), example)
    return EvalTables(table_of(EvalExample, once.values()), table_of(SkipRow, skips))


def _example(row: EvalRow, source: str, redactor: Redactor) -> EvalExample:
    if isinstance(row.content, BadInputError):
        raise row.content
    try:
        given = _Given.model_validate({name: value for name, value in row.content.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        reason = _REASONS.get(first["type"], "wrong_type")
        raise BadInputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", reason=reason) from error
    if _LONE_SURROGATE.search("\n".join(_texts(given))):
        raise BadInputError("a text has a lone surrogate", reason="lone_surrogate")
    name = f"row {row.line}" if given.id in (None, "") else str(given.id)
    return EvalExample(
        eval_id=f"file {source} {name}"[:_MAX_ID],
        tenant_id=given.tenant_id,
        question=redactor.redact(given.question).text,
        history=[Turn(speaker=turn.speaker, text=redactor.redact(turn.text).text) for turn in given.history],
        expected_answer=None if given.expected_answer is None else redactor.redact(given.expected_answer).text,
    )


def _texts(given: _Given) -> list[str]:
    said = [turn.text for turn in given.history]
    return [str(given.id), given.tenant_id, given.question, given.expected_answer or "", *said]
