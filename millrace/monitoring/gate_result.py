"""What the gate is told, and what it says (A23)."""

from typing import Literal

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.report import Count
from millrace.statistics.paired import N_FLIPS

Verdict = Literal["fail", "inconclusive", "pass", "not_compared"]
GateReason = Literal[
    "dropped",
    "not_proven",
    "within_limit",
    "no_value",
    "rows_lost",
    "too_few_pairs",
    "negative_values",
    "zero_baseline",
    "no_baseline",
    "nothing_scored",
]


class GateConfig(Record):
    """What is too much, and how sure one must be of it."""

    max_drop: float = Field(0.02, ge=0, lt=1, description="Largest drop of a metric's mean, relative to the baseline")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="That no metric fails by chance, all together")
    max_lost: float = Field(
        0.5, ge=0, le=1, description="Largest share of the baseline's questions on which the candidate may have failed"
    )
    min_pairs: int = Field(10, ge=5, description="With fewer questions in both, nothing is decided")
    metrics: list[Identifier] = Field([], description="Only these; empty: all")
    n_flips: int = Field(N_FLIPS, ge=999, le=999_999, description="Random swaps of the test")
    seed: int = Field(0, ge=0, description="Of the swaps")


class MetricVerdict(Record):
    """One metric of the two results; values of pairs are means over the questions that are in both."""

    metric: Identifier
    verdict: Verdict
    reason: GateReason
    message: str = Field(description="The reason in a sentence, with the numbers")
    notes: list[str] = Field([], description="What else should be known, in sentences")
    basis: Literal["pairs", "means", "nothing"] = Field(description="means: single values are not known: the bare rule")
    n_pairs: int = Field(0, ge=0, description="Questions with a value in both")
    n_only_baseline: int = Field(0, ge=0, description="Questions with a value in the baseline only")
    n_only_candidate: int = Field(0, ge=0)
    n_lost: int = Field(0, ge=0, description="Of those in the baseline only: failed in the candidate")
    baseline: float | None = None
    candidate: float | None = None
    drop: float | None = Field(None, description="(baseline - candidate) / baseline; below 0 the candidate is better")
    low: float | None = Field(None, description="One-sided lower bound of the drop at ``confidence``")
    high: float | None = Field(None, description="One-sided upper bound of the drop at ``confidence``")
    confidence: float | None = Field(None, description="Of each bound; Holm's, so that the lower one agrees with p")
    p_value: float | None = Field(None, description="One-sided, adjusted for all metrics by Holm's procedure")
    baseline_rows: list[Count] = Field([], description="Rows by status")
    candidate_rows: list[Count] = Field([], description="Rows by status")


class GateResult(Record):
    """The verdict on a candidate; failures first, then by name."""

    verdict: Literal["fail", "inconclusive", "pass"] = Field(description="The worst of its metrics")
    baseline: str
    baseline_kind: str
    candidate: str
    candidate_kind: str
    config: GateConfig
    metrics: list[MetricVerdict]

    def passes(self, *, strict: bool) -> bool:
        """Whether the candidate may pass; strictly, only when nothing is inconclusive."""
        return self.verdict == "pass" or (self.verdict == "inconclusive" and not strict)
