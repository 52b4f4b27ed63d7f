"""How numbers, names and excerpts are worded in every report."""

from collections.abc import Sequence
from datetime import datetime

from millrace.methods.markdown import shown
from millrace.records.report import Count, ReportedEstimate

NOTHING = "\N{EN DASH}"  # an empty cell


def excerpt(text: str, max_chars: int = 280) -> str:
    """The beginning of a text, cut between words where there are any; an ellipsis says that it was cut."""
    line = shown(text)
    if len(line) <= max_chars:
        return line
    head = line[: max_chars - 1]
    between_words = head.rsplit(" ", 1)[0]
    return (between_words if len(between_words) > max_chars // 2 else head) + "…"


def estimate_text(estimate: ReportedEstimate) -> str:
    """``0.83 [0.80, 0.86] (n = 100, 4 failed)``; an undefined one is ``not defined: reason``."""
    failed = f", {number(estimate.n_failed)} failed" if estimate.n_failed else ""
    n = f"n = {number(estimate.n)}{failed}"
    if estimate.mean is None:
        return _not_defined(estimate)
    if estimate.low is None or estimate.high is None:
        return f"{decimal(estimate.mean)} (no interval: {spoken(estimate.reason or '')}; {n})"
    return f"{decimal(estimate.mean)} [{decimal(estimate.low)}, {decimal(estimate.high)}] ({n})"


def decimal(value: float, digits: int = 2) -> str:
    """``0.83``, with a minus sign where it is negative; what rounds to nothing has no sign."""
    text = f"{value:.{digits}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "\N{MINUS SIGN}")


def percent(share: float | None) -> str:
    """``12 %``; what is not nothing is never rounded to 0 %, and what is not all never to 100 %."""
    if share is None:
        return NOTHING
    if 0 < share < 0.01:
        return "under 1\N{NO-BREAK SPACE}%"
    if 0.99 < share < 1:
        return "over 99\N{NO-BREAK SPACE}%"
    return f"{decimal(100 * share, 0)}\N{NO-BREAK SPACE}%"


def change_text(difference: ReportedEstimate) -> str:
    """``+0.06 [0.01, 0.11], beyond chance``: a difference of shares, and whether its interval holds 0."""
    if difference.mean is None or difference.low is None or difference.high is None:
        return _not_defined(difference)
    chance = "within chance" if difference.low <= 0 <= difference.high else "beyond chance"
    return f"{_signed(difference.mean)} [{_signed(difference.low)}, {_signed(difference.high)}], {chance}"


def _signed(value: float) -> str:
    text = decimal(value)
    return text if value < 0 or text == decimal(0) else f"+{text}"


def _not_defined(estimate: ReportedEstimate) -> str:
    if estimate.reason in (None, "undefined"):  # a reason that only says it again
        return "not defined"
    return f"not defined: {spoken(estimate.reason)}"


def with_reasons(n: int, reasons: str) -> str:
    """``3 (bad json 2, missing field 1)``, or ``0``."""
    return f"{number(n)} ({reasons})" if n else "0"


def number(value: int) -> str:
    """A count with thousands apart: ``12 345``, spaces not breaking."""
    return f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """``1 trace``, ``2 traces``."""
    return f"{number(n)} {singular if n == 1 else plural or singular + 's'}"


def spoken(name: str) -> str:
    """An identifier as words: ``retrieval_failure`` is ``retrieval failure``."""
    return name.replace("_", " ")


def sentence_case(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def listed(counts: Sequence[Count]) -> str:
    """``answered 90, abstained 10``."""
    return joined([f"{spoken(count.name)} {number(count.n)}" for count in counts], at_most=20)


def joined(names: Sequence[str], at_most: int) -> str:
    """``acme, globex and 3 more``; no names give ``none``."""
    more = len(names) - at_most
    return (", ".join(names[:at_most]) or "none") + (f" and {number(more)} more" if more > 0 else "")


def utc_text(time: datetime) -> str:
    """``2026-11-16 08:00 UTC``; the time is aware and in UTC."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def short_hash(content_hash: str) -> str:
    """The first twelve digits, enough to tell datasets apart by eye; a name before a colon is kept."""
    name, colon, digits = content_hash.rpartition(":")
    return f"{name}{colon}{digits[:12]}"
