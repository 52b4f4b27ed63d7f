"""What was learned, in words: annotation, the golden dataset, evals, the scorer, the decision, and what is due."""

from millrace.records.evals import EvalCoverage
from millrace.records.governance import proof_in_words
from millrace.records.report import AnnotationEffort, GoldenChange, ScorerChange, WeeklyReport
from millrace.reports import plots
from millrace.reports.document import Block, Cell, Code, Facts, Link, Paragraph, Piece, Short, Table, pieces
from millrace.reports.lists import rows_command
from millrace.reports.rows import Lists
from millrace.reports.wording import (
    counted,
    decimal,
    estimate_text,
    excerpt,
    listed,
    number,
    short_hash,
    spoken,
    utc_text,
    with_reasons,
)

_MAX_WARNINGS = 10
_MAX_GAPS = 20
_MAX_NOTE = 2000  # characters


def effort_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """What people were asked, what came back, and how far they agree."""
    effort = report.effort
    if effort.n_proposed == 0:
        return (Paragraph("No tasks were proposed."),)
    facts: list[tuple[str, Cell]] = [
        ("Proposed", lists.link(counted(effort.n_proposed, "task"), "tasks")),
        ("Completed", lists.link(_with_minutes(effort.n_completed, effort.minutes_completed), "tasks-completed")),
        ("Skipped", lists.link(effort.n_skipped, "tasks-skipped")),
        ("Waiting", lists.link(_with_minutes(effort.n_waiting, effort.minutes_waiting), "tasks-waiting")),
        ("Annotators, as claimed", lists.link(listed(effort.annotators), "tasks-completed")),
    ]
    if effort.n_disagreements:
        differ = f"{counted(effort.n_disagreements, 'task')}, {number(effort.n_adjudicated)} settled"
        facts.append(("Disagreements", lists.link(differ, "tasks-completed")))
    names = ("tasks", "tasks-completed", "tasks-skipped", "tasks-waiting")
    return (Facts(tuple(facts)), _agreement(effort, lists), *lists.rows(*names))


def _agreement(effort: AnnotationEffort, lists: Lists) -> Block:
    """How far annotators agree, where one task or more was answered by two people."""
    if not any(figure.estimate.n for figure in effort.agreement):
        return Paragraph("No task was answered by two people, so their agreement was not measured.")
    figures = tuple(
        (figure.name, lists.link(estimate_text(figure.estimate), "tasks-completed")) for figure in effort.agreement
    )
    return Table(("Agreement of annotators", "Estimate"), figures)


def _with_minutes(n: int, minutes: float) -> str:
    return f"{number(n)} (about {counted(round(minutes), 'minute')})" if n else "0"


def golden_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """What changed in the golden dataset, and why answers became no row."""
    golden = report.golden
    rejected = with_reasons(sum(count.n for count in golden.rejected), listed(golden.rejected))
    fate: tuple[str, Cell] = ("Answers not taken", lists.link(rejected, "rejections"))
    if golden.name is None:
        none_yet = Paragraph("There is no golden dataset yet, and this run has not written one.")
        return (none_yet, Facts((fate,)), *lists.rows("rejections"))
    warnings = golden.warnings[:_MAX_WARNINGS]
    left = len(golden.warnings) - len(warnings)
    changes: tuple[tuple[str, Cell], ...] = (
        ("Dataset", golden.name),
        ("Version", versions(report)),
        ("Content hash", _hash(golden.content_hash) if golden.content_hash else "unchanged"),
        ("Rows", _golden_counts(golden, lists)),
        ("Added", lists.link(golden.n_added, "golden-added")),
        ("Removed", lists.link(golden.n_removed, "golden-removed")),
        *((("Changed", lists.link(golden.n_changed, "golden-changed")),) if golden.n_changed else ()),
        fate,
        *(("Warning", excerpt(warning)) for warning in warnings),
        *((("Warnings", f"{number(left)} more"),) if left else ()),
    )
    return (
        Facts(changes),
        plots.golden_plot(golden.categories),
        *(
            (_golden_table(golden, lists),) if report.coverage is None else ()
        ),  # the coverage of the evals says the same, and more
        *lists.rows("golden-eval", "golden-train", "golden-before"),
        *lists.rows("golden-added", "golden-removed", "golden-changed", "rejections"),
    )


