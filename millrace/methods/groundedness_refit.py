"""Fits the groundedness scorer again to what people said, behind a gate."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.methods.groundedness import GroundednessModel
from millrace.methods.groundedness_belief import measured_features, traces_of_tasks
from millrace.methods.groundedness_fit import WEIGHTS, coefficients_of, weights_of
from millrace.methods.groundedness_gate import Comparison, LabelledCases, RefitConfig, compare, fitted_weights
from millrace.methods.groundedness_labels import SupportLabel, support_labels
from millrace.ports import Embedder
from millrace.records.base import Identifier, Record
from millrace.statistics.intervals import Estimate

Floats = npt.NDArray[np.float64]

_DECIMALS = 6  # so that the last bits of a processor's arithmetic don't make another scorer


class RefitOutcome(Record):
    """Whether a scorer fitted to the labels is better on labels that it had not seen, and that scorer."""

    better: bool
    reason: str = Field(description="Why it is better, or why not, in a sentence")
    n_labels: int = Field(ge=0, description="Labels of answers that can be scored; all enter the fit")
    n_unsupported: int = Field(ge=0, description="Of these, answers of which at most a part is supported")
    n_compared: int = Field(0, ge=0, description="Of these, labels that neither scorer had seen")
    source_before: Identifier
    source_after: Identifier | None = Field(None, description="None when there was too little to fit on")
    auc_before: Estimate
    auc_after: Estimate
    improvement: Estimate = Field(
        description="Drop of the mean log loss in nats for each label; the interval's lower end is the one-sided bound"
    )
    model: GroundednessModel | None = Field(None, description="The scorer fitted to all labels")
    fitted_on: list[Identifier] = Field([], description="Tasks whose labels entered the fit, sorted")


def refit_groundedness(
    tasks: pa.Table,
    annotations: pa.Table,
    *,
    current: GroundednessModel,
    first: GroundednessModel,
    seen_by_current: Collection[str] = (),
    embedder: Embedder,
    config: RefitConfig,
) -> RefitOutcome:
    """Fit the scorer to every label, starting from the first scorer, and compare it with the one in use.

    The prior is always the first scorer, never the one in use, which has seen most of the labels already: so each label
    counts once, and the result depends on the labels alone. The two are compared only on labels that the one in use was
    not fitted on, each predicted by coefficients that were fitted without its question.

    Args:
        tasks: table of AnnotationTask.
        annotations: table of Annotation.
        current: the scorer in use.
        first: the scorer that was shipped, the centre of the prior; its thresholds are kept.
        seen_by_current: ids of the tasks that the scorer in use was fitted on.
        embedder: measures the answers.
        config: the strength of the prior, and the gate.
    """
    labels = support_labels(tasks, annotations)
    asked = _tasks_of(tasks, labels)
    features = measured_features(asked, embedder, first)
    usable = [label for label in labels if label.task_id in features]
    cases = _cases(usable, features, seen_by_current)
    comparison = compare(cases, _logits(asked, usable, current, embedder), weights_of(first.coefficients), config)
    model = _refitted(cases, current, first, config) if comparison.enough else None
    return _outcome(usable, comparison, current, model)


def _tasks_of(tasks: pa.Table, labels: Sequence[SupportLabel]) -> pa.Table:
    ids = pa.array([label.task_id for label in labels], pa.string())
    return traces_of_tasks(tasks.filter(pc.is_in(tasks.column("task_id"), ids)))


def _cases(
    labels: Sequence[SupportLabel], features: Mapping[str, Floats], seen_by_current: Collection[str]
) -> LabelledCases:
    seen = frozenset(seen_by_current)
    return LabelledCases(
        features=np.array([features[label.task_id] for label in labels]).reshape(-1, len(WEIGHTS)),
        support=np.array([label.support for label in labels], dtype=np.float64),
        unsupported=np.array([label.unsupported for label in labels], dtype=np.bool_),
        groups=[label.group for label in labels],
        fresh=np.array([label.task_id not in seen for label in labels], dtype=np.bool_),
    )


def _logits(asked: pa.Table, labels: Sequence[SupportLabel], current: GroundednessModel, embedder: Embedder) -> Floats:
    """By the scorer in use, with its own thresholds; which answers can be scored does not depend on them."""
    features = measured_features(asked, embedder, current)
    rows = np.array([features[label.task_id] for label in labels]).reshape(-1, len(WEIGHTS))
    logits: Floats = np.einsum("nj,j->n", rows, weights_of(current.coefficients))
    return logits


def _refitted(
    cases: LabelledCases, current: GroundednessModel, first: GroundednessModel, config: RefitConfig
) -> GroundednessModel:
    weights = fitted_weights(cases.features, cases.support, weights_of(first.coefficients), config)
    coefficients = coefficients_of(np.round(weights, _DECIMALS))
    version = max(current.version, first.version) + 1
    return first.model_copy(update={"coefficients": coefficients, "version": version})


def _outcome(
    labels: Sequence[SupportLabel], comparison: Comparison, current: GroundednessModel, model: GroundednessModel | None
) -> RefitOutcome:
    return RefitOutcome(
        better=comparison.better,
        reason=comparison.reason,
        n_labels=len(labels),
        n_unsupported=sum(label.unsupported for label in labels),
        n_compared=comparison.n,
        source_before=current.source,
        source_after=None if model is None else model.source,
        auc_before=comparison.auc_before,
        auc_after=comparison.auc_after,
        improvement=comparison.improvement,
        model=model,
        fitted_on=[label.task_id for label in labels] if model else [],
    )
