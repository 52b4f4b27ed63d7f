"""Clusters of texts by their vectors: PCA, HDBSCAN, and what HDBSCAN leaves out.

HDBSCAN knows neither weights nor single clusters, and calls a third of short texts noise. So its clusters are merged
when their means are near, what is left is clustered again, and texts near a cluster are added to it.
``docs/decisions/0007-clusters.md`` has the measurements behind the defaults.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from millrace.errors import BadInputError
from millrace.methods.near_duplicates import near_duplicate_groups
from millrace.ports import Vectors
from millrace.records.base import Record

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

NOISE = -1
_MAX_ROUNDS = 6
_MANY = 1000  # texts
_NEIGHBOURS = 2  # HDBSCAN's min_samples, the point itself included: the nearest neighbour alone
_DECIMALS = 6  # of reduced coordinates: the last bits of a product are not the same on all machines
_BLOCK_ROWS = 4096


class ClusteringConfig(Record):
    """How texts are clustered."""

    n_dimensions: int = Field(
        50, ge=2, le=100, description="Vectors are reduced to this many principal components; 20 are three times faster"
    )
    max_clustered: int = Field(
        20_000, ge=10, le=50_000, description="Different texts clustered at once; others join the nearest cluster"
    )
    merge_cosine: float = Field(0.85, gt=0, le=1, description="Clusters whose means are at least this near are one")
    core_cosine: float = Field(
        0.65, gt=0, le=1, description="A text at least this near to a cluster's mean joins it before others are sought"
    )
    join_cosine: float = Field(
        0.45, gt=0, le=1, description="A text at least this near to a cluster's mean joins it in the end; others leave"
    )
    seed: int = Field(0, ge=0, description="Draws the texts to cluster when there are too many")


class Clusters(NamedTuple):
    """``labels``: shape (n_texts,), -1 for noise; ``centroids``: shape (n_clusters, d), of norm 1 or zero."""

    labels: Labels
    centroids: Floats


def cluster_vectors(vectors: Vectors, counts: Sequence[int], config: ClusteringConfig) -> Clusters:
    """Cluster different texts by their vectors.

    1. At most ``max_clustered`` texts take part: all that occur often enough to be a cluster alone, then a seeded draw.
    2. HDBSCAN on ``n_dimensions`` principal components; smallest cluster: :func:`smallest_cluster`. Of 1 000 texts or
       more the clusters are the leaves of its tree, of fewer those with excess of mass. The latter now and then is one
       cluster of nearly everything: one whose texts have a mean cosine below ``join_cosine`` to their mean is clustered
       again, by leaves.
    3. Clusters whose means have a cosine of at least ``merge_cosine`` are merged, the nearest first. A text whose
       cosine to the mean of its cluster's others is below ``join_cosine`` leaves it; one that is left over joins the
       nearest cluster if the cosine to its mean is at least ``core_cosine``.
    4. What is left over goes through 2 and 3 again, with the smallest cluster of so many texts, until nothing is found.
       Then clusters of all rounds are merged as in 3.
    5. Each text left over joins the nearest cluster if the cosine to its mean is at least ``join_cosine``.
    6. Of those that took part and are still left, texts that are near each other (cosine at least ``core_cosine``)
       become a cluster when they occur often enough together; one that occurs often enough alone does too. Then others
       join. So a handful of texts about one thing is found, of which HDBSCAN can make nothing.

    Time is quadratic in the texts that take part, linear in the others.

    Args:
        vectors: shape (n_texts, d), rows of norm 1, or zero rows for texts without words, which are like nothing but
            themselves. The order of rows is part of the input: sort the texts where it must not matter.
        counts: how often each text occurs, at least 1, length n_texts.
        config: see its fields.

    Returns:
        Labels number the clusters by their first text. No texts give no clusters; neither do texts that are all
        unlike each other and occur once. The result does not depend on the number of threads.

    Raises:
        BadInputError: lengths differ, or a count below 1.

    Source:
        Campello, Moulavi and Sander (2013), PAKDD, LNCS 7819, 160-172 (HDBSCAN), as in scikit-learn.
    """
    weights = np.asarray(counts, dtype=np.int64)
    if len(vectors) != len(weights) or (weights < 1).any():
        raise BadInputError("each text needs a vector and a count of at least 1", n=len(vectors), counts=len(weights))
    labels = np.full(len(vectors), NOISE, dtype=np.int64)
    worded = np.flatnonzero(vectors.any(axis=1))
    chosen = _chosen(worded, weights, config)
    smallest = smallest_cluster(len(chosen))
    # numerical libraries sum in another order with other numbers of threads
    with threadpool_limits(1):
        labels[chosen] = _in_rounds(vectors[chosen].astype(np.float64), weights[chosen], config)
        labels = _joined(vectors, labels, worded, config.join_cosine)
        left = chosen[labels[chosen] == NOISE]
        labels = _with_repetitions(vectors, labels, left, weights, smallest, config.core_cosine)
        labels = _joined(vectors, labels, worded, config.join_cosine)
        labels = _numbered(_with_wordless(labels, vectors, weights, smallest))
        return Clusters(labels, unit_rows(_sums(vectors, labels)))


def smallest_cluster(n_texts: int) -> int:
    """The size from which a cluster of ``n_texts`` is one: a third of the square root, at least 2."""
    return max(2, round(math.sqrt(n_texts) / 3))


def unit_rows(rows: Floats) -> Floats:
    """Rows scaled to norm 1; one that is zero up to rounding becomes zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    scaled: Floats = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 1e-9)
    return scaled


