"""What people say of traces, turned into one yes or no for each metric."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from millrace.datasets.schema import rows_of, table_of
from millrace.records.annotation import Annotation, AnnotationAnswer, AnswerSupport, AnswerVerdict
from millrace.records.base import Identifier, Record
from millrace.records.evaluation import PersonLabel


class MetricLabelRule(Record):
    """How people's words become good or bad for one metric. What is in neither list of verdicts says nothing of it.

    A verdict is the first fault that fits, so it tells of the faults above it in the guidelines that they are absent,
    and nothing of those below. Bad verdicts alone would make all labels bad, so they need good ones beside them.
    """

    dimension: Identifier | None = Field(None, description="The human rating that counts; None: no rating does")
    good_from: float | None = Field(None, description="From which rating on it is good")
    good_support: list[AnswerSupport] = Field(
        [], description="Which support is good, the others being bad; [] asks none"
    )
    bad_verdicts: list[AnswerVerdict] = Field([], description="Asked only where support is not judged, or not asked")
    good_verdicts: list[AnswerVerdict] = Field([], description="Asked as bad ones are")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.dimension is None) != (self.good_from is None):
            raise ValueError("a dimension needs the rating that is good, good_from, and the other way round")
        if set(self.bad_verdicts) & set(self.good_verdicts):
            raise ValueError("a verdict cannot be both good and bad")
        if bool(self.bad_verdicts) != bool(self.good_verdicts):
            raise ValueError("name bad and good verdicts, or none of either: all labels would say the same")
        if not (self.dimension or self.reads_annotations):
            raise ValueError("the rule reads neither ratings nor annotations")
        return self

    @property
    def reads_annotations(self) -> bool:
        """Whether annotations can say anything of the metric; otherwise ratings alone count."""
        return bool(self.good_support or self.bad_verdicts)

    def of_answer(self, answer: Annotation | AnnotationAnswer) -> bool | None:
        """Whether an annotation calls the trace good; None when it says nothing of the metric."""
        if self.good_support and answer.support is not None:
            return answer.support in self.good_support
        if answer.verdict in self.bad_verdicts:
            return False
        return True if answer.verdict in self.good_verdicts else None


_GROUNDED = MetricLabelRule(
    dimension="faithfulness",
    good_from=3,
    good_support=["all"],
    bad_verdicts=["hallucination"],
    good_verdicts=["ok", "irrelevant_answer"],
)
_RELEVANT = MetricLabelRule(
    dimension="appropriateness", good_from=3, bad_verdicts=["irrelevant_answer"], good_verdicts=["ok"]
)
# No rating: people rate what was answered, and not what was found.
_FOUND = MetricLabelRule(bad_verdicts=["retrieval_failure"], good_verdicts=["ok", "hallucination", "irrelevant_answer"])
# Not answer_relevance: it tells an answer to another question, not a poor one, as people's ratings do.
_DEFAULT = {
    "groundedness": _GROUNDED,
    "ragas_faithfulness": _GROUNDED,
    "deepeval_faithfulness": _GROUNDED,
    "ragas_answer_relevancy": _RELEVANT,
    "context_precision": _FOUND,
    "ragas_context_precision": _FOUND,
}


class LabelRules(Record):
    """How people's words become labels, by metric; a metric that is not named gets none."""

    version: int = Field(1, ge=1, description="Raised whenever a label may change")
    metrics: dict[Identifier, MetricLabelRule] = Field(
        _DEFAULT, min_length=1, description="The default fits the annotation guidelines, and ratings from 1 to 4"
    )


class LabelCount(Record):
    """What became of the traces that people judged, for one metric; the three counts add up to them."""

    metric: Identifier
    n_labels: int = Field(ge=0)
    n_ties: int = Field(ge=0, description="As many people for as against: no label")
    n_silent: int = Field(ge=0, description="Nobody whose word counts said anything of this metric: no label")


@dataclass(frozen=True)
class LabelledTraces:
    """``labels``: table of PersonLabel, by metric and trace. ``counts``: one for each metric of the rules, by name."""

    labels: pa.Table
    counts: list[LabelCount]


