"""What replays leave to those after them, the comparison with no knowledge, and the report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from blocks.names import ChatModelName, EmbedderName
from millrace.answering.extractive import ANSWERER
from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.ledger import pointers
from millrace.methods.markdown import plain
from millrace.records.base import Identifier, Record
from millrace.records.replay import ReplayRetrieval
from millrace.records.replay_report import (
    BaselineComparison,
    BundleFigures,
    ReplayFigures,
    ReplayPoint,
    ReplayReport,
    ReplaySetup,
)
from millrace.records.report import Component, RowList
from millrace.replay.comparison import compare_with_baseline
from millrace.replay.escalation_rate import comparable, rate_change
from millrace.reports.html import document_html
from millrace.reports.lists import rows_command
from millrace.reports.markdown import document_markdown
from millrace.reports.replay import replay_document
from millrace.reports.wording import excerpt
from tasks.effect import effect
from tasks.parts import read_columns, read_dataset
from tasks.replay import PromptFigures
from tasks.reports import PublishedReport, embedder_component
from tasks.run import Run, current_run, show_in_prefect
from tasks.stage import stage

_COMPARED = ["task_id", "checks", "passed", "groundedness_reason", "error"]
_MAX_ROWS, _MAX_CHARS = 50, 160


class RememberedReplay(Record):
    """One run, as those after it need it."""

    point: ReplayPoint
    replays: DatasetRef


class EarlierReplays(Record):
    """Runs of the same series before this one: of the same retrieval, and the last of the same tasks without any."""

    runs: list[ReplayPoint]
    baseline: RememberedReplay | None


class ReplayFindings(Record):
    """Everything a run found, as the report needs it."""

    setup: ReplaySetup
    embedder: EmbedderName
    gateway: ChatModelName | None
    scorer: str
    tasks: DatasetRef
    attempts: DatasetRef
    bundles: BundleFigures
    prompts: PromptFigures | None = None
    replays: DatasetRef | None = None
    point: ReplayPoint | None = None
    earlier: EarlierReplays | None = None
    baseline: BaselineComparison | None = None


@effect
def find_earlier_replays(series: Identifier, retrieval: ReplayRetrieval, tasks: DatasetRef) -> EarlierReplays:
    """What runs of the series left, as far as this home still holds it."""
    run = current_run()
    known = _remembered(run, series, retrieval)
    without = [] if retrieval == "none" else _remembered(run, series, "none")
    same = [
        each for each in without if each.point.tasks == tasks.content_hash and run.home.datasets.exists(each.replays)
    ]
    return EarlierReplays(
        runs=[each.point for each in known],
        baseline=max(same, key=lambda each: (each.point.time, each.point.run_id), default=None),
    )


@stage
def compare_baseline(baseline: RememberedReplay, replays: DatasetRef) -> BaselineComparison:
    """The same tasks with knowledge and without."""
    without, with_knowledge = (read_columns(ref, _COMPARED) for ref in (baseline.replays, replays))
    return compare_with_baseline(baseline.point.run_id, without, with_knowledge)


@effect
def remember_replay(
    series: Identifier,
    setup: ReplaySetup,
    gateway: ChatModelName | None,
    tasks: DatasetRef,
    replays: DatasetRef,
    figures: ReplayFigures,
) -> ReplayPoint:
    """Leave the run to those after it."""
    run = current_run()
    point = ReplayPoint(
        run_id=run.run_id,
        time=run.now,
        tasks_name=setup.tasks_name,
        tasks=tasks.content_hash,
        retrieval=setup.retrieval,
        escalation=setup.escalation,
        knowledge=setup.knowledge,
        answerer=answerer_identity(gateway),
        figures=figures,
    )
    value = RememberedReplay(point=point, replays=replays).model_dump(mode="json")
    name = f"{replay_scope(series, setup.retrieval)}{run.run_id}"
    pointers.set_pointer(run.home.ledger, name, value, at=run.now, run_id=run.run_id)
    return point


@effect
def publish_replay_report(findings: ReplayFindings, folder: str) -> PublishedReport:
    """Write the report as Markdown, HTML and JSON, and show it in Prefect."""
    run = current_run()
    report = _report(run, findings)
    document = replay_document(report)
    place = Path(folder).absolute() / "replay" / run.run_id
    place.mkdir(parents=True, exist_ok=True)
    markdown = document_markdown(document)
    write_atomic(place / "report.md", markdown.encode())
    write_atomic(place / "report.html", document_html(document).encode())
    write_atomic(place / "report.json", canonical_json(report))
    show_in_prefect(markdown, "replay-report", plain(findings.setup.tasks_name))
    return PublishedReport(
        markdown=str(place / "report.md"), html=str(place / "report.html"), json_file=str(place / "report.json")
    )


def replay_scope(series: str, retrieval: ReplayRetrieval) -> str:
    """The beginning of the names of pointers to runs that are shown together."""
    return f"replays/{series}/{retrieval}/"


def answerer_identity(gateway: ChatModelName | None) -> str:
    """Who answers: the gateway's models, or extracts."""
    return ANSWERER if gateway is None else gateway.identity()


