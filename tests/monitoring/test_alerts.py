"""Which rules hold on a day, which cannot be decided, and that chance alone raises none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from millrace.errors import BadInputError
from millrace.monitoring.alert_rules import AlertRule, AlertRules
from millrace.monitoring.alerts import AlertDecision, alert_key, fire_alerts
from millrace.monitoring.anomaly import AnomalyConfig, find_anomalies
from millrace.records.monitoring import Anomaly, CanaryResult, DayFigure, DriftResult
from tasks.tables import alert_rules
from tests.support.day_figures import canary, drift, figure, made_up_day, name_of, table

RISE = {"type": "change", "direction": "rise", "by": 0.5, "days": 7, "min_days": 3}
DROP = RISE | {"direction": "drop", "by": 0.2}
UNUSUAL = {"type": "anomaly", "min_days": 1}


def rule(when: dict[str, Any], **changed: Any) -> AlertRule:
    values: dict[str, Any] = {
        "id": "r", "severity": "warning", "figure": "pipeline/failed_share", "message": "{value}", "playbook": "p"
    }  # fmt: skip
    return AlertRule.model_validate(values | {"when": when} | changed)


def decide(
    rules: AlertRule | Sequence[AlertRule],
    *today: DayFigure,
    earlier: Sequence[DayFigure] = (),
    watch: CanaryResult | None = None,
    drifted: DriftResult | None = None,
    anomalies: Sequence[Anomaly] = (),
) -> AlertDecision:
    listed = [rules] if isinstance(rules, AlertRule) else list(rules)
    return fire_alerts(
        today, table(earlier), canary=watch or canary(), drift=drifted or drift(), anomalies=anomalies,
        rules=AlertRules(rules=listed),
    )  # fmt: skip


def days(*values: float | None, name: str = "pipeline/failed_share", last: int = 19, **more: Any) -> list[DayFigure]:
    return [figure(name, value, day=last + 1 - len(values) + place, **more) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("op", "value", "holds"),
    [("gt", 0.1, False), ("ge", 0.1, True), ("lt", 0.1, False), ("le", 0.1, True), ("gt", 0.05, True), ("lt", 0.2, 1)],
)
def test_a_threshold_is_compared_as_it_says(op: str, value: float, holds: bool) -> None:
    decision = decide(rule({"type": "threshold", "op": op, "value": value}), figure(value=0.1))
    assert bool(decision.alerts) == bool(holds)
    assert (decision.n_rules, decision.rules_without_data) == (1, [])


@pytest.mark.parametrize(("low", "high", "holds"), [(0.06, 0.2, True), (0.05, 0.2, False), (0.01, 0.3, False)])
def test_proof_asks_that_the_whole_interval_lies_beyond_the_bound(low: float, high: float, holds: bool) -> None:
    threshold = rule({"type": "threshold", "op": "gt", "value": 0.05}, proven=True)
    assert bool(decide(threshold, figure(value=0.1, low=low, high=high)).alerts) == holds
    below = rule({"type": "threshold", "op": "lt", "value": 0.25}, proven=True)
    assert bool(decide(below, figure(value=0.1, low=low, high=high)).alerts) == (high < 0.25)


@pytest.mark.parametrize(
    ("today", "holds"), [(0.151, True), (0.15, False), (0.1, False)]
)  # median of .05 .1 .1 .3 is .1, half above it .15
def test_a_rise_is_against_the_median_of_the_days_before(today: float, holds: bool) -> None:
    decision = decide(rule(RISE), figure(value=today), earlier=days(0.3, 0.05, 0.1, 0.1))
    assert bool(decision.alerts) == holds


@pytest.mark.parametrize(("today", "holds"), [(0.374, True), (0.375, False), (0.9, False)])  # a quarter below .5
def test_a_drop_too(today: float, holds: bool) -> None:
    assert bool(decide(rule(DROP | {"by": 0.25}), figure(value=today), earlier=days(0.1, 0.5, 0.9)).alerts) == holds


def test_a_change_is_proven_by_the_interval_of_the_day() -> None:
    earlier = days(0.2, 0.2, 0.2)
    assert not decide(rule(DROP, proven=True), figure(value=0.1, low=0.04, high=0.17), earlier=earlier).alerts
    assert decide(rule(DROP, proven=True), figure(value=0.1, low=0.05, high=0.159), earlier=earlier).alerts


def test_only_the_last_days_count() -> None:
    earlier = days(0.01, 0.01, 0.01, 0.01, 0.2, 0.2, 0.2)
    assert not decide(rule(RISE | {"days": 3}), figure(value=0.25), earlier=earlier).alerts
    assert decide(rule(RISE | {"days": 7}), figure(value=0.25), earlier=earlier).alerts


def test_days_without_a_value_or_with_few_items_do_not_count_nor_today_nor_later_ones() -> None:
    earlier = [
        *days(0.1, None, 0.1),
        *days(0.1, last=16, n=5),
        figure(value=0.1, day=20),
        figure(value=0.1, day=21),
        figure("pipeline/answered_share", 0.1, day=15),
    ]
    decision = decide(rule(RISE, min_n=20), figure(value=0.9), earlier=earlier)
    assert decision.rules_without_data == ["r: 2 earlier days with it, 3 needed"]
    earlier += days(0.1, last=15, n=20)
    assert decide(rule(RISE, min_n=20), figure(value=0.9), earlier=earlier).alerts


def test_of_a_day_that_was_evaluated_twice_the_last_row_counts() -> None:
    again = [*days(0.1, 0.1), figure(value=0.9, day=17), figure(value=0.1, day=17)]
    assert decide(rule(RISE), figure(value=0.2), earlier=again).alerts
    assert (
        "2 earlier days" in decide(rule(RISE), figure(), earlier=[*days(0.1, 0.1), *days(0.1, 0.1)]).model_dump_json()
    )


def test_the_order_of_rows_does_not_matter() -> None:
    earlier = days(0.01, 0.01, 0.01, 0.2, 0.2, 0.2)
    narrow = rule(RISE | {"days": 3})
    assert decide(narrow, figure(value=0.25), earlier=earlier) == decide(
        narrow, figure(value=0.25), earlier=earlier[::-1]
    )


def test_a_rise_from_nothing_needs_a_bound_of_its_own() -> None:
    nothing = days(0.0, 0.0, 0.0)
    assert decide(rule(RISE), figure(value=0.2), earlier=nothing).rules_without_data == [
        "r: the median of 3 earlier days is 0: no relative change of it"
    ]
    bounded = rule(RISE | {"at_least": 0.1}, message="{change}, {baseline}")
    (alert,) = decide(bounded, figure(value=0.2), earlier=nothing).alerts
    assert (alert.message, alert.bound) == ("from nothing, 0 %", "50 % above the median 0 % of 3 days, and > 10 %")
    assert not decide(bounded, figure(value=0.1), earlier=nothing).alerts
    assert not decide(bounded, figure(value=0.09), earlier=days(0.01, 0.01, 0.01)).alerts


def test_a_drop_with_a_bound_must_be_below_it_too() -> None:
    bounded = rule(DROP | {"at_most": 0.5})
    assert not decide(bounded, figure(value=0.6), earlier=days(0.9, 0.9, 0.9)).alerts
    assert decide(bounded, figure(value=0.49), earlier=days(0.9, 0.9, 0.9)).alerts


def test_a_negative_median_has_no_relative_change() -> None:
    signed = rule(DROP | {"at_most": 0.5}, figure="retrieval/canary_p50_change")
    earlier = days(-0.1, -0.1, -0.1, name="retrieval/canary_p50_change")
    decision = decide(signed, figure("retrieval/canary_p50_change", -0.5), earlier=earlier)
    assert decision.alerts == []
    assert "no relative change" in decision.rules_without_data[0]


def unusual(value: float = 0.4, expected: float = 0.1, **changed: Any) -> Anomaly:
    values: dict[str, Any] = {
        "day": name_of(20), "figure": "pipeline/failed_share", "method": "robust_z", "value": value,
        "expected": expected, "low": 0.05, "high": 0.15, "score": 9.0, "since": name_of(20), "n_days": 14,
    }  # fmt: skip
    return Anomaly(**values | changed)


@pytest.mark.parametrize(
    ("condition", "anomaly", "holds"),
    [
        ({}, unusual(), True),
        ({"direction": "rise"}, unusual(), True),
        ({"direction": "drop"}, unusual(), False),
        ({"direction": "drop"}, unusual(value=0.01), True),
        ({"methods": ["iqr"]}, unusual(), False),
        ({}, unusual(figure="pipeline/answered_share"), False),
        ({}, unusual(label="x"), False),
        ({}, unusual(day=name_of(19)), False),
    ],
)
def test_an_anomaly_is_the_figures_own(condition: dict[str, Any], anomaly: Anomaly, holds: bool) -> None:
    looked = rule(UNUSUAL | condition)
    decision = decide(looked, figure(value=anomaly.value), earlier=days(0.1), anomalies=[anomaly])
    assert bool(decision.alerts) == holds


def test_an_anomaly_is_proven_against_what_would_not_stand_out() -> None:
    proven = rule(UNUSUAL, proven=True)
    near, far = figure(value=0.4, low=0.14, high=0.6), figure(value=0.4, low=0.16, high=0.6)
    assert not decide(proven, near, earlier=days(0.1), anomalies=[unusual()]).alerts
    assert decide(proven, far, earlier=days(0.1), anomalies=[unusual()]).alerts
    change = unusual(method="change_point", low=None, high=None)  # held against what was expected
    assert decide(proven, near, earlier=days(0.1), anomalies=[change]).alerts


def test_without_enough_days_nothing_can_stand_out() -> None:
    decision = decide(rule(UNUSUAL | {"min_days": 3}), figure(), earlier=days(0.1, 0.1))
    assert decision.rules_without_data == ["r: 2 earlier days with it, 3 needed"]


@pytest.mark.parametrize(
    ("status", "at_least", "holds"),
    [
        ("ok", "warning", False),
        ("warning", "warning", True),
        ("warning", "critical", False),
        ("critical", "warning", 1),
    ],
)
@pytest.mark.parametrize("watch", ["canary", "drift"])
def test_a_watch_is_asked_for_its_status(watch: str, status: Any, at_least: str, holds: bool) -> None:
    asked = rule({"type": "status", "watch": watch, "at_least": at_least}, message="{status}: {reasons}")
    reasons = ["The median fell.", "So did the mean."]
    watches: dict[str, Any] = (
        {"watch": canary(status, reasons)} if watch == "canary" else {"drifted": drift(status, reasons)}
    )
    decision = decide(asked, figure("pipeline/traces", 5.0), **watches)
    assert bool(decision.alerts) == bool(holds)
    for alert in decision.alerts:
        assert (alert.value, alert.bound) == (None, f"{watch} watch {status}")
        assert alert.message == f"{status}: The median fell; So did the mean"


def test_a_watch_without_enough_says_so() -> None:
    asked = rule({"type": "status", "watch": "drift"})
    decision = decide(asked, figure(), drifted=drift("not_enough", ["7 of 10 samples"]))
    assert decision.rules_without_data == ["r: the drift watch has not enough: 7 of 10 samples"]


@pytest.mark.parametrize(
    ("today", "why"),
    [
        (figure("pipeline/traces", 1.0), "no value today: not_taken"),
        (figure(value=None), "no value today: no_items"),
        (figure(value=None, reason="stopped"), "no value today: stopped"),
        (figure(n=19, low=0.0, high=0.3), "19 items today, 20 needed"),
        (figure(n=20), "its value has no interval today, and the rule asks for proof"),
    ],
)
def test_what_cannot_be_decided_is_named_with_the_reason(today: DayFigure, why: str) -> None:
    asked = rule({"type": "threshold", "op": "lt", "value": 0.9}, min_n=20, proven=True)
    decision = decide(asked, today)
    assert (decision.alerts, decision.rules_without_data) == ([], [f"r: {why}"])


def metric(label: str, value: float | None) -> DayFigure:
    return figure("evaluation/metric", value, label=label)


LOW: dict[str, Any] = {"type": "threshold", "op": "lt", "value": 0.5}


def test_any_label_is_looked_at_by_itself() -> None:
    each = rule(LOW, figure="evaluation/metric", label="any", without=["c"], message="{label} {value}")
    today = [metric("b", 0.4), metric("a", 0.3), metric("c", 0.1), metric("d", None), metric("e", 0.9)]
    decision = decide(each, *today)
    assert [(alert.label, alert.message) for alert in decision.alerts] == [("a", "a 0.3"), ("b", "b 0.4")]
    assert decision.rules_without_data == ["r [d]: no value today: no_items"]
    assert decide(each, metric("c", 0.1)).rules_without_data == ["r: no value today"]


def test_each_label_has_its_own_days() -> None:
    each = rule(DROP, figure="evaluation/metric", label="any")
    earlier = days(0.9, 0.9, 0.9, name="evaluation/metric", label="a") + days(
        0.4, 0.4, 0.4, name="evaluation/metric", label="b"
    )
    decision = decide(each, metric("a", 0.4), metric("b", 0.4), metric("c", 0.4), earlier=earlier)
    assert [alert.label for alert in decision.alerts] == ["a"]
    assert decision.rules_without_data == ["r [c]: 0 earlier days with it, 3 needed"]


def test_a_fixed_label_is_the_only_one() -> None:
    fixed = rule(LOW, figure="evaluation/metric", label="a")
    assert [alert.label for alert in decide(fixed, metric("a", 0.4), metric("b", 0.4)).alerts] == ["a"]
    assert decide(fixed, metric("b", 0.4)).rules_without_data == ["r: no value today: not_taken"]


def test_critical_alerts_come_first_then_the_rules_order() -> None:
    always: dict[str, Any] = {"type": "threshold", "op": "ge", "value": 0.0}
    rules = [
        rule(always, id="w1"),
        rule(always, id="c1", severity="critical"),
        rule(always, id="w2"),
        rule(always, id="c2", severity="critical"),
    ]
    assert [alert.rule_id for alert in decide(rules, figure()).alerts] == ["c1", "c2", "w1", "w2"]


def test_the_key_names_rule_figure_and_label_and_not_the_day() -> None:
    always = rule({"type": "threshold", "op": "ge", "value": 0.0})
    keys = {decide(always, figure(day=day, value=value)).alerts[0].key for day, value in [(3, 0.1), (4, 0.2)]}
    assert keys == {alert_key("r", "pipeline/failed_share", None)}
    others = [("s", "pipeline/failed_share", None), ("r", "pipeline/traces", None), ("r", "pipeline/failed_share", "a")]
    assert len(keys | {alert_key(*other) for other in others}) == 4


def test_an_alert_says_all_that_people_need() -> None:
    words = (
        "{value} ({interval}, n = {n}, {n_failed} failed), {change} from {baseline} in {n_days} days, {bound}, {day}"
    )
    asked = rule(DROP, figure="hallucination/groundedness", message=words)
    today = figure("hallucination/groundedness", 0.41, low=0.38, high=0.44, n=200)
    (alert,) = decide(asked, today, earlier=days(0.75, 0.8, 0.75, name="hallucination/groundedness")).alerts
    assert (alert.value, alert.day, alert.bound) == (0.41, name_of(20), "20 % below the median 0.75 of 3 days")
    assert alert.message == (
        "0.41 (95 % interval 0.38 to 0.44, n = 200, 0 failed), down 45.3 % from 0.75 in 3 days, "
        f"20 % below the median 0.75 of 3 days, {name_of(20)}"
    )


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("pipeline/failed_share", 0.1234, "12.3 %"),
        ("pipeline/failed_share", 1.0, "100 %"),
        ("pipeline/latency_p95", 12.345, "12.3 s"),
        ("pipeline/traces", 12345.0, "12345"),
        ("llm/cost_per_answer", 0.001234, "0.00123 USD"),
        ("llm/input_tokens", 1e7, "10000000 tokens"),
        ("retrieval/contexts_mean", 123.4, "123"),
    ],
)
def test_values_are_told_in_their_units(name: str, value: float, text: str) -> None:
    always: dict[str, Any] = {"type": "threshold", "op": "ge", "value": 0.0}
    assert decide(rule(always, figure=name), figure(name, value)).alerts[0].message == text


def test_a_label_is_told_on_one_line_and_not_at_any_length() -> None:
    each = rule(LOW, figure="evaluation/metric", label="any", message="{label}")
    (alert,) = decide(each, metric("a\nb" + "c" * 100, 0.1)).alerts
    assert alert.message == "a b" + "c" * 56 + "…"


@pytest.mark.parametrize(
    ("today", "message"),
    [([], "got those of none"), ([figure(), figure(day=3)], "one day"), ([figure(), figure(value=0.2)], "there twice")],
)
def test_figures_of_no_or_several_days_or_twice_are_refused(today: list[DayFigure], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        decide(rule(LOW), *today)


class Simulated:
    """Days of an application under the bundled rules, each decided against all before it."""

    def __init__(self, seed: int, rules: AlertRules | None = None) -> None:
        self.rules = rules or alert_rules()
        self.random = np.random.default_rng(seed)
        self.earlier: list[DayFigure] = []
        self.n_days = 0

    def day(self, least: int = 100, most: int = 500, **trouble: Any) -> AlertDecision:
        """A day of between ``least`` and ``most`` traces."""
        today = made_up_day(self.random, self.n_days, int(self.random.integers(least, most + 1)), **trouble)
        earlier = table(self.earlier)
        anomalies = find_anomalies(today, earlier, AnomalyConfig())
        decision = fire_alerts(today, earlier, canary=canary(), drift=drift(), anomalies=anomalies, rules=self.rules)
        self.earlier, self.n_days = self.earlier + today, self.n_days + 1
        return decision


@pytest.mark.parametrize("seed", range(3))
def test_twenty_quiet_days_raise_nothing_and_shuffled_contexts_then_raise_what_they_should(seed: int) -> None:
    application = Simulated(seed)
    quiet = [application.day() for _ in range(20)]
    assert [decision.alerts for decision in quiet] == [[]] * 20
    assert quiet[-1].rules_without_data == []  # no rule was silent for want of data
    shuffled = application.day(shuffled=True)
    assert [(alert.rule_id, alert.label, alert.playbook) for alert in shuffled.alerts] == [
        ("context-precision-dropped", "context_precision", "retrieval"),
        ("groundedness-dropped", None, "groundedness"),
        ("ungrounded-share-high", None, "groundedness"),
        ("metric-dropped", "answer_relevance", "answer-quality"),
    ]


def test_on_days_of_few_traces_it_is_the_proof_that_keeps_them_quiet() -> None:
    bare = AlertRules(rules=[each.model_copy(update={"proven": False}) for each in alert_rules().rules])
    with_proof, without = Simulated(1), Simulated(1, bare)
    assert [with_proof.day(25, 60).alerts for _ in range(20)] == [[]] * 20
    assert any(without.day(25, 60).alerts for _ in range(20))


def test_a_wave_of_injections_raises_its_alert_alone() -> None:
    application = Simulated(7)
    for _ in range(5):
        application.day()
    assert [alert.rule_id for alert in application.day(injected=0.2).alerts] == ["injection-spike"]


def test_a_day_without_traffic_raises_that_alone_and_names_every_other_rule() -> None:
    decision = fire_alerts(
        [figure("pipeline/traces", 0.0, n=0)], table([]), canary=canary("not_enough"), drift=drift("not_enough"),
        anomalies=[], rules=alert_rules(),
    )  # fmt: skip
    assert [(alert.rule_id, alert.severity) for alert in decision.alerts] == [("no-traffic", "critical")]
    named = {line.split(":")[0] for line in decision.rules_without_data}
    assert named == {each.id for each in alert_rules().rules} - {"no-traffic"}
