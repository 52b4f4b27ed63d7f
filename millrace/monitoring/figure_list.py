"""Collects the figures of a day."""

from millrace.monitoring.figures import FIGURES
from millrace.records.monitoring import DayFigure
from millrace.records.report import ReportedEstimate
from millrace.statistics.intervals import Estimate, wilson_interval

NO_ITEMS = "no_items"


class FigureList:
    """The figures of one day, in the order in which they are added."""

    def __init__(self, day: str) -> None:
        self._day = day
        self.rows: list[DayFigure] = []

    def share(self, name: str, n_with: int, n: int, *, label: str | None = None) -> None:
        """A share with its Wilson interval; undefined for n = 0."""
        self.estimate(name, wilson_interval(n_with, n), label=label)

    def estimate(
        self, name: str, estimate: Estimate | ReportedEstimate, *, label: str | None = None, n_failed: int = 0
    ) -> None:
        """An estimate as it is; an interval may be missing where there is a value."""
        failed = estimate.n_failed if isinstance(estimate, ReportedEstimate) else n_failed
        self._add(
            name,
            label,
            value=estimate.mean,
            low=estimate.low,
            high=estimate.high,
            n=estimate.n,
            n_failed=failed,
            reason=estimate.reason,
        )

    def number(
        self, name: str, value: float | None, n: int, *, label: str | None = None, reason: str | None = NO_ITEMS
    ) -> None:
        """A count, sum or other number without an interval; ``reason`` counts where there is no value."""
        self._add(name, label, value=value, n=n, reason=reason)

    def _add(
        self,
        name: str,
        label: str | None,
        *,
        value: float | None,
        n: int,
        reason: str | None,
        low: float | None = None,
        high: float | None = None,
        n_failed: int = 0,
    ) -> None:
        if (FIGURES[name].label is None) != (label is None):
            raise ValueError(f"figure {name} takes {'no' if label else 'a'} label")
        why = None if value is not None else reason or NO_ITEMS
        self.rows.append(
            DayFigure(
                day=self._day,
                name=name,
                label=label,
                value=value,
                low=low,
                high=high,
                n=n,
                n_failed=n_failed,
                reason=why,
            )
        )
