"""Estimates as reports carry them: mean, interval, n; undefined ones with their reason."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from millrace.records.report import ReportedEstimate
from millrace.statistics.intervals import Estimate, wilson_interval

CONFIDENCE = 0.95


def reported(estimate: Estimate, n_failed: int = 0) -> ReportedEstimate:
    """An estimate of ``millrace.statistics`` in a report; ``n_failed`` items could not be measured."""
    return ReportedEstimate(**estimate.model_dump(), n_failed=n_failed)


def share_of(successes: int, n: int, n_failed: int = 0) -> ReportedEstimate:
    """A share in [0, 1] with its Wilson interval at 95 %; undefined for n = 0, reason ``no_items``."""
    return reported(wilson_interval(successes, n, confidence=CONFIDENCE), n_failed)


def mean_of(values: npt.NDArray[np.float64]) -> ReportedEstimate:
    """The mean of scores in [0, 1] with Student's interval at 95 %, cut to [0, 1].

    A closed form, where the bootstrap would take minutes on the traces of a busy week.

    Args:
        values: shape (n,), finite, independent.

    Returns:
        Undefined for no values (reason ``no_items``); without an interval for one (``one_item``).

    Source:
        Student (1908), Biometrika 6(1), 1-25.
    """
    n = len(values)
    if n == 0:
        return ReportedEstimate(mean=None, n=0, method="student_t", reason="no_items")
    mean = float(values.mean())
    if n == 1:
        return ReportedEstimate(mean=mean, n=1, method="student_t", reason="one_item")
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * float(values.std(ddof=1)) / n**0.5
    return ReportedEstimate(mean=mean, low=max(0.0, mean - half), high=min(1.0, mean + half), n=n, method="student_t")
