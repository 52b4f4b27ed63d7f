"""The report of a run of replays in words: how many passed, how many were escalated, and whether that falls."""

from collections.abc import Iterator

from millrace.records.replay_report import (
    BaselineComparison,
    ReplayDifference,
    ReplayFigures,
    ReplayPoint,
    ReplayReport,
    ReplaySetup,
)
from millrace.records.report import Component, Count, RowList
from millrace.reports.document import (
    Block,
    Cell,
    Code,
    Document,
    Facts,
    Heading,
    KeyFigure,
    Paragraph,
    Rows,
    Section,
    Table,
)
from millrace.reports.wording import (
    NOTHING,
    change_text,
    counted,
    decimal,
    estimate_text,
    number,
    sentence_case,
    spoken,
    utc_text,
)

_MEASURES = {
    "passed": "Passed the gate",
    "passed_shared": "Passed the checks that both had",
    "answered": "Passed with an answer, not an abstention",
}


def replay_document(report: ReplayReport) -> Document:
    """The report as blocks of plain text; Markdown and HTML say the same."""
    return Document(
        title=f"Replay of {report.setup.tasks_name}",
        subtitle=_subtitle(report),
        key_figures=tuple(_key_figures(report)),
        sections=(
            *([] if report.figures is None else [_outcome(report, report.figures)]),
            *([] if report.figures is None else [_trend(report)]),
            *([] if report.setup.retrieval == "none" or report.figures is None else [_baseline(report.baseline)]),
            _knowledge(report),
            *(Section(each.name, each.title, _list_blocks(each)) for each in report.lists),
            Section("ran", "What ran", (Facts(tuple(_ran(report))),)),
        ),
    )


def _subtitle(report: ReplayReport) -> str:
    setup = report.setup
    pieces = [counted(report.bundles.n_tasks, "task")]
    if setup.dry_run:
        pieces.append("a dry run: no model was asked, and nothing was logged as evidence")
    if setup.retrieval == "none":
        pieces.append("the baseline: nothing was retrieved")
    return ", ".join(pieces)


def _key_figures(report: ReplayReport) -> Iterator[KeyFigure]:
    figures = report.figures
    if figures is None:
        with_accepted = report.bundles.n_with_accepted
        yield KeyFigure("Tasks", number(report.bundles.n_tasks), f"{number(with_accepted)} with an accepted piece")
        return
    yield KeyFigure("Passed the gate", number(figures.n_passed), f"share {estimate_text(figures.pass_rate)}")
    if report.setup.escalation == "allowed":
        yield KeyFigure("Escalated", number(figures.n_escalated), f"rate {estimate_text(figures.escalation_rate)}")
    failed = figures.n_escalated + figures.n_not_escalated
    yield KeyFigure("Failed locally", number(failed), f"rate {estimate_text(figures.local_failure_rate)}")
    yield KeyFigure("Groundedness", _mean(figures), estimate_text(figures.groundedness))


def _mean(figures: ReplayFigures) -> str:
    mean = figures.groundedness.mean
    return NOTHING if mean is None else decimal(mean)


def _outcome(report: ReplayReport, figures: ReplayFigures) -> Section:
    setup = report.setup
    rows: list[tuple[str, Cell]] = [
        ("Tasks", number(figures.n_tasks)),
        ("Passed the gate", f"{number(figures.n_passed)}, {number(figures.n_passed_locally)} of them locally"),
        ("Share that passed", estimate_text(figures.pass_rate)),
        ("Local answers that failed the gate", estimate_text(figures.local_failure_rate)),
        ("Escalated", _escalated(setup, figures)),
        ("Abstained", number(figures.n_abstained)),
        ("Blocked before anybody was asked", number(figures.n_blocked)),
        ("Without an answer", _counts(figures.n_failed, figures.errors)),
        ("Groundedness of final answers", estimate_text(figures.groundedness)),
        ("Answered by", _counted(figures.answered_by)),
    ]
    blocks: list[Block] = [Facts(tuple(rows))]
    if figures.failed_checks or figures.local_failed_checks:
        blocks += [Heading("checks", "Checks that failed"), _checks(figures)]
    return Section("outcome", "How the tasks ended", tuple(blocks))


def _escalated(setup: ReplaySetup, figures: ReplayFigures) -> str:
    if setup.escalation == "never":
        return "never: the stronger model was not to be asked"
    left = f"; {number(figures.n_not_escalated)} more failed and were not" if figures.n_not_escalated else ""
    budget = "" if setup.max_escalations is None else f", at most {number(setup.max_escalations)} allowed"
    return f"{number(figures.n_escalated)}{budget}{left}; rate {estimate_text(figures.escalation_rate)}"


def _checks(figures: ReplayFigures) -> Table:
    local = {each.name: each.n for each in figures.local_failed_checks}
    final = {each.name: each.n for each in figures.failed_checks}
    rows = tuple((name, number(local.get(name, 0)), number(final.get(name, 0))) for name in {**local, **final})
    return Table(("Check", "Local answers", "Final answers"), rows)


