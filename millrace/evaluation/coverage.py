"""Which failures of a week the eval cases stand for, and which they do not (A33)."""

from collections import Counter
from collections.abc import Mapping
from typing import get_args

import pyarrow as pa

from millrace.datasets.schema import rows_of
from millrace.methods.markdown import plain
from millrace.records.annotation import AnswerVerdict
from millrace.records.evals import CategoryCoverage, CoverageGap, EvalCoverage, GroupCoverage
from millrace.records.triage import FailureGroup, FailureType


def coverage(
    golden: pa.Table,
    groups: pa.Table,
    failures: Mapping[FailureType, int],
    *,
    n_cases_deepeval: int,
    n_cases_promptfoo: int,
) -> EvalCoverage:
    """Count golden rows by category, and by the week's clusters; name what no eval row stands for.

    A row of ``train`` closes no gap. A group that is no cluster, or that has no failures this week, is not listed.

    Args:
        golden: table of GoldenRow.
        groups: table of FailureGroup of the week.
        failures: traces of the week by failure type.
        n_cases_deepeval, n_cases_promptfoo: cases in the exported suites.
    """
    by_category = _counts(golden, "category")
    by_group = _counts(golden, "group_id")
    clusters = [
        GroupCoverage(
            group_id=group.group_id,
            label=group.label,
            failure_type=group.failure_type,
            n_failures=group.size,
            n_eval=by_group[group.group_id, "eval"],
            n_train=by_group[group.group_id, "train"],
        )
        for group in rows_of(FailureGroup, groups)
        if group.clustered and group.size
    ]
    categories: list[CategoryCoverage] = [
        CategoryCoverage(category=name, n_eval=by_category[name, "eval"], n_train=by_category[name, "train"])
        for name in get_args(AnswerVerdict)
    ]
    clusters.sort(key=lambda each: (-each.n_failures, each.group_id))
    return EvalCoverage(
        categories=categories,
        groups=clusters,
        gaps=_gaps(categories, clusters, failures),
        n_eval=sum(each.n_eval for each in categories),
        n_cases_deepeval=n_cases_deepeval,
        n_cases_promptfoo=n_cases_promptfoo,
    )


def coverage_markdown(found: EvalCoverage) -> str:
    """The same for people."""
    lines = [
        "# What the evals cover",
        "",
        f"{found.n_eval} golden rows of the split eval; {found.n_cases_deepeval} DeepEval cases and "
        f"{found.n_cases_promptfoo} promptfoo cases.",
        "",
        "## Gaps: failures of the week without any eval row",
        "",
        *(_gap_line(gap) for gap in found.gaps),
        *([] if found.gaps else ["None."]),
        "",
        "## Golden rows by category",
        "",
        "| category | eval | train |",
        "|---|---:|---:|",
        *(f"| {each.category} | {each.n_eval} | {each.n_train} |" for each in found.categories),
        "",
        "## Golden rows by cluster of this week's failures",
        "",
        "| cluster | type | failures | eval | train |",
        "|---|---|---:|---:|---:|",
        *(
            f"| {plain(each.label)} | {each.failure_type} | {each.n_failures} | {each.n_eval} | {each.n_train} |"
            for each in found.groups
        ),
        *([] if found.groups else ["| none | | | | |"]),
    ]
    return "\n".join(lines) + "\n"


def _counts(golden: pa.Table, column: str) -> Counter[tuple[str, str]]:
    pairs = golden.select([column, "split"]).to_pydict()
    return Counter(zip(pairs[column], pairs["split"], strict=True))


def _gaps(
    categories: list[CategoryCoverage], clusters: list[GroupCoverage], failures: Mapping[FailureType, int]
) -> list[CoverageGap]:
    covered = {each.category for each in categories if each.n_eval}
    gaps = [
        CoverageGap(kind="failure_type", name=name, label=name.replace("_", " "), n_failures=n)
        for name, n in failures.items()
        if n and name not in covered
    ]
    gaps += [
        CoverageGap(kind="group", name=each.group_id, label=each.label, n_failures=each.n_failures)
        for each in clusters
        if not each.n_eval
    ]
    return sorted(gaps, key=lambda gap: (-gap.n_failures, gap.kind, gap.name))


def _gap_line(gap: CoverageGap) -> str:
    kind = "failure type" if gap.kind == "failure_type" else "cluster"
    return f"- {kind} **{plain(gap.label)}**: {gap.n_failures} failures"
