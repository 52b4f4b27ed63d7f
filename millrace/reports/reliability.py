"""How well answers are grounded and how far triage can be trusted, in words."""

from collections.abc import Sequence

from millrace.records.report import AgreementFigure, ReportedEstimate, WeeklyReport
from millrace.reports import plots
from millrace.reports.document import Block, Code, Facts, Paragraph, Table
from millrace.reports.lists import rows_command
from millrace.reports.rows import Lists
from millrace.reports.wording import (
    counted,
    decimal,
    estimate_text,
    listed,
    sentence_case,
    spoken,
    with_reasons,
)


def groundedness_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """How well answers are supported by their passages, now and over weeks."""
    scores = report.groundedness
    undefined = sum(count.n for count in scores.undefined)
    weeks = plots.groundedness_weeks_plot(report.weeks)
    return (
        plots.groundedness_plot(scores),
        *((weeks,) if weeks else ()),
        Facts(
            (
                ("Mean", lists.link(estimate_text(scores.mean), "scored")),
                (f"Below {decimal(scores.threshold)}", lists.link(estimate_text(scores.below), "low-scores")),
                ("Scored", lists.link(counted(scores.n_scored, "trace"), "scored")),
                ("Not defined", lists.link(with_reasons(undefined, listed(scores.undefined)), "no-score")),
            )
        ),
        *lists.rows("low-scores", "scored", "no-score"),
    )


def reliability_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """What is known of triage's own mistakes."""
    sure, figures = report.confidence, report.agreement
    facts = Facts(
        (
            ("Expected to be right", lists.link(_expected_right(sure.mean), "failures")),
            ("Below one half", lists.link(sure.n_unsure, "unsure")),
            ("Confidence rests on", lists.link(listed(sure.bases), "failures")),
        )
    )
    intro = "Of the failures above, this share is expected to be right, by the calibrated confidence of each:"
    told: tuple[Block, ...] = (Paragraph(intro), facts, *lists.rows("unsure"))
    blocks = told if report.failures.n_failures else ()
    if not figures:
        return (*blocks, Paragraph("No human ratings came with the traces, so triage was not compared with people."))
    compared = Paragraph("Against people's ratings of the same traces, which triage never saw:")
    ratings = Code(rows_command(report.run.run_id, "human_ratings"))
    return (*blocks, compared, *_figures(figures), Paragraph(("The ratings: ", ratings)))


_MEANING = (
    "Precision is the share of what triage flags that people rate low, recall the share of what people rate low that "
    "triage flags"
)
_PRECISION, _RECALL = "precision of ", "recall of "


def _figures(figures: Sequence[AgreementFigure]) -> tuple[Block, ...]:
    """Precision and recall of one decision side by side, then what stands alone."""
    by_name = {figure.name: figure for figure in figures}
    names = [name.removeprefix(_PRECISION) for name in by_name if name.startswith(_PRECISION)]
    pairs = [(name, by_name[_PRECISION + name], by_name[_RECALL + name]) for name in names if _RECALL + name in by_name]
    paired = {each.name for _, *both in pairs for each in both}
    alone = [figure for figure in figures if figure.name not in paired]
    blocks: list[Block] = []
    if pairs:
        rows = tuple((_measure(name), _told(precision), _told(recall)) for name, precision, recall in pairs)
        blocks.append(Table(("Decision", "Precision", "Recall"), rows))
        blocks.append(Paragraph(f"{_MEANING}; 95 % intervals ({_interval(pairs[0][1])})."))
    if alone:
        told = tuple((_measure(figure.name), _interval(figure), _told(figure)) for figure in alone)
        blocks.append(Table(("Measure", "Interval by", "Estimate"), told, first_number=2))
    return tuple(blocks)


_METHODS = {"wilson": "Wilson", "student_t": "Student's t", "grouped_bootstrap": "bootstrap over groups"}


def _measure(name: str) -> str:
    return sentence_case(spoken(name))


def _told(figure: AgreementFigure) -> str:
    return estimate_text(figure.estimate)


def _interval(figure: AgreementFigure) -> str:
    return _METHODS.get(figure.estimate.method, spoken(figure.estimate.method))


def _expected_right(mean: ReportedEstimate) -> str:
    if mean.mean is None:
        return "not known: no confidence is calibrated"
    return estimate_text(mean).replace("failed", "without a confidence")
