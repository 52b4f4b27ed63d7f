"""How figures are written: mean and range over runs, in Markdown tables."""

from collections.abc import Sequence
from statistics import fmean


def spread(values: Sequence[float]) -> str:
    """``mean (least to most)`` with three significant digits."""
    return f"{fmean(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
