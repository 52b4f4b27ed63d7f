"""Conditions over markers and fields of a record, as the scoring table writes them, and which rows they hold for."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Discriminator, Field, Tag, model_validator

from millrace.distillation.marker_columns import FIELDS, Column, EvidenceColumns, RecordField, as_word
from millrace.records.base import Identifier, Record

Mask = npt.NDArray[np.bool_]
Value = bool | float | str
Number = Annotated[float, Field(strict=True)]  # no text and no truth value
Operator = Literal[
    "equals",
    "not_equals",
    "one_of",
    "none_of",
    "less_than",
    "at_most",
    "more_than",
    "at_least",
    "present",
    "missing",
    "differs_from",
]

SYMBOLS: Mapping[Operator, str] = MappingProxyType(
    {
        "equals": "=",
        "not_equals": "is not",
        "one_of": "is one of",
        "none_of": "is none of",
        "less_than": "<",
        "at_most": "<=",
        "more_than": ">",
        "at_least": ">=",
        "present": "is given",
        "missing": "is not given",
        "differs_from": "differs from",
    }
)
_RANGES: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"less_than": pc.less, "at_most": pc.less_equal, "more_than": pc.greater, "at_least": pc.greater_equal}
)
_ON_TEXT = ("equals", "not_equals", "one_of", "none_of", "present", "missing")
_SPLITS = ("eval", "train")


class Condition(Record):
    """One look at one marker or field. What is not given fulfils ``missing`` and nothing else.

    Text is compared without regard to small and capital letters (ASCII) and space around it, by ``differs_from`` as it
    is. A number is compared with the marker's number, a truth value with its text.
    """

    marker: Identifier | None = None
    field: RecordField | None = None
    equals: Value | None = None
    not_equals: Value | None = None
    one_of: tuple[Value, ...] | None = Field(None, min_length=1)
    none_of: tuple[Value, ...] | None = Field(None, min_length=1)
    less_than: Number | None = None
    at_most: Number | None = None
    more_than: Number | None = None
    at_least: Number | None = None
    present: Literal[True] | None = None
    missing: Literal[True] | None = None
    differs_from: Identifier | None = Field(None, description="Another marker; both must be given")

    @model_validator(mode="after")
    def _can_be_evaluated(self) -> "Condition":
        problem = _problem(self)
        if problem:
            raise ValueError(problem)
        return self

    @property
    def subject(self) -> str:
        """The marker's or field's name."""
        return self.marker or str(self.field)

    @property
    def operator(self) -> Operator:
        return _operators(self)[0]

    @property
    def bound(self) -> Any:
        """What the marker or field is compared with; True for ``present`` and ``missing``."""
        return getattr(self, self.operator)


class Group(Record):
    """Conditions taken together: all of ``all`` hold, one of ``any`` at least, not one of ``none``."""

    all: "tuple[Node, ...] | None" = Field(None, min_length=1)
    any: "tuple[Node, ...] | None" = Field(None, min_length=1)
    none: "tuple[Node, ...] | None" = Field(None, min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> "Group":
        if not (self.all or self.any or self.none):
            raise ValueError("give conditions under 'all', 'any' or 'none'")
        return self


def _form(node: Any) -> str:
    given = node if isinstance(node, Mapping) else {}
    return "condition" if isinstance(node, Condition) or "marker" in given or "field" in given else "group"


Node = Annotated[
    Annotated[Condition, Tag("condition")] | Annotated[Group, Tag("group")], Discriminator(_form)
]  # fmt: skip
Group.model_rebuild()


def conditions_in(node: Condition | Group) -> Iterator[Condition]:
    """Every condition of the tree, in the order written."""
    if isinstance(node, Condition):
        yield node
        return
    for member in (*(node.all or ()), *(node.any or ()), *(node.none or ())):
        yield from conditions_in(member)


def markers_in(node: Condition | Group) -> set[str]:
    """Every marker that the tree looks at."""
    named = ((condition.marker, condition.differs_from) for condition in conditions_in(node))
    return {name for names in named for name in names if name is not None}


def rows_where(columns: EvidenceColumns, node: Condition | Group) -> Mask:
    """The rows for which the tree holds; shape (n_rows,)."""
    if isinstance(node, Condition):
        return _holds(columns, node)
    found = np.ones(columns.n_rows, dtype=np.bool_)
    for member in node.all or ():
        found &= rows_where(columns, member)
    if node.any:
        found &= np.logical_or.reduce([rows_where(columns, member) for member in node.any])
    for member in node.none or ():
        found &= ~rows_where(columns, member)
    return found


def _holds(columns: EvidenceColumns, condition: Condition) -> Mask:
    column = columns.marker(condition.marker) if condition.marker else columns.fields[condition.subject]
    if condition.differs_from is not None:
        return _differs(columns.n_rows, column, columns.marker(condition.differs_from))
    mask = np.zeros(columns.n_rows, dtype=np.bool_)
    mask[column.rows] = _of_values(column, condition)
    return ~mask if condition.operator == "missing" else mask


def _of_values(column: Column, condition: Condition) -> Mask | bool:
    """For which of the column's values the condition holds; ``missing`` for none that is given."""
    operator, bound = condition.operator, condition.bound
    if operator in ("present", "missing"):
        return True
    if operator in _RANGES:
        return _mask(_RANGES[operator](column.numbers, bound))
    among = _among(column, bound if isinstance(bound, tuple) else (bound,))
    return among if operator in ("equals", "one_of") else ~among


