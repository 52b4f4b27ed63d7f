"""The figures of a day, by name: what reports show, alerts watch, and Prometheus is given (A27)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

FigureGroup = Literal[
    "pipeline", "safety", "hallucination", "llm", "retrieval", "evaluation", "feedback", "annotations"
]
FigureUnit = Literal["count", "ratio", "seconds", "tokens", "usd", "score"]


@dataclass(frozen=True)
class Figure:
    """A number that is taken every day.

    Attributes:
        unit: ``ratio`` is a share in [0, 1] or a relative change, ``score`` a value of a scorer.
        meaning: one sentence without a full stop at its end, for help texts.
        label: what its label names, such as ``metric``; None where there is one number a day.
        better: which direction is better; None where neither is.
    """

    name: str
    group: FigureGroup
    unit: FigureUnit
    meaning: str
    label: str | None = None
    better: Literal["higher", "lower"] | None = None

    @property
    def prometheus_name(self) -> str:
        """By Prometheus' conventions: prefix, group, name, unit; shares end in ``_ratio``."""
        stem = self.name.replace("/", "_")
        endings = {"ratio": "_ratio", "seconds": "_seconds", "usd": "_usd", "count": "", "tokens": "", "score": ""}
        ending = endings[self.unit]
        return f"millrace_{stem}{'' if stem.endswith(ending) else ending}"


_FIGURES = (
    Figure("pipeline/traces", "pipeline", "count", "Questions that were asked"),
    Figure("pipeline/answered_share", "pipeline", "ratio", "Share of traces that were answered", better="higher"),
    Figure("pipeline/abstained_share", "pipeline", "ratio", "Share of traces without an answer to be found"),
    Figure("pipeline/failed_share", "pipeline", "ratio", "Share of traces that ended with an error", better="lower"),
    Figure("pipeline/escalated_share", "pipeline", "ratio", "Share of traces that were handed to a person"),
    Figure("pipeline/route_share", "pipeline", "ratio", "Share of traces that took the route", label="route"),
    Figure("pipeline/tenant_traces", "pipeline", "count", "Questions of the tenant", label="tenant"),
    Figure(
        "pipeline/skipped_rows",
        "pipeline",
        "count",
        "Rows of the day's imports that could not be taken",
        better="lower",
    ),
    Figure("pipeline/latency_p50", "pipeline", "seconds", "Median time of a question, all its stages", better="lower"),
    Figure("pipeline/latency_p95", "pipeline", "seconds", "95th percentile of the time of a question", better="lower"),
    Figure("pipeline/stage_p95", "pipeline", "seconds", "95th percentile of the time of a stage", "stage", "lower"),
    Figure("safety/blocked_share", "safety", "ratio", "Share of traces that were blocked"),
    Figure("safety/injection_share", "safety", "ratio", "Share of questions that run into an injection rule"),
    Figure("safety/pii_redactions", "safety", "count", "Pieces of personal data that were redacted", label="pii_type"),
    Figure("safety/pii_share", "safety", "ratio", "Share of traces with redacted personal data"),
    Figure(
        "hallucination/groundedness",
        "hallucination",
        "score",
        "Mean support of answers by their passages",
        better="higher",
    ),
    Figure(
        "hallucination/ungrounded_share",
        "hallucination",
        "ratio",
        "Share of scored answers with little support",
        better="lower",
    ),
    Figure("hallucination/unscored_share", "hallucination", "ratio", "Share of traces without a groundedness score"),
    Figure("llm/calls", "llm", "count", "Calls of models while answering", label="model"),
    Figure("llm/retries", "llm", "count", "Tries of calls beyond the first", better="lower"),
    Figure("llm/input_tokens", "llm", "tokens", "Tokens sent to models while answering"),
    Figure("llm/output_tokens", "llm", "tokens", "Tokens written by models while answering"),
    Figure("llm/cost", "llm", "usd", "Cost of answering", better="lower"),
    Figure("llm/cost_per_answer", "llm", "usd", "Mean cost of a trace whose cost is known", better="lower"),
    Figure("llm/unpriced_share", "llm", "ratio", "Share of model calls whose cost is not known", better="lower"),
    Figure("retrieval/empty_share", "retrieval", "ratio", "Share of searches that found nothing", better="lower"),
    Figure(
        "retrieval/top_score_p50", "retrieval", "score", "Median of the best passage's retrieval score", better="higher"
    ),
    Figure(
        "retrieval/top_score_p95", "retrieval", "score", "95th percentile of the best passage's score", better="higher"
    ),
    Figure(
        "retrieval/top_score_mean", "retrieval", "score", "Mean of the best passage's retrieval score", better="higher"
    ),
    Figure("retrieval/contexts_mean", "retrieval", "score", "Passages shown to the answerer, mean"),
    Figure(
        "retrieval/canary_p50_change",
        "retrieval",
        "ratio",
        "Median score of the last searches against those before",
        better="higher",
    ),
    Figure(
        "retrieval/canary_empty_share",
        "retrieval",
        "ratio",
        "Share of the last searches that found nothing",
        better="lower",
    ),
    Figure(
        "evaluation/metric",
        "evaluation",
        "score",
        "Mean of the metric over the traces that have it",
        "metric",
        "higher",
    ),
    Figure(
        "evaluation/metric_failed_share",
        "evaluation",
        "ratio",
        "Share of tried traces on which the metric failed",
        "metric",
        "lower",
    ),
    Figure(
        "evaluation/corrected_share",
        "evaluation",
        "ratio",
        "Share of good answers, corrected by people's labels",
        "metric",
        "higher",
    ),
    Figure(
        "evaluation/judge_kappa",
        "evaluation",
        "score",
        "Agreement of the metric with people, Cohen's kappa",
        "metric",
        "higher",
    ),
    Figure("evaluation/judge_calls", "evaluation", "count", "Calls of judges"),
    Figure("evaluation/judge_cost", "evaluation", "usd", "Cost of judging", better="lower"),
    Figure(
        "evaluation/drift_centroid_shift",
        "evaluation",
        "score",
        "1 - cosine of the mean question vectors, now and then",
        better="lower",
    ),
    Figure(
        "evaluation/drift_spread_change", "evaluation", "ratio", "Relative change of the spread of question vectors"
    ),
    Figure(
        "evaluation/drift_mmd_p_value", "evaluation", "score", "Permutation p-value of the maximum mean discrepancy"
    ),
    Figure(
        "evaluation/drift_domain_auc",
        "evaluation",
        "score",
        "How well a classifier tells questions of now from then",
        better="lower",
    ),
    Figure("evaluation/anomalies", "evaluation", "count", "Figures that do not fit the days before", better="lower"),
    Figure("feedback/ratings", "feedback", "count", "Traces that users rated"),
    Figure(
        "feedback/positive_share", "feedback", "ratio", "Share of rated traces that were rated good", better="higher"
    ),
    Figure("feedback/coverage_share", "feedback", "ratio", "Share of traces that were rated"),
    Figure("feedback/corrections", "feedback", "count", "Traces that a user wrote a better answer to"),
    Figure("annotations/waiting_tasks", "annotations", "count", "Annotation tasks that nobody has answered"),
    Figure("annotations/completed_tasks", "annotations", "count", "Annotation tasks that are answered"),
    Figure(
        "annotations/open_disagreements", "annotations", "count", "Tasks on which annotators differ", better="lower"
    ),
    Figure("annotations/golden_rows", "annotations", "count", "Rows of the active golden dataset"),
)

FIGURES: Mapping[str, Figure] = MappingProxyType({figure.name: figure for figure in _FIGURES})
