"""The gate of a new groundedness scorer: is it better on labels that neither scorer has seen?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field
from sklearn.model_selection import GroupKFold

from millrace.methods.groundedness_belief import prior_precision
from millrace.records.base import Record
from millrace.statistics.intervals import Estimate, grouped_bootstrap
from millrace.statistics.logistic import log_losses, logistic_posterior
from millrace.statistics.roc import roc_auc

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]


class RefitConfig(Record):
    """How much the scorer may move, and what it takes to be published."""

    prior_strength: float = Field(
        1.0,
        gt=0,
        description="Inverse variance of each coefficient around the shipped scorer's, a hundredth of it for the "
        "intercept; the larger, the more labels it takes to move them",
    )
    minimum_of_each: int = Field(
        8, ge=2, description="Labels of supported and of unsupported answers that the comparison needs, each"
    )
    n_folds: int = Field(5, ge=2, le=20, description="Folds of questions; each label is predicted without its own fold")
    n_repeats: int = Field(5, ge=1, le=50, description="Assignments of questions to folds that are averaged")
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="One-sided: the new scorer's lower log loss must be this certain"
    )
    auc_slack: float = Field(0.02, ge=0, le=1, description="By how much the AUC may be lower all the same")
    n_resamples: int = Field(1000, ge=100, description="Resamples of questions for the intervals")
    seed: int = Field(0, ge=0, description="Of the folds and resamples")


@dataclass(frozen=True)
class LabelledCases:
    """Cases with what people said of them: row i of each field belongs to case i.

    Attributes:
        features: shape (n_cases, 6), in the order of ``WEIGHTS``.
        support: shape (n_cases,), in [0, 1].
        unsupported: shape (n_cases,), what the AUC is to find.
        groups: the cases' questions; a question is never split.
        fresh: shape (n_cases,), whether the scorer in use was fitted without the case.
    """

    features: Floats
    support: Floats
    unsupported: Bools
    groups: Sequence[str]
    fresh: Bools


@dataclass(frozen=True)
class Comparison:
    """How the scorer in use and a refitted one do on the ``n`` fresh cases."""

    better: bool
    reason: str
    n: int
    enough: bool
    auc_before: Estimate
    auc_after: Estimate
    improvement: Estimate


def compare(cases: LabelledCases, current_logits: Floats, first_weights: Floats, config: RefitConfig) -> Comparison:
    """Compare on the fresh cases, each predicted by weights fitted without its question.

    The refitted scorer is better when the mean log loss falls, the one-sided bound of the fall lies above 0, and the
    AUC is not lower by more than ``auc_slack``. Its losses are averaged over the repeats of the folds. Its AUC is taken
    of the mean over the repeats of what its logits exceed the fold's training mean by: where a fold holds more of one
    class than the rest, its fit expects less of it, and that alone would make the AUC of the bare logits too low.

    Args:
        cases: in an order that depends on nothing but the cases; the folds follow it.
        current_logits: of the scorer in use, shape (n_cases,).
        first_weights: the prior's centre, shape (6,).
        config: the gate.
    """
    lacking = _lacking(cases, config)
    if lacking:
        n = int(cases.fresh.sum())
        return Comparison(False, lacking, n, False, _none(n, config), _none(n, config), _none(n, config))
    logits, training_means = (each[:, cases.fresh] for each in _unseen_logits(cases, first_weights, config))
    before, after = current_logits[cases.fresh], (logits - training_means).mean(axis=0)
    support, unsupported = cases.support[cases.fresh], cases.unsupported[cases.fresh]
    drops = log_losses(before, support) - log_losses(logits, support).mean(axis=0)
    groups = [group for group, fresh in zip(cases.groups, cases.fresh, strict=True) if fresh]
    auc_before = _auc(before, unsupported, groups, config)
    auc_after = _auc(after, unsupported, groups, config)
    # Both ends of an interval of 1 - 2 (1 - confidence) are one-sided bounds of that confidence.
    improvement = grouped_bootstrap(
        groups,
        lambda rows: float(drops[rows].mean()),
        seed=config.seed,
        n_resamples=config.n_resamples,
        confidence=2 * config.confidence - 1,
    )
    better, reason = _verdict(improvement, auc_before, auc_after, config)
    return Comparison(better, reason, len(groups), True, auc_before, auc_after, improvement)


def fitted_weights(features: Floats, support: Floats, first_weights: Floats, config: RefitConfig) -> Floats:
    """The most likely weights given the labels, shape (6,)."""
    return logistic_posterior(features, support, first_weights, prior_precision(config.prior_strength)).weights


def _lacking(cases: LabelledCases, config: RefitConfig) -> str | None:
    """Which labels are missing for a comparison, in words; None when none are."""
    n_unsupported = int((cases.fresh & cases.unsupported).sum())
    n_supported = int((cases.fresh & ~cases.unsupported).sum())
    if min(n_unsupported, n_supported) < config.minimum_of_each:
        return (
            f"too few labels that the scorer in use has not seen: {n_supported} of supported and {n_unsupported} of "
            f"unsupported answers, {config.minimum_of_each} of each are needed"
        )
    n_groups = len(set(cases.groups))
    if n_groups < config.n_folds:
        return f"labels of {n_groups} different questions, {config.n_folds} are needed"
    return None


def _unseen_logits(cases: LabelledCases, first_weights: Floats, config: RefitConfig) -> tuple[Floats, Floats]:
    """Logits by weights fitted without the case's question, and the mean logit of what they were fitted on.

    Both have the shape (n_repeats, n_cases).
    """
    logits = np.empty((config.n_repeats, len(cases.support)))
    training_means = np.empty_like(logits)
    for repeat in range(config.n_repeats):
        folds = GroupKFold(config.n_folds, shuffle=True, random_state=config.seed + repeat)
        for train, test in folds.split(cases.support, groups=np.asarray(cases.groups)):
            weights = fitted_weights(cases.features[train], cases.support[train], first_weights, config)
            by_case = np.einsum("nj,j->n", cases.features, weights)
            logits[repeat, test], training_means[repeat, test] = by_case[test], by_case[train].mean()
    return logits, training_means


def _auc(logits: Floats, unsupported: Bools, groups: Sequence[str], config: RefitConfig) -> Estimate:
    def area(rows: Indices) -> float | None:
        return roc_auc(-logits[rows], unsupported[rows]).value

    return grouped_bootstrap(groups, area, seed=config.seed, n_resamples=config.n_resamples)


def _verdict(improvement: Estimate, auc_before: Estimate, auc_after: Estimate, config: RefitConfig) -> tuple[bool, str]:
    if improvement.mean is None or improvement.low is None:
        return False, "the change of the log loss has no interval"
    change = f"log loss falls by {improvement.mean:.3f}, at least {improvement.low:.3f} at {config.confidence:.0%}"
    if improvement.low <= 0:
        return False, f"not better on unseen labels beyond doubt: {change}"
    if auc_before.mean is None or auc_after.mean is None or auc_after.mean < auc_before.mean - config.auc_slack:
        return False, f"ranks worse: AUC {_shown(auc_before)} before, {_shown(auc_after)} after"
    return True, f"better on unseen labels: {change}; AUC {_shown(auc_before)} before, {_shown(auc_after)} after"


def _shown(estimate: Estimate) -> str:
    return "undefined" if estimate.mean is None else f"{estimate.mean:.3f}"


def _none(n: int, config: RefitConfig) -> Estimate:
    return Estimate(
        mean=None,
        low=None,
        high=None,
        n=n,
        confidence=config.confidence,
        method="grouped_bootstrap",
        reason="undefined" if n else "no_items",
    )
