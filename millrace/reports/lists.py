"""The rows behind the numbers: which traces are listed, in which order, and the command that shows the others."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import get_args

import pyarrow as pa
import pyarrow.compute as pc

from millrace.records.report import ExampleTrace, RowList
from millrace.records.trace import TraceStatus
from millrace.records.triage import FailureType
from millrace.reports.measures import SURE, failed_rows
from millrace.reports.wording import decimal, excerpt, spoken

MAX_ROWS = 100  # of one list
MAX_GROUP_ROWS = 50
MAX_SAMPLE_ROWS = 25  # where the list only gives an idea of a large number
MAX_NAME = 80  # characters of a name that others chose
_MAX_CHARS = 160  # of a text in a list
Value = str | int | float | None


@dataclass(frozen=True)
class Picked:
    """Traces chosen for a list, with further columns of theirs, in order; ``n`` there are in all."""

    name: str
    title: str
    trace_ids: Sequence[str]
    n: int
    command: str | None
    more: Mapping[str, Sequence[Value]] = field(default_factory=dict)

    def with_texts(self, texts: Mapping[str, ExampleTrace]) -> RowList:
        """The list, each trace with excerpts of question and answer."""
        shown = [texts[trace_id] for trace_id in self.trace_ids]
        columns: dict[str, Sequence[Value]] = {
            "Question": [excerpt(each.question, _MAX_CHARS) for each in shown],
            "Answer": [None if each.answer is None else excerpt(each.answer, _MAX_CHARS) for each in shown],
            **self.more,
            "Trace": list(self.trace_ids),
        }
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        return RowList(
            name=self.name,
            title=self.title,
            columns=list(columns),
            rows=rows,
            n=self.n,
            command=self.command,
        )


def rows_command(run_id: str, dataset: str, *conditions: str) -> str:
    """The command that lists all rows of a run's dataset that hold the conditions."""
    where = [word for condition in conditions for word in ("--where", condition)]
    return shlex.join(["millrace", "rows", run_id, dataset, *where])


def pick_failures(triage: pa.Table, run_id: str) -> list[Picked]:
    """A list of all, one for each type that occurred, and one of the failures triage is least sure of."""
    failed = failed_rows(triage)
    if not failed.num_rows:
        return []
    title = "All failures, those that triage is most sure of first"
    picked = [triaged("failures", title, failed, rows_command(run_id, "triage", "verdict=failure"), MAX_GROUP_ROWS)]
    for name in get_args(FailureType):
        of_type = failed.filter(pc.equal(failed.column("failure_type"), name))
        if of_type.num_rows:
            command = rows_command(run_id, "triage", f"failure_type={name}")
            title = f"Traces with failure type {spoken(name)}"
            picked.append(triaged(f"failures-{name}", title, of_type, command, MAX_ROWS))
    if "confidence" in failed.column_names:
        unsure = failed.filter(pc.less(failed.column("confidence"), SURE))
        if unsure.num_rows:
            command = rows_command(run_id, "triage", "verdict=failure", f"confidence<{SURE}")
            title = "Failures that triage is not sure of"
            picked.append(triaged("unsure", title, unsure, command, MAX_GROUP_ROWS))
    return picked


def pick_groups(triage: pa.Table, group_ids: Sequence[str], run_id: str) -> list[Picked]:
    """One list for each of the groups, named by its place from 1."""
    if "group_id" not in triage.column_names:
        return []
    grouped = triage.filter(pc.is_in(triage.column("group_id"), pa.array(group_ids, pa.string())))
    picked = []
    for place, group_id in enumerate(group_ids, start=1):
        members = grouped.filter(pc.equal(grouped.column("group_id"), group_id))
        if members.num_rows:
            command = rows_command(run_id, "triage", f"group_id={group_id}")
            picked.append(triaged(f"group-{place}", "Its traces", members, command, MAX_GROUP_ROWS))
    return picked


