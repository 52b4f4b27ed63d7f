"""Whether a candidate may replace its baseline: no metric may drop, beyond chance, by more than a limit (A23)."""

from dataclasses import dataclass

from millrace.errors import BadInputError
from millrace.monitoring.eval_results import EvalResult
from millrace.monitoring.gate_pairs import Pairs, Side, pair, side_of
from millrace.monitoring.gate_result import GateConfig, GateReason, GateResult, MetricVerdict, Verdict
from millrace.monitoring.gate_wording import notes_on, sentence
from millrace.statistics.multiplicity import holm, holm_levels
from millrace.statistics.paired import NOUGHT, PairedDrop, paired_drop

_DECIMALS = 9  # a drop of exactly the limit is not more than the limit
_ORDER: tuple[Verdict, ...] = ("fail", "inconclusive", "pass", "not_compared")


@dataclass(frozen=True)
class _Comparison:
    """One metric; ``test`` is None where pairs cannot be tested, else ``level`` is its level by Holm's procedure."""

    metric: str
    baseline: Side
    candidate: Side
    pairs: Pairs | None
    test: PairedDrop | None
    p_value: float | None = None
    level: float | None = None


def compare(baseline: EvalResult, candidate: EvalResult, config: GateConfig) -> GateResult:
    """Every metric of the two results, and whether the candidate passes.

    A metric fails when its mean over the questions in both is lower by more than ``max_drop`` of the baseline's, and a
    one-sided sign-flip test of the pairs, with Holm's procedure over the metrics, shows that it dropped at all; also
    when the candidate has no value of it, or failed on more than ``max_lost`` of the baseline's questions. It is
    inconclusive when a larger drop is not proven, when fewer than ``min_pairs`` questions are in both, or when the
    candidate failed on more than ``max_drop`` of them. Where a side has means only, a drop of more than ``max_drop``
    fails without a test.

    Args:
        baseline, candidate: values from 0, larger ones better.

    Raises:
        BadInputError: a metric is asked for that the baseline does not have; the two have no metric in common; or no
            question.

    Source:
        The relative limit is the one of the requirement; the test: see ``statistics.paired``.
    """
    names = _chosen(baseline, candidate, config)
    compared = _tested([_comparison(name, baseline, candidate, config) for name in names], config)
    _check_common_questions(compared)
    verdicts = sorted((_verdict(each, config) for each in compared), key=lambda each: _ORDER.index(each.verdict))
    worst = verdicts[0].verdict
    return GateResult(
        verdict="pass" if worst == "not_compared" else worst,
        baseline=baseline.name,
        baseline_kind=baseline.kind,
        candidate=candidate.name,
        candidate_kind=candidate.kind,
        config=config,
        metrics=verdicts,
    )


def _chosen(baseline: EvalResult, candidate: EvalResult, config: GateConfig) -> list[str]:
    known = {*baseline.metrics, *candidate.metrics}
    unknown = [name for name in config.metrics if name not in known]
    if unknown:
        there = ", ".join(sorted(known)) or "none"
        raise BadInputError(f"no metric {', '.join(unknown)} in either result; there are {there}", metrics=unknown)
    if not set(baseline.metrics) & set(candidate.metrics):
        raise BadInputError(
            f"no metric is in both: {baseline.name} ({baseline.kind}) has {', '.join(baseline.metrics) or 'none'}; "
            f"{candidate.name} ({candidate.kind}) has {', '.join(candidate.metrics) or 'none'}"
        )
    return sorted(set(config.metrics)) or sorted(known)


def _comparison(metric: str, baseline: EvalResult, candidate: EvalResult, config: GateConfig) -> _Comparison:
    first, second = side_of(baseline, metric), side_of(candidate, metric)
    pairs = pair(first, second)
    test = None
    if pairs is not None and pairs.n >= config.min_pairs and not pairs.has_negative:
        test = paired_drop(pairs.before, pairs.after, seed=config.seed, n_flips=config.n_flips)
    return _Comparison(metric, first, second, pairs, test)