def _among(column: Column, values: tuple[Value, ...]) -> Mask:
    numbers = [value for value in values if isinstance(value, float)]
    texts = [
        str(value).lower() if isinstance(value, bool) else value for value in values if not isinstance(value, float)
    ]
    found = _mask(pc.is_in(column.words, as_word(pa.array(texts, pa.string()))))
    return found | _mask(pc.is_in(column.numbers, pa.array(numbers, pa.float64()))) if numbers else found


def _differs(n_rows: int, one: Column, other: Column) -> Mask:
    mask = np.zeros(n_rows, dtype=np.bool_)
    rows, mine, theirs = np.intersect1d(one.rows, other.rows, assume_unique=True, return_indices=True)
    unlike = _mask(pc.not_equal(one.texts.take(pa.array(mine)), other.texts.take(pa.array(theirs))))
    equal = _mask(pc.equal(one.numbers.take(pa.array(mine)), other.numbers.take(pa.array(theirs))))  # 1 and 1.0
    mask[rows] = unlike & ~equal
    return mask


def _mask(values: pa.Array) -> Mask:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _operators(condition: Condition) -> list[Operator]:
    return [name for name in SYMBOLS if getattr(condition, name) is not None]


def _problem(condition: Condition) -> str | None:
    """Why the condition could not be evaluated; None when it can."""
    operators = _operators(condition)
    if (condition.marker is None) == (condition.field is None):
        return f"name one marker, or one field of {', '.join(FIELDS)}"
    if len(operators) != 1:
        return f"give one of {', '.join(SYMBOLS)}, not {' and '.join(operators) or 'none'}"
    if condition.differs_from is not None and condition.differs_from == condition.marker:
        return f"marker {condition.marker!r} never differs from itself"
    return None if condition.field is None else _field_problem(condition.field, operators[0], condition)


def _field_problem(field: str, operator: Operator, condition: Condition) -> str | None:
    if operator not in _ON_TEXT:
        return f"{field!r} is a text, it takes {', '.join(_ON_TEXT)}, not {operator}"
    bound = getattr(condition, operator)
    bounds = () if operator in ("present", "missing") else bound if isinstance(bound, tuple) else (bound,)
    for value in bounds:
        if not isinstance(value, str):
            return f"{field!r} is a text, it cannot be compared with {value!r}"
        if field == "split" and value not in _SPLITS:
            return f"'split' is one of {', '.join(_SPLITS)}, never {value!r}"
    return None
