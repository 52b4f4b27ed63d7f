"""What is known beforehand of right answers, from golden datasets and from files (A26)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.datasets.schema import arrow_schema, table_of
from millrace.errors import BadInputError
from millrace.evaluation.selection import eval_rows
from millrace.methods.abstention import is_abstention
from millrace.methods.question_identity import question_key
from millrace.methods.redaction import Redactor
from millrace.records.annotation import ExpectedBehaviour
from millrace.records.base import Identifier
from millrace.records.evaluation import Reference
from millrace.records.trace import SkipRow, Turn

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class ReferenceRow:
    """A row of a file: its line from 1, its sha256, and its object or why there is none.

    An error has its ``reason`` among its details, as readers of rows give it.
    """

    line: int
    row_hash: str
    content: Mapping[str, object] | BadInputError


@dataclass(frozen=True)
class ReferenceTables:
    """Tables of Reference and SkipRow."""

    references: pa.Table
    skips: pa.Table


@dataclass(frozen=True)
class MergedReferences:
    """References with one row per question, and how many rows of each source an earlier row stood for."""

    references: pa.Table
    n_repeated: dict[str, int]


class _FileReference(BaseModel):
    """The fields that are read of a row; others are left out."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    tenant_id: Identifier
    question: str = Field(min_length=1, pattern=r"\S")
    history: list[Turn] = []
    expected_behaviour: ExpectedBehaviour | None = None
    reference_answer: str | None = None
    reference_context_ids: list[Identifier] = []


def golden_references(rows: pa.Table, source: str) -> pa.Table:
    """References from a golden dataset, by golden id; its split ``train`` is left out, as from every evaluation.

    Which of the passages shown were the right ones is not known there, so no context ids are.

    Args:
        rows: table of GoldenRow.
        source: as 'golden main 1.2.0'.

    Returns:
        Table of Reference.
    """
    golden = eval_rows(rows)
    return table_of(
        Reference,
        [
            Reference(
                question_key=question_key(row.tenant_id, row.question, [turn.text for turn in row.history]),
                tenant_id=row.tenant_id,
                expected_behaviour=row.expected_behaviour,
                reference_answer=row.expected_answer,
                source=source,
            )
            for row in golden
        ],
    )


def read_reference_rows(
    rows: Iterable[ReferenceRow], *, source: str, redactor: Redactor, tenant_id: str | None = None
) -> ReferenceTables:
    """References from rows with a question and at least one of reference_answer, reference_context_ids and
    expected_behaviour; and tenant_id, unless one is given, and history where there is one.

    Texts are redacted as those of traces are: the question's key would not be found otherwise. Where the expected
    behaviour is left out, a reference answer tells it: to abstain if it says that there is no answer, else to answer.

    Args:
        rows: one batch of a file.
        source: the file's name without folders.
        tenant_id: for rows that name none.

    Returns:
        In row order; a row that cannot be taken is a SkipRow with its reason, and never shows its content.
    """
    references: list[Reference] = []
    skips: list[SkipRow] = []
    for row in rows:
        try:
            references.append(_reference(row, source, redactor, tenant_id))
        except BadInputError as error:
            reason = str(error.details["reason"])
            skips.append(
                SkipRow(source=source, line=row.line, reason=reason, message=str(error), row_hash=row.row_hash)
            )
    return ReferenceTables(table_of(Reference, references), table_of(SkipRow, skips))


def merge_references(tables: Sequence[pa.Table]) -> MergedReferences:
    """One row per question: the first of the first table that knows it; rows that it stands for are counted by source.

    Args:
        tables: of Reference, the one that counts most first.
    """
    merged = pa.concat_tables([arrow_schema(Reference).empty_table(), *tables])
    keys = merged.column("question_key")
    places = {key: place for place, key in reversed(list(enumerate(keys.to_pylist())))}
    first = pa.array(sorted(places.values()), pa.int64())
    repeated = merged.filter(pc.invert(pc.is_in(pa.array(range(len(keys)), pa.int64()), first)))
    counts = pc.value_counts(repeated.column("source")).to_pylist()
    return MergedReferences(
        merged.take(first),
        {row["values"]: row["counts"] for row in sorted(counts, key=lambda row: str(row["values"]))},
    )


def _reference(row: ReferenceRow, source: str, redactor: Redactor, tenant_id: str | None) -> Reference:
    if isinstance(row.content, BadInputError):
        raise row.content
    given = _checked({"tenant_id": tenant_id} | dict(row.content) if tenant_id else dict(row.content))
    answer = given.reference_answer if given.reference_answer and given.reference_answer.strip() else None
    if answer is None and not given.reference_context_ids and given.expected_behaviour is None:
        raise BadInputError(
            "none of reference_answer, reference_context_ids and expected_behaviour", reason="no_reference"
        )
    turns = [redactor.redact(turn.text).text for turn in given.history]
    return Reference(
        question_key=question_key(given.tenant_id, redactor.redact(given.question).text, turns),
        tenant_id=given.tenant_id,
        expected_behaviour=given.expected_behaviour or _behaviour(answer),
        reference_answer=None if answer is None else redactor.redact(answer).text,
        reference_context_ids=given.reference_context_ids,
        source=source,
    )


def _checked(content: Mapping[str, object]) -> _FileReference:
    try:
        given = _FileReference.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = "missing_field" if first["type"] == "missing" else "wrong_type"
        raise BadInputError(f"{place}: {first['msg']}", reason=reason) from error
    if _LONE_SURROGATE.search(_texts(given)):
        raise BadInputError("a text has a lone surrogate", reason="lone_surrogate")
    return given


def _texts(given: _FileReference) -> str:
    said = [turn.text for turn in given.history]
    return "\n".join(
        [given.tenant_id, given.question, given.reference_answer or "", *said, *given.reference_context_ids]
    )


def _behaviour(answer: str | None) -> ExpectedBehaviour | None:
    if answer is None:
        return None
    return "abstain" if is_abstention(answer) else "answer"
