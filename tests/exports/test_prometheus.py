"""The exposition, read back by Prometheus' own parsers."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from millrace.errors import BadInputError
from millrace.exports.prometheus import MAX_SERIES, exposition
from millrace.monitoring.figures import FIGURES, FigureGroup
from millrace.records.monitoring import DayFigure, FiredAlert

AT = datetime(2026, 11, 21, 6, tzinfo=UTC)
ALERT = FiredAlert(
    key="0" * 64,
    rule_id="empty-results",
    severity="critical",
    day="2026-11-20",
    figure="retrieval/empty_share",
    value=0.4,
    bound="> 0.05",
    message="Too many searches found nothing.",
    playbook="empty-results",
)


def figure(name: str, value: float | None = 0.5, **fields: Any) -> DayFigure:
    reason = "no_items" if value is None else None
    return DayFigure(**{"day": "2026-11-20", "name": name, "value": value, "n": 7, "reason": reason} | fields)


def full() -> list[DayFigure]:
    """Every figure with an interval, labelled ones twice."""
    plain = [figure(name, low=0.4, high=0.6) for name, each in FIGURES.items() if each.label is None]
    labelled = [name for name, each in FIGURES.items() if each.label is not None]
    return plain + [figure(name, low=0.4, high=0.6, label=label) for name in labelled for label in ('a "b"\\\n', "c")]


def written(figures: Sequence[DayFigure], alerts: Sequence[FiredAlert] = (), **labels: str) -> str:
    return exposition(figures, FIGURES, alerts=alerts, labels=labels, finished_at=AT).decode()


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Labels and value of each sample, by family."""
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_every_figure_is_a_family_in_one_of_eight_groups_and_there_are_34_at_least() -> None:
    found = samples(written(full()))
    groups = Counter(name.split("_")[1] for name in (each.prometheus_name for each in FIGURES.values()) if found[name])
    assert set(groups) == set(get_args(FigureGroup))
    assert sum(groups.values()) == len(FIGURES) >= 34


def test_names_are_unique_and_carry_their_units() -> None:
    names = [each.prometheus_name for each in FIGURES.values()]
    assert len(set(names)) == len(names)
    endings = {"ratio": "_ratio", "seconds": "_seconds", "usd": "_usd"}
    assert all(each.prometheus_name.endswith(endings.get(each.unit, "")) for each in FIGURES.values())
    families = list(text_string_to_metric_families(written(full())))
    assert {family.type for family in families} == {"gauge"}
    assert not any(family.name.endswith(("_total", "_count", "_sum", "_bucket")) for family in families)
    assert all(family.documentation for family in families)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("figures", [full(), []], ids=["all figures", "no figures"])
def test_promtool_has_no_complaint(figures: list[DayFigure]) -> None:
    text = written(figures, [ALERT], tenant_scope="all")
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_a_figure_has_its_value_interval_and_items() -> None:
    found = samples(written([figure("pipeline/answered_share", 0.75, low=0.6, high=0.85, n=40, n_failed=2)], env="x"))
    assert found["millrace_pipeline_answered_share_ratio"] == [({"env": "x"}, 0.75)]
    assert found["millrace_pipeline_answered_share_low_ratio"] == [({"env": "x"}, 0.6)]
    assert found["millrace_pipeline_answered_share_high_ratio"] == [({"env": "x"}, 0.85)]
    named = {"env": "x", "figure": "pipeline/answered_share", "of": ""}
    assert found["millrace_figure_items"] == [(named, 40)]
    assert found["millrace_figure_failed_items"] == [(named, 2)]


def test_an_undefined_figure_has_no_sample_but_a_reason() -> None:
    found = samples(written([figure("evaluation/metric", None, n=0), figure("llm/cost", None, n=0)]))
    assert found["millrace_evaluation_metric"] == found["millrace_llm_cost_usd"] == []
    assert [labels["figure"] for labels, _ in found["millrace_figure_undefined"]] == ["evaluation/metric", "llm/cost"]
    assert {labels["reason"] for labels, _ in found["millrace_figure_undefined"]} == {"no_items"}


