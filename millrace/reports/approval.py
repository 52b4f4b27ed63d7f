"""The page a reviewer sees above the approval form."""

from collections import Counter

import pyarrow as pa

from millrace.records.window import Window
from millrace.reports.markdown import plain

_EXAMPLES = 10


def approval_page(
    *,
    window: Window,
    triage: pa.Table,
    groups: pa.Table,
    tasks: pa.Table,
    golden_name: str,
    golden_version: str | None,
) -> str:
    """What was found, what people are asked, what approving changes; Markdown, texts of traces shown as text.

    Args:
        triage, groups, tasks: tables of TriageRow, FailureGroup and AnnotationTask.
        golden_version: the active version; None before the first.
    """
    failures = Counter(kind for kind in triage.column("failure_type").to_pylist() if kind is not None)
    n_traces = triage.num_rows
    lines = [
        f"**Week {window.name}** ({window.time_zone}): {n_traces} traces, {failures.total()} of them failures "
        f"in {groups.num_rows} groups.",
        "",
        *_failure_table(failures),
        *_group_list(groups),
        f"**Asked of people:** {tasks.num_rows} tasks, about {_minutes(tasks):.0f} minutes in all. "
        "See `millrace annotate status`.",
        "",
        f"**Approving** adds the answers given by then to golden dataset {plain(golden_name)} "
        f"(active: {golden_version or 'none yet'}) and writes the weekly report. **Rejecting** changes nothing.",
    ]
    return "\n".join(lines)


def _failure_table(failures: Counter[str]) -> list[str]:
    if not failures:
        return []
    rows = sorted(failures.items(), key=lambda item: (-item[1], item[0]))
    return ["| failure | traces |", "|---|---|", *(f"| {name.replace('_', ' ')} | {n} |" for name, n in rows), ""]


def _group_list(groups: pa.Table) -> list[str]:
    if not groups.num_rows:
        return []
    shown = groups.slice(0, _EXAMPLES).to_pylist()
    lines = [f"- {row['size']} x {row['failure_type'].replace('_', ' ')}: {plain(row['label'])}" for row in shown]
    left = groups.num_rows - len(shown)
    return ["Largest groups:", "", *lines, *([f"- and {left} more"] if left else []), ""]


def _minutes(tasks: pa.Table) -> float:
    return float(sum(tasks.column("estimated_minutes").to_pylist()))
