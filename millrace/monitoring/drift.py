"""How far the texts of now lie from those of a reference, by their vectors (A24)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millrace.errors import BadInputError
from millrace.monitoring.embedding_samples import DriftConfig, bounded_sample, embedding_samples, vectors_of
from millrace.records.monitoring import DriftResult, EmbeddingPoint, WatchStatus
from millrace.records.report import ReportedEstimate
from millrace.statistics.domain_classifier import Separation, tell_apart
from millrace.statistics.mean_discrepancy import MeanDiscrepancy, maximum_mean_discrepancy
from millrace.statistics.principal_components import principal_components

__all__ = ["DriftConfig", "embedding_samples", "watch_drift"]

Floats = npt.NDArray[np.float64]

_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class _Side:
    """One side's items in the order of the draw, empty texts left out; ``vectors``: shape (n_items, n_dimensions)."""

    ids: Sequence[str]
    vectors: Floats


def watch_drift(reference: pa.Table, current: pa.Table, config: DriftConfig) -> DriftResult:
    """Compare the texts of now with those of the reference.

    - Centroid shift: 1 - cosine of the two mean vectors. Spread: mean cosine distance of the texts to their own mean.
    - Maximum mean discrepancy with a permutation p-value, on a draw of at most ``max_mmd`` texts of each side.
    - Domain classifier: cross-validated area under the ROC curve of telling now from then; equal texts are kept
      together. The items of now that it is surest of are ``most_typical_now``, each text once.
    - A picture: the first two principal components of both sides together.

    ``warning`` when the p-value is at most ``max_p_value`` and the lower end of the classifier's interval lies above
    ``warning_auc``; ``critical`` when its area is above ``critical_auc`` besides. The p-value says that something
    changed, the area by how much: with thousands of texts any change is proven, also one that nobody needs to know of.
    ``not_enough`` below ``min_samples`` texts with words on a side.

    Numbers are the same for any number of threads and any order of rows. The p-value takes texts as independent: many
    questions of one long conversation make it too small.

    Args:
        reference, current: tables of EmbeddingSample, of one embedder.

    Raises:
        BadInputError: vectors of several lengths, or an id that occurs twice on a side.
    """
    then, now = (_side(samples, config) for samples in (reference, current))
    n_then, n_now = len(then.ids), len(now.ids)
    if min(n_then, n_now) < config.min_samples:
        reason = f"{n_now} texts of now and {n_then} of the reference; {config.min_samples} of each are needed."
        return DriftResult(status="not_enough", reasons=[reason], n_reference=n_then, n_current=n_now)
    if then.vectors.shape[1] != now.vectors.shape[1]:
        lengths = (then.vectors.shape[1], now.vectors.shape[1])
        raise BadInputError(f"vectors of lengths {lengths}; the reference is of another embedder", lengths=lengths)
    discrepancy = maximum_mean_discrepancy(
        then.vectors[: config.max_mmd],
        now.vectors[: config.max_mmd],
        seed=config.seed,
        n_permutations=config.n_permutations,
    )
    separation = tell_apart(then.vectors, now.vectors, seed=config.seed, n_folds=config.n_folds, n_axes=config.n_axes)
    points, explained = _points(then, now, config.max_points)
    status, reasons = _verdict(discrepancy, separation, config)
    spread_then, spread_now = _spread(then.vectors), _spread(now.vectors)
    return DriftResult(
        status=status,
        reasons=reasons,
        n_reference=n_then,
        n_current=n_now,
        centroid_shift=_centroid_shift(then.vectors, now.vectors),
        spread_reference=spread_then,
        spread_current=spread_now,
        spread_change=_relative(spread_then, spread_now),
        mmd_squared=discrepancy.squared,
        mmd_p_value=discrepancy.p_value,
        n_permutations=discrepancy.n_permutations,
        domain_auc=_reported(separation, n_then + n_now),
        most_typical_now=_most_typical(now.ids, separation, config.n_typical),
        points=points,
        explained=explained,
    )


def _side(samples: pa.Table, config: DriftConfig) -> _Side:
    drawn = bounded_sample(samples, config.max_samples, config.seed)
    vectors = vectors_of(drawn)
    worded = vectors.any(axis=1)
    ids = np.array(drawn.column("item_id").to_pylist(), dtype=object)
    return _Side([str(each) for each in ids[worded]], vectors[worded])


def _mean_direction(vectors: Floats) -> Floats | None:
    """The mean vector, scaled to norm 1; None where the vectors cancel out."""
    mean = vectors.mean(axis=0)
    norm = float(np.sqrt((mean * mean).sum()))
    return None if norm < 1e-9 else mean / norm


def _centroid_shift(then: Floats, now: Floats) -> float | None:
    first, second = _mean_direction(then), _mean_direction(now)
    if first is None or second is None:
        return None
    return float(np.clip(round(1 - float((first * second).sum()), _DECIMALS), 0.0, 2.0))


def _spread(vectors: Floats) -> float | None:
    mean = _mean_direction(vectors)
    if mean is None:
        return None
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    cosines = np.einsum("ij,j->i", vectors, mean) / norms
    return max(0.0, round(float(np.sort(1 - cosines).mean()), _DECIMALS))


def _relative(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or before == 0 else round(after / before - 1, _DECIMALS)


def _verdict(
    discrepancy: MeanDiscrepancy, separation: Separation, config: DriftConfig
) -> tuple[WatchStatus, list[str]]:
    auc, low = separation.auc, separation.low
    if auc is None or low is None:
        return "ok", ["Texts of a side are all alike, so that no classifier could be tried."]
    if discrepancy.p_value > config.max_p_value or low <= config.warning_auc:
        return "ok", []
    told = (
        f"Texts of now can be told from those of the reference: a classifier ranks {auc:.0%} of the pairs right "
        f"(at least {low:.0%}; half would be chance), and the two differ with p = {discrepancy.p_value:.4f}."
    )
    return "critical" if auc > config.critical_auc else "warning", [told]


def _reported(separation: Separation, n: int) -> ReportedEstimate:
    return ReportedEstimate(
        mean=separation.auc,
        low=separation.low,
        high=separation.high,
        n=n,
        method="cross_validated_auc",
        reason=separation.reason,
    )


def _most_typical(ids: Sequence[str], separation: Separation, most: int) -> list[str]:
    if separation.auc is None:
        return []
    n = len(ids)
    rows = zip(-np.nan_to_num(separation.probabilities[-n:], nan=-1.0), ids, separation.groups[-n:], strict=True)
    found: dict[int, str] = {}
    for _, item_id, group in sorted(rows, key=lambda row: (row[0], row[1])):
        found.setdefault(int(group), item_id)
    return list(found.values())[:most]


def _points(then: _Side, now: _Side, most: int) -> tuple[list[EmbeddingPoint], float | None]:
    axes = principal_components(np.concatenate([then.vectors, now.vectors]), 2)
    n_then = len(then.ids)
    rows = [
        *((item_id, False, row) for row, item_id in enumerate(then.ids[:most])),
        *((item_id, True, n_then + row) for row, item_id in enumerate(now.ids[:most])),
    ]
    places = np.zeros((len(axes.coordinates), 2))
    places[:, : axes.coordinates.shape[1]] = axes.coordinates
    points = [
        EmbeddingPoint(item_id=item_id, current=is_now, x=float(places[row, 0]), y=float(places[row, 1]))
        for item_id, is_now, row in rows
    ]
    explained = axes.explained(2)
    return points, None if explained is None else round(explained, _DECIMALS)
