"""The registry of metrics."""

import pytest

from millrace.errors import BadInputError
from millrace.evaluation.metrics import METRICS, criteria_metric, in_registry_order, metric_of


def test_names_and_texts_are_fit_for_records_and_headings() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.meaning
        assert not metric.meaning.endswith(".")
        assert name.startswith("ragas_") == (metric.tier == "ragas")
        assert name.startswith("deepeval_") == (metric.tier == "deepeval")


def test_criteria_of_the_users_are_metrics_of_the_judged_tier() -> None:
    metric = metric_of("criteria_polite_tone")
    assert metric == criteria_metric("polite_tone")
    assert (metric.name, metric.tier, metric.title) == ("criteria_polite_tone", "deepeval", "criteria: polite tone")


@pytest.mark.parametrize("name", ["politeness", "criteria_", ""])
def test_an_unknown_metric_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="groundedness"):
        metric_of(name)


def test_order_is_the_registrys_then_the_users_by_name() -> None:
    found = in_registry_order({"criteria_b", "deepeval_faithfulness", "criteria_a", "context_recall", "groundedness"})
    names = [metric.name for metric in found]
    assert names == ["groundedness", "context_recall", "deepeval_faithfulness", "criteria_a", "criteria_b"]
