"""How well triage agrees with people's ratings, which it never sees (A29)."""

from collections.abc import Mapping, Set
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.triage import FailureType
from millrace.statistics.intervals import Estimate, wilson_interval

_MOVES: Mapping[FailureType, str] = MappingProxyType(
    {
        "hallucination": "faithfulness",
        "retrieval_failure": "completeness",
        "irrelevant_answer": "appropriateness",
    }
)


class AgreementConfig(Record):
    """When people count as having found a failure."""

    low_rating: float = Field(2.0, description="A mean rating at or below this is a failure; ratings go from 1 to 4")
    dimensions: list[Identifier] = Field(
        ["faithfulness", "completeness", "appropriateness"], min_length=1, description="One low mean is enough"
    )


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


class TriageAgreement(Record):
    """``failure``: any failure against a low rating on any dimension; ``by_type``: each type against its own rating."""

    n_traces: int = Field(ge=0)
    n_rated: int = Field(ge=0, description="Traces with a rating on one of the dimensions; the others are left out")
    failure: BinaryAgreement
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
    return TriageAgreement(
        n_traces=len(types),
        n_rated=len(everything),
        failure=_binary("failure", config.dimensions, flagged, {trace_id for trace_id, _ in low}, everything),
        by_type=[
            _binary(
                failure_type,
                [dimension],
                {trace_id for trace_id in flagged if types[trace_id] == failure_type},
                {trace_id for trace_id, rated_on in low if rated_on == dimension},
                rated[dimension],
            )
            for failure_type, dimension in _MOVES.items()
            if dimension in rated
        ],
    )


def _means(ratings: pa.Table, dimensions: list[str]) -> dict[tuple[str, str], float]:
    wanted = ratings.filter(pc.is_in(ratings.column("dimension"), pa.array(dimensions, pa.string())))
    means = wanted.group_by(["trace_id", "dimension"], use_threads=False).aggregate([("value", "mean")])
    keys = zip(means.column("trace_id").to_pylist(), means.column("dimension").to_pylist(), strict=True)
    return dict(zip(keys, means.column("value_mean").to_pylist(), strict=True))


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
