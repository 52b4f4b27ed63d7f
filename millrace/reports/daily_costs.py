"""What the day cost, in words."""

from collections.abc import Sequence

from millrace.records.daily_report import CostLine, DailyReport
from millrace.reports.document import Block, Cell, KeyFigure, Link, Paragraph, Table
from millrace.reports.figures import usd
from millrace.reports.wording import NOTHING, counted, excerpt, joined, number, spoken

_MAX_LINES = 30
_MAX_REASONS = 10
_MAX_PURPOSE, _MAX_REASON = 80, 120  # characters


def cost_figure(report: DailyReport) -> KeyFigure:
    """What is known of the cost, and of how much it is not known."""
    known, unknown = known_cost(report.costs), _unknown(report.costs)
    if known is None:
        calls = sum(line.n_calls for line in report.costs)
        detail = f"of {counted(calls, 'model call')}" if unknown else "no model call was paid"
        return KeyFigure("Cost", "not known" if unknown else NOTHING, detail)
    detail = f"{counted(len(unknown), 'purpose')} of {number(len(report.costs))} not known" if unknown else "all known"
    return KeyFigure(
        "Cost", Link(("\N{GREATER-THAN OR EQUAL TO}\N{NO-BREAK SPACE}" if unknown else "") + usd(known), "cost"), detail
    )


def known_cost(lines: Sequence[CostLine]) -> float | None:
    """Sum of what is known, dollars; None where nothing is."""
    known = sorted(line.cost_usd for line in lines if line.cost_usd is not None)
    return sum(known) if known else None


def cost_blocks(report: DailyReport) -> tuple[Block, ...]:
    """Calls, tokens and cost by purpose; what is not known says why."""
    lines = report.costs
    if not lines or not any(line.n_calls or line.cost_usd for line in lines):
        reasons = sorted({excerpt(line.reason, _MAX_REASON) for line in lines if line.reason})
        why = f" ({'; '.join(reasons[:3])})" if reasons else ""
        return (Paragraph(f"No paid model was called, so nothing was spent{why}."),)
    rows: list[tuple[Cell, ...]] = [_row(line) for line in lines[:_MAX_LINES]]
    known, unknown = known_cost(lines), _unknown(lines)
    total = NOTHING if known is None else usd(known)
    n_calls = sum(line.n_calls for line in lines)
    rows.append(("all that is known" if unknown else "all", number(n_calls), *_tokens(lines), total))
    left = len(lines) - _MAX_LINES
    return (
        Table(("Purpose", "Calls", "Tokens in", "Tokens out", "Cost"), tuple(rows), has_total=True),
        *((Paragraph(f"And {counted(left, 'purpose')} more, which the last row counts."),) if left > 0 else ()),
        *_why(unknown),
    )


def _why(unknown: Sequence[CostLine]) -> tuple[Block, ...]:
    """Why costs are not known, each reason once."""
    purposes: dict[str, list[str]] = {}
    for line in unknown:
        if line.reason:
            purposes.setdefault(excerpt(spoken(line.reason), _MAX_REASON), []).append(line.purpose)
    return tuple(
        Paragraph(f"The cost of {joined([excerpt(name, _MAX_PURPOSE) for name in names], 5)} is not known: {reason}.")
        for reason, names in list(purposes.items())[:_MAX_REASONS]
    )


def _row(line: CostLine) -> tuple[Cell, ...]:
    return (excerpt(line.purpose, _MAX_PURPOSE), number(line.n_calls), *_tokens([line]), _cost(line))


def _cost(line: CostLine) -> str:
    if line.cost_usd is not None:
        return usd(line.cost_usd)
    if not line.n_calls:
        return NOTHING
    return "not known"


def _tokens(lines: Sequence[CostLine]) -> tuple[str, str]:
    return _sum([line.input_tokens for line in lines]), _sum([line.output_tokens for line in lines])


def _sum(counts: Sequence[int | None]) -> str:
    known = [count for count in counts if count is not None]
    return number(sum(known)) if known else NOTHING


def _unknown(lines: Sequence[CostLine]) -> list[CostLine]:
    """Those that called a model, and whose cost nobody knows."""
    return [line for line in lines if line.cost_usd is None and line.n_calls]
