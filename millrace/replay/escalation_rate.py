"""What a run of replays comes to: who passed the gate, how many were escalated, and whether that falls over time."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError
from millrace.records.replay_report import BundleFigures, ReplayFigures, ReplayPoint
from millrace.records.report import Count, ReportedEstimate
from millrace.statistics.counts import value_counts
from millrace.statistics.reported import difference_of, mean_of, share_of

N_RUNS = 12  # what a trend shows
COLUMNS = [
    "task_id",
    "tier",
    "answered_by",
    "escalated",
    "checks",
    "passed",
    "groundedness",
    "groundedness_reason",
    "error",
]
_BLOCKED, _ABSTAINED = "blocked: ", "abstained"


def replay_figures(attempts: pa.Table, replays: pa.Table) -> ReplayFigures:
    """The run in numbers, with intervals at 95 %.

    The escalation rate counts tasks that went to the stronger model, of those that have a local answer; it is 0 by
    construction where escalation is not allowed. The local failure rate counts what would have gone.

    Args:
        attempts: columns of ``Replay``, what the local answerer made of each task.
        replays: the same of the final answers, row by row the same tasks.

    Raises:
        BadInputError: they are not the same tasks in the same order.
    """
    if attempts.column("task_id") != replays.column("task_id"):
        raise BadInputError("attempts and replays are not of the same tasks in the same order")
    blocked, without = _counts(replays, "blocked"), _counts(replays, "failed")
    local = attempts.filter(pc.is_null(attempts.column("error")))
    final = replays.filter(pc.is_null(replays.column("error")))
    n_local_failed = local.num_rows - _n_true(local.column("passed"))
    n_escalated, n_passed = _n_true(replays.column("escalated")), _n_true(replays.column("passed"))
    n_failed_locally = attempts.num_rows - blocked - local.num_rows
    return ReplayFigures(
        n_tasks=replays.num_rows,
        n_blocked=blocked,
        n_failed=without,
        n_passed=n_passed,
        n_passed_locally=_n_true(local.column("passed")),
        n_abstained=_n_true(pc.fill_null(pc.equal(final.column("groundedness_reason"), _ABSTAINED), False)),
        n_escalated=n_escalated,
        n_not_escalated=n_local_failed - n_escalated,
        pass_rate=share_of(n_passed, final.num_rows, without),
        escalation_rate=share_of(n_escalated, local.num_rows, n_failed_locally),
        local_failure_rate=share_of(n_local_failed, local.num_rows, n_failed_locally),
        groundedness=_mean(final.column("groundedness")),
        failed_checks=failed_checks(final),
        local_failed_checks=failed_checks(local),
        ungrounded_reasons=_listed(final.column("groundedness_reason").drop_null()),
        errors=_listed(replays.column("error").drop_null()),
        answered_by=_listed(final.column("answered_by")),
    )


def bundle_figures(bundles: Iterable[pa.Table]) -> BundleFigures:
    """What the tasks were given.

    Args:
        bundles: tables with the column ``bundle`` of ``Replay``.
    """
    items = [row for part in bundles for row in part.column("bundle").to_pylist()]
    nearest = [max((item["score"] for item in row if item["purpose"] == "accepted"), default=None) for row in items]
    known = [score for score in nearest if score is not None]
    return BundleFigures(
        n_tasks=len(items),
        n_with_accepted=len(known),
        n_with_warnings=sum(any(item["purpose"] == "warning" for item in row) for row in items),
        n_empty=sum(not row for row in items),
        nearest=_mean(pa.array(known, pa.float64())),
    )


def failed_checks(replays: pa.Table) -> list[Count]:
    """How many answers failed each check, the most frequent first, then by name."""
    checks = pc.list_flatten(replays.column("checks").combine_chunks())
    failed = checks.filter(pc.invert(pc.struct_field(checks, "passed")))
    return _listed(pc.struct_field(failed, "name"))


def comparable(now: ReplayPoint, earlier: Sequence[ReplayPoint]) -> list[ReplayPoint]:
    """The runs before this one, and this one last, whose rates mean the same: of equal policy and answerer, by time.

    Args:
        earlier: runs of the same series and retrieval, in any order.
    """
    alike = [
        each
        for each in earlier
        if (each.escalation, each.answerer) == (now.escalation, now.answerer) and each.time <= now.time
    ]
    before = sorted((each for each in alike if each.run_id != now.run_id), key=lambda each: (each.time, each.run_id))
    return [*before[1 - N_RUNS :], now]


def rate_change(trend: Sequence[ReplayPoint]) -> ReportedEstimate | None:
    """The local failure rate now minus the run before, with Newcombe's interval; None without a run before.

    The runs count as independent, also where they answered the same tasks: the interval is then too wide rather than
    too narrow.
    """
    if len(trend) < 2:
        return None
    before, now = (_failures(each.figures) for each in trend[-2:])
    return difference_of(before, now)


def _failures(figures: ReplayFigures) -> tuple[int, int]:
    n = figures.local_failure_rate.n
    return n - figures.n_passed_locally, n


def _counts(replays: pa.Table, what: str) -> int:
    errors = replays.column("error")
    blocked = _n_true(pc.fill_null(pc.starts_with(errors, _BLOCKED), False))
    return blocked if what == "blocked" else len(errors) - errors.null_count - blocked


def _n_true(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)


def _mean(column: pa.ChunkedArray | pa.Array) -> ReportedEstimate:
    return mean_of(np.asarray(column.drop_null().to_numpy(), dtype=np.float64))


def _listed(column: pa.ChunkedArray | pa.Array) -> list[Count]:
    return [Count(name=name, n=n) for name, n in value_counts(column).items()]