def _golden_counts(golden: GoldenChange, lists: Lists) -> Cell:
    """``8 before, 11 now: 4 eval, 7 train``, each linked to its rows."""
    n_eval, n_train = _by_split(golden)
    before = lists.link(f"{number(golden.n_before)} before", "golden-before")
    told: list[Piece] = [*pieces(before), f", {number(golden.n_after)} now"]
    if golden.n_after:
        told += [": ", *pieces(lists.link(f"{number(n_eval)} eval", "golden-eval")), ", "]
        told += pieces(lists.link(f"{number(n_train)} train", "golden-train"))
    return tuple(told)


def _golden_table(golden: GoldenChange, lists: Lists) -> Table:
    def cells(name: str, n_eval: int, n_train: int) -> tuple[Cell, ...]:
        return (name, _linked(lists, n_eval, "golden-eval"), _linked(lists, n_train, "golden-train"))

    rows = [cells(spoken(row.category), row.n_eval, row.n_train) for row in golden.categories]
    return Table(("Category", "Eval", "Train"), (*rows, cells("all", *_by_split(golden))), has_total=True)


def _by_split(golden: GoldenChange) -> tuple[int, int]:
    return sum(row.n_eval for row in golden.categories), sum(row.n_train for row in golden.categories)


def _linked(lists: Lists, n: int, name: str) -> Cell:
    """Linked unless it is nothing: the list holds the rows of other categories too."""
    return lists.link(n, name) if n else number(n)


def _hash(content_hash: str) -> Short:
    return Short(short_hash(content_hash), content_hash)


def versions(report: WeeklyReport) -> str:
    """``1.0.0 → 1.1.0``, or what there is."""
    before, after = report.golden.version_before, report.golden.version_after
    if after is None:
        return "none yet" if before is None else f"{before}, unchanged"
    if before == after:
        return f"{after}, unchanged"
    return f"{before or 'none'} → {after}"


def coverage_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """The evals that were written, and the failures of the week that no eval row stands for."""
    coverage = report.coverage
    if coverage is None:
        return (Paragraph("No evals were written in this run."), *_gaps(report, lists))
    facts = Facts(
        (
            ("Eval rows", _linked(lists, coverage.n_eval, "golden-eval")),
            ("DeepEval cases", _linked(lists, coverage.n_cases_deepeval, "golden-eval")),
            ("promptfoo cases", _linked(lists, coverage.n_cases_promptfoo, "golden-eval")),
        )
    )
    return (facts, *_gaps(report, lists), _categories(report, coverage, lists), *_covered_groups(report, lists))


