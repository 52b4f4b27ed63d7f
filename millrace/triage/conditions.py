"""Conditions over signals, as rule tables and calibrations are written in YAML, and which rows they hold for."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.triage.signals import SIGNALS, SignalType

Operator = Literal["lt", "le", "gt", "ge", "eq", "ne", "in", "is_null", "not_null"]
ConditionValue = bool | float | str | list[str]

SYMBOLS: Mapping[str, str] = MappingProxyType(
    {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "=", "ne": "!=", "in": "in"}
    | {"is_null": "is null", "not_null": "is not null"}
)
_VALUE_TYPES: Mapping[SignalType, type] = MappingProxyType({"text": str, "number": float, "flag": bool})
_COMPARISONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "lt": pc.less,
        "le": pc.less_equal,
        "gt": pc.greater,
        "ge": pc.greater_equal,
        "eq": pc.equal,
        "ne": pc.not_equal,
    }
)


class Condition(Record):
    """A comparison of one signal. A null signal fulfils only ``is_null``."""

    signal: Identifier
    op: Operator
    value: ConditionValue | None = Field(None, description="Absent for is_null and not_null; a list for in")


def condition_problems(condition: Condition) -> list[str]:
    """Why the condition could not be evaluated; empty when it can."""
    signal = SIGNALS.get(condition.signal)
    if signal is None:
        return [f"no signal {condition.signal!r}; there are {', '.join(sorted(SIGNALS))}"]
    value, name = condition.value, condition.signal
    if condition.op in ("is_null", "not_null"):
        return [f"{condition.op} of {name!r} takes no value"] if value is not None else []
    if condition.op == "in":
        fits = signal.type == "text" and isinstance(value, list)
        return [] if fits else [f"'in' compares a text signal with a list of texts, not {name!r} with {value!r}"]
    if not isinstance(value, _VALUE_TYPES[signal.type]):
        return [f"{name!r} is a {signal.type}, it cannot be compared with {value!r}"]
    if signal.type != "number" and condition.op not in ("eq", "ne"):
        return [f"{name!r} is a {signal.type}, it is compared with eq or ne, not {condition.op}"]
    return []


def rows_where(signals: pa.Table, conditions: Sequence[Condition]) -> npt.NDArray[np.bool_]:
    """The rows for which all conditions hold; shape (n_traces,), all true without a condition.

    Args:
        signals: one column per signal; conditions without a problem (see ``condition_problems``).
    """
    found = np.ones(signals.num_rows, dtype=np.bool_)
    for condition in conditions:
        found &= _holds(signals.column(condition.signal), condition)
    return found


def _holds(column: pa.ChunkedArray, condition: Condition) -> npt.NDArray[np.bool_]:
    match condition.op:
        case "is_null":
            result = pc.is_null(column)
        case "not_null":
            result = pc.is_valid(column)
        case "in":
            result = pc.is_in(column, pa.array(condition.value, pa.string()))
        case _:
            # a comparison with null is null, and no condition but is_null holds for it
            result = _COMPARISONS[condition.op](column, pa.scalar(condition.value)).fill_null(False)
    return np.asarray(result.to_numpy(), dtype=np.bool_)
