"""The daily report in words: which sections there are, in which order, and what stands at the top."""

from datetime import date

from millrace.records.daily_report import DailyReport
from millrace.records.monitoring import DayFigure
from millrace.reports.daily_answers import answer_blocks
from millrace.reports.daily_attention import attention_blocks, n_rules_without_data
from millrace.reports.daily_changes import change_blocks
from millrace.reports.daily_costs import cost_figure
from millrace.reports.daily_details import detail_blocks
from millrace.reports.document import Block, Cell, Document, Facts, KeyFigure, Link, Section
from millrace.reports.figures import metric_title, share_text, significant, value_text
from millrace.reports.ran import run_blocks, window_text
from millrace.reports.rows import Lists
from millrace.reports.wording import NOTHING, counted, listed, number, spoken, with_reasons

_SHEET = "daily.css"


def daily_document(report: DailyReport, max_rows: int = 100) -> Document:
    """The report as blocks of plain text; Markdown and HTML say the same.

    Args:
        max_rows: of each list. Tables of what can be many (figures, traces, labels) are bounded too, and with fewer
            rows they show less.
    """
    lists = Lists(report, max_rows)
    return Document(
        title=f"Daily report {report.run.window_name or ''}".rstrip(),
        subtitle=_subtitle(report),
        key_figures=_key_figures(report, lists),
        sections=(
            Section("attention", "What needs attention", attention_blocks(report)),
            Section("answers", "How good were the answers", answer_blocks(report, lists)),
            Section("changed", "What changed", change_blocks(report, lists)),
            Section("look", "Where to look first", detail_blocks(report, lists, max_rows)),
            Section("ran", "What came in and what ran", (*_came_in(report, lists), *run_blocks(report.run))),
        ),
        styles=(_SHEET,),
    )


def _subtitle(report: DailyReport) -> str:
    """``Friday, time zone Europe/Vienna · 812 traces, all of them evaluated``."""
    run, sampling = report.run, report.sampling
    day = _weekday(run.window_name)
    when = window_text(run) if day is None else f"{day}, time zone {run.time_zone}"
    if sampling.n_traces == 0:
        return f"{when} · no traces"
    if sampling.seed is None:
        which = "all of them evaluated" if sampling.n_sampled == sampling.n_traces else f"{_sampled(report)} evaluated"
        return f"{when} · {counted(sampling.n_traces, 'trace')}, {which}"
    return f"{when} · {counted(sampling.n_traces, 'trace')}, a sample of {_sampled(report)} evaluated"


def _sampled(report: DailyReport) -> str:
    return number(report.sampling.n_sampled)


def _weekday(day: str | None) -> str | None:
    try:
        return None if day is None else f"{date.fromisoformat(day):%A}"
    except ValueError:
        return None


def _key_figures(report: DailyReport, lists: Lists) -> tuple[KeyFigure, ...]:
    skipped = report.traffic.n_skipped
    came = f"{counted(skipped, 'row')} could not be read" if skipped else "no row was skipped"
    return (
        KeyFigure("Alerts", _n_alerts(report), _alerts_detail(report)),
        KeyFigure("Traces", lists.link(report.traffic.n_traces, "traces"), came),
        _failed(report, lists),
        _headline(report),
        cost_figure(report),
        _rated(report),
    )


def _n_alerts(report: DailyReport) -> Cell:
    n = len(report.alerts)
    return Link(number(n), "attention") if n else "0"


def _alerts_detail(report: DailyReport) -> str:
    if not report.n_rules:
        return "no rule is set up"
    critical = sum(each.alert.severity == "critical" for each in report.alerts)
    if report.alerts:
        return f"{number(critical)} critical, {counted(len(report.alerts) - critical, 'warning')}"
    unjudged = n_rules_without_data(report)
    return f"{counted(report.n_rules, 'rule')} looked at" + (f", {number(unjudged)} not judged" if unjudged else "")


def _failed(report: DailyReport, lists: Lists) -> KeyFigure:
    figure = figure_of(report, "pipeline/failed_share")
    if figure is None or figure.value is None:
        return KeyFigure("Failed", NOTHING, _no_value(figure))
    return KeyFigure("Failed", lists.link(share_text(figure.value), "failed"), _interval(figure))


def _headline(report: DailyReport) -> KeyFigure:
    """Groundedness; where there is none the first metric that has a mean."""
    figure = figure_of(report, "hallucination/groundedness")
    if figure is not None and figure.value is not None:
        return KeyFigure("Groundedness", Link(significant(figure.value), "answers"), _interval(figure))
    for metric in report.metrics:
        if metric.mean.mean is not None:
            told = DayFigure(
                day=report.run.window_name or "today",
                name="evaluation/metric",
                value=metric.mean.mean,
                low=metric.mean.low,
                high=metric.mean.high,
                n=metric.mean.n,
            )
            return KeyFigure(
                metric_title(metric.title), Link(significant(metric.mean.mean), "answers"), _interval(told)
            )
    return KeyFigure("Groundedness", NOTHING, _no_value(figure))


def _rated(report: DailyReport) -> KeyFigure:
    rates = report.feedback
    if rates.positive.mean is None:
        return KeyFigure("Rated good", NOTHING, "no trace was rated")
    detail = f"of {counted(rates.n_rated, 'rated trace')}"
    return KeyFigure("Rated good", Link(share_text(rates.positive.mean), "feedback"), detail)


def _interval(figure: DayFigure) -> str:
    if figure.low is None or figure.high is None:
        return f"of {counted(figure.n, 'trace')}; no interval"
    low, high = value_text(figure.name, figure.low), value_text(figure.name, figure.high)
    return f"of {counted(figure.n, 'trace')}; 95\N{NO-BREAK SPACE}% interval {low} to {high}"


def _no_value(figure: DayFigure | None) -> str:
    if figure is None or figure.reason is None:
        return "not measured"
    return "no trace to measure it on" if figure.reason == "no_items" else spoken(figure.reason)


def figure_of(report: DailyReport, name: str) -> DayFigure | None:
    """The figure of everything of this name."""
    return next((each for each in report.figures if each.name == name and each.label is None), None)


def _came_in(report: DailyReport, lists: Lists) -> tuple[Block, ...]:
    traffic = report.traffic
    facts: list[tuple[str, Cell]] = [
        ("Traces", lists.link(_with_parts(traffic.n_traces, listed(traffic.statuses)), "traces")),
        ("Tenants", lists.link(listed(traffic.tenants), "tenants")),
        ("Rows skipped", lists.link(with_reasons(traffic.n_skipped, listed(traffic.skip_reasons)), "skipped")),
        ("Duplicate rows", number(traffic.n_duplicates)),
    ]
    if traffic.n_late:
        facts.append(("Late, counted here", lists.link(f"{counted(traffic.n_late, 'trace')} of earlier days", "late")))
    if traffic.n_outside:
        facts.append(("Not counted here", f"{counted(traffic.n_outside, 'row')} of other days or tenants"))
    return (Facts(tuple(facts)),)


def _with_parts(n: int, parts: str) -> str:
    return f"{number(n)}: {parts}" if n else "0"