def _gaps(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    gaps = report.due.gaps
    if not gaps:
        fine = (
            "Every failure type of the week has an eval row." if report.failures.n_failures else "No failures: no gaps."
        )
        return (Paragraph(fine),)
    places = {group.group_id: place for place, group in enumerate(report.groups.first, start=1)}
    rows = tuple(
        (
            "failure type" if gap.kind == "failure_type" else "cluster",
            spoken(gap.label) if gap.kind == "failure_type" else excerpt(gap.label, 120),
            lists.link(
                gap.n_failures,
                f"failures-{gap.name}" if gap.kind == "failure_type" else f"group-{places.get(gap.name, 0)}",
            ),
        )
        for gap in gaps[:_MAX_GAPS]
    )
    left = len(gaps) - len(rows)
    more = (Paragraph(f"And {counted(left, 'smaller gap')}."),) if left else ()
    intro = "Gaps: these failures of the week have no eval row, so nothing would notice if they came back."
    return (Paragraph(intro), Table(("", "Without an eval row", "Failures"), rows, first_number=2), *more)


def _categories(report: WeeklyReport, coverage: EvalCoverage, lists: Lists) -> Table:
    n_failures: dict[str, int] = {row.failure_type: row.n for row in report.failures.by_type}
    rows = tuple(
        (
            spoken(row.category),
            lists.link(n_failures[row.category], f"failures-{row.category}") if row.category in n_failures else "",
            _linked(lists, row.n_eval, "golden-eval"),
            _linked(lists, row.n_train, "golden-train"),
        )
        for row in coverage.categories
    )
    return Table(("Category", "Failures this week", "Eval rows", "Train rows"), rows)


def _covered_groups(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    covered = {} if report.coverage is None else {group.group_id: group for group in report.coverage.groups}
    rows: list[tuple[Cell, ...]] = []
    for place, group in enumerate(report.groups.first, start=1):
        if group.group_id in covered:
            found = covered[group.group_id]
            size = lists.link(group.size, f"group-{place}")
            n_eval, n_train = (
                _linked(lists, found.n_eval, "golden-eval"),
                _linked(lists, found.n_train, "golden-train"),
            )
            rows.append((f"{place}. {group.label}", size, n_eval, n_train))
    if not rows:
        return ()
    return (Table(("Cluster", "Failures this week", "Eval rows", "Train rows"), tuple(rows)),)


def scorer_blocks(report: WeeklyReport) -> tuple[Block, ...]:
    """Whether the groundedness scorer learned from the answers, and what the gate said."""
    scorer = report.scorer
    if scorer is None:
        return (Paragraph("No refit of the groundedness scorer was tried in this run."),)
    verdict = "The refitted scorer is published" if scorer.published else "The scorer stays as it was"
    reason = excerpt(scorer.reason).rstrip(".")
    labels = Paragraph(("The answers it learns from: ", Code(rows_command(report.run.run_id, "annotations"))))
    return (Paragraph(f"{verdict}: {reason}."), Facts(_scorer_facts(scorer)), *((labels,) if scorer.n_labels else ()))


def _scorer_facts(scorer: ScorerChange) -> tuple[tuple[str, Cell], ...]:
    facts: list[tuple[str, Cell]] = [
        ("Scorer", f"{scorer.source_before} → {scorer.source_after}" if scorer.source_after else scorer.source_before),
        ("Labels", f"{number(scorer.n_labels)}, {number(scorer.n_unsupported)} of them not supported"),
    ]
    aucs = (scorer.auc_before, scorer.auc_after)
    if any(value is not None for value in aucs):
        before, after = ("not measured" if value is None else decimal(value, 3) for value in aucs)
        facts.append(("AUC on held-out answers", f"{before} before, {after} after"))
    if scorer.improvement is not None and scorer.improvement.mean is not None:
        facts.append(("Improvement", estimate_text(scorer.improvement)))
    return tuple(facts)


def decision_blocks(report: WeeklyReport) -> tuple[Block, ...]:
    """What the reviewer decided, and what followed."""
    decision = report.decision
    if decision is None:
        return (Paragraph("The run waits for its approval; nothing has been published."),)
    facts = Facts(
        (
            ("Decision", decision.decision),
            (
                "Reviewer" if decision.proof == "signed" else "Reviewer, as claimed",
                decision.reviewer + (f" ({proof_in_words(decision.proof, decision.role)})" if decision.proof else ""),
            ),
            ("Note", excerpt(decision.note, _MAX_NOTE) if decision.note else "none"),
            ("Decided at", utc_text(decision.decided_at)),
            ("Pinned hash", _hash(decision.pinned_hash)),
        )
    )
    if decision.decision == "reject":
        return (Paragraph("The week was rejected: golden dataset, evals and scorer are what they were before."), facts)
    return (facts,)


def due_blocks(report: WeeklyReport, lists: Lists) -> tuple[Block, ...]:
    """What the next turn should see to."""
    due = report.due
    left: list[tuple[str, Cell]] = []
    if report.decision is None:
        left.append(("Approval", ("decide with ", Code(f"millrace approve {report.run.run_id}"))))
    if due.n_waiting_tasks:
        minutes = (
            f"{counted(due.n_waiting_tasks, 'task')}, about {counted(round(report.effort.minutes_waiting), 'minute')}"
        )
        left.append(("Tasks that wait for an answer", lists.link(minutes, "tasks-waiting")))
    if due.n_open_disagreements:
        left.append(("Disagreements to settle", _to_settle(due.n_open_disagreements)))
    if due.gaps:
        names = [spoken(gap.label) for gap in due.gaps[:3]]
        more = f" and {number(len(due.gaps) - 3)} more" if len(due.gaps) > 3 else ""
        left.append(("Failures without an eval row", Link(excerpt(", ".join(names)) + more, "coverage")))
    if not left:
        return (Paragraph("Nothing is left over from this week."),)
    return (Facts(tuple(left)),)


def _to_settle(n: int) -> Cell:
    return (f"{number(n)}; see them with ", Code("millrace annotate adjudicate"))
