"""Figures for Prometheus: the file is whole, the push is tried again, and neither stops the run."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.records.monitoring import DayFigure, FiredAlert
from millrace.records.receipt import Receipt
from tasks.home import Home
from tasks.metrics import MetricsConfig, PublishedMetrics, publish_metrics
from tasks.parts import write_dataset
from tasks.stage import stage
from tests.support.pushgateway import Gateway
from tests.tasks.turns import Turn

Receipts = Callable[[str], dict[str, Receipt]]
FILE = "prom/millrace.prom"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait shortly before another try: how long is Prefect's and no matter of these tests."""
    monkeypatch.setattr(publish_metrics, "_task", publish_metrics._task.with_options(retry_delay_seconds=0.05))
    monkeypatch.delenv("MILLRACE_PUSHGATEWAY", raising=False)


@stage
def make_figures(day: str, n_traces: int) -> DatasetRef:
    """One figure of a day."""
    rows = [DayFigure(day=day, name="pipeline/traces", value=n_traces, n=n_traces)]
    return write_dataset("day_figures", table_of(DayFigure, rows))


def publish(
    config: MetricsConfig, *, day: str = "2026-11-20", n_traces: int = 5, tenants: list[str] | None = None
) -> Callable[[], PublishedMetrics]:
    alerts: list[FiredAlert] = []
    return lambda: publish_metrics(make_figures(day, n_traces), [], alerts, tenants, config)


def shown(home: Home) -> float:
    families = {each.name: each for each in text_string_to_metric_families((home.root / FILE).read_text())}
    (sample,) = families["millrace_pipeline_traces"].samples
    assert sample.labels == {"tenant_scope": "all"}
    return float(sample.value)


def test_the_file_holds_the_last_day_and_nothing_half_written(turn: Turn, home: Home) -> None:
    done = turn(publish(MetricsConfig(file=FILE)))
    assert (done.file, done.push, done.problems) == (FILE, "no_gateway", [])
    assert done.n_samples >= done.n_families > 3
    assert shown(home) == 5
    turn(publish(MetricsConfig(file=FILE), day="2026-11-21", n_traces=6), "next")
    assert shown(home) == 6
    assert [path.name for path in (home.root / FILE).parent.iterdir()] == ["millrace.prom"]


def test_a_day_before_the_last_is_kept_from_prometheus(plain: Turn, home: Home) -> None:
    config = MetricsConfig(file=FILE)
    plain(publish(config))
    done = plain(publish(config, day="2026-11-19", n_traces=9), "late")
    assert (done.push, done.problems) == ("not_pushed", ["Prometheus has the figures of 2026-11-20 already"])
    assert shown(home) == 5
    plain(publish(config, n_traces=7), "again")  # the same day, run again
    assert shown(home) == 7
    other = plain(publish(MetricsConfig(file="b.prom"), day="2026-11-19", tenants=["b"]), "b")
    assert other.file == "b.prom"


def test_a_stretch_that_is_no_day_is_kept_from_prometheus(plain: Turn, home: Home) -> None:
    done = plain(publish(MetricsConfig(file=FILE), day="2026-11-01T0000--2026-11-20T0000"))
    assert done.problems == ["2026-11-01T0000--2026-11-20T0000 is no day"]
    assert not (home.root / FILE).exists()


def test_a_file_that_cannot_be_written_costs_a_warning(
    plain: Turn, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    (home.root / "prom").write_text("not a folder")
    done = plain(publish(MetricsConfig(file=FILE)))
    assert done.file is None
    assert done.problems == [f"{FILE} could not be written: File exists"]
    assert "Prometheus was not given the figures" in caplog.text


def test_each_scope_is_pushed_under_its_own_key(plain: Turn) -> None:
    with Gateway() as gateway:
        config = MetricsConfig(file=None, pushgateway=gateway.origin, labels={"environment": "test"})
        assert plain(publish(config)).push == "pushed"
        plain(publish(config, tenants=["b", "a"]), "two")
    assert [push.path for push in gateway.pushes] == [
        "/metrics/job/millrace/tenant_scope/all",
        "/metrics/job/millrace/tenant_scope/a%2Cb",
    ]
    assert 'millrace_pipeline_traces{environment="test",tenant_scope="a,b"} 5.0' in gateway.pushes[1].text


@pytest.mark.prefect
def test_a_gateway_in_trouble_is_tried_again(prefect: Turn, receipts: Receipts) -> None:
    with Gateway([500, 503]) as gateway:
        done = prefect(publish(MetricsConfig(file=None, pushgateway=gateway.origin)))
    assert (done.push, len(gateway.pushes), receipts("run")["publish-metrics"].attempts) == ("pushed", 3, 3)
    assert "millrace_pipeline_traces" in gateway.pushes[0].text


@pytest.mark.prefect
@pytest.mark.parametrize(("statuses", "n_tries"), [([500] * 9, 4), ([401], 1)])
def test_one_that_takes_nothing_costs_a_warning_and_nothing_tells_its_address(
    prefect: Turn,
    home: Home,
    receipts: Receipts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    statuses: list[int],
    n_tries: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    with Gateway(statuses) as gateway:
        monkeypatch.setenv("MILLRACE_PUSHGATEWAY", gateway.url_with_password)
        done = prefect(publish(MetricsConfig(file=FILE)))
    problem = f"the Pushgateway answered {statuses[0]}"
    assert (done.push, done.problems, len(gateway.pushes)) == ("not_pushed", [problem], n_tries)
    assert f"Prometheus was not given the figures: {problem}" in caplog.text
    assert shown(home) == 5
    kept = receipts("run")["publish-metrics"].model_dump_json() + (home.root / "ledger.sqlite").read_bytes().decode(
        errors="replace"
    )
    for text in (caplog.text, kept):
        assert "way-token" not in text


def test_entered_again_nothing_is_pushed_twice(plain: Turn) -> None:
    with Gateway() as gateway:
        config = MetricsConfig(file=None, pushgateway=gateway.origin)
        assert plain(publish(config)) == plain(publish(config))
    assert len(gateway.pushes) == 1


def test_the_file_has_the_name_that_the_collector_looks_for() -> None:
    with pytest.raises(ValueError, match="file"):
        MetricsConfig(file=str(Path("metrics.txt")))
