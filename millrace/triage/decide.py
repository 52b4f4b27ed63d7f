"""The triage decision: the first rule whose conditions hold, with the evidence that decided (A29)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.methods.injection import InjectionRule
from millrace.records.triage import TriageRow
from millrace.triage.conditions import SYMBOLS, Condition, rows_where
from millrace.triage.confidence import NOT_CALIBRATED, TriageCalibration, check_calibration, confidence_columns
from millrace.triage.rules import TriageRule, TriageRules, check_rules
from millrace.triage.signals import signals_of

Matches = npt.NDArray[np.int64]

_SHOWN_WHEN_OK = ("status", "n_contexts", "groundedness")
_SHOWN_WHEN_SAID = ("feedback_rating", "feedback_correction")
_ROWS_AT_ONCE = 1000  # whose texts are held as words; bounds memory


def triage_part(
    traces: pa.Table,
    scores: pa.Table,
    rules: TriageRules,
    injection_rules: Sequence[InjectionRule] = (),
    calibration: TriageCalibration | None = None,
    feedback: pa.Table | None = None,
) -> pa.Table:
    """Classify each trace as ok or as one of the six failure types.

    Args:
        traces: table of Trace.
        scores: table of GroundednessScore, joined by ``trace_id``; a trace without one has a null groundedness.
        rules: tried in order, the first match decides.
        injection_rules: what the signal ``injection`` is computed with.
        calibration: what probabilities and confidences rest on; None leaves all but recorded facts without.
        feedback: what users say of each trace, as ``methods.feedback.ratings_by_trace`` gives it; None: there is none.

    Returns:
        Table of TriageRow in the order of ``traces``; ``group_id`` is null. A trace that no rule matches is ok, and
        its evidence shows what was looked at without a threshold. What users say of a trace is evidence whatever
        decided.

    Raises:
        BadInputError: the rules or the calibration don't fit the signals, or two scores for one trace.
    """
    check_rules(rules, "triage rules")
    if calibration is not None:
        check_calibration(calibration, "triage calibration")
    if feedback is not None:  # that of the whole window is long to look things up in for each slice
        said_here = pc.is_in(feedback.column("trace_id"), traces.column("trace_id").combine_chunks())
        feedback = feedback.filter(said_here)
    slices = [traces.slice(start, _ROWS_AT_ONCE) for start in range(0, traces.num_rows, _ROWS_AT_ONCE)]
    triaged = [_triaged(each, scores, rules, injection_rules, calibration, feedback) for each in slices]
    return pa.concat_tables([arrow_schema(TriageRow).empty_table(), *triaged])


def _triaged(
    traces: pa.Table,
    scores: pa.Table,
    rules: TriageRules,
    injection_rules: Sequence[InjectionRule],
    calibration: TriageCalibration | None,
    feedback: pa.Table | None,
) -> pa.Table:
    signals = signals_of(traces, scores, injection_rules, feedback)
    matches = first_matches(signals, rules)
    decided = [rules.rules[match] if match >= 0 else None for match in matches.tolist()]
    known = traces.select(["trace_id", "time", "tenant_id"]).to_pylist()
    rows = [
        trace | _decision(values, rule) for trace, values, rule in zip(known, signals.to_pylist(), decided, strict=True)
    ]
    table = pa.Table.from_pylist(rows, schema=arrow_schema(TriageRow))
    confidence = confidence_columns(signals, decided, calibration)
    for name, column in confidence.items():
        index = table.schema.get_field_index(name)
        table = table.set_column(index, table.schema.field(index), column)
    return table


def first_matches(signals: pa.Table, rules: TriageRules) -> Matches:
    """Index of the first rule that matches each row of ``signals``, -1 when none does; shape (n_traces,)."""
    matches = np.full(signals.num_rows, -1, dtype=np.int64)
    for index, rule in enumerate(rules.rules):
        matches[(matches == -1) & rows_where(signals, rule.when)] = index
    return matches


def _decision(values: dict[str, Any], rule: TriageRule | None) -> dict[str, Any]:
    """The decision's fields of a TriageRow; confidence and group are not known here."""
    row: dict[str, Any] = {"group_id": None, "confidence_basis": NOT_CALIBRATED}
    if rule is None:
        shown = [_evidence(name, values[name], None) for name in (*_SHOWN_WHEN_OK, *_said(values))]
        decided = {"verdict": "ok", "failure_type": None, "rule_id": None, "reason": "no rule matched"}
        return row | decided | {"evidence": shown}
    return row | {
        "verdict": "failure",
        "failure_type": rule.failure_type,
        "rule_id": rule.id,
        "reason": rule.reason.format_map({name: _text(value) for name, value in values.items()}),
        "evidence": [
            *(_evidence(each.signal, values[each.signal], _threshold(each)) for each in rule.when),
            *(_evidence(name, values[name], None) for name in _said(values, [each.signal for each in rule.when])),
        ],
    }


def _said(values: dict[str, Any], shown: Sequence[str] = ()) -> list[str]:
    """The signals of users' feedback that this trace has, but those shown already."""
    return [name for name in _SHOWN_WHEN_SAID if values[name] is not None and name not in shown]


def _evidence(signal: str, value: bool | float | str | None, threshold: str | None) -> dict[str, str | None]:
    return {"signal": signal, "value": _text(value), "threshold": threshold}


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
