"""Which observations would teach a logistic regression most."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def information_gain(features: Floats, probabilities: Floats, covariance: Floats) -> Floats:
    """How much one observation of each item would narrow what is believed of the weights.

    The drop of the log determinant of the weights' covariance: log(1 + p (1 - p) x' covariance x). It is large where
    the outcome is open and the weights that decide it are uncertain; after ``observed``, items like the one observed
    gain less, so that taking the best one after the other gives a batch that is diverse.

    Args:
        features: shape (n_items, n_features).
        probabilities: of a yes, shape (n_items,), in [0, 1].
        covariance: of the weights, shape (n_features, n_features).

    Returns:
        Shape (n_items,), in nats times two, at least 0.

    Source:
        Chaloner and Verdinelli (1995), Stat. Sci. 10(3), 273-304 (Bayesian D-optimal design).
    """
    variances = np.einsum("ni,ij,nj->n", features, covariance, features)
    gains: Floats = np.log1p(probabilities * (1 - probabilities) * np.maximum(variances, 0.0))
    return gains


def observed(covariance: Floats, features: Floats, probability: float) -> Floats:
    """The covariance once the outcome of one item is known, whichever it is.

    Args:
        covariance: of the weights, shape (n_features, n_features).
        features: of the item, shape (n_features,).
        probability: of a yes, in [0, 1].

    Source:
        Sherman and Morrison (1950), Ann. Math. Stat. 21(1), 124-127.
    """
    information = probability * (1 - probability)
    pushed = np.einsum("ij,j->i", covariance, features)
    shrunk: Floats = covariance - np.einsum("i,j->ij", pushed, pushed) * (
        information / (1 + information * float(np.einsum("i,i->", features, pushed)))
    )
    return shrunk
