"""Fitting the models of people's ratings, and judging the fit on groups it has not seen."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from millrace.errors import BadInputError
from millrace.records.base import Identifier
from millrace.triage.confidence import RatingModel, Target, Term, rating_probabilities, signal_values

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def fit_rating_model(
    signals: pa.Table,
    low: Flags,
    names: Sequence[Identifier],
    *,
    target: Target,
    dimensions: list[str],
    c: float = 10.0,
) -> RatingModel:
    """Logistic regression of low ratings on signals, each with an indicator of null.

    Args:
        signals: one row per rated trace; several rows of one trace (its scores by several fits) count as several.
        low: whether people rated it low; shape (n_rows,).
        names: number or flag signals.
        target, dimensions: what the model says of itself.
        c: inverse strength of the L2 penalty.

    Raises:
        BadInputError: lengths differ, or all are low or none is.

    Source:
        Platt (1999), Probabilistic outputs for support vector machines: a logistic model of a score; here with more
        than one score and an L2 penalty.
    """
    if signals.num_rows != len(low):
        raise BadInputError(f"{signals.num_rows} rows of signals for {len(low)} ratings")
    if low.all() or not low.any():
        raise BadInputError(f"{target}: all ratings are low or none is, so there is nothing to fit")
    columns = [signal_values(signals, name) for name in names]
    features = np.column_stack([part for values, nulls in columns for part in (values, nulls)])
    fitted = LogisticRegression(C=c, max_iter=5000, tol=1e-8).fit(features, low)
    weights = fitted.coef_[0].reshape(len(names), 2).tolist()
    terms = [
        Term(signal=name, weight=weight, when_null=null) for name, (weight, null) in zip(names, weights, strict=True)
    ]
    return RatingModel(
        target=target, dimensions=dimensions, n_low=int(low.sum()), intercept=float(fitted.intercept_[0]), terms=terms
    )


def cross_validated_probabilities(
    repeats: Sequence[pa.Table],
    low: Flags,
    groups: Sequence[str],
    names: Sequence[Identifier],
    *,
    target: Target,
    n_folds: int = 5,
    c: float = 10.0,
) -> Floats:
    """Probabilities by models that were fitted without the trace's group.

    Args:
        repeats: signals of the same traces, one table for each assignment of groups to folds; the assignment of the
            i-th is drawn with seed i.
        low, names, target, c: as in ``fit_rating_model``.
        groups: each trace's group; a group is never split.
        n_folds: at least 2, and no more than there are groups.

    Returns:
        Shape (n_repeats, n_traces), in [0, 1].

    Raises:
        BadInputError: as ``fit_rating_model``.
    """
    found = np.full((len(repeats), len(low)), np.nan)
    for seed, signals in enumerate(repeats):
        folds = GroupKFold(n_folds, shuffle=True, random_state=seed)
        for train, test in folds.split(low, groups=np.asarray(groups)):
            model = fit_rating_model(
                signals.take(train), low[train], names, target=target, dimensions=["cross-validated"], c=c
            )
            found[seed, test] = rating_probabilities(signals.take(test), model)
    return found
