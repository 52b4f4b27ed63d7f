"""How the figures of a day are named and written: each in its own unit."""

from datetime import date
from math import floor, log10

from millrace.monitoring.figures import FIGURES
from millrace.records.monitoring import DayFigure
from millrace.records.report import ReportedEstimate
from millrace.reports.wording import NOTHING, decimal, excerpt, number, sentence_case, spoken

_MAX_LABEL = 60  # characters
_SPACE = "\N{NO-BREAK SPACE}"
_RELATIVE = "_change"  # a ratio of this ending is a relative change and carries its sign


def figure_name(name: str, label: str | None = None) -> str:
    """``pipeline/failed_share`` is ``Failed share``; what the number is of stands after a colon."""
    spoken_name = sentence_case(spoken(name.rpartition("/")[2]))
    for word, written in (
        ("p50", "median"),
        ("p95", "95th percentile"),
        ("mmd p value", "MMD p-value"),
        ("auc", "AUC"),
    ):
        spoken_name = spoken_name.replace(word, written)
    return spoken_name if label is None else f"{spoken_name}: {excerpt(spoken(label), _MAX_LABEL)}"


def value_text(name: str, value: float | None) -> str:
    """A value of the figure of this name in its unit: ``4.2 %``, ``1.3 s``, ``$0.12``, ``1 234``; None is a dash."""
    if value is None:
        return NOTHING
    unit = FIGURES[name].unit if name in FIGURES else "score"
    if unit == "ratio":
        return share_text(value, signed=name.endswith(_RELATIVE))
    if unit == "seconds":
        return f"{significant(value)}{_SPACE}s"
    if unit == "usd":
        return usd(value)
    return significant(value) if unit == "score" or value != round(value) else whole(value)


def metric_title(title: str) -> str:
    """The title of a metric, with a large first letter, cut where it is long."""
    return sentence_case(excerpt(title, _MAX_LABEL))


def interval_text(figure: DayFigure) -> str:
    """``4.2 % [2.9 %, 5.9 %]``; without a value why there is none."""
    value = value_text(figure.name, figure.value)
    if figure.value is None:
        return f"no value: {spoken(figure.reason or 'not measured')}"
    if figure.low is None or figure.high is None:
        return value
    return f"{value} {between(value_text(figure.name, figure.low), value_text(figure.name, figure.high))}"


def share_text(share: float, *, signed: bool = False) -> str:
    """A share in [0, 1], or a relative change with its sign, in percent with two digits that mean something.

    What is not nothing is never written as 0 %, and what is not all never as 100 %.
    """
    if 0.9995 <= share < 1:
        return f"over 99.9{_SPACE}%"
    size = abs(100 * share)
    digits = 0 if size == 0 or 10 <= size < 99 or size >= 100 else 1 if size >= 0.95 else _digits(size)
    sign = "+" if signed and share > 0 else ""
    return f"{sign}{decimal(100 * share, digits)}{_SPACE}%"


def usd(amount: float) -> str:
    """``$12.40``; less than ten cents with two digits that mean something."""
    return f"${decimal(amount, 2 if amount == 0 or amount >= 0.1 else _digits(amount))}"


def decimals(value: float) -> int:
    """How many of them ``significant`` writes."""
    size = abs(value)
    return 0 if size >= 100 else 2 if size == 0 or size >= 0.095 else _digits(size)


def significant(value: float) -> str:
    """Two decimals, more where the value is small, none where it is large."""
    return whole(value) if abs(value) >= 100 else decimal(value, decimals(value))


def whole(value: float) -> str:
    """``1 234``, with a minus sign where it is negative."""
    return number(round(value)).replace("-", "\N{MINUS SIGN}")


def estimate_in_percent(estimate: ReportedEstimate) -> str:
    """``78 % [72 %, 84 %] (n = 60)``, for shares; an undefined one says why."""
    failed = f", {number(estimate.n_failed)} failed" if estimate.n_failed else ""
    n = f"n{_SPACE}={_SPACE}{number(estimate.n)}{failed}"
    if estimate.mean is None:
        return f"not defined: {spoken(estimate.reason or 'not measured')}"
    if estimate.low is None or estimate.high is None:
        return f"{share_text(estimate.mean)} (no interval: {spoken(estimate.reason or '')}; {n})"
    return f"{share_text(estimate.mean)} {between(share_text(estimate.low), share_text(estimate.high))} ({n})"


def between(low: str, high: str) -> str:
    """An interval, which no line breaks."""
    return f"[{low},{_SPACE}{high}]"


def short_day(day: str) -> str:
    """``2026-11-20`` as ``20 Nov``; what is no day as it is, cut."""
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        return excerpt(day, 12)
    return f"{parsed.day}{_SPACE}{parsed:%b}"


def _digits(size: float) -> int:
    """Decimals that leave two digits of a small number, six at most."""
    return min(6, 1 - floor(log10(size)))
