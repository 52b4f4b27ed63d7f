"""How well triage agrees with people's ratings, which it never sees (A29)."""

from collections.abc import Set

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.statistics.intervals import Estimate, bootstrap_interval, student_interval, wilson_interval
from millrace.statistics.roc import roc_auc
from millrace.triage.confidence import MOVES


class AgreementConfig(Record):
    """When people count as having found a failure."""

    low_rating: float = Field(2.0, description="A mean rating at or below this is a failure; ratings go from 1 to 4")
    dimensions: list[Identifier] = Field(
        ["faithfulness", "completeness", "appropriateness"], min_length=1, description="One low mean is enough"
    )
    seed: int = Field(0, ge=0, description="Of the resampling behind the interval of the AUC")
    n_resamples: int = Field(1000, ge=100, description="Resamples behind the interval of the AUC")


class BinaryAgreement(Record):
    """A decision against people's, over the traces that people rated.

    ``precision``: share of flagged traces that people rate low; ``recall``: share of traces rated low that are flagged;
    both with 95 % Wilson intervals, None with reason ``no_items`` when there is nothing to take a share of. Traces that
    answer the same question are not independent, so the intervals are too narrow where questions repeat.
    """

    decision: Identifier = Field(description="failure, or a failure type")
    dimensions: list[Identifier] = Field(description="Low on any of these is what people say")
    true_positives: int = Field(ge=0)
    false_positives: int = Field(ge=0)
    false_negatives: int = Field(ge=0)
    true_negatives: int = Field(ge=0)
    precision: Estimate
    recall: Estimate


class ProbabilityAgreement(Record):
    """``failure_probability`` against a low rating on any dimension, over rated traces that have a probability.

    ``auc``: chance that a trace rated low has a higher probability than one that is not, bootstrap interval; None with
    reason ``undefined`` when people rate all of them low or none. ``brier``: mean squared distance to what people say,
    0 is best. ``surplus``: share rated low less mean probability, 0 when calibrated, positive when there are more
    failures than foretold. The last two with Student's interval. All three are None without such traces (``no_items``).
    """

    n_low: int = Field(ge=0)
    n: int = Field(ge=0)
    auc: Estimate
    brier: Estimate
    surplus: Estimate


class TriageAgreement(Record):
    """``failure``: any failure against a low rating on any dimension; ``by_type``: each type against its own rating."""

    n_traces: int = Field(ge=0)
    n_rated: int = Field(ge=0, description="Traces with a rating on one of the dimensions; the others are left out")
    failure: BinaryAgreement
    probability: ProbabilityAgreement
    by_type: list[BinaryAgreement] = Field(description="Types whose rating is among the configured dimensions")


def triage_agreement(triage: pa.Table, ratings: pa.Table, config: AgreementConfig) -> TriageAgreement:
    """Compare triage with the mean rating of each trace and dimension.

    Args:
        triage: table of TriageRow.
        ratings: table of HumanRating; ratings of other traces and dimensions are ignored.
        config: what a low rating is.

    Raises:
        BadInputError: a trace is in ``triage`` twice.
    """
    trace_ids = triage.column("trace_id").to_pylist()
    types = dict(zip(trace_ids, triage.column("failure_type").to_pylist(), strict=True))
    if len(types) != len(trace_ids):
        raise BadInputError(f"{len(trace_ids) - len(types)} traces are triaged twice; agreement counts each once")
    means = _means(ratings, config.dimensions)
    low = {(trace_id, dimension) for (trace_id, dimension), mean in means.items() if mean <= config.low_rating}
    rated = {
        dimension: {trace_id for trace_id, rated_on in means if rated_on == dimension and trace_id in types}
        for dimension in config.dimensions
    }
    flagged = {trace_id for trace_id, failure_type in types.items() if failure_type is not None}
    everything = set[str]().union(*rated.values())
    low_on_any = {trace_id for trace_id, _ in low}
    return TriageAgreement(
        n_traces=len(types),
        n_rated=len(everything),
        failure=_binary("failure", config.dimensions, flagged, low_on_any, everything),
        probability=_probability(triage, low_on_any, everything, config),
        by_type=[
            _binary(
                failure_type,
                [dimension],
                {trace_id for trace_id in flagged if types[trace_id] == failure_type},
                {trace_id for trace_id, rated_on in low if rated_on == dimension},
                rated[dimension],
            )
            for failure_type, dimension in MOVES.items()
            if dimension in rated
        ],
    )


def _means(ratings: pa.Table, dimensions: list[str]) -> dict[tuple[str, str], float]:
    wanted = ratings.filter(pc.is_in(ratings.column("dimension"), pa.array(dimensions, pa.string())))
    means = wanted.group_by(["trace_id", "dimension"], use_threads=False).aggregate([("value", "mean")])
    keys = zip(means.column("trace_id").to_pylist(), means.column("dimension").to_pylist(), strict=True)
    return dict(zip(keys, means.column("value_mean").to_pylist(), strict=True))


def _probability(triage: pa.Table, low: Set[str], rated: Set[str], config: AgreementConfig) -> ProbabilityAgreement:
    columns = (triage.column(name).to_pylist() for name in ("trace_id", "failure_probability"))
    # in the order of the ids, for resampling depends on the order
    known = sorted((trace_id, p) for trace_id, p in zip(*columns, strict=True) if trace_id in rated and p is not None)
    pairs = np.array([(p, trace_id in low) for trace_id, p in known], dtype=np.float64).reshape(-1, 2)
    foretold, found = pairs.T
    return ProbabilityAgreement(
        n=len(pairs),
        n_low=int(found.sum()),
        auc=bootstrap_interval(pairs, _auc, seed=config.seed, n_resamples=config.n_resamples),
        brier=student_interval((foretold - found) ** 2, lowest=0.0, highest=1.0),
        surplus=student_interval(found - foretold, lowest=-1.0, highest=1.0),
    )


def _auc(pairs: npt.NDArray[np.float64]) -> float | None:
    return roc_auc(pairs[:, 0], pairs[:, 1]).value


def _binary(decision: str, dimensions: list[str], flagged: Set[str], low: Set[str], rated: Set[str]) -> BinaryAgreement:
    hits, n_flagged, n_low = len(flagged & low), len(flagged & rated), len(low & rated)
    return BinaryAgreement(
        decision=decision,
        dimensions=dimensions,
        true_positives=hits,
        false_positives=n_flagged - hits,
        false_negatives=n_low - hits,
        true_negatives=len(rated) - n_flagged - n_low + hits,
        precision=wilson_interval(hits, n_flagged),
        recall=wilson_interval(hits, n_low),
    )
