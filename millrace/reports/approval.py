"""The page a reviewer sees above the approval form."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.methods.markdown import plain
from millrace.records.window import Window
from millrace.reports.groups import rank_groups
from millrace.reports.measures import measure_confidence, measure_failures
from millrace.reports.trends import earlier_weeks
from millrace.reports.wording import counted, excerpt, number, percent, spoken

_GROUPS = 10
_LABEL = 60  # characters


def approval_page(
    *,
    window: Window,
    triage: pa.Table,
    groups: pa.Table,
    tasks: pa.Table,
    golden_name: str,
    golden_version: str | None,
    weeks: pa.Table | None = None,
    writes_evals: bool = False,
    refits_scorer: bool = False,
) -> str:
    """What was found, what people are asked, what approving changes; Markdown, texts of traces shown as text.

    Args:
        triage: columns verdict, failure_type, group_id, failure_probability, confidence and confidence_basis of
            TriageRow.
        groups: columns of FailureGroup, the centroid not needed.
        tasks: columns estimated_minutes and n_annotators of AnnotationTask.
        golden_version: the active version; None before the first.
        weeks: table of WeekFacts, earlier weeks.
        writes_evals, refits_scorer: what phase 2 does beside growing the golden dataset and reporting.
    """
    return "\n".join(
        [
            *_found(window, triage, groups, weeks),
            f"**Asked of people:** {_asked(tasks)}. See `millrace annotate status`.",
            "",
            _what_approving_does(golden_name, golden_version, writes_evals, refits_scorer),
        ]
    )


def _found(window: Window, triage: pa.Table, groups: pa.Table, weeks: pa.Table | None) -> list[str]:
    failures = measure_failures(triage, triage.num_rows)
    ranked = rank_groups(groups, triage, _GROUPS)
    before = _share_before(window, weeks)
    share = "" if failures.share.mean is None else f" ({percent(failures.share.mean)}{before})"
    head = (
        f"**Week {window.name}** ({window.time_zone}): {counted(triage.num_rows, 'trace')}, "
        f"{number(failures.n_failures)} of them failures{share} in {counted(ranked.n_groups, 'cluster')}"
        f"{_unclustered(ranked.n_unclustered)}."
    )
    counts = [(row.failure_type, row.n) for row in failures.by_type if row.n]
    rows = [f"| {spoken(name)} | {number(n)} |" for name, n in counts]
    table = ["| failure | traces |", "|---|---|", *rows, ""] if rows else []
    return [head, "", *table, *_confidence(triage), *_group_list(ranked.first, ranked.n_groups)]


def _share_before(window: Window, weeks: pa.Table | None) -> str:
    earlier = earlier_weeks(weeks, window.name)
    if not earlier or earlier[-1].failures.share.mean is None:
        return ""
    return f"; {percent(earlier[-1].failures.share.mean)} in {earlier[-1].week}"


def _unclustered(n: int) -> str:
    return f", {number(n)} near to none" if n else ""


def _confidence(triage: pa.Table) -> list[str]:
    sure = measure_confidence(triage)
    if sure.mean.mean is None:
        return []
    guesses = f"; {number(sure.n_unsure)} less likely right than wrong" if sure.n_unsure else ""
    return [
        f"Of these failures {percent(sure.mean.mean)} are expected to be right, by calibrated confidence{guesses}.",
        "",
    ]


def _group_list(first: list[dict[str, Any]], n_groups: int) -> list[str]:
    if not first:
        return []
    clusters = [row for row in first if row["clustered"]]
    lines = [_group(row) for row in first]
    left = n_groups - len(clusters)
    return ["What to fix first:", "", *lines, *([f"- and {number(left)} more"] if left > 0 else []), ""]


def _group(row: dict[str, Any]) -> str:
    trend = "" if row["trend"] is None else f" ({_trend(row)})"
    label = plain(excerpt(row["label"], _LABEL)) if row["clustered"] else "near to no cluster"
    return f"- {number(row['size'])} x {spoken(row['failure_type'])}: {label}{trend}"


def _trend(row: dict[str, Any]) -> str:
    sizes = [week["size"] for week in row["history"]]
    return f"{row['trend']}, {number(sizes[-2])} the week before" if len(sizes) > 1 else str(row["trend"])


def _asked(tasks: pa.Table) -> str:
    minutes = float(pc.sum(tasks.column("estimated_minutes")).as_py() or 0.0)
    asked = f"{counted(tasks.num_rows, 'task')}, about {counted(round(minutes), 'minute')} in all"
    if "n_annotators" not in tasks.column_names:
        return asked
    several = sum(n for people, n in Counter(tasks.column("n_annotators").to_pylist()).items() if people > 1)
    return f"{asked}; {number(several)} of them by more than one person" if several else asked


def _what_approving_does(name: str, version: str | None, writes_evals: bool, refits_scorer: bool) -> str:
    does = [f"adds the answers given by then to golden dataset {plain(name)} (active: {version or 'none yet'})"]
    if writes_evals:
        does.append("writes its eval rows as DeepEval and promptfoo cases")
    if refits_scorer:
        does.append("refits the groundedness scorer, and publishes it only if it is better on held-out answers")
    does.append("writes the weekly report")
    told = f"{', '.join(does[:-1])} and {does[-1]}"
    return f"**Approving** {told}. **Rejecting** changes nothing."
