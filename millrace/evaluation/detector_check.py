"""How well a detector of unsupported answers does on a calibration set."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from pydantic import Field

from millrace.errors import BadInputError
from millrace.evaluation.calibration_case import CalibrationCase, CaseOrigin, SupportedLabel
from millrace.methods.consistency import AnsweredCase, Consistency, ConsistencyScorer
from millrace.records.base import Identifier, Record
from millrace.statistics.intervals import Estimate, grouped_bootstrap, wilson_interval
from millrace.statistics.roc import roc_auc

Indices = npt.NDArray[np.intp]


class OriginAccuracy(Record):
    """Accuracy on the cases of one origin and label."""

    origin: CaseOrigin
    label: SupportedLabel
    accuracy: Estimate


class DetectorCheck(Record):
    """A detector's figures on a set; a case without a score counts as wrong in every accuracy."""

    scorer: Identifier
    n_cases: int
    n_unscored: int
    threshold: float = Field(description="Scores of at least this count as supported")
    accuracy: Estimate
    goal: float
    reaches_goal: bool = Field(description="Whether the lower end of the accuracy's interval is at least the goal")
    auc: Estimate = Field(description="Of supported above unsupported, scored cases only; sources are resampled")
    best_threshold: float | None = Field(description="The threshold of highest accuracy on this set")
    best_accuracy: Estimate = Field(
        description="Each half of the set judged with the other half's best threshold: what a well-set one would give"
    )
    by_origin: list[OriginAccuracy]


def check_detector(
    cases: Sequence[CalibrationCase],
    scorer: ConsistencyScorer,
    *,
    threshold: float = 0.5,
    goal: float = 0.92,
    seed: int = 0,
    confidence: float = 0.95,
) -> DetectorCheck:
    """Score every case and compare with its label.

    Args:
        cases: at least one.
        threshold: in [0, 1].
        goal: what the lower end of the accuracy's interval should reach.
        seed: of the resampling.

    Raises:
        BadInputError: no cases.
    """
    if not cases:
        raise BadInputError("the calibration set is empty")
    found = scorer.score([_answered(case) for case in cases])
    supported = np.array([case.label == "supported" for case in cases])
    right = _right(found, supported, np.full(len(cases), threshold))
    accuracy = wilson_interval(int(right.sum()), len(cases), confidence=confidence)
    cross_fitted = _right(found, supported, _other_halfs_threshold(found, supported))
    return DetectorCheck(
        scorer=scorer.identity,
        n_cases=len(cases),
        n_unscored=sum(each.value is None for each in found),
        threshold=threshold,
        accuracy=accuracy,
        goal=goal,
        reaches_goal=accuracy.low is not None and accuracy.low >= goal,
        auc=_auc(cases, found, seed, confidence),
        best_threshold=best_threshold(found, supported),
        best_accuracy=wilson_interval(int(cross_fitted.sum()), len(cases), confidence=confidence),
        by_origin=_by_origin(cases, right, confidence),
    )


def best_threshold(found: Sequence[Consistency], supported: npt.NDArray[np.bool_]) -> float | None:
    """The threshold that judges most scored cases rightly, the lowest of equals; None when none is scored."""
    scored = [(each.value, bool(label)) for each, label in zip(found, supported, strict=True) if each.value is not None]
    if not scored:
        return None
    values, labels = np.array([value for value, _ in scored]), np.array([label for _, label in scored])
    distinct = sorted(set(values.tolist()))
    candidates: list[float] = [
        distinct[0],
        *((low + high) / 2 for low, high in pairwise(distinct)),
        float(np.nextafter(1, 2)),
    ]
    n_right = [int(((values >= threshold) == labels).sum()) for threshold in candidates]
    return candidates[n_right.index(max(n_right))]


def _answered(case: CalibrationCase) -> AnsweredCase:
    return AnsweredCase(case.answer, tuple(case.contexts), case.question, tuple(case.history))


def _right(
    found: Sequence[Consistency], supported: npt.NDArray[np.bool_], thresholds: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    judged = zip(found, supported, thresholds, strict=True)
    return np.array([each.value is not None and (each.value >= least) == label for each, label, least in judged])


def _other_halfs_threshold(found: Sequence[Consistency], supported: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """For each case the best threshold of those in even places if it is in an odd one, and the reverse."""
    thresholds = np.full(len(found), 0.5)
    for half in (0, 1):
        best = best_threshold(found[1 - half :: 2], supported[1 - half :: 2])
        thresholds[half::2] = 0.5 if best is None else best
    return thresholds


def _auc(cases: Sequence[CalibrationCase], found: Sequence[Consistency], seed: int, confidence: float) -> Estimate:
    scored = [(case, each.value) for case, each in zip(cases, found, strict=True) if each.value is not None]
    values = np.array([value for _, value in scored])
    labels = np.array([case.label == "supported" for case, _ in scored])

    def area(rows: Indices) -> float | None:
        return roc_auc(values[rows], labels[rows]).value

    return grouped_bootstrap([case.source for case, _ in scored], area, seed=seed, confidence=confidence)


def _by_origin(
    cases: Sequence[CalibrationCase], right: npt.NDArray[np.bool_], confidence: float
) -> list[OriginAccuracy]:
    groups: dict[tuple[CaseOrigin, SupportedLabel], list[bool]] = {}
    for case, is_right in zip(cases, right, strict=True):
        groups.setdefault((case.origin, case.label), []).append(bool(is_right))
    return [
        OriginAccuracy(origin=origin, label=label, accuracy=wilson_interval(sum(own), len(own), confidence=confidence))
        for (origin, label), own in sorted(groups.items())
    ]
