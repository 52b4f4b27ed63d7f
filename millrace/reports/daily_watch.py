"""The retrieval canary and the drift of questions, in words."""

from datetime import datetime

from millrace.records.monitoring import CanaryResult, CanaryWindow, DriftResult, EmbeddingPoint, WatchStatus
from millrace.records.report import ReportedEstimate
from millrace.reports.document import Block, Cell, Cloud, Facts, Heading, Paragraph, Table, Tag, Tone
from millrace.reports.figures import between, estimate_in_percent, share_text, significant
from millrace.reports.rows import Lists
from millrace.reports.wording import (
    NOTHING,
    counted,
    decimal,
    estimate_text,
    excerpt,
    joined,
    number,
    sentence_case,
    utc_text,
)

TYPICAL = "typical-now"  # the list of the questions that are least like the reference
MAX_POINTS = 600  # of the picture, both kinds together
_MAX_REASONS, _MAX_REASON = 10, 400
_TONES: dict[WatchStatus, Tone] = {"ok": "good", "warning": "warn", "critical": "bad", "not_enough": "quiet"}
_STATUSES: dict[WatchStatus, str] = {
    "ok": "ok",
    "warning": "warning",
    "critical": "critical",
    "not_enough": "not enough data",
}


def canary_blocks(canary: CanaryResult) -> tuple[Block, ...]:
    """The last searches against those before them."""
    heading = Heading("canary", ("Retrieval canary: ", _tag(canary.status)))
    fine = "The last searches find as much as those before them, with scores as high."
    told = (Paragraph(fine),) if canary.status == "ok" and not canary.reasons else _reasons(canary.reasons)
    if not canary.current.n:
        return (heading, *(told or (Paragraph("No search was recorded."),)))
    return (heading, *told, _canary_table(canary))


def _canary_table(canary: CanaryResult) -> Table:
    now, then = canary.current, canary.baseline
    change = "" if canary.p50_change is None else f", {_relative(canary.p50_change)}"
    rows: tuple[tuple[Cell, ...], ...] = (
        ("Searches", number(now.n), number(then.n)),
        ("Found nothing", estimate_in_percent(canary.empty_share), _empty(then)),
        ("Best score, median", _score(now.p50) + change, _score(then.p50)),
        ("Best score, 95th percentile", _score(now.p95), _score(then.p95)),
        ("Best score, mean", _score(now.mean), _score(then.mean)),
        ("From", _time(now.time_from), _time(then.time_from)),
        ("To", _time(now.time_to), _time(then.time_to)),
    )
    known = tuple(row for row in rows if row[1:] != (NOTHING, NOTHING))
    return Table(("", "Last searches", "Those before"), known)


def _empty(window: CanaryWindow) -> str:
    return f"{share_text(window.n_empty / window.n)} (n = {number(window.n)})" if window.n else NOTHING


def _score(value: float | None) -> str:
    return NOTHING if value is None else significant(value)


def _time(time: datetime | None) -> str:
    return NOTHING if time is None else utc_text(time)


def _relative(change: ReportedEstimate) -> str:
    """``+12 % [+9 %, +15 %]``."""
    if change.mean is None:
        return NOTHING
    if change.low is None or change.high is None:
        return share_text(change.mean, signed=True)
    low, high = (share_text(end, signed=True) for end in (change.low, change.high))
    return f"{share_text(change.mean, signed=True)} {between(low, high)}"


def drift_blocks(drift: DriftResult, lists: Lists) -> tuple[Block, ...]:
    """How far the questions of now lie from those of the reference, what each number means, and a picture."""
    heading = Heading("drift", ("Drift of questions: ", _tag(drift.status)))
    fine = "The questions are like those of the reference."
    told = (Paragraph(fine),) if drift.status == "ok" and not drift.reasons else _reasons(drift.reasons)
    numbers = _drift_numbers(drift)
    compared = f"{counted(drift.n_current, 'question')} of now, {number(drift.n_reference)} of the reference"
    return (
        heading,
        *told,
        *((Facts((("Compared", compared), *numbers)),) if drift.n_reference else ()),
        *_picture(drift),
        *_typical(drift, lists),
    )


