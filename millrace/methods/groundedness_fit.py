"""Fitting the groundedness scorer to human ratings of faithfulness, and judging the fit on groups it has not seen."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from millrace.errors import BadInputError
from millrace.methods.groundedness import GroundednessCoefficients, GroundednessModel, MeasuredTrace, trace_score

Floats = npt.NDArray[np.float64]

WEIGHTS = ("intercept", "words", "bigrams", "unsupported_numbers", "unsupported_names", "cosine")


def fit_coefficients(
    traces: Sequence[MeasuredTrace],
    faithfulness: Sequence[float] | Floats,
    model: GroundednessModel,
    *,
    c: float = 10.0,
) -> GroundednessCoefficients:
    """Logistic regression of the mean rating on the word-weighted means of the sentences' features.

    Because the logit is linear, the weights of the trace are the weights of its sentences.

    Args:
        traces: measured with ``model``'s thresholds; none without sentences.
        faithfulness: mean human rating of each, scaled to [0, 1].
        model: gives ``neutral_cosine``; its coefficients are not looked at.
        c: inverse strength of the L2 penalty.

    Raises:
        BadInputError: lengths differ, a trace without sentences, or a rating outside [0, 1].

    Source:
        Papke and Wooldridge (1996), J. Appl. Econometrics 11(6), 619-632 (fractional logit), with an L2 penalty.
    """
    share = np.asarray(faithfulness, dtype=np.float64)
    if len(traces) != len(share) or not all(trace.sentences for trace in traces):
        raise BadInputError("fitting needs one rating for each trace, and traces with sentences")
    if not ((share >= 0) & (share <= 1)).all():
        raise BadInputError("scale the ratings to [0, 1] before fitting")
    features = np.array([trace_features(trace, model) for trace in traces])
    labels = np.repeat([1, 0], len(share))
    weights = np.concatenate([share, 1 - share])
    fitted = LogisticRegression(C=c, max_iter=5000, tol=1e-8)
    fitted.fit(np.concatenate([features, features]), labels, sample_weight=weights)
    return coefficients_of([float(fitted.intercept_[0]), *fitted.coef_[0].tolist()])


def cross_validated_scores(
    traces: Sequence[MeasuredTrace],
    faithfulness: Sequence[float] | Floats,
    groups: Sequence[str],
    model: GroundednessModel,
    *,
    seeds: Sequence[int],
    n_folds: int = 5,
    c: float = 10.0,
) -> Floats:
    """Scores by coefficients that were fitted without the trace's group.

    Args:
        traces, faithfulness, model, c: as in ``fit_coefficients``.
        groups: each trace's group; a group is never split.
        seeds: one assignment of groups to folds for each.
        n_folds: at least 2, and no more than there are groups.

    Returns:
        Shape (n_seeds, n_traces), in (0, 1).
    """
    share = np.asarray(faithfulness, dtype=np.float64)
    scores = np.full((len(seeds), len(traces)), np.nan)
    for repeat, seed in enumerate(seeds):
        folds = GroupKFold(n_folds, shuffle=True, random_state=seed)
        for train, test in folds.split(share, groups=np.asarray(groups)):
            coefficients = fit_coefficients([traces[i] for i in train], share[train], model, c=c)
            fitted = model.model_copy(update={"coefficients": coefficients})
            scores[repeat, test] = [trace_score(traces[i], fitted) for i in test]
    return scores


def trace_features(trace: MeasuredTrace, model: GroundednessModel) -> Floats:
    """Means of the sentences' features, weighted by content words.

    Args:
        trace: has sentences.
        model: gives ``neutral_cosine``.

    Returns:
        Shape (5,), in the order of ``WEIGHTS`` without the intercept.
    """
    rows = [
        (
            sentence.lexical.words,
            sentence.lexical.bigrams,
            sentence.lexical.unsupported_numbers,
            sentence.lexical.unsupported_names,
            0.0 if sentence.cosine is None else sentence.cosine - model.neutral_cosine,
        )
        for sentence in trace.sentences
    ]
    return np.average(np.array(rows), axis=0, weights=[sentence.lexical.n_words for sentence in trace.sentences])


def weights_of(coefficients: GroundednessCoefficients) -> Floats:
    """The coefficients as a vector, shape (6,), in the order of ``WEIGHTS``."""
    return np.array([getattr(coefficients, name) for name in WEIGHTS], dtype=np.float64)


def coefficients_of(weights: Sequence[float] | Floats) -> GroundednessCoefficients:
    """The vector, in the order of ``WEIGHTS``, as coefficients."""
    return GroundednessCoefficients(**{name: float(value) for name, value in zip(WEIGHTS, weights, strict=True)})
