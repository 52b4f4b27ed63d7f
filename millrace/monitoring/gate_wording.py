"""The gate's reasons in sentences."""

from millrace.monitoring.gate_pairs import Side
from millrace.monitoring.gate_result import GateConfig, MetricVerdict
from millrace.records.report import Count

_BARE_RULE = "; by the bare rule: only means are known, so chance is not taken into account"


def sentence(found: MetricVerdict, candidate: Side, config: GateConfig) -> str:
    """Why the verdict is what it is."""
    allowed = f"{percent(config.max_drop)} is allowed"
    answered = f"{found.n_lost} of {found.n_lost + found.n_pairs} questions that the baseline has a value for"
    return {
        "dropped": f"{_moved(found)}{'' if found.low is None else f', {_bound(found)}'}; {allowed}",
        "not_proven": f"{_moved(found)}, {allowed}; it may be chance: {_bound(found)}; more questions would tell",
        "within_limit": _moved(found),
        "no_value": f"the candidate has no value of it: {_why(candidate)}",
        "rows_lost": f"the candidate failed on {answered}; the others: {_moved(found)}",
        "too_few_pairs": f"{found.n_pairs} questions are in both, and at least {config.min_pairs} are needed",
        "negative_values": "values below 0, of which a relative drop means nothing",
        "zero_baseline": "the baseline's mean is 0: it cannot drop",
        "no_baseline": "new: the baseline has no value of it",
        "nothing_scored": "no value in either",
    }[found.reason] + (_BARE_RULE if found.basis == "means" else "")


def notes_on(found: MetricVerdict, baseline: Side, candidate: Side) -> list[str]:
    """What changes how the numbers are to be read."""
    notes = []
    shares = [side.n("failed") / side.n_tried if side.n_tried else 0.0 for side in (baseline, candidate)]
    if baseline.n_tried and shares[1] > shares[0]:
        failed = " against ".join(f"{side.n('failed')} of {side.n_tried}" for side in (candidate, baseline))
        notes.append(f"more rows failed in the candidate: {failed}")
    if baseline.sources and candidate.sources and baseline.sources != candidate.sources:
        notes.append(f"scored by {_joined(baseline.sources)} in the baseline, by {_joined(candidate.sources)} now")
    if found.n_pairs and (found.n_only_baseline or found.n_only_candidate):
        notes.append(f"{found.n_only_baseline} questions only in the baseline, {found.n_only_candidate} only now")
    return notes


def percent(share: float, decimals: int = 1) -> str:
    """As ``2 %`` or ``3.4 %``; what is not 0 but would look so gets the decimals it needs."""
    while decimals < 4 and share and abs(share) < 0.5 * 10 ** -(decimals + 2):
        decimals += 1
    text = f"{100 * share:.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def _moved(found: MetricVerdict) -> str:
    if found.drop is None:
        return "nothing to compare"
    if found.drop == 0:
        return "no change"
    return f"{'dropped' if found.drop > 0 else 'rose'} by {percent(abs(found.drop))}"


def _bound(found: MetricVerdict) -> str:
    """How small the drop may be; at the confidence of the whole gate."""
    if found.low is None:
        return "so few questions bound nothing"
    if found.low > 0:
        return f"at least by {percent(found.low)}"
    return f"a rise by {percent(-found.low)} is not excluded" if found.low else "no drop at all is not excluded"


def _why(side: Side) -> str:
    rows = ", ".join(f"{each.n} {each.name}" for each in side.statuses if each.n)
    return f"{rows or 'no rows'}{f' ({_counts(side.reasons)})' if side.reasons else ''}"


def _counts(counts: list[Count]) -> str:
    return ", ".join(f"{each.name} {each.n}" for each in counts[:3])


def _joined(names: list[str]) -> str:
    return " and ".join(names[:3]) + (" and others" if len(names) > 3 else "")