def pick_traces(traces: pa.Table, week_begins: datetime, run_id: str) -> list[Picked]:
    """The first of all traces, those of earlier weeks, and a list for each status that occurred."""
    if not traces.num_rows:
        return []
    picked = [_first("traces", "All traces", traces, rows_command(run_id, "selected_traces"), MAX_SAMPLE_ROWS)]
    if "time" in traces.column_names:
        late = traces.filter(pc.less(traces.column("time"), pa.scalar(week_begins, pa.timestamp("us", "UTC"))))
        if late.num_rows:
            command = rows_command(run_id, "selected_traces", f"time<{week_begins.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
            picked.append(_first("late", "Traces of earlier weeks", late, command))
    for status in get_args(TraceStatus):
        of_status = traces.filter(pc.equal(traces.column("status"), status))
        if of_status.num_rows:
            command = rows_command(run_id, "selected_traces", f"status={status}")
            picked.append(_first(f"status-{status}", f"Traces with status {spoken(status)}", of_status, command))
    return picked


def pick_undecided(traces: pa.Table, triage: pa.Table, run_id: str) -> list[Picked]:
    """The traces that triage has not decided on, where there are any."""
    known = triage.column("trace_id").combine_chunks()
    rows = traces.filter(pc.invert(pc.is_in(traces.column("trace_id"), known)))
    title = "Traces without a decision of triage"
    return [_first("undecided", title, rows, rows_command(run_id, "selected_traces"))] if rows.num_rows else []


def pick_scores(scores: pa.Table, threshold: float, run_id: str) -> list[Picked]:
    """The least grounded answers below the threshold, the best grounded of all, and the traces without a score."""
    picked = []
    low = scores.filter(pc.less(scores.column("score"), threshold))
    if low.num_rows:
        command = rows_command(run_id, "groundedness", f"score<{threshold}")
        title = f"Answers with a groundedness below {decimal(threshold)}, the lowest first"
        picked.append(_scored("low-scores", title, low, command, "ascending", MAX_GROUP_ROWS))
    scored = scores.filter(pc.is_valid(scores.column("score")))
    if scored.num_rows:
        command = rows_command(run_id, "groundedness", "score!=null")
        title = "All answers with a groundedness score, the highest first"
        picked.append(_scored("scored", title, scored, command, "descending", MAX_SAMPLE_ROWS))
    without = scores.filter(pc.is_null(scores.column("score")))
    if without.num_rows:
        shown = _top(without, [("reason", "ascending"), ("trace_id", "ascending")], MAX_GROUP_ROWS)
        reasons = [None if reason is None else spoken(reason) for reason in shown.column("reason").to_pylist()]
        command = rows_command(run_id, "groundedness", "score=null")
        ids = shown.column("trace_id").to_pylist()
        more = {"Why there is none": reasons}
        picked.append(Picked("no-score", "Traces without a groundedness score", ids, without.num_rows, command, more))
    return picked


def _scored(name: str, title: str, rows: pa.Table, command: str, direction: str, at_most: int) -> Picked:
    shown = _top(rows, [("score", direction), ("trace_id", "ascending")], at_most)
    values = [round(value, 3) for value in shown.column("score").to_pylist()]
    return Picked(name, title, shown.column("trace_id").to_pylist(), rows.num_rows, command, {"Groundedness": values})


def triaged(name: str, title: str, rows: pa.Table, command: str | None, at_most: int) -> Picked:
    """Decisions, those with the highest confidence first."""
    order = [("trace_id", "ascending")]
    if "confidence" in rows.column_names:
        order.insert(0, ("confidence", "descending"))
    shown = _top(rows, order, at_most)
    more: dict[str, Sequence[Value]] = {}
    if len(pc.unique(rows.column("failure_type"))) > 1:
        more["Failure type"] = [spoken(name) for name in shown.column("failure_type").to_pylist()]
    if "reason" in shown.column_names:
        more["Why"] = [excerpt(reason, _MAX_CHARS) for reason in shown.column("reason").to_pylist()]
    if "confidence" in shown.column_names:
        more["Confidence"] = [_rounded(value) for value in shown.column("confidence").to_pylist()]
    return Picked(name, title, shown.column("trace_id").to_pylist(), rows.num_rows, command, more)


def _first(name: str, title: str, rows: pa.Table, command: str, at_most: int = MAX_GROUP_ROWS) -> Picked:
    """The first traces by id, with who answered."""
    shown = _top(rows, [("trace_id", "ascending")], at_most)
    more = {"Answered by": [excerpt(name, MAX_NAME) for name in shown.column("answered_by").to_pylist()]}
    return Picked(name, title, shown.column("trace_id").to_pylist(), rows.num_rows, command, more)


def _top(table: pa.Table, order: Sequence[tuple[str, str]], at_most: int) -> pa.Table:
    """The first rows in that order, nulls last."""
    keys = [(name, direction, "at_end") for name, direction in order]
    return table.take(pc.sort_indices(table.select([name for name, _ in order]), sort_keys=keys)[:at_most])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
