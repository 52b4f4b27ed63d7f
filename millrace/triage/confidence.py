"""How likely people are to call a trace a failure, and how likely the decision of triage is right (A29).

A calibration holds one logistic model per question put to people: a low rating on any dimension, or on the dimension
that a failure type should move. ``benchmarks/triage_types.py`` fits it; ``docs/decisions/0008-triage.md`` has the
measurements. What no rating speaks of stays without a number.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from scipy.special import expit

from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.rules import read_record
from millrace.records.triage import FailureType
from millrace.triage.conditions import Condition, condition_problems, rows_where
from millrace.triage.rules import TriageRule
from millrace.triage.signals import SIGNALS

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Target = Literal["failure"] | FailureType

RECORDED_FACT = "recorded_fact"
NOT_CALIBRATED = "not_calibrated"
MOVES: Mapping[FailureType, str] = MappingProxyType(
    {
        "hallucination": "faithfulness",
        "retrieval_failure": "completeness",
        "irrelevant_answer": "appropriateness",
    }
)


class Term(Record):
    """What one signal adds to the logit; a flag counts as 0 or 1."""

    signal: Identifier
    weight: float = Field(description="Logit per unit of the signal")
    when_null: float = Field(0.0, description="Logit added when the trace does not give the signal")


class RatingModel(Record):
    """Probability that people's mean rating is low: the logistic of the intercept and the terms."""

    target: Target = Field(description="failure: low on any of the dimensions; or the failure type that it speaks of")
    dimensions: list[Identifier] = Field(min_length=1, description="Ratings it was fitted to")
    n_low: int = Field(ge=0, description="Traces with a low rating among those it was fitted on")
    intercept: float
    terms: list[Term] = Field(min_length=1)


class TriageCalibration(Record):
    """Models of people's ratings, and what they were fitted on; shipped as ``configs/triage_confidence.yaml``."""

    version: int = Field(ge=1, description="Raised whenever a number changes")
    fitted_on: str = Field(min_length=1, description="The ratings, in words")
    n_traces: int = Field(ge=1)
    n_groups: int = Field(ge=1, description="Groups of traces that are not independent, such as tasks")
    low_rating: float = Field(description="A mean rating at or below this is low; ratings go from 1 to 4")
    groundedness_source: Identifier = Field(description="The scorer whose groundedness it was fitted with")
    population: list[Condition] = Field(description="All hold for the traces it was fitted on")
    outside: list[Condition] = Field(description="None holds for the traces it was fitted on")
    rules: list[Identifier] = Field(description="Rules that flagged some of these traces, so that people judged them")
    models: list[RatingModel] = Field(min_length=1)

    @property
    def basis(self) -> str:
        """The calibration's name in records."""
        return f"triage-calibration/{self.version}"


def read_calibration(path: Path) -> TriageCalibration:
    """The calibration of a YAML file.

    Raises:
        BadInputError: not YAML or not of this form, no model of ``failure``, two models of one target, a term of a text
            signal or of none, a condition that could not be evaluated; the message names the file.
    """
    calibration = read_record(path, TriageCalibration)
    check_calibration(calibration, path.name)
    return calibration


def check_calibration(calibration: TriageCalibration, source: str) -> None:
    """Refuse a calibration that could not be evaluated; ``source`` is named in the message.

    Raises:
        BadInputError: as ``read_calibration``.
    """
    targets = [model.target for model in calibration.models]
    problems = [] if "failure" in targets else ["no model has the target 'failure'"]
    problems += [f"two models have the target {target!r}" for target in targets if targets.count(target) > 1]
    problems += [problem for model in calibration.models for problem in _term_problems(model)]
    conditions = [*calibration.population, *calibration.outside]
    problems += [problem for condition in conditions for problem in condition_problems(condition)]
    if problems:
        raise BadInputError(f"{source}: {problems[0]}", file=source)


