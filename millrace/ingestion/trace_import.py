"""Imports traces from files by a declarative mapping (A13): redacted, validated, bad rows set aside."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.ingestion.mapping import TraceMapping
from millrace.ingestion.readers import Row
from millrace.ingestion.row_objects import object_of, refusal, skip_row
from millrace.methods.redaction import Redactor
from millrace.methods.trace_redaction import redact_trace
from millrace.records.trace import HumanRating, SkipRow, Trace


@dataclass(frozen=True)
class ImportSettings:
    """How rows become traces. Time and tenant are for rows where the mapping finds none."""

    mapping: TraceMapping
    redactor: Redactor
    default_time: datetime | None = None
    tenant_id: str | None = None


@dataclass(frozen=True)
class Imported:
    """Tables of ``Trace``, ``HumanRating`` and ``SkipRow``; every input row is in the first or in the last."""

    traces: pa.Table
    labels: pa.Table
    skips: pa.Table


def import_traces(path: Path, settings: ImportSettings) -> Iterator[Imported]:
    """The file's traces, batch by batch; of rows with the same trace id the first is taken.

    Raises:
        NotFoundError: no such file.
        BadInputError: a file that cannot be opened as what its name says. Bad rows never raise.
    """
    seen: set[str] = set()
    for batch in settings.mapping.rows(path):
        yield map_rows(batch, settings, source=path.name, seen=seen)


def map_rows(batch: Iterable[Row], settings: ImportSettings, *, source: str, seen: set[str]) -> Imported:
    """One batch of rows as tables, in row order.

    Args:
        source: the file's name without folders, written into skip rows.
        seen: trace ids taken from earlier batches; those of this batch are added, once it is done.
    """
    rows = list(batch)
    taken, skips = _sort_out(rows, settings, source, seen, check_columns=False)
    try:
        imported = _tables(taken, skips)
    except _NO_COLUMN_HOLDS_IT:
        # Rare, and dear to check for each row: so only batches with such a value pay for it.
        taken, skips = _sort_out(rows, settings, source, seen, check_columns=True)
        imported = _tables(taken, skips)
    seen.update(found.trace.trace_id for found in taken)
    return imported


_NO_COLUMN_HOLDS_IT = (pa.ArrowException, OverflowError, UnicodeEncodeError)


@dataclass(frozen=True)
class _Taken:
    trace: Trace
    labels: list[HumanRating]


def _sort_out(
    rows: list[Row], settings: ImportSettings, source: str, seen: set[str], *, check_columns: bool
) -> tuple[list[_Taken], list[SkipRow]]:
    taken: dict[str, _Taken] = {}
    skips: list[SkipRow] = []
    for row in rows:
        try:
            found = _take(row, settings)
            if found.trace.trace_id in seen or found.trace.trace_id in taken:
                raise BadInputError("an earlier row has the same trace id", reason="duplicate_id")
            if check_columns:
                _check_columns(found)
        except BadInputError as error:
            skips.append(skip_row(row, error, source))
        else:
            taken[found.trace.trace_id] = found
    return list(taken.values()), skips


def _take(row: Row, settings: ImportSettings) -> _Taken:
    try:
        content = settings.mapping.row(object_of(row))
        values = _defaults(settings) | settings.mapping.trace_values(content)
        trace = Trace.model_validate(values)
        labels = settings.mapping.ratings(content, trace.trace_id)
    except ValidationError as error:
        raise refusal(error) from error
    except RecursionError as error:
        raise BadInputError("nested too deeply", reason="too_deep") from error
    except OverflowError as error:
        raise BadInputError("time: too close to the first or last year for UTC", reason="wrong_type") from error
    return _Taken(redact_trace(trace, settings.redactor), labels)


def _defaults(settings: ImportSettings) -> dict[str, object]:
    given = {"time": settings.default_time, "tenant_id": settings.tenant_id}
    return {name: value for name, value in given.items() if value is not None}


def _tables(taken: list[_Taken], skips: list[SkipRow]) -> Imported:
    return Imported(
        traces=table_of(Trace, [found.trace for found in taken]),
        labels=table_of(HumanRating, [label for found in taken for label in found.labels]),
        skips=table_of(SkipRow, skips),
    )


def _check_columns(found: _Taken) -> None:
    try:
        _tables([found], [])
    except UnicodeEncodeError as error:
        raise BadInputError("a text has a lone surrogate", reason="lone_surrogate") from error
    except (pa.ArrowException, OverflowError) as error:
        raise BadInputError("a number does not fit its column", reason="out_of_range") from error
