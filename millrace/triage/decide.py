"""The triage decision: the first rule whose conditions hold, with the evidence that decided (A29)."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import table_of
from millrace.methods.injection import InjectionRule
from millrace.records.triage import Evidence, TriageRow
from millrace.triage.rules import SYMBOLS, Condition, TriageRule, TriageRules, check_rules
from millrace.triage.signals import signals_of

Matches = npt.NDArray[np.int64]

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
_SHOWN_WHEN_OK = ("status", "n_contexts", "groundedness")


def triage_part(
    traces: pa.Table, scores: pa.Table, rules: TriageRules, injection_rules: Sequence[InjectionRule] = ()
) -> pa.Table:
    """Classify each trace as ok or as one of the six failure types.

    Args:
        traces: table of Trace.
        scores: table of GroundednessScore, joined by ``trace_id``; a trace without one has a null groundedness.
        rules: tried in order, the first match decides.
        injection_rules: what the signal ``injection`` is computed with.

    Returns:
        Table of TriageRow in the order of ``traces``; ``group_id`` is null. A trace that no rule matches is ok, and
        its evidence shows what was looked at without a threshold.

    Raises:
        BadInputError: the rules don't fit the signals, or two scores for one trace.
    """
    check_rules(rules, "triage rules")
    signals = signals_of(traces, scores, injection_rules)
    matches = first_matches(signals, rules)
    known = traces.select(["trace_id", "time", "tenant_id"]).to_pylist()
    rows = zip(known, signals.to_pylist(), matches, strict=True)
    return table_of(TriageRow, [_row(trace, values, rules, int(match)) for trace, values, match in rows])


def first_matches(signals: pa.Table, rules: TriageRules) -> Matches:
    """Index of the first rule that matches each row of ``signals``, -1 when none does; shape (n_traces,)."""
    matches = np.full(signals.num_rows, -1, dtype=np.int64)
    for index, rule in enumerate(rules.rules):
        holds = np.logical_and.reduce([_holds(signals.column(each.signal), each) for each in rule.when])
        matches[(matches == -1) & holds] = index
    return matches


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


def _row(trace: dict[str, Any], values: dict[str, Any], rules: TriageRules, match: int) -> TriageRow:
    if match < 0:
        shown = [Evidence(signal=name, value=_text(values[name])) for name in _SHOWN_WHEN_OK]
        return TriageRow(**trace, verdict="ok", reason="no rule matched", evidence=shown)
    rule = rules.rules[match]
    return TriageRow(
        **trace,
        verdict="failure",
        failure_type=rule.failure_type,
        rule_id=rule.id,
        reason=rule.reason.format_map({name: _text(value) for name, value in values.items()}),
        evidence=_evidence(rule, values),
    )


def _evidence(rule: TriageRule, values: dict[str, Any]) -> list[Evidence]:
    return [
        Evidence(signal=each.signal, value=_text(values[each.signal]), threshold=_threshold(each)) for each in rule.when
    ]


def _threshold(condition: Condition) -> str:
    symbol = SYMBOLS[condition.op]
    if condition.value is None:
        return symbol
    shown = ", ".join(condition.value) if isinstance(condition.value, list) else _text(condition.value)
    return f"{symbol} {shown}"


def _text(value: bool | float | str | None) -> str:
    """A signal's value for people: three digits after the point at most."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