def _remembered(run: Run, series: str, retrieval: ReplayRetrieval) -> list[RememberedReplay]:
    known = pointers.pointers_under(run.home.ledger, replay_scope(series, retrieval))
    found = (RememberedReplay.model_validate(entry.value) for entry in known)
    return [each for each in found if each.point.run_id != run.run_id and each.point.time <= run.now]


def _report(run: Run, findings: ReplayFindings) -> ReplayReport:
    point, earlier = findings.point, findings.earlier
    trend = [] if point is None else comparable(point, [] if earlier is None else earlier.runs)
    return ReplayReport(
        run_id=run.run_id,
        flow=run.flow,
        reported_at=run.now,
        setup=findings.setup,
        components=list(_components(findings)),
        bundles=findings.bundles,
        figures=None if point is None else point.figures,
        trend=trend,
        change=rate_change(trend),
        baseline=findings.baseline,
        lists=[_shown_tasks(findings)] if findings.setup.dry_run else list(_failed_tasks(run, findings)),
    )


def _components(findings: ReplayFindings) -> Iterator[Component]:
    by, asked = answerer_identity(findings.gateway), not findings.setup.dry_run
    stands_in = "a local model behind a gateway" if findings.gateway is None and asked else None
    yield Component(role="answered by", identity=by if asked else "nobody", stands_in_for=stands_in)
    yield embedder_component(findings.embedder)
    yield Component(role="groundedness", identity=findings.scorer)


def _failed_tasks(run: Run, findings: ReplayFindings) -> Iterator[RowList]:
    """Tasks that did not pass, in order: the first ones with what their answers failed by."""
    rows: list[list[str | int | float | None]] = []
    n = 0
    for part in read_dataset(findings.replays or findings.attempts).parts():
        failed = part.filter(pc.invert(part.column("passed")))
        n += failed.num_rows
        rows += [_failed_row(row) for row in failed.slice(0, _MAX_ROWS - len(rows)).to_pylist()]
    if n:
        yield RowList(
            name="failed",
            title="Tasks that did not pass",
            columns=["Task", "Tier", "Why", "Question"],
            rows=rows,
            n=n,
            command=rows_command(run.run_id, "escalate-failures/replays", "passed=false"),
        )


def _failed_row(row: dict[str, Any]) -> list[str | int | float | None]:
    failed = [
        f"{check['name']} ({check['detail']})" if check["detail"] else check["name"]
        for check in row["checks"]
        if not check["passed"]
    ]
    why = row["error"] or "; ".join(failed)
    return [row["task_id"], row["tier"], excerpt(why, _MAX_CHARS), excerpt(row["question"], _MAX_CHARS)]


def _shown_tasks(findings: ReplayFindings) -> RowList:
    """What the first tasks of a dry run would have been given."""
    rows: list[list[str | int | float | None]] = []
    for part in read_dataset(findings.attempts).columns(["task_id", "question", "bundle", "error"]):
        rows += [_bundle_row(row) for row in part.slice(0, _MAX_ROWS - len(rows)).to_pylist()]
    prompts = findings.prompts
    built = (
        "" if prompts is None else f"; {prompts.n_prompts} prompts built, the longest of {prompts.longest} characters"
    )
    return RowList(
        name="tasks",
        title=f"The first tasks{built}",
        columns=["Task", "Accepted", "Warnings", "Nearest", "Question"],
        rows=rows,
        n=findings.attempts.rows,
    )


def _bundle_row(row: dict[str, Any]) -> list[str | int | float | None]:
    scores = [item["score"] for item in row["bundle"] if item["purpose"] == "accepted"]
    n_warnings = len(row["bundle"]) - len(scores)
    return [row["task_id"], len(scores), n_warnings, max(scores, default=None), excerpt(row["question"], _MAX_CHARS)]