def _drift_numbers(drift: DriftResult) -> tuple[tuple[str, Cell], ...]:
    facts: list[tuple[str, Cell]] = []
    if drift.domain_auc is not None:
        facts.append(("Told apart", f"{_told_apart(drift.domain_auc)}: AUC {estimate_text(drift.domain_auc)}"))
    if drift.mmd_p_value is not None:
        chance = "more than chance explains" if drift.mmd_p_value < 0.05 else "no more than chance explains"
        squared = "" if drift.mmd_squared is None else f"MMD\N{SUPERSCRIPT TWO} {_small(drift.mmd_squared)}, "
        p_value = f"p = {significant(drift.mmd_p_value)} by {counted(drift.n_permutations, 'permutation')}"
        facts.append(("Distributions differ", f"{chance}: {squared}{p_value}"))
    if drift.centroid_shift is not None:
        facts.append(
            ("Centre moved by", f"{significant(drift.centroid_shift)} (0 not at all, 1 to something unrelated)")
        )
    if drift.spread_change is not None:
        facts.append(("Variety", _variety(drift)))
    return tuple(facts)


def _told_apart(auc: ReportedEstimate) -> str:
    if auc.mean is None:
        return "not measured"
    if auc.low is not None and auc.low <= 0.5:
        return "a classifier does not tell the two apart beyond chance"
    for bound, words in ((0.6, "hardly"), (0.75, "somewhat"), (0.9, "clearly")):
        if auc.mean < bound:
            return f"a classifier tells the two {words} apart"
    return "a classifier tells the two almost always apart"


def _variety(drift: DriftResult) -> str:
    change = drift.spread_change or 0.0
    word = "as varied as before" if abs(change) < 0.05 else "more varied" if change > 0 else "less varied"
    told = f"{word}: spread {share_text(change, signed=True)}"
    if drift.spread_reference is None or drift.spread_current is None:
        return told
    return f"{told}, from {significant(drift.spread_reference)} to {significant(drift.spread_current)}"


def _small(value: float) -> str:
    return significant(value) if abs(value) >= 1e-6 else decimal(0.0)


def _picture(drift: DriftResult) -> tuple[Block, ...]:
    points = _thinned(drift)
    if len(points) < 2:
        return ()
    then = tuple((point.x, point.y) for point in points if not point.current)
    now = tuple((point.x, point.y) for point in points if point.current)
    share = "" if drift.explained is None else f", which show {share_text(drift.explained)} of the variance"
    told = f"{counted(len(now), 'question')} of now among {number(len(then))} of the reference"
    return (
        Cloud(
            alt=f"The embedding space: {told}, on its two main axes{share}.",
            caption=f"The embedding space on its two main axes{share}; near points are alike in meaning. Where "
            "coloured points stand alone, something new is asked.",
            names=(f"reference ({number(len(then))} shown)", f"now ({number(len(now))} shown)"),
            first=then,
            second=now,
        ),
    )


def _thinned(drift: DriftResult) -> list[EmbeddingPoint]:
    """At most so many, evenly from the list, whose order says nothing."""
    step = -(-len(drift.points) // MAX_POINTS) or 1
    return drift.points[::step]


def _typical(drift: DriftResult, lists: Lists) -> tuple[Block, ...]:
    """The questions of now that are least like the reference."""
    rows = lists.rows(TYPICAL)
    if rows:
        return rows
    if not drift.most_typical_now:
        return ()
    names = joined([excerpt(name, 60) for name in drift.most_typical_now], at_most=10)
    return (Facts((("Least like the reference", names),)),)


def _reasons(reasons: list[str]) -> tuple[Block, ...]:
    return tuple(Paragraph(_ended(excerpt(reason, _MAX_REASON))) for reason in reasons[:_MAX_REASONS])


def _ended(text: str) -> str:
    return sentence_case(text if text.endswith((".", "…")) else f"{text}.")


def _tag(status: WatchStatus) -> Tag:
    return Tag(_STATUSES[status], _TONES[status])