def _chosen(worded: Labels, weights: Labels, config: ClusteringConfig) -> Labels:
    if len(worded) <= config.max_clustered:
        return worded
    often = weights[worded] >= smallest_cluster(config.max_clustered)
    drawn = np.random.default_rng(config.seed).permutation(len(worded))
    first = drawn[np.argsort(~often[drawn], kind="stable")][: config.max_clustered]
    return np.sort(worded[first])


def _in_rounds(vectors: Floats, weights: Labels, config: ClusteringConfig) -> Labels:
    labels = np.full(len(vectors), NOISE, dtype=np.int64)
    for _ in range(_MAX_ROUNDS):
        left = np.flatnonzero(labels == NOISE)
        found = _round(vectors[left], weights[left], config)
        if not (found != NOISE).any():
            break
        labels[left] = np.where(found == NOISE, NOISE, labels.max() + 1 + found)
    return _merged(vectors, labels, config.merge_cosine)


def _round(vectors: Floats, weights: Labels, config: ClusteringConfig) -> Labels:
    smallest = smallest_cluster(len(vectors))
    points = _reduced(vectors, config.n_dimensions)
    labels = _hdbscan(points, smallest, "leaf" if len(points) >= _MANY else "eom")
    labels = _split(points, vectors, labels, smallest, config.join_cosine)
    labels = _merged(vectors, labels, config.merge_cosine)
    labels = _without_strays(vectors, labels, weights, smallest, config.join_cosine)
    return _joined(vectors, labels, np.arange(len(vectors)), config.core_cosine)


def _reduced(vectors: Floats, n_dimensions: int) -> Floats:
    """Coordinates on the first principal components; fewer where there are fewer texts."""
    if len(vectors) < 2:
        return np.zeros((len(vectors), 1))
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    kept = min(n_dimensions, len(vectors) - 1, vectors.shape[1])
    reduced: Floats = np.round(centred @ axes[:, ::-1][:, :kept], _DECIMALS)
    return reduced


def _hdbscan(points: Floats, smallest: int, selection: Literal["eom", "leaf"]) -> Labels:
    if len(points) < 2 * smallest:  # two clusters are the least that it finds
        return np.full(len(points), NOISE, dtype=np.int64)
    from sklearn.cluster import HDBSCAN

    model = HDBSCAN(
        min_cluster_size=smallest,
        min_samples=_NEIGHBOURS,
        cluster_selection_method=selection,
        algorithm="kd_tree",
        copy=True,
    )
    return np.asarray(model.fit(points).labels_, dtype=np.int64)


def _split(points: Floats, vectors: Floats, labels: Labels, smallest: int, threshold: float) -> Labels:
    """Cluster the loose clusters again."""
    split = labels.copy()
    for label in range(int(labels.max(initial=NOISE)) + 1):
        rows = np.flatnonzero(labels == label)
        mean = vectors[rows].mean(axis=0)
        # the length of the mean of unit vectors is their mean cosine to it
        if np.sqrt(mean @ mean) < threshold:
            parts = _hdbscan(points[rows], smallest, "leaf")
            split[rows] = np.where(parts == NOISE, NOISE, split.max() + 1 + parts)
    return _numbered(split)