def _trend(report: ReplayReport) -> Section:
    rows = tuple(_trend_row(each) for each in report.trend)
    header = ("Run", "Time", "Tasks", "Escalation rate", "Failed locally", "Passed")
    blocks: list[Block] = [Table(header, rows, first_number=3)]
    if report.change is None:
        blocks.append(Paragraph("No earlier run can be compared with: none had the same answerer and policy."))
    else:
        blocks.append(
            Paragraph(
                f"Failed locally, change since the run before: {change_text(report.change)}. The rate should fall as "
                "knowledge grows. Runs of different tasks differ for that reason too."
            )
        )
    return Section("trend", "Escalation over time", tuple(blocks))


def _trend_row(point: ReplayPoint) -> tuple[Cell, ...]:
    figures = point.figures
    rate = "never" if point.escalation == "never" else estimate_text(figures.escalation_rate)
    failed, passed = estimate_text(figures.local_failure_rate), estimate_text(figures.pass_rate)
    return (point.run_id, utc_text(point.time), f"{point.tasks_name} ({point.tasks[:8]})", rate, failed, passed)


def _baseline(baseline: BaselineComparison | None) -> Section:
    title = "Against no knowledge"
    if baseline is None:
        makes_one = (
            "No run of the same tasks without knowledge was found; ",
            Code("--set retrieval=none"),
            " makes one.",
        )
        return Section("baseline", title, (Paragraph(makes_one),))
    left_out = f"; {counted(baseline.n_left_out, 'task')} without an answer left out" if baseline.n_left_out else ""
    text = (
        f"Run {baseline.run_id} answered the same tasks with nothing retrieved: {counted(baseline.n_pairs, 'pair')}"
        f"{left_out}. Its answers had no pieces, so they were not checked for groundedness and citations."
    )
    header = ("Share", "With knowledge", "Without", "Difference")
    rows = tuple(_difference_row(each) for each in baseline.differences)
    return Section("baseline", title, (Paragraph(text), Table(header, rows)))


def _difference_row(each: ReplayDifference) -> tuple[Cell, ...]:
    shares = (estimate_text(each.with_knowledge), estimate_text(each.without))
    return (_MEASURES[each.measure], *shares, change_text(each.difference))


def _knowledge(report: ReplayReport) -> Section:
    setup, bundles = report.setup, report.bundles
    if setup.retrieval == "none":
        text = "Nothing was retrieved: this run is the baseline that was asked for with retrieval none."
        return Section("knowledge", "What the tasks were given", (Paragraph(text),))
    limits = f"at most {setup.n_accepted} accepted and {setup.n_warnings} warnings, cosine {setup.min_similarity} on"
    rows: list[tuple[str, Cell]] = [
        ("Distillation", setup.distill_run or NOTHING),
        ("RAG export", f"{number(setup.n_knowledge)} rows, {(setup.knowledge or '')[:12]}"),
        ("Pieces for a task", limits),
        ("Tasks with an accepted piece", f"{number(bundles.n_with_accepted)} of {number(bundles.n_tasks)}"),
        ("Tasks with a warning", f"{number(bundles.n_with_warnings)} of {number(bundles.n_tasks)}"),
        ("Tasks for which nothing was near enough", number(bundles.n_empty)),
        ("Mean cosine of the nearest accepted piece", estimate_text(bundles.nearest)),
    ]
    return Section("knowledge", "What the tasks were given", (Facts(tuple(rows)),))


def _list_blocks(rows: RowList) -> tuple[Block, ...]:
    shown = tuple(tuple(_text(value) for value in row) for row in rows.rows)
    blocks: list[Block] = [Table(tuple(rows.columns), shown, first_number=len(rows.columns))]
    if rows.command is not None and rows.n > len(rows.rows):
        blocks.append(Rows(f"rows-{rows.name}", "All of them", tuple(rows.columns), (), rows.n, rows.command))
    return tuple(blocks)


def _ran(report: ReplayReport) -> Iterator[tuple[str, Cell]]:
    yield "Run", report.run_id
    yield "Reported at", utc_text(report.reported_at)
    yield "Retrieval", "by the vector index" if report.setup.retrieval == "index" else "none, the baseline"
    yield "Least groundedness", decimal(report.setup.min_groundedness)
    if report.setup.n_skipped:
        yield "Rows of the task file that could not be taken", number(report.setup.n_skipped)
    for component in report.components:
        yield sentence_case(component.role), _component(component)


def _component(component: Component) -> str:
    if component.stands_in_for is None:
        return component.identity
    return f"{component.identity} (a bundled default; stands in for {component.stands_in_for})"


def _counts(n: int, counts: list[Count]) -> str:
    return f"{number(n)} ({_counted(counts)})" if n else "0"


def _counted(counts: list[Count]) -> str:
    return ", ".join(f"{each.name} {number(each.n)}" for each in counts) or "nobody"


def _text(value: str | int | float | None) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return decimal(value)
    return number(value) if isinstance(value, int) else spoken(value) if value in ("local", "stronger") else value