def person_labels(annotations: pa.Table, ratings: pa.Table, rules: LabelRules) -> pa.Table:
    """The labels of ``label_traces`` alone."""
    return label_traces(annotations, ratings, rules).labels


def label_traces(annotations: pa.Table, ratings: pa.Table, rules: LabelRules) -> LabelledTraces:
    """One label for each trace and metric that people agree on by majority; the order of rows does not matter.

    Each person has one vote for a trace and metric: the last annotation, or else the rating (the mean, where one person
    rated twice). Where an annotation adjudicates, the last such one counts alone, even when it says nothing of the
    metric; only a rule that reads no annotations takes no notice of it.

    Args:
        annotations: table of Annotation.
        ratings: table of HumanRating.
        rules: what counts as good.
    """
    standing = _standing(rows_of(Annotation, annotations))
    labels, counts = [], []
    for metric, rule in sorted(rules.metrics.items()):
        votes = _votes(standing, ratings, rule)
        found = [label for trace_id in sorted(votes) if (label := _majority(trace_id, metric, votes[trace_id]))]
        n_silent = sum(not each for each in votes.values())
        n_ties = len(votes) - len(found) - n_silent
        labels.extend(found)
        counts.append(LabelCount(metric=metric, n_labels=len(found), n_ties=n_ties, n_silent=n_silent))
    return LabelledTraces(table_of(PersonLabel, labels), counts)


@dataclass(frozen=True)
class _Standing:
    """The annotations of one trace that count, by annotator; ``settled``: the one there is adjudicates."""

    answers: dict[str, Annotation]
    settled: bool


def _standing(annotations: Iterable[Annotation]) -> dict[str, _Standing]:
    answers: dict[str, dict[str, Annotation]] = defaultdict(dict)
    settling: dict[str, Annotation] = {}
    for each in sorted(annotations, key=lambda each: (each.submitted_at, each.annotation_id)):
        if each.adjudicates:
            settling[each.trace_id] = each
        else:
            answers[each.trace_id][each.annotator] = each
    alone = {trace_id: _Standing({each.annotator: each}, settled=True) for trace_id, each in settling.items()}
    return {trace_id: _Standing(given, settled=False) for trace_id, given in answers.items()} | alone


def _votes(standing: dict[str, _Standing], ratings: pa.Table, rule: MetricLabelRule) -> dict[str, list[bool]]:
    """The votes for each trace that somebody judged in a way the rule reads; none where nothing was said."""
    votes: dict[str, dict[str, bool]] = defaultdict(dict)
    for trace_id, annotator, value in _ratings(ratings, rule.dimension):
        if rule.good_from is not None:
            votes[trace_id][annotator] = value >= rule.good_from
    for trace_id, given in standing.items() if rule.reads_annotations else ():
        said = {name: rule.of_answer(answer) for name, answer in given.answers.items()}
        heard = {name: good for name, good in said.items() if good is not None}
        votes[trace_id] = heard if given.settled else votes[trace_id] | heard
    return {trace_id: list(given.values()) for trace_id, given in votes.items()}


def _ratings(ratings: pa.Table, dimension: str | None) -> Iterator[tuple[str, str, float]]:
    """Trace, annotator and mean value of the ratings of a dimension."""
    wanted = ratings.filter(pc.equal(ratings.column("dimension"), pa.scalar(dimension, pa.string())))
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    columns = (wanted.column(name).to_pylist() for name in ("trace_id", "annotator", "value"))
    for trace_id, annotator, value in zip(*columns, strict=True):
        values[trace_id, annotator].append(value)
    for (trace_id, annotator), given in values.items():
        yield trace_id, annotator, sum(sorted(given)) / len(given)


def _majority(trace_id: str, metric: str, votes: list[bool]) -> PersonLabel | None:
    counted = Counter(votes)
    if counted[True] == counted[False]:
        return None
    return PersonLabel(trace_id=trace_id, metric=metric, good=counted[True] > counted[False], n_people=len(votes))
