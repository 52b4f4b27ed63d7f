"""Logistic regression that starts from a belief about its weights; it learns from shares as well as from yes and no."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from millrace.errors import BadInputError

Floats = npt.NDArray[np.float64]

_MAX_STEPS = 100
_CONVERGED = 1e-10
_MAX_HALVINGS = 40


@dataclass(frozen=True)
class Posterior:
    """What is believed of the weights: their mode, and the covariance of a Gaussian around it.

    Attributes:
        weights: shape (n_features,).
        covariance: shape (n_features, n_features).
    """

    weights: Floats
    covariance: Floats


def logistic_posterior(features: Floats, targets: Floats, prior_weights: Floats, prior_precision: Floats) -> Posterior:
    """The most likely weights and how certain they are (Laplace's approximation).

    Sums are taken in the order of the rows, whatever the number of threads.

    Args:
        features: finite, shape (n_items, n_features); a column of ones makes an intercept. No items give the prior.
        targets: shape (n_items,), in [0, 1]; shares count as so much of a yes and the rest of a no.
        prior_weights: shape (n_features,).
        prior_precision: inverse covariance of the prior, shape (n_features, n_features), positive definite: so there
            is one mode, also where a plane parts the yes from the no.

    Raises:
        BadInputError: shapes that don't fit, a value that is not finite, or a target outside [0, 1].

    Source:
        MacKay (1992), Neural Computation 4(5), 720-736; targets in between: Papke and Wooldridge (1996), J. Appl.
        Econometrics 11(6), 619-632.
    """
    _check(features, targets, prior_weights, prior_precision)
    known = _Known(features, targets, prior_weights, prior_precision)
    weights = prior_weights.astype(np.float64)
    for _ in range(_MAX_STEPS):
        change = _downhill(known, weights)
        weights = weights + change
        if np.abs(change).max() < _CONVERGED:
            break
    covariance: Floats = np.linalg.inv(_precision(known, weights)).astype(np.float64)
    return Posterior(weights, covariance)


def log_losses(logits: Floats, targets: Floats) -> Floats:
    """Cross-entropy in nats of each item, shape of the logits; at least 0, and finite for finite logits.

    Args:
        logits: any shape.
        targets: in [0, 1], broadcast against the logits.
    """
    losses: Floats = np.logaddexp(0.0, logits) - targets * logits
    return losses


@dataclass(frozen=True)
class _Known:
    features: Floats
    targets: Floats
    prior_weights: Floats
    prior_precision: Floats


def _downhill(known: _Known, weights: Floats) -> Floats:
    """Newton's step, halved as long as it overshoots."""
    logits = np.einsum("nj,j->n", known.features, weights)
    away = np.einsum("ij,j->i", known.prior_precision, weights - known.prior_weights)
    gradient = np.einsum("ni,n->i", known.features, expit(logits) - known.targets) + away
    step: Floats = -np.linalg.solve(_precision(known, weights), gradient)
    loss = _loss(known, weights)
    for _ in range(_MAX_HALVINGS):
        if _loss(known, weights + step) <= loss:
            return step
        step = step / 2
    return np.zeros_like(step)  # rounding hides any further descent: this is the mode


def _precision(known: _Known, weights: Floats) -> Floats:
    probabilities = expit(np.einsum("nj,j->n", known.features, weights))
    information = probabilities * (1 - probabilities)
    precision: Floats = np.einsum("ni,n,nj->ij", known.features, information, known.features) + known.prior_precision
    return precision


def _loss(known: _Known, weights: Floats) -> float:
    away = weights - known.prior_weights
    penalty = float(np.einsum("i,ij,j->", away, known.prior_precision, away)) / 2
    return float(log_losses(np.einsum("nj,j->n", known.features, weights), known.targets).sum()) + penalty


def _check(features: Floats, targets: Floats, prior_weights: Floats, prior_precision: Floats) -> None:
    n_items, n_features = features.shape if features.ndim == 2 else (-1, -1)
    shapes = (targets.shape, prior_weights.shape, prior_precision.shape)
    if shapes != ((n_items,), (n_features,), (n_features, n_features)):
        raise BadInputError(f"features {features.shape} do not fit targets, weights and precision {shapes}")
    if not all(np.isfinite(each).all() for each in (features, targets, prior_weights, prior_precision)):
        raise BadInputError("a regression needs finite values")
    if not ((targets >= 0) & (targets <= 1)).all():
        raise BadInputError("targets must lie in [0, 1]")
