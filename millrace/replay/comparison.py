"""What knowledge adds (D12): the same tasks with it and without, pair by pair."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from millrace.errors import BadInputError
from millrace.records.replay_report import BaselineComparison, ReplayDifference
from millrace.records.report import ReportedEstimate
from millrace.statistics.intervals import Estimate, wilson_interval
from millrace.statistics.reported import CONFIDENCE, reported, share_of

_ABSTAINED = "abstained"


def compare_with_baseline(run_id: str, without: pa.Table, with_knowledge: pa.Table) -> BaselineComparison:
    """The same tasks answered with knowledge and without; pairs without an answer on one side are left out.

    The gate asks more of an answer with knowledge: groundedness and citations. ``passed_shared`` compares by the checks
    that both answers had, and ``answered`` counts an abstention as no success.

    Args:
        run_id: of the baseline.
        without, with_knowledge: columns of ``Replay``, final answers of the same tasks in the same order.

    Raises:
        BadInputError: other tasks, or another order.
    """
    columns = ["task_id", "checks", "passed", "groundedness_reason", "error"]
    before, after = (table.select(columns).to_pylist() for table in (without, with_knowledge))
    if [row["task_id"] for row in before] != [row["task_id"] for row in after]:
        raise BadInputError(f"run {run_id} did not answer the same tasks in the same order", run_id=run_id)
    pairs = [pair for pair in zip(before, after, strict=True) if pair[0]["error"] is None and pair[1]["error"] is None]
    return BaselineComparison(
        run_id=run_id,
        n_pairs=len(pairs),
        n_left_out=len(before) - len(pairs),
        differences=[
            _difference("passed", [(bool(old["passed"]), bool(new["passed"])) for old, new in pairs]),
            _difference("passed_shared", [(_passed(old, new), _passed(new, old)) for old, new in pairs]),
            _difference("answered", [(_answered(old), _answered(new)) for old, new in pairs]),
        ],
    )


def paired_share_difference(pairs: Sequence[tuple[bool, bool]]) -> Estimate:
    """How much larger the second of two shares of the same items is, with Newcombe's interval for pairs at 95 %.

    It has a width also where all pairs agree.

    Args:
        pairs: first and second outcome of each item.

    Returns:
        In [-1, 1]; undefined for no pairs (``no_items``).

    Source:
        Newcombe (1998), Stat. Med. 17(22), 2635-2650, method 10 (square-and-add with Wilson intervals, and the
        correlation of the outcomes with its continuity correction).
    """
    n = len(pairs)
    bare = Estimate(mean=None, low=None, high=None, n=n, confidence=CONFIDENCE, method="newcombe", reason="no_items")
    if n == 0:
        return bare
    both, only_first, only_second, neither = (pairs.count(kind) for kind in _KINDS)
    first = wilson_interval(both + only_first, n, confidence=CONFIDENCE)
    second = wilson_interval(both + only_second, n, confidence=CONFIDENCE)
    correlation = _correlation(both, only_first, only_second, neither)
    difference = (only_second - only_first) / n
    below, above = _reach(second), _reach(first)
    low = difference - _added(below[0], above[1], correlation)
    high = difference + _added(below[1], above[0], correlation)
    return bare.model_copy(update={"mean": difference, "low": low, "high": high, "reason": None})


_KINDS = ((True, True), (True, False), (False, True), (False, False))


def _reach(share: Estimate) -> tuple[float, float]:
    """How far a share's interval reaches below and above it."""
    ends = [end for end in (share.low, share.mean, share.high) if end is not None]
    return ends[1] - ends[0], ends[2] - ends[1]


def _added(first: float, second: float, correlation: float) -> float:
    return float(np.sqrt(max(0.0, first * first - 2 * correlation * first * second + second * second)))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Phi of the two outcomes, corrected towards 0; 0 where one of them never differs."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_first * only_second
    if product > 0:
        product = max(product - sum((both, only_first, only_second, neither)) / 2, 0)  # type: ignore[assignment]
    return product / float(np.sqrt(margins))


def _difference(measure: Any, pairs: Sequence[tuple[bool, bool]]) -> ReplayDifference:
    return ReplayDifference(
        measure=measure,
        without=_share([old for old, _ in pairs]),
        with_knowledge=_share([new for _, new in pairs]),
        difference=reported(paired_share_difference(pairs)),
    )


def _share(outcomes: Sequence[bool]) -> ReportedEstimate:
    return share_of(sum(outcomes), len(outcomes))


def _passed(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the row passed every check that the other had too."""
    shared = {check["name"] for check in other["checks"]}
    return all(check["passed"] for check in row["checks"] if check["name"] in shared)


def _answered(row: Mapping[str, Any]) -> bool:
    return bool(row["passed"]) and row["groundedness_reason"] != _ABSTAINED
