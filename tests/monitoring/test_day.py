"""The figures of a day."""

from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import arrow_schema
from millrace.monitoring.day import hallucination_figures, pipeline_figures, retrieval_figures, safety_figures
from millrace.monitoring.figure_list import FigureList
from millrace.records.monitoring import CanaryResult, CanaryWindow, DayFigure, RetrievalSample
from millrace.records.report import ReportedEstimate
from millrace.records.trace import RedactionCount, Trace, utc

DAY = "2026-11-20"


def traces(*rows: dict[str, Any]) -> pa.Table:
    known = {"time": utc(2026, 11, 20), "tenant_id": "mill", "question": "Why?"}
    made = [Trace(**{"trace_id": f"t{number}", **known, **row}) for number, row in enumerate(rows)]
    return pa.Table.from_pylist([each.model_dump() for each in made], arrow_schema(Trace))


def named(figures: list[DayFigure]) -> dict[tuple[str, str | None], DayFigure]:
    return {(each.name, each.label): each for each in figures}


def test_shares_are_of_all_traces_and_have_intervals() -> None:
    table = traces({"status": "failed", "route": "kb"}, {"route": "kb"}, {"tenant_id": "dam"}, {"status": "abstained"})
    found = named(pipeline_figures(DAY, table, n_skipped=3))
    failed = found["pipeline/failed_share", None]
    assert (failed.value, failed.n) == (0.25, 4)
    assert failed.low is not None
    assert failed.low < 0.25
    assert found["pipeline/route_share", "kb"].value == 0.5
    assert (found["pipeline/tenant_traces", "mill"].value, found["pipeline/tenant_traces", "dam"].value) == (3, 1)
    assert found["pipeline/skipped_rows", None].value == 3


def test_redactions_are_counted_by_type() -> None:
    twice = [RedactionCount(pii_type="EMAIL", n_items=2), RedactionCount(pii_type="PHONE", n_items=1)]
    table = traces({"redactions": twice}, {"redactions": [RedactionCount(pii_type="EMAIL", n_items=1)]}, {}, {})
    found = named(safety_figures(DAY, table, n_injected=1))
    assert found["safety/pii_redactions", "EMAIL"].value == 3
    assert (found["safety/pii_share", None].value, found["safety/injection_share", None].value) == (0.5, 0.25)


def test_answers_without_a_score_are_neither_good_nor_bad() -> None:
    scores = pa.table({"score": pa.array([0.9, 0.5, None, 0.1])})
    found = named(hallucination_figures(DAY, scores, threshold=0.55))
    assert found["hallucination/groundedness", None].value == pytest.approx(0.5)
    assert found["hallucination/ungrounded_share", None].value == pytest.approx(2 / 3)
    assert found["hallucination/unscored_share", None].value == 0.25


def test_what_searches_found() -> None:
    rows = [
        RetrievalSample(trace_id=f"t{n}", time=utc(2026, 11, 20), n_contexts=n, top_score=n / 10 or None)
        for n in range(4)
    ]
    samples = pa.Table.from_pylist([each.model_dump() for each in rows], arrow_schema(RetrievalSample))
    nothing = CanaryWindow(n=0, n_empty=0, n_scored=0)
    share = ReportedEstimate(mean=None, n=0, method="wilson", reason="no_items")
    canary = CanaryResult(status="not_enough", current=nothing, baseline=nothing, empty_share=share)
    found = named(retrieval_figures(DAY, samples, canary))
    assert found["retrieval/empty_share", None].value == 0.25
    assert found["retrieval/top_score_p50", None].value == pytest.approx(0.2)
    assert found["retrieval/contexts_mean", None].value == 1.5
    assert ("retrieval/canary_p50_change", None) not in found


def test_a_day_without_traces_has_figures_with_reasons() -> None:
    found = pipeline_figures(DAY, traces(), n_skipped=0) + safety_figures(DAY, traces(), n_injected=0)
    assert all((each.value is None) == (each.reason is not None) for each in found)
    assert named(found)["pipeline/failed_share", None].reason == "no_items"


def test_a_figure_needs_the_label_it_is_declared_with() -> None:
    with pytest.raises(ValueError, match="takes a label"):
        FigureList(DAY).share("pipeline/route_share", 1, 2)
    with pytest.raises(ValueError, match="takes no label"):
        FigureList(DAY).share("pipeline/failed_share", 1, 2, label="kb")
