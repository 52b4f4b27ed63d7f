"""What a run put out, and the rows of it that hold some conditions, read part by part."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.datasets.store import kind_of
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.catalogue import is_buried
from millrace.records.kinds import KINDS
from millrace.records.receipt import Receipt
from tasks.home import Home

_CONDITION = re.compile(r"([^=!<>]+?)\s*(!=|<=|>=|=|<|>)\s*(.*)", re.DOTALL)
_COMPARE = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


@dataclass(frozen=True)
class Outputs:
    """The datasets of one kind that a step put out."""

    step: str
    kind: str
    refs: tuple[DatasetRef, ...]

    @property
    def names(self) -> list[str]:
        return [ref.name for ref in self.refs]

    def n_rows(self, home: Home) -> int | None:
        """How many rows there are; None when one of the datasets is not in this home any more."""
        if not all(home.datasets.exists(ref) for ref in self.refs):
            return None
        return sum(home.datasets.open(ref).manifest.rows for ref in self.refs)


@dataclass(frozen=True)
class Condition:
    """One column compared with one value of its type; None stands for what is missing."""

    column: str
    operator: str
    value: pa.Scalar | None

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Which rows hold it; a missing value holds ``!=`` and no other comparison."""
        column = rows.column(self.column)
        if self.value is None:
            missing = pc.is_null(column)
            return missing if self.operator == "=" else pc.invert(missing)
        return pc.fill_null(_COMPARE[self.operator](column, self.value), self.operator == "!=")


@dataclass(frozen=True)
class Selection:
    """Rows of datasets of one kind, and the columns wanted."""

    outputs: Outputs
    conditions: tuple[Condition, ...]
    columns: list[str]

    @classmethod
    def of(cls, outputs: Outputs, where: Sequence[str], columns: str | None) -> "Selection":
        """What the words of a command mean.

        Raises:
            BadInputError: no such column, or a value or an operator that does not fit it.
        """
        schema = arrow_schema(kind_of(outputs.kind).model)
        wanted = schema.names if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
        for name in wanted:
            _known(schema, name, outputs.kind)
        conditions = tuple(_condition(text, schema, outputs.kind) for text in where)
        return cls(outputs, conditions, list(wanted))

    def rows(self, home: Home) -> Iterator[dict[str, Any]]:
        """The rows in the order of the datasets, one part in memory at a time.

        Raises:
            NotFoundError: a dataset was erased, or is not in this home.
        """
        for ref in self.outputs.refs:
            if is_buried(home.ledger, ref.content_hash):
                raise NotFoundError(f"{ref.name} was erased; its tombstone is left", ref=ref.name)
            for part in home.datasets.open(ref).parts(measured=True):
                for condition in self.conditions:
                    part = part.filter(condition.mask(part))
                for batch in part.select(self.columns).to_batches(max_chunksize=1000):
                    yield from batch.to_pylist()


def outputs_of(receipts: Sequence[Receipt]) -> list[Outputs]:
    """Every kind of dataset that each step put out, in the order of the steps."""
    found = []
    for receipt in sorted(receipts, key=lambda each: (each.started_at, each.step)):
        by_kind: dict[str, list[DatasetRef]] = {}
        for name in dict.fromkeys(receipt.outputs):
            kind, _, content_hash = name.partition(":")
            if kind in KINDS:
                # only kind and hash find a dataset
                by_kind.setdefault(kind, []).append(DatasetRef(kind=kind, content_hash=content_hash, rows=0))
        found += [Outputs(receipt.step, kind, tuple(refs)) for kind, refs in by_kind.items()]
    return found


def find_outputs(outputs: Sequence[Outputs], name: str, run_id: str) -> Outputs:
    """What a name means: a kind (the last step that put it out), a step with one kind, or ``step/kind``.

    Raises:
        NotFoundError: none; the message lists what there is.
        BadInputError: a step that put out several kinds.
    """
    of_kind = [each for each in outputs if each.kind == name]
    of_step = [each for each in outputs if name in (each.step, f"{each.step}/{each.kind}")]
    if of_kind:
        return of_kind[-1]
    if len(of_step) == 1:
        return of_step[0]
    if of_step:
        choices = ", ".join(f"{each.step}/{each.kind}" for each in of_step)
        raise BadInputError(f"step {name} put out several kinds: name one of {choices}", step=name)
    known = ", ".join(dict.fromkeys(each.kind for each in outputs)) or "none yet"
    raise NotFoundError(f"run {run_id} put out no {name!r}; there is {known}", run_id=run_id, dataset=name)


def _condition(text: str, schema: pa.Schema, kind: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise BadInputError(f"{text!r} is no condition; write column=value, or one of != < <= > >= for =", where=text)
    column, operator, value = match.groups()
    _known(schema, column, kind)
    data_type = schema.field(column).type
    if value == "null":
        if operator not in ("=", "!="):
            raise BadInputError(f"{text!r}: what is missing is found by =null or !=null", where=text)
        return Condition(column, operator, None)
    if pa.types.is_nested(data_type):
        flat = ", ".join(name for name in schema.names if not pa.types.is_nested(schema.field(name).type))
        raise BadInputError(f"column {column} holds lists or records; compare one of {flat}", column=column)
    try:
        return Condition(column, operator, pa.scalar(value).cast(data_type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInputError(f"{value!r} is no value of {column}, which is {data_type}", column=column) from error


def _known(schema: pa.Schema, column: str, kind: str) -> None:
    if column not in schema.names:
        raise BadInputError(f"{kind} has no column {column!r}; there are {', '.join(schema.names)}", column=column)
