"""How certain the groundedness scorer's weights are, and what cases look like to it."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit

from millrace.methods.groundedness import GroundednessModel, measure_traces
from millrace.methods.groundedness_fit import WEIGHTS, trace_features, weights_of
from millrace.ports import Embedder
from millrace.statistics.design import observed

Floats = npt.NDArray[np.float64]

_INTERCEPT = 0.01


@dataclass(frozen=True)
class ScorerBelief:
    """A scorer, and the covariance of what is believed of its weights, shape (6, 6)."""

    model: GroundednessModel
    embedder: Embedder
    covariance: Floats

    def features(self, traces: pa.Table) -> dict[str, Floats]:
        """Each trace's features, an intercept's 1 before them; traces that cannot be scored are left out.

        Args:
            traces: columns of Trace.

        Returns:
            By trace id, shape (6,) each, in the order of ``WEIGHTS``.
        """
        return measured_features(traces, self.embedder, self.model)

    def once_answered(self, traces: pa.Table) -> "ScorerBelief":
        """What is believed once these traces' labels are known, whatever they are."""
        features, weights = self.features(traces), self.weights
        covariance = self.covariance
        for trace_id in sorted(features):
            x = features[trace_id]
            covariance = observed(covariance, x, float(expit(np.einsum("j,j->", x, weights))))
        return replace(self, covariance=covariance)

    @property
    def weights(self) -> Floats:
        """The scorer's weights, shape (6,)."""
        return weights_of(self.model.coefficients)


def measured_features(traces: pa.Table, embedder: Embedder, model: GroundednessModel) -> dict[str, Floats]:
    """As ``ScorerBelief.features``."""
    measured = measure_traces(traces, embedder=embedder, model=model)
    return {each.trace_id: np.r_[1.0, trace_features(each, model)] for each in measured if each.sentences}


def traces_of_tasks(tasks: pa.Table) -> pa.Table:
    """Tasks as traces to measure; the task's id stands as the trace's, as a trace could be asked about twice."""
    answered = pa.array(["answered"] * tasks.num_rows, pa.string())
    columns = ["task_id", "question", "history", "contexts", "answer"]
    return tasks.select(columns).rename_columns(["trace_id", *columns[1:]]).append_column("status", answered)


def prior_precision(strength: float) -> Floats:
    """Inverse covariance of weights that lie around the prior's with a variance of 1 / strength each.

    The intercept's variance is a hundred times that: how often answers are unsupported differs most from application to
    application.
    """
    precision = np.eye(len(WEIGHTS)) * strength
    precision[0, 0] *= _INTERCEPT
    return precision


def scorer_belief(
    model: GroundednessModel, embedder: Embedder, answered: pa.Table | None = None, *, prior_strength: float = 1.0
) -> ScorerBelief:
    """What is believed of a scorer's weights once the answered tasks count as seen.

    Args:
        model: the scorer.
        embedder: measures the tasks.
        answered: table of AnnotationTask; None for none. What was answered makes no difference, only to what.
        prior_strength: as in ``RefitConfig``, above 0.
    """
    belief = ScorerBelief(model, embedder, np.diag(1 / np.diag(prior_precision(prior_strength))))
    return belief if answered is None else belief.once_answered(traces_of_tasks(answered))
