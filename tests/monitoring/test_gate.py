"""The gate: what fails, what is inconclusive, what passes, and what is said of it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.monitoring.eval_results import ROWS, EvalResult, MetricMean
from millrace.monitoring.gate import compare
from millrace.monitoring.gate_result import GateConfig, GateResult, MetricVerdict

CONFIG = GateConfig(n_flips=999)
Values = Sequence[float | None]


def rows(
    metric: str, values: Values, *, first: int = 0, status: str = "failed", source: str = "judge 1"
) -> list[dict[str, object]]:
    """Questions q<first>, q<first + 1> ...; None is a row without a value."""
    return [
        {
            "question_key": f"q{first + place:05d}",
            "metric": metric,
            "status": "scored" if value is not None else status,
            "value": value,
            "reason": None if value is not None else "no_reply",
            "source": source,
        }
        for place, value in enumerate(values)
    ]


def result(*lists: list[dict[str, object]], name: str = "r") -> EvalResult:
    return EvalResult(name, "rows", pa.Table.from_pylist([row for each in lists for row in each], schema=ROWS))


def means(**metrics: float | None) -> EvalResult:
    known = {name: MetricMean(mean, {"scored": 50, "failed": 2}, "judge 1") for name, mean in metrics.items()}
    return EvalResult("report.json", "means", means=known)


def only(found: GateResult) -> MetricVerdict:
    assert len(found.metrics) == 1
    return found.metrics[0]


def gate(before: Values, after: Values, **settings_: object) -> MetricVerdict:
    config = CONFIG.model_copy(update=settings_)
    return only(compare(result(rows("m", before)), result(rows("m", after)), config))


def test_a_proven_drop_beyond_the_limit_fails() -> None:
    found = gate([0.8] * 100, [0.7] * 50 + [0.8] * 50)
    # means .8 and .75: a drop of 6.25 %
    assert (found.verdict, found.reason, found.n_pairs, found.basis) == ("fail", "dropped", 100, "pairs")
    assert (found.baseline, found.candidate) == (pytest.approx(0.8), pytest.approx(0.75))
    assert found.drop == pytest.approx(0.0625)
    assert found.p_value is not None
    assert found.p_value <= 0.05
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 0.0625 < found.high
    assert found.message.startswith("dropped by 6.2 %, at least by ")
    assert found.message.endswith("2 % is allowed")


def test_a_drop_beyond_the_limit_that_may_be_chance_is_inconclusive() -> None:
    found = gate([1.0] * 40, [0.0] * 2 + [1.0] * 38)  # two of two worse: p = 1/4
    assert (found.verdict, found.reason) == ("inconclusive", "not_proven")
    assert found.drop == pytest.approx(0.05)
    assert "it may be chance: a rise by" in found.message or "no drop at all is not excluded" in found.message


def test_a_drop_of_exactly_the_limit_passes_and_one_beyond_it_does_not() -> None:
    at, beyond = gate([0.8] * 30, [0.784] * 30), gate([0.8] * 30, [0.7839] * 30)  # .016 / .8 > .02 in floats
    assert (at.verdict, beyond.verdict) == ("pass", "fail")


def test_a_small_drop_passes_however_sure_it_is() -> None:
    found = gate([0.9] * 400, [0.89] * 400)  # 1.1 %
    assert (found.verdict, found.reason) == ("pass", "within_limit")
    assert found.p_value == pytest.approx(0.001)


def test_with_few_pairs_nothing_is_decided() -> None:
    found = gate([1.0] * 9, [0.0] * 9)
    assert (found.verdict, found.reason, found.p_value) == ("inconclusive", "too_few_pairs", None)
    assert "9 questions are in both, and at least 10 are needed" in found.message


def test_a_question_that_was_asked_several_times_counts_once_with_its_mean() -> None:
    before = result(rows("m", [0.8] * 20), rows("m", [0.4] * 20), rows("m", [0.6] * 20))
    after = result(rows("m", [0.3] * 20), rows("m", [0.5] * 20))
    found = only(compare(before, after, CONFIG))
    assert (found.n_pairs, found.baseline, found.candidate) == (20, pytest.approx(0.6), pytest.approx(0.4))
    assert [each.n for each in found.baseline_rows if each.name == "scored"] == [60]


def test_order_of_rows_changes_nothing() -> None:
    random = np.random.default_rng(0)
    first, second = rows("m", list(random.random(40))), rows("m", list(random.random(40)))
    there = compare(result(first), result(second), CONFIG)
    back = compare(result(first[::-1]), result(second[7:], second[:7]), CONFIG)
    assert there == back


def test_questions_in_one_only_are_counted_and_said() -> None:
    before, after = result(rows("m", [0.8] * 30)), result(rows("m", [0.8] * 40, first=10))
    found = only(compare(before, after, CONFIG))
    assert (found.n_pairs, found.n_only_baseline, found.n_only_candidate) == (20, 10, 20)
    assert "10 questions only in the baseline, 20 only now" in found.notes


@pytest.mark.parametrize(
    ("status", "said"), [("failed", "12 failed (no_reply 12)"), ("skipped", "12 skipped (no_reply 12)")]
)
def test_a_metric_without_any_value_fails(status: str, said: str) -> None:
    after = result(rows("m", [None] * 12, status=status))
    found = only(compare(result(rows("m", [0.1] * 12)), after, CONFIG))
    assert (found.verdict, found.reason) == ("fail", "no_value")
    assert said in found.message


def test_a_metric_that_is_not_there_any_more_fails_and_a_new_one_is_listed() -> None:
    before, after = (
        result(rows("lost", [0.5] * 12), rows("kept", [0.5] * 12)),
        result(rows("kept", [0.5] * 12), rows("added", [0.5] * 12)),
    )
    found = compare(before, after, CONFIG)
    assert [(each.metric, each.verdict, each.reason) for each in found.metrics] == [
        ("lost", "fail", "no_value"),
        ("kept", "pass", "within_limit"),
        ("added", "not_compared", "no_baseline"),
    ]
    assert found.verdict == "fail"
    assert "no rows" in found.metrics[0].message


@pytest.mark.parametrize(("n_lost", "verdict"), [(1, "pass"), (5, "inconclusive"), (50, "inconclusive"), (51, "fail")])
def test_a_judge_that_breaks_on_many_rows_does_not_pass(n_lost: int, verdict: str) -> None:
    found = gate([0.8] * 100, [None] * n_lost + [0.9] * (100 - n_lost))
    assert (found.verdict, found.n_lost) == (verdict, n_lost)
    assert f"more rows failed in the candidate: {n_lost} of 100 against 0 of 100" in found.notes
    if verdict != "pass":
        assert found.reason == "rows_lost"
        assert f"failed on {n_lost} of 100 questions" in found.message


def test_a_question_that_failed_once_and_was_scored_once_is_not_lost() -> None:
    after = result(rows("m", [0.8] * 20), rows("m", [None] * 20))
    found = only(compare(result(rows("m", [0.8] * 20)), after, CONFIG))
    assert (found.verdict, found.n_lost) == ("pass", 0)


def test_another_judge_is_said() -> None:
    before, after = result(rows("m", [0.8] * 20)), result(rows("m", [0.8] * 20, source="judge 2"))
    assert "scored by judge 1 in the baseline, by judge 2 now" in only(compare(before, after, CONFIG)).notes


def test_more_metrics_need_more_proof() -> None:
    # five of five worse: p = 1/32, enough alone and not enough beside nine others
    before, after = [1.0] * 50, [0.0] * 5 + [1.0] * 45
    others = [rows(f"other {number}", [1.0] * 50) for number in range(9)]
    alone = only(compare(result(rows("m", before)), result(rows("m", after)), GateConfig()))
    beside = compare(result(rows("m", before), *others), result(rows("m", after), *others), GateConfig())
    assert (alone.verdict, alone.confidence) == ("fail", pytest.approx(0.95))
    found = {each.metric: each for each in beside.metrics}["m"]
    assert (found.verdict, found.confidence) == ("inconclusive", pytest.approx(0.995))
    assert found.p_value == pytest.approx(10 / 32, abs=0.05)
    assert found.low is not None
    assert found.low <= 0


def test_a_baseline_of_nought_cannot_drop_and_negative_values_decide_nothing() -> None:
    assert gate([0.0] * 20, [0.0] * 20).reason == "zero_baseline"
    negative = gate([-1.0] + [1.0] * 19, [-1.0] * 20)
    assert (negative.verdict, negative.reason) == ("inconclusive", "negative_values")


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (means(m=0.8), means(m=0.78), "fail"),
        (means(m=0.8), means(m=0.785), "pass"),
        (means(m=0.8), result(rows("m", [0.7] * 3)), "fail"),
        (result(rows("m", [0.8] * 3)), means(m=0.9), "pass"),
        (means(m=0.8), means(m=None), "fail"),
        (means(m=0.0), means(m=0.0), "pass"),
    ],
)
def test_where_only_means_are_known_the_bare_rule_decides(before: EvalResult, after: EvalResult, verdict: str) -> None:
    found = only(compare(before, after, CONFIG))
    assert (found.verdict, found.n_pairs, found.p_value) == (verdict, 0, None)
    if found.drop is not None:
        assert found.basis == "means"
        assert "chance is not taken into account" in found.message


def test_strictly_nothing_may_be_inconclusive() -> None:
    found = compare(result(rows("m", [1.0] * 40)), result(rows("m", [0.0] * 2 + [1.0] * 38)), CONFIG)
    assert (found.passes(strict=False), found.passes(strict=True)) == (True, False)
    failing = compare(result(rows("m", [1.0] * 40)), result(rows("m", [0.0] * 40)), CONFIG)
    assert not failing.passes(strict=False)


def test_only_the_metrics_asked_for_are_looked_at() -> None:
    before = result(rows("a", [0.9] * 20), rows("b", [0.9] * 20))
    after = result(rows("a", [0.9] * 20), rows("b", [0.1] * 20))
    assert compare(before, after, CONFIG.model_copy(update={"metrics": ["a"]})).verdict == "pass"
    with pytest.raises(BadInputError, match="no metric faith in either result; there are a, b"):
        compare(before, after, CONFIG.model_copy(update={"metrics": ["faith"]}))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (result(rows("a", [0.5] * 20)), result(rows("b", [0.5] * 20)), "no metric is in both: r .rows. has a; r"),
        (result(rows("m", [0.5] * 20)), result(rows("m", [0.5] * 20, first=20)), "no question is in both"),
        (result(rows("m", [None] * 20)), result(rows("m", [None] * 20)), "no value of any metric"),
        (result(), result(), "no metric is in both"),
    ],
)
def test_a_gate_that_compares_nothing_is_not_passed(before: EvalResult, after: EvalResult, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        compare(before, after, CONFIG)


VALUES = st.lists(st.floats(0, 1), min_size=10, max_size=40)


@given(st.lists(VALUES, min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_a_result_always_passes_against_itself(lists: list[list[float]]) -> None:
    same = result(*(rows(f"m{number}", values) for number, values in enumerate(lists)))
    assert compare(same, same, CONFIG).verdict == "pass"


@given(VALUES.flatmap(lambda first: st.tuples(st.just(first), st.lists(st.floats(0, 1), min_size=10, max_size=40))))
@settings(max_examples=30, deadline=None)
def test_what_fails_one_way_passes_the_other_way(both: tuple[list[float], list[float]]) -> None:
    there, back = gate(both[0], both[1]), gate(both[1], both[0])
    assert (there.n_pairs, there.n_only_baseline, there.baseline) == (
        back.n_pairs,
        back.n_only_candidate,
        back.candidate,
    )
    if there.drop is not None and back.drop is not None:
        assert np.sign(there.drop) == -np.sign(back.drop)
    if there.verdict == "fail":
        assert back.verdict == "pass"


@given(st.integers(0, 2**32), st.floats(0.05, 0.3))
@settings(max_examples=20, deadline=None)
def test_a_metric_that_is_lower_in_all_of_many_pairs_always_fails(seed: int, shift: float) -> None:
    before = 0.3 + 0.7 * np.random.default_rng(seed).beta(5, 1, 200)
    assert gate(list(before), list(before * (1 - shift))).verdict == "fail"


def test_without_a_change_hardly_any_gate_fails_though_many_metrics_are_looked_at() -> None:
    random = np.random.default_rng(3)
    n_runs, failed, bare = 120, 0, 0
    for number in range(n_runs):
        before, after = (
            result(*(rows(f"m{each}", list((random.random(40) < 0.9).astype(float))) for each in range(4)))
            for _ in range(2)
        )
        found = compare(before, after, CONFIG.model_copy(update={"seed": number}))
        failed += found.verdict == "fail"
        bare += any(each.drop is not None and each.drop > 0.02 for each in found.metrics)
    assert failed <= 0.05 * n_runs + 3 * np.sqrt(0.05 * 0.95 * n_runs)
    assert bare > 0.7 * n_runs  # what the bare rule would have failed