def _tested(compared: list[_Comparison], config: GateConfig) -> list[_Comparison]:
    """The same with what Holm's procedure says of those that have a p-value."""
    raw = {each.metric: each.test.p_value for each in compared if each.test and each.test.p_value is not None}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    levels = dict(zip(raw, holm_levels(list(raw.values()), 1 - config.confidence), strict=True))
    return [
        _Comparison(
            each.metric,
            each.baseline,
            each.candidate,
            each.pairs,
            each.test,
            adjusted.get(each.metric),
            levels.get(each.metric),
        )
        for each in compared
    ]


def _check_common_questions(compared: list[_Comparison]) -> None:
    """A gate that has compared nothing must not be passed."""
    known = [each for each in compared if each.baseline.mean is not None]
    valued = [each for each in known if each.candidate.mean is not None]
    if not known:
        raise BadInputError("the baseline has no value of any metric, so nothing can be compared")
    if len(valued) == len(known) and all(
        each.pairs is not None and each.pairs.n == 0 and not each.pairs.n_lost for each in valued
    ):
        raise BadInputError(
            "no question is in both results, so nothing can be compared in pairs; evaluate the same questions with both"
        )


def _verdict(each: _Comparison, config: GateConfig) -> MetricVerdict:
    pairs, test = each.pairs, each.test
    low, high = test.bounds(each.level) if test and each.level else (None, None)
    in_pairs = pairs is not None and pairs.n > 0
    before, after = pairs.means if pairs is not None and in_pairs else (each.baseline.mean, each.candidate.mean)
    drop = _drop(before, after)
    verdict, reason = _decide(each, drop, config)
    bare = MetricVerdict(
        metric=each.metric,
        verdict=verdict,
        reason=reason,
        message="",
        basis="pairs" if in_pairs else "means" if pairs is None and drop is not None else "nothing",
        n_pairs=pairs.n if pairs else 0,
        n_only_baseline=pairs.n_only_baseline if pairs else 0,
        n_only_candidate=pairs.n_only_candidate if pairs else 0,
        n_lost=pairs.n_lost if pairs else 0,
        baseline=before,
        candidate=after,
        drop=drop,
        low=low,
        high=high,
        confidence=None if each.level is None else 1 - each.level,
        p_value=each.p_value,
        baseline_rows=each.baseline.statuses,
        candidate_rows=each.candidate.statuses,
    )
    notes = notes_on(bare, each.baseline, each.candidate)
    return bare.model_copy(update={"message": sentence(bare, each.candidate, config), "notes": notes})


def _drop(before: float | None, after: float | None) -> float | None:
    return (before - after) / before if before is not None and after is not None and before >= NOUGHT else None


def _decide(each: _Comparison, drop: float | None, config: GateConfig) -> tuple[Verdict, GateReason]:
    if each.baseline.mean is None:
        return "not_compared", "nothing_scored" if each.candidate.mean is None else "no_baseline"
    if each.candidate.mean is None:
        return "fail", "no_value"
    dropped = drop is not None and round(drop, _DECIMALS) > config.max_drop
    if each.pairs is None:
        return _decide_by_means(each.baseline.mean, dropped)
    if each.pairs.share_lost > config.max_lost:
        return "fail", "rows_lost"
    if each.pairs.n < config.min_pairs:
        return "inconclusive", "too_few_pairs"
    if each.pairs.has_negative:
        return "inconclusive", "negative_values"
    if dropped and each.test is not None and each.test.p_value is not None and each.level is not None:
        return ("fail", "dropped") if each.test.p_value <= each.level else ("inconclusive", "not_proven")
    if each.pairs.share_lost > config.max_drop:
        return "inconclusive", "rows_lost"
    return "pass", "within_limit" if drop is not None else "zero_baseline"


def _decide_by_means(mean: float, dropped: bool) -> tuple[Verdict, GateReason]:
    if mean < NOUGHT:
        return ("inconclusive", "negative_values") if mean < 0 else ("pass", "zero_baseline")
    return ("fail", "dropped") if dropped else ("pass", "within_limit")
