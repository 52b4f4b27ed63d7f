"""``millrace annotate status``, ``list``, ``show`` and ``history``: how the annotation tasks stand."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.annotation.options import AnnotatorOption, RunOption, TaskArgument, name_of, run_id_of
from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from millrace.annotation.agreement import AnnotatorAgreement


def register(group: typer.Typer) -> None:
    """Add the commands."""
    command(group)(status)
    command(group, "list")(list_tasks)
    command(group)(show)
    command(group)(history)


def status(terminal: Terminal, run: RunOption = None) -> None:
    """Count tasks by status and by annotator, and say how far annotators agree."""
    from apps.cli.annotation import standing
    from millrace.annotation.agreement import annotator_agreement
    from millrace.annotation.answers import annotations_table
    from millrace.ledger.tasks import counts

    run_id = run_id_of(terminal, run)
    with terminal.working("reading the answers"):
        found = counts(terminal.existing_home().ledger, run_id)
        work = standing.work_of_annotators(terminal, run_id)
        answers = standing.answers_to_complete(terminal, run_id)
        agreement = annotator_agreement(annotations_table(answers))
        n_open = len(standing.differing(answers))
    document = {"run_id": run_id, "open": found.open} | found.model_dump()
    document |= {"annotators": work, "agreement": agreement, "disagreements_open": n_open}
    rows = [(each.annotator, each.answers, each.skipped, each.adjudicated, each.holds) for each in work]
    shown = [table(["status", "tasks#"], list(found.model_dump().items()))]
    if work:
        shown.append(table(["annotator", "answers#", "skipped#", "settled#", "holds#"], rows))
    terminal.show(document, *shown, *_agreement(agreement, n_open))


def list_tasks(
    terminal: Terminal,
    run: RunOption = None,
    status: Annotated[
        str, typer.Option(help="open, pending, claimed, completed, skipped or all.", show_default=True)
    ] = "open",
    failure_type: Annotated[str | None, typer.Option("--type", help="Only this failure type; ok for none.")] = None,
    group: Annotated[str | None, typer.Option(help="Only this group, by id or by words of its label.")] = None,
    for_: Annotated[
        str | None, typer.Option("--for", help="Only open tasks that this person holds or can get.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """List tasks in the order in which they are asked; the open ones unless told otherwise."""
    from apps.cli.annotation import standing

    run_id = run_id_of(terminal, run)
    chosen = standing.chosen_tasks(terminal, run_id, status, for_)
    matching = [each for each in chosen if each.matches(failure_type, group)]
    rows = [each.row() for each in matching[:limit]]
    head = ["task", "status", "answers#", "held by", "triage says", "min#", "question"]
    more = [lines(f"{len(matching) - limit} more; --limit shows them")] if len(matching) > limit else []
    empty = [] if matching else [lines("no such task")]
    terminal.show(
        {"tasks": matching[:limit], "n_matching": len(matching)}, *([table(head, rows)] if rows else empty), *more
    )


def show(terminal: Terminal, task: TaskArgument, annotator: AnnotatorOption = None) -> None:
    """Show a task without claiming it, and your own answer; others' answers once the task is complete."""
    from apps.cli.annotation import asking, standing

    found = asking.find(terminal, task)
    answers = standing.current_answers(terminal, found, name_of(annotator))
    held = ", ".join(f"{claim.annotator} until {_minute(claim.expires_at)}" for claim in found.claims)
    facts = f"{found.status}, {found.n_answers} of {found.n_annotators} answers, run {found.run_id}"
    said = [lines(standing.told(each)) for each in answers]
    terminal.show(
        {"task": found, "answers": answers},
        asking.page(found),
        lines(facts + (f", held by {held}" if held else "")),
        *said,
    )


def history(terminal: Terminal, task: TaskArgument, annotator: AnnotatorOption = None) -> None:
    """Show everything that happened to a task, earlier answers included; others' answers once it is complete."""
    from apps.cli.annotation import asking, standing
    from millrace.ledger.annotations import answer_history
    from millrace.ledger.tasks import task_history

    found = asking.find(terminal, task)
    ledger, name = terminal.home.ledger, name_of(annotator)
    seen = {each.annotation_id: each for each in answer_history(ledger, found.task_id, seen_by=name)}
    events = task_history(ledger, found.task_id)
    given = [each.details["annotation_id"] for each in events if "annotation_id" in each.details]
    hidden = sum(each not in seen for each in given)
    rows = [(_minute(event.at), event.actor, event.event, standing.detail_of(event, seen)) for event in events]
    note = [lines(f"{hidden} answers of others are shown when the task is complete")] if hidden else []
    about = {"task_id": found.task_id, "status": found.status, "hidden_answers": hidden}
    terminal.show(
        about | {"events": events, "answers": list(seen.values())}, table(["at (UTC)", "who", "what", ""], rows), *note
    )


def _agreement(agreement: "AnnotatorAgreement", n_open: int) -> list[Any]:
    if agreement.n_tasks == 0:
        return []
    rows = []
    for each in agreement.fields:
        estimate = each.estimate
        alpha = None if estimate.mean is None else f"{estimate.mean:.2f}"
        interval = "" if estimate.low is None else f"{estimate.low:.2f} to {estimate.high:.2f}"
        rows.append((each.name, alpha, interval or _WORDS.get(str(estimate.reason), estimate.reason), estimate.n))
    title = "agreement: Krippendorff's alpha, 1 is perfect, 0 as by chance"
    counted = (
        f"{agreement.n_tasks} tasks answered by several, {agreement.n_disagreements} with differences, {n_open} to"
    )
    how = "; `millrace annotate adjudicate` lists them" if n_open else ""
    return [table(["", "alpha#", "95 % interval", "tasks#"], rows, title=title), lines(f"{counted} settle{how}")]


_WORDS = {
    "no_items": "nobody judged it twice",
    "undefined": "only one value was given",
    "unstable": "too few tasks for an interval",
    "one_item": "too few tasks for an interval",
}


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