def _sums(vectors: Floats | Vectors, labels: Labels) -> Floats:
    """Sum of each cluster's vectors, shape (n_clusters, d), in float64, of which only one cluster is held at once."""
    sums = np.zeros((int(labels.max(initial=NOISE)) + 1, vectors.shape[1]))
    for label in range(len(sums)):
        sums[label] = vectors[labels == label].astype(np.float64).sum(axis=0)
    return sums


def _merged(vectors: Floats, labels: Labels, threshold: float) -> Labels:
    """Merge the two clusters with the nearest means until no two are near; centroid linkage."""
    sums = _sums(vectors, labels)
    target = np.arange(len(sums))
    means = unit_rows(sums)
    cosines = means @ means.T
    np.fill_diagonal(cosines, -1.0)
    while len(sums) > 1 and cosines.max() >= threshold:
        kept, gone = sorted(int(place) for place in np.unravel_index(int(cosines.argmax()), cosines.shape))
        target[target == gone] = kept
        sums[kept] += sums[gone]
        means[kept] = unit_rows(sums[kept : kept + 1])[0]
        row = means @ means[kept]
        row[[*np.flatnonzero(target != np.arange(len(target))), kept]] = -1.0
        cosines[kept], cosines[:, kept] = row, row
        cosines[gone], cosines[:, gone] = -1.0, -1.0
    merged = np.where(labels == NOISE, NOISE, target[labels] if len(target) else NOISE)
    return _numbered(merged)


def _without_strays(vectors: Floats, labels: Labels, weights: Labels, smallest: int, threshold: float) -> Labels:
    """Texts far from the mean of their cluster's others become noise, and so do clusters too small without them.

    Of the others: two texts at right angles have a cosine of .71 to their mean.
    """
    own = np.flatnonzero(labels != NOISE)
    sums = _sums(vectors, labels)
    others = unit_rows(sums[labels[own]] - vectors[own])
    near = np.einsum("ij,ij->i", vectors[own], others) >= threshold
    left = labels.copy()
    left[own[~near]] = NOISE
    sizes = np.bincount(labels[own[near]], weights=weights[own[near]], minlength=len(sums))
    left[own[(sizes < smallest)[labels[own]]]] = NOISE
    return _numbered(left)


def _joined(vectors: Floats | Vectors, labels: Labels, worded: Labels, threshold: float) -> Labels:
    """Give noise the nearest cluster's label where it is near enough."""
    means = unit_rows(_sums(vectors, labels))
    joined = labels.copy()
    left = worded[labels[worded] == NOISE]
    for start in range(0, len(left) if len(means) else 0, _BLOCK_ROWS):
        rows = left[start : start + _BLOCK_ROWS]
        cosines = vectors[rows].astype(np.float64) @ means.T
        near = cosines.max(axis=1) >= threshold
        joined[rows[near]] = cosines.argmax(axis=1)[near]
    return joined


def _with_repetitions(
    vectors: Vectors, labels: Labels, left: Labels, weights: Labels, smallest: int, threshold: float
) -> Labels:
    """New clusters of texts left over that are near each other, where they occur often enough."""
    groups = near_duplicate_groups(vectors[left], threshold)
    enough = np.bincount(groups, weights=weights[left], minlength=len(left)) >= smallest
    new = labels.copy()
    new[left] = np.where(enough[groups], labels.max(initial=NOISE) + 1 + groups, NOISE)
    return _numbered(new)


def _with_wordless(labels: Labels, vectors: Vectors, weights: Labels, smallest: int) -> Labels:
    """A text without words is a cluster when it alone occurs often enough."""
    new = labels.copy()
    alone = np.flatnonzero(~vectors.any(axis=1) & (weights >= smallest))
    new[alone] = labels.max(initial=NOISE) + 1 + np.arange(len(alone))
    return new


def _numbered(labels: Labels) -> Labels:
    """The same clusters, numbered from 0 without gaps by their first text."""
    found, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(np.where(found == NOISE, -1, first))
    number = np.empty(len(found), dtype=np.int64)
    number[order] = np.arange(len(found)) - int((found == NOISE).any())
    numbered: Labels = number[inverse]
    return numbered