def rating_probabilities(signals: pa.Table, model: RatingModel) -> Floats:
    """Probability of a low rating for each row, whether the row is like those of the fit or not.

    Args:
        signals: columns of ``SIGNALS``.
        model: its terms name numbers or flags.

    Returns:
        Shape (n_traces,), in [0, 1]; a row's value does not depend on the others.
    """
    logit = np.full(signals.num_rows, model.intercept)
    for term in model.terms:
        values, nulls = signal_values(signals, term.signal)
        logit += np.where(nulls, term.when_null, term.weight * values)
    return np.asarray(expit(logit), dtype=np.float64)


def signal_values(signals: pa.Table, name: str) -> tuple[Floats, Flags]:
    """A number or flag signal as numbers, 0 where it is null, and where that is; both of shape (n_traces,)."""
    column = signals.column(name).cast(pa.float64())
    values = np.asarray(column.fill_null(0.0).to_numpy(), dtype=np.float64)
    return values, np.asarray(pc.is_null(column).to_numpy(), dtype=np.bool_)


def confidence_columns(
    signals: pa.Table, rules: Sequence[TriageRule | None], calibration: TriageCalibration | None
) -> dict[str, pa.Array]:
    """The columns ``failure_probability``, ``confidence`` and ``confidence_basis`` of TriageRow.

    Args:
        signals: one row per trace.
        rules: what decided each trace, length n_traces; None is ok.
        calibration: None leaves all but recorded facts without a number.

    Returns:
        1.0 and 1.0 for a recorded fact. For a trace like those of the fit that is ok, or was flagged by a rule that the
        calibration names: the model's failure probability; as confidence 1 - that for ok, else what the model of the
        type says, null when the type has none. Null with basis ``not_calibrated`` for everything else.
    """
    n_traces = len(rules)
    failure, confidence = np.full(n_traces, np.nan), np.full(n_traces, np.nan)
    basis = np.full(n_traces, NOT_CALIBRATED, dtype=object)
    if calibration is not None:
        known = np.array([rule is None or rule.id in calibration.rules for rule in rules], dtype=np.bool_)
        known &= population_rows(signals, calibration)
        decided = np.array(["ok" if rule is None else rule.failure_type for rule in rules], dtype=object)
        named = _basis(signals, calibration)
        for model in calibration.models:
            probability = rating_probabilities(signals, model)
            rows = known & (decided == ("ok" if model.target == "failure" else model.target))
            confidence[rows] = (1.0 - probability if model.target == "failure" else probability)[rows]
            basis[rows] = named[rows]
            if model.target == "failure":
                failure[known] = probability[known]
    recorded = np.array([rule is not None and rule.basis == "recorded" for rule in rules], dtype=np.bool_)
    failure[recorded], confidence[recorded], basis[recorded] = 1.0, 1.0, RECORDED_FACT
    return {
        "failure_probability": pa.array(failure, pa.float64(), from_pandas=True),
        "confidence": pa.array(confidence, pa.float64(), from_pandas=True),
        "confidence_basis": pa.array(basis, pa.string()),
    }


def population_rows(signals: pa.Table, calibration: TriageCalibration) -> Flags:
    """Which rows are like those that the calibration was fitted on; shape (n_traces,)."""
    found = rows_where(signals, calibration.population)
    for condition in calibration.outside:
        found &= ~rows_where(signals, [condition])
    return found


def _basis(signals: pa.Table, calibration: TriageCalibration) -> npt.NDArray[np.object_]:
    """Another scorer means nearly the same by its numbers, but the calibration was not measured with it."""
    source = signals.column("groundedness_source")
    other = pc.and_(pc.is_valid(signals.column("groundedness")), pc.not_equal(source, calibration.groundedness_source))
    named = np.full(signals.num_rows, calibration.basis, dtype=object)
    named[np.asarray(other.fill_null(False).to_numpy(), dtype=np.bool_)] = f"{calibration.basis}:other_scorer"
    return named


def _term_problems(model: RatingModel) -> list[str]:
    for term in model.terms:
        signal = SIGNALS.get(term.signal)
        if signal is None or signal.type == "text":
            return [f"model {model.target!r}: {term.signal!r} is no signal that is a number or a flag"]
    return []
