"""The metrics by name: every value is from 0 (worst) to 1 (best) (A26)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from millrace.errors import BadInputError
from millrace.records.evaluation import MetricTier

CRITERIA = "criteria_"


@dataclass(frozen=True)
class Metric:
    """A number that a trace can be given, 0 worst to 1 best.

    Attributes:
        tier: what it needs: ``model_free`` no judge; ``ragas`` and ``deepeval`` a judge behind the gateway.
        title: for headings.
        meaning: one sentence without a full stop at its end: what a high value says, and where it is undefined.
    """

    name: str
    tier: MetricTier
    title: str
    meaning: str


_METRICS = (
    Metric(
        "groundedness",
        "model_free",
        "groundedness",
        "How far the passages support the answer, by words and sentence vectors; undefined without passages or claims",
    ),
    Metric(
        "context_precision",
        "model_free",
        "context precision",
        "Whether the passages that are known to be relevant stand before the others; undefined where none are known",
    ),
    Metric(
        "context_recall",
        "model_free",
        "context recall",
        "Share of the passages or documents known to be relevant that were shown; undefined where none are known",
    ),
    Metric(
        "answer_relevance",
        "model_free",
        "answer relevance",
        "How near the answer is to the question in meaning: tells an answer to another question, not a good one from a "
        "poor one; undefined without an answer",
    ),
    Metric(
        "reference_similarity",
        "model_free",
        "similarity to the reference",
        "How near the answer is to the reference answer in meaning; undefined where none is known",
    ),
    Metric(
        "citation_validity",
        "model_free",
        "citation validity",
        "Share of citations that lie in the answer, name a passage that was shown and share a third of their words "
        "with it; undefined without citations",
    ),
    Metric(
        "abstention_correctness",
        "model_free",
        "abstention correctness",
        "Whether the application answered, abstained or refused as it should; undefined where that is not known",
    ),
    Metric(
        "format_validity",
        "model_free",
        "format validity",
        "Whether the answer is there, finished, of the form that was asked for, and without debris; undefined for what "
        "was not answered",
    ),
    Metric(
        "ragas_faithfulness",
        "ragas",
        "faithfulness (Ragas)",
        "Share of the answer's statements that a judge finds supported by the passages",
    ),
    Metric(
        "ragas_context_precision",
        "ragas",
        "context precision (Ragas)",
        "Whether the passages that a judge finds useful stand before the others",
    ),
    Metric(
        "ragas_answer_relevancy",
        "ragas",
        "answer relevancy (Ragas)",
        "How near the questions that a judge makes of the answer are to the one that was asked",
    ),
    Metric(
        "deepeval_faithfulness",
        "deepeval",
        "faithfulness (DeepEval)",
        "Share of the answer's claims that a judge finds not contradicted by the passages",
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _METRICS})


def criteria_metric(name: str) -> Metric:
    """The metric ``criteria_<name>``: a judge's verdict (GEval) by criteria of the user's own."""
    return Metric(
        f"{CRITERIA}{name}",
        "deepeval",
        f"criteria: {name.replace('_', ' ')}",
        f"How far a judge finds that the answer fulfils the user's own criteria '{name}'",
    )


def metric_of(name: str) -> Metric:
    """The metric behind a name of the registry or of the user's criteria.

    Raises:
        BadInputError: no such metric.
    """
    if name in METRICS:
        return METRICS[name]
    if name.startswith(CRITERIA) and name != CRITERIA:
        return criteria_metric(name.removeprefix(CRITERIA))
    raise BadInputError(f"unknown metric {name!r}; known are {', '.join(METRICS)} and {CRITERIA}<name>", metric=name)


def in_registry_order(names: set[str]) -> list[Metric]:
    """The metrics of these names: those of the registry in its order, then the user's criteria by name.

    Raises:
        BadInputError: a name that is no metric's.
    """
    places = {name: place for place, name in enumerate(METRICS)}
    return [metric_of(name) for name in sorted(names, key=lambda name: (places.get(name, len(places)), name))]