@given(st.text(min_size=1, max_size=30))
def test_any_label_comes_back_as_it_was(label: str) -> None:
    found = samples(written([figure("llm/calls", 3, label=label)]))
    assert found["millrace_llm_calls"] == [({"model": label}, 3)]


def test_alerts_are_counted_by_severity_and_named() -> None:
    found = samples(written([figure("retrieval/empty_share")], [ALERT, ALERT]))
    assert found["millrace_firing_alerts"] == [({"severity": "critical"}, 1), ({"severity": "warning"}, 0)]
    ((labels, value),) = found["millrace_alert_firing"]
    assert (labels["rule"], labels["figure"], labels["playbook"], value) == (
        "empty-results",
        "retrieval/empty_share",
        "empty-results",
        1,
    )


def test_the_day_is_a_value_and_no_label() -> None:
    text = written(full())
    assert samples(text)["millrace_day_start_timestamp_seconds"] == [
        ({}, datetime(2026, 11, 20, tzinfo=UTC).timestamp())
    ]
    assert samples(text)["millrace_finished_timestamp_seconds"] == [({}, AT.timestamp())]
    assert "2026-11-20" not in text
    assert samples(written([]))["millrace_day_start_timestamp_seconds"] == []


def test_order_of_figures_and_alerts_changes_nothing() -> None:
    other = ALERT.model_copy(update={"rule_id": "another", "severity": "warning"})
    assert written(full(), [ALERT, other], b="1", a="2") == written(full()[::-1], [other, ALERT], a="2", b="1")


def test_families_and_samples_are_sorted() -> None:
    calls = [figure("llm/calls", n, label=label, n=n) for n, label in enumerate(["c", "a", "b"])]
    text = written(calls, [ALERT.model_copy(update={"rule_id": rule}) for rule in "cabdef"])
    assert [labels["model"] for labels, _ in samples(text)["millrace_llm_calls"]] == ["a", "b", "c"]
    assert [labels["rule"] for labels, _ in samples(text)["millrace_alert_firing"]] == list("abcdef")
    names = [name for name in samples(text) if name in {each.prometheus_name for each in FIGURES.values()}]
    assert names == sorted(names)


def test_of_very_many_labels_those_with_the_most_items_are_kept_and_the_others_counted() -> None:
    many = [figure("pipeline/tenant_traces", n, label=f"t{n}", n=n) for n in range(MAX_SERIES + 3)]
    found = samples(written(many))
    kept = {labels["tenant"] for labels, _ in found["millrace_pipeline_tenant_traces"]}
    assert len(kept) == MAX_SERIES
    assert not {"t0", "t1", "t2"} & kept
    assert found["millrace_figure_left_out_series"] == [({"figure": "pipeline/tenant_traces"}, 3)]


@pytest.mark.parametrize(
    ("figures", "labels", "message"),
    [
        ([figure("pipeline/mood")], {}, "no figure 'pipeline/mood'"),
        ([figure("pipeline/traces"), figure("pipeline/traces")], {}, "given twice"),
        ([figure("pipeline/traces", label="x")], {}, "against its family"),
        ([figure("llm/calls")], {}, "against its family"),
        ([figure("pipeline/traces"), figure("llm/retries", day="2026-11-19")], {}, "several days"),
        ([], {"a-b": "x"}, "'a-b' cannot be a label"),
        ([], {"__a": "x"}, "cannot be a label"),
        ([], {"metric": "x"}, "'metric' cannot be a label"),
        ([], {"job": "x"}, "'job' cannot be a label"),
        ([], {"figure": "x"}, "'figure' cannot be a label"),
    ],
)
def test_what_prometheus_could_not_tell_apart_is_refused(
    figures: list[DayFigure], labels: dict[str, str], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        written(figures, **labels)
