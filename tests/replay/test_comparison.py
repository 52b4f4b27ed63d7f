"""With knowledge and without: pairs, and Newcombe's interval for them."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.records.replay import Replay
from millrace.replay.comparison import compare_with_baseline, paired_share_difference
from tests.support.replays import T0

Pairs = list[tuple[bool, bool]]


def cells(both: int, only_second: int, only_first: int, neither: int) -> Pairs:
    kinds = ((True, True), (False, True), (True, False), (False, False))
    return [kind for kind, n in zip(kinds, (both, only_second, only_first, neither), strict=True) for _ in range(n)]


def test_the_interval_is_that_of_newcombes_example() -> None:
    # Newcombe (1998), table of examples: 36, 12, 2, 0 of 50 give 0.20 with 0.0569 to 0.3404 by method 10.
    found = paired_share_difference(cells(36, 12, 2, 0))
    assert (found.mean, found.n) == (pytest.approx(0.2), 50)
    assert (found.low, found.high) == (pytest.approx(0.0569, abs=5e-5), pytest.approx(0.3404, abs=5e-5))


def test_a_positive_correlation_is_corrected_towards_none() -> None:
    # 2 both, 14 the second only, 34 neither: phi = (2 * 34 - 50 / 2) / sqrt(2 * 48 * 16 * 34) = 0.18816; Wilson's
    # intervals of 2 and 16 of 50 are 0.01104 to 0.13460 and 0.20762 to 0.45807, so that the lower bound is
    # 0.28 - sqrt(0.11238^2 - 2 * 0.18816 * 0.11238 * 0.09460 + 0.09460^2) = 0.28 - 0.13258
    assert paired_share_difference(cells(2, 14, 0, 34)).low == pytest.approx(0.1474, abs=5e-5)


def test_pairs_that_all_agree_still_have_an_interval_and_none_have_none() -> None:
    # Wilson's bound of 0 of 30: z^2 / (30 + z^2) = 3.8415 / 33.8415
    found = paired_share_difference(cells(30, 0, 0, 0))
    assert (found.mean, found.low, found.high) == (
        0,
        pytest.approx(-0.11351, abs=1e-5),
        pytest.approx(0.11351, abs=1e-5),
    )
    nothing = paired_share_difference([])
    assert (nothing.mean, nothing.low, nothing.n, nothing.reason) == (None, None, 0, "no_items")


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_interval_holds_the_difference_and_turns_round_with_the_sides(pairs: Pairs) -> None:
    found = paired_share_difference(pairs)
    turned = paired_share_difference([(second, first) for first, second in pairs])
    assert found.mean is not None
    assert found.low is not None
    assert found.high is not None
    assert -1 - 1e-9 <= found.low <= found.mean <= found.high <= 1 + 1e-9
    assert turned.low == pytest.approx(-found.high)
    assert turned.high == pytest.approx(-found.low)


def row(task_id: str, checks: dict[str, bool], **fields: Any) -> Replay:
    known: dict[str, Any] = {
        "replay_id": task_id,
        "task_id": task_id,
        "time": T0,
        "tenant_id": "mill",
        "question": "?",
        "retrieval": "index",
        "answered_by": "model",
        "tier": "local",
        "checks": [{"name": name, "passed": passed} for name, passed in checks.items()],
        "passed": bool(checks) and all(checks.values()),
    }
    return Replay.model_validate(known | fields)


def table(*rows: Replay) -> pa.Table:
    return table_of(Replay, rows)


def test_pairs_are_compared_by_the_gate_by_shared_checks_and_by_answers() -> None:
    without = table(
        row("a", {"answered": True}, groundedness_reason="abstained"),
        row("b", {"answered": True, "length": False}),
        row("c", {"answered": True}),
        row("d", {}, error="timeout: none"),
    )
    knowing = table(
        row("a", {"answered": True, "groundedness": True}),
        row("b", {"answered": True, "groundedness": False, "length": True}),
        row("c", {"answered": True, "groundedness": True}),
        row("d", {"answered": True}),
    )
    found = compare_with_baseline("base", without, knowing)
    assert (found.run_id, found.n_pairs, found.n_left_out) == ("base", 3, 1)
    shares = {each.measure: (each.without.mean, each.with_knowledge.mean) for each in found.differences}
    assert shares == {
        "passed": (pytest.approx(2 / 3), pytest.approx(2 / 3)),
        "passed_shared": (pytest.approx(2 / 3), 1.0),  # b failed by groundedness, which the baseline was not asked for
        "answered": (pytest.approx(1 / 3), pytest.approx(2 / 3)),
    }
    answered = next(each.difference for each in found.differences if each.measure == "answered")
    assert answered.mean == pytest.approx(1 / 3)


def test_other_tasks_or_another_order_are_refused() -> None:
    rows = [row("a", {"answered": True}), row("b", {"answered": True})]
    with pytest.raises(BadInputError, match="same tasks in the same order"):
        compare_with_baseline("base", table(*rows), table(*reversed(rows)))
