import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.monitoring.costs import JUDGING_COLUMNS, answering_cost, judging_costs
from millrace.records.daily_report import CostLine
from millrace.records.evaluation import MetricScore
from millrace.records.monitoring import DayFigure


def rows(*given: tuple[str, int, int | None, float | None]) -> pa.Table:
    schema = pa.schema([arrow_schema(MetricScore).field(name) for name in JUDGING_COLUMNS])
    made = [
        {"metric": metric, "n_calls": n, "input_tokens": tokens, "output_tokens": tokens, "cost_usd": cost}
        for metric, n, tokens, cost in given
    ]
    return pa.Table.from_pylist(made, schema)


def test_each_judge_has_a_line_with_what_it_took() -> None:
    lines = judging_costs(
        [rows(("b", 2, 10, 0.5), ("a", 1, 5, 0.25)), rows(("b", 3, 1, 0.5), ("groundedness", 0, None, None))]
    )
    assert lines == [
        CostLine(purpose="judging: a", n_calls=1, input_tokens=5, output_tokens=5, cost_usd=0.25),
        CostLine(purpose="judging: b", n_calls=5, input_tokens=11, output_tokens=11, cost_usd=1.0),
    ]


def test_a_cost_that_is_not_wholly_known_says_so() -> None:
    (line,) = judging_costs([rows(("a", 1, None, None), ("a", 1, 2, 0.25))])
    assert (line.cost_usd, line.input_tokens) == (0.25, 2)
    assert line.reason == "no price is known for the model"


def test_that_failed_calls_cost_nothing_does_not_make_the_others_free() -> None:
    (line,) = judging_costs([rows(("a", 1, 7, None), ("a", 1, None, 0.0))])
    assert (line.cost_usd, line.reason) == (None, "no price is known for the model")


def test_nobody_was_asked() -> None:
    assert judging_costs([]) == judging_costs([rows(("groundedness", 0, None, None))]) == []
    assert answering_cost([]) == CostLine(purpose="answering", n_calls=0, reason="the traces record no cost")


def test_answering_is_told_from_the_figures() -> None:
    def figure(name: str, value: float, label: str | None = None) -> DayFigure:
        return DayFigure(day="2026-11-20", name=name, label=label, value=value, n=1)

    line = answering_cost([figure("llm/calls", 2, "a"), figure("llm/calls", 3, "b"), figure("llm/cost", 0.5)])
    assert (line.n_calls, line.cost_usd, line.input_tokens, line.reason) == (5, 0.5, None, None)
