"""Where to look first: the worst traces, what users say, what it cost, and all figures."""

from millrace.records.daily_report import DailyReport, WorstScore, WorstTrace
from millrace.records.monitoring import DayFigure, FeedbackRates
from millrace.reports.daily_costs import cost_blocks
from millrace.reports.daily_watch import TYPICAL
from millrace.reports.document import Block, Cell, Code, Facts, Folded, Heading, Paragraph, Table, Tag
from millrace.reports.figures import estimate_in_percent, figure_name, interval_text
from millrace.reports.rows import Lists
from millrace.reports.wording import NOTHING, counted, decimal, excerpt, number, spoken

MAX_WORST = 20
_LEAST_WORST = 3  # shown even where the page must be small
_MAX_FIGURES = 400
_MAX_SCORES, _MAX_SPANS, _MAX_CONTEXTS = 30, 20, 5
_LINE, _TEXT, _PASSAGE, _FACTS, _NAME = 90, 800, 400, 160, 60  # characters


def detail_blocks(report: DailyReport, lists: Lists, max_rows: int) -> tuple[Block, ...]:
    """Single traces first, then users, cost, and everything else folded away."""
    return (
        *_worst_blocks(report, max_rows),
        Heading("feedback", "What users say"),
        *_feedback(report.feedback, lists),
        Heading("cost", "Cost"),
        *cost_blocks(report),
        Heading("figures", "All figures and rows"),
        *_figures(report, max_rows),
        Paragraph(("The datasets behind this page: ", Code(f"millrace rows {report.run.run_id}"), " lists them.")),
        *_rows(report, lists),
    )


def _worst_blocks(report: DailyReport, max_rows: int) -> tuple[Block, ...]:
    heading = Heading("worst", "The worst traces")
    if not report.worst:
        return (heading, Paragraph("There is no trace to look at: none was evaluated, or none falls short."))
    shown = report.worst[: max(_LEAST_WORST, min(MAX_WORST, max_rows))]
    text = "Ordered by their shortfall: how far the metrics of a trace are from 1, on average."
    return (heading, Paragraph(text), *(_trace(trace, place) for place, trace in enumerate(shown, start=1)))


def _lowest(trace: WorstTrace) -> str:
    scored = [(each.value, each.metric) for each in trace.scores if each.value is not None]
    if not scored:
        return trace.status if trace.error is None else "error"
    value, metric = min(scored)
    return f"{spoken(excerpt(metric, _NAME))} {decimal(value)}"


def _trace(trace: WorstTrace, place: int) -> Folded:
    facts: list[tuple[str, Cell]] = [
        ("Question", excerpt(trace.question, _TEXT) or "(empty)"),
        ("Answer", excerpt(trace.answer, _TEXT) if trace.answer else "no answer"),
        *((("Error", excerpt(trace.error, _TEXT)),) if trace.error else ()),
        ("Trace", Code(excerpt(trace.trace_id, _PASSAGE))),
        ("Tenant and status", f"{excerpt(trace.tenant_id, _NAME)}, {spoken(trace.status)}"),
    ]
    return Folded(
        anchor=f"worst-{place}",
        title=(
            f"{place}. {excerpt(trace.question, _LINE) or '(empty)'} ",
            Tag(_lowest(trace), "bad"),
            " ",
            Tag(f"shortfall {decimal(trace.badness)}"),
        ),
        blocks=(Facts(tuple(facts)), *_scores(trace), *_passages(trace), *_spans(trace)),
        open=place == 1,
    )


def _scores(trace: WorstTrace) -> tuple[Block, ...]:
    """Lowest first; those without a value last, with the reason."""
    ordered = sorted(trace.scores, key=lambda each: (each.value is None, each.value or 0.0, each.metric))
    if not ordered:
        return (Paragraph("No metric was tried on this trace."),)
    rows = tuple((excerpt(spoken(each.metric), _NAME), _score(each)) for each in ordered[:_MAX_SCORES])
    return (Table(("Metric", "Value"), rows),)


def _score(score: WorstScore) -> str:
    if score.value is not None:
        return decimal(score.value)
    return f"{score.status}: {excerpt(spoken(score.reason or 'no reason given'), _FACTS)}"


def _passages(trace: WorstTrace) -> tuple[Block, ...]:
    if not trace.contexts:
        return (Paragraph("The search found no passage."),)
    shown = trace.contexts[:_MAX_CONTEXTS]
    rows = tuple((f"Passage {place}", excerpt(text, _PASSAGE)) for place, text in enumerate(shown, start=1))
    left = len(trace.contexts) - len(shown)
    return (Facts(rows), *((Paragraph(f"And {counted(left, 'passage')} more."),) if left else ()))


def _spans(trace: WorstTrace) -> tuple[Block, ...]:
    if not trace.spans:
        return ()
    rows = tuple(
        (
            excerpt(span.name, _NAME),
            excerpt(span.facts, _FACTS) or NOTHING,
            NOTHING if span.duration_ms is None else number(round(span.duration_ms)),
        )
        for span in trace.spans[:_MAX_SPANS]
    )
    return (Table(("Stage", "What it did", "ms"), rows, first_number=2),)


def _feedback(rates: FeedbackRates, lists: Lists) -> tuple[Block, ...]:
    if not (rates.n_rated or rates.n_corrections or rates.n_comments):
        return (Paragraph("No user rated or commented on an answer of this day."),)
    facts: tuple[tuple[str, Cell], ...] = (
        ("Rated good", lists.link(estimate_in_percent(rates.positive), "feedback")),
        ("Of all traces rated", estimate_in_percent(rates.coverage)),
        ("Better answers written", lists.link(rates.n_corrections, "feedback-corrections")),
        ("Comments", lists.link(rates.n_comments, "feedback-comments")),
    )
    return (
        Facts(facts),
        Paragraph("Users rate whom they choose to: compare this share with other days, rather than with the metrics."),
    )


def _figures(report: DailyReport, max_rows: int) -> tuple[Block, ...]:
    if not report.figures:
        return (Paragraph("No figure was taken."),)
    most = min(_MAX_FIGURES, 4 * max_rows)
    rows = tuple(_figure(each) for each in report.figures[:most])
    left = len(report.figures) - len(rows)
    blocks: tuple[Block, ...] = (Table(("Figure", "Value", "n"), rows, first_number=2),) if rows else ()
    more = (Paragraph(f"And {counted(left, 'figure')} more, which report.json holds."),) if left else ()
    return (Folded("all-figures", f"All {counted(len(report.figures), 'figure')} of the day", (*blocks, *more)),)


def _figure(figure: DayFigure) -> tuple[Cell, ...]:
    failed = f", {number(figure.n_failed)} failed" if figure.n_failed else ""
    return (figure_name(figure.name, figure.label), interval_text(figure), f"{number(figure.n)}{failed}")


def _rows(report: DailyReport, lists: Lists) -> tuple[Block, ...]:
    return lists.rows(*(each.name for each in report.lists if each.name != TYPICAL))
