"""Estimates as reports carry them: mean, interval, n; undefined ones with their reason."""

import numpy as np
import numpy.typing as npt

from millrace.records.report import ReportedEstimate
from millrace.statistics.intervals import Estimate, share_difference, student_interval, wilson_interval

CONFIDENCE = 0.95


def reported(estimate: Estimate, n_failed: int = 0) -> ReportedEstimate:
    """An estimate of ``millrace.statistics`` in a report; ``n_failed`` items could not be measured."""
    return ReportedEstimate(**estimate.model_dump(), n_failed=n_failed)


def share_of(successes: int, n: int, n_failed: int = 0) -> ReportedEstimate:
    """A share in [0, 1] with its Wilson interval at 95 %; undefined for n = 0, reason ``no_items``."""
    return reported(wilson_interval(successes, n, confidence=CONFIDENCE), n_failed)


def mean_of(values: npt.NDArray[np.float64]) -> ReportedEstimate:
    """The mean of scores in [0, 1], shape (n,), with Student's interval at 95 %, cut to [0, 1]."""
    return reported(student_interval(values, confidence=CONFIDENCE, lowest=0.0, highest=1.0))


def difference_of(before: tuple[int, int], now: tuple[int, int]) -> ReportedEstimate:
    """How much larger the share is now, given successes and n of both, with Newcombe's interval at 95 %."""
    first, second = (wilson_interval(*counts, confidence=CONFIDENCE) for counts in (before, now))
    return reported(share_difference(first, second))
