"""Judges held against people, in words: how far they agree, and what the share of good answers is then."""

from millrace.records.daily_report import DailyReport
from millrace.records.monitoring import JudgeCorrection
from millrace.reports.daily_plots import corrections_plot
from millrace.reports.document import Block, Cell, Heading, Paragraph, Short, Table
from millrace.reports.figures import estimate_in_percent, metric_title, share_text
from millrace.reports.wording import NOTHING, counted, decimal, estimate_text, excerpt, number, spoken

MAX_JUDGES = 12
_MAX_SOURCE, _MAX_CAUTION = 32, 400  # characters
_HEADING = Heading("people", "Judges, corrected by people")


def judge_blocks(report: DailyReport) -> tuple[Block, ...]:
    """What people say of some traces, beside what the judge says of all; empty where nothing was evaluated."""
    shown = [each for each in report.corrections if each.n_labelled][:MAX_JUDGES]
    if not shown:
        if not report.sampling.n_sampled:
            return ()
        return (_HEADING, Paragraph("No trace of this day was judged by people, so no judge was checked."))
    titles = {metric.metric: metric.title for metric in report.metrics}
    names = [metric_title(titles.get(each.metric, spoken(each.metric))) for each in shown]
    plot = corrections_plot(names, shown)
    return (
        _HEADING,
        *(Paragraph(_sentence(name, each)) for name, each in zip(names, shown, strict=True)),
        *((plot,) if plot else ()),
        _shares(names, shown),
        _agreement(names, shown),
        Paragraph(
            "Precision is the share of what the judge calls bad that people call bad too, recall the share of what "
            "people call bad that the judge finds; kappa is agreement beyond chance, 1 at best; the calibration error "
            "is how far a value is from the share of good answers among those with that value, 0 at best."
        ),
        *_cautions(names, shown),
    )


def _sentence(name: str, each: JudgeCorrection) -> str:
    """The corrected share, and whether the judge alone is off beyond chance."""
    best, naive = each.corrected, each.naive
    labels = f"{counted(each.n_labelled, 'trace')} that people judged"
    if best.mean is None or best.low is None or best.high is None:
        why = spoken(best.reason or "not measured")
        return f"{name}: no corrected share from {labels}: {why}."
    told = f"{name}: {share_text(best.mean)} of the answers are good, by {labels} and the judge's values together"
    if naive.mean is None:
        return f"{told}."
    if best.low <= naive.mean <= best.high:
        return f"{told}; the judge alone says {share_text(naive.mean)}, which agrees."
    manner = "too kind" if naive.mean > best.high else "too strict"
    return f"{told}; the judge alone says {share_text(naive.mean)} and is {manner}, by more than chance explains."


def _shares(names: list[str], shown: list[JudgeCorrection]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name, *(estimate_in_percent(share) for share in (each.naive, each.people, each.corrected)))
        for name, each in zip(names, shown, strict=True)
    ]
    return Table(("Share of good answers", "Judge alone", "People alone", "Corrected"), tuple(rows), first_number=4)


def _agreement(names: list[str], shown: list[JudgeCorrection]) -> Table:
    """A column for each judge: with intervals, as rows they would be wider than the page."""
    rows: tuple[tuple[str, list[Cell]], ...] = (
        ("Judge", [_source(each.source) for each in shown]),
        ("Calls an answer good from", [decimal(each.threshold) for each in shown]),
        (
            "Judged by people, of all it scored",
            [f"{number(each.n_labelled)} of {number(each.n_scored)}" for each in shown],
        ),
        ("Precision", [estimate_text(each.precision) for each in shown]),
        ("Recall", [estimate_text(each.recall) for each in shown]),
        ("Kappa", [estimate_text(each.kappa) for each in shown]),
        ("Calibration error", [estimate_text(each.calibration_error) for each in shown]),
        (
            "Trust in the judge, 0 to 1",
            [NOTHING if each.power_tuning is None else decimal(each.power_tuning) for each in shown],
        ),
    )
    return Table(("Agreement with people", *names), tuple((name, *cells) for name, cells in rows))


def _source(source: str) -> Cell:
    short = excerpt(source, _MAX_SOURCE)
    return short if short == source else Short(short, excerpt(source, 10 * _MAX_SOURCE))


def _cautions(names: list[str], shown: list[JudgeCorrection]) -> tuple[Block, ...]:
    """What the corrected shares rest on; the same sentence is said once."""
    told: dict[str, list[str]] = {}
    for name, each in zip(names, shown, strict=True):
        if each.caution:
            told.setdefault(excerpt(each.caution, _MAX_CAUTION), []).append(name)
    everywhere = len(shown)
    return tuple(
        Paragraph(f"Caution{'' if len(of) == everywhere else ' (' + ', '.join(of) + ')'}: {_ended(text)}")
        for text, of in told.items()
    )


def _ended(text: str) -> str:
    return text if text.endswith((".", "…")) else f"{text}."
