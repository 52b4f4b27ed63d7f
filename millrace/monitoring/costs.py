"""What a day cost, by purpose."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.records.daily_report import CostLine
from millrace.records.monitoring import DayFigure

JUDGING_COLUMNS = ["metric", "n_calls", "input_tokens", "output_tokens", "cost_usd"]
ANSWERING = "answering"
_NO_PRICE = "no price is known for the model"
_NOT_RECORDED = "the traces record no cost"


def answering_cost(measured: Sequence[DayFigure]) -> CostLine:
    """What answering the day's questions took, as far as traces record it.

    Args:
        measured: from ``operations.operation_figures``.
    """
    values = {figure.name: figure.value for figure in measured}
    cost = values.get("llm/cost")
    return CostLine(
        purpose=ANSWERING,
        n_calls=sum(int(figure.value or 0) for figure in measured if figure.name == "llm/calls"),
        input_tokens=_whole(values.get("llm/input_tokens")),
        output_tokens=_whole(values.get("llm/output_tokens")),
        cost_usd=cost,
        reason=_NOT_RECORDED if cost is None else None,
    )


def judging_costs(judged: Iterable[pa.Table]) -> list[CostLine]:
    """What each metric's judge took, by name; none where nobody was asked.

    Args:
        judged: parts with ``JUDGING_COLUMNS`` of MetricScore.
    """
    asked = [part.filter(pc.greater(part.column("n_calls"), 0)) for part in judged]
    rows = pa.concat_tables(asked) if asked else pa.table({"metric": []})
    metrics = sorted(pc.unique(rows.column("metric")).to_pylist())
    return [_judging_cost(metric, rows.filter(pc.equal(rows.column("metric"), metric))) for metric in metrics]


def _judging_cost(metric: str, rows: pa.Table) -> CostLine:
    costs = np.sort(np.asarray(rows.column("cost_usd").drop_null().to_numpy(), dtype=np.float64))
    is_whole = len(costs) == rows.num_rows
    known = float(costs.sum())
    return CostLine(
        purpose=f"judging: {metric}",
        n_calls=pc.sum(rows.column("n_calls")).as_py(),
        input_tokens=pc.sum(rows.column("input_tokens")).as_py(),
        output_tokens=pc.sum(rows.column("output_tokens")).as_py(),
        cost_usd=known if is_whole or known else None,  # calls that failed cost nothing, which tells nothing of others
        reason=None if is_whole else _NO_PRICE,
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
