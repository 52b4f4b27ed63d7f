"""What the evals stand for, and what they do not."""

from typing import Any

import pyarrow as pa

from millrace.datasets.schema import table_of
from millrace.evaluation.coverage import coverage, coverage_markdown
from millrace.records.evals import EvalCoverage
from millrace.records.golden import GoldenRow
from millrace.records.triage import FailureGroup, FailureType
from tests.evaluation.conftest import golden_row


def group(name: str, size: int, **fields: Any) -> FailureGroup:
    known: dict[str, Any] = {
        "group_id": name,
        "failure_type": "hallucination",
        "size": size,
        "label": f"words of {name}",
        "example_trace_ids": [],
        "tenants": [],
    }
    return FailureGroup(**(known | fields))


GROUPS = [group("g1", 5), group("g2", 9), group("g3", 9), group("rest", 40, clustered=False), group("gone", 0)]
ROWS = [
    golden_row("1", group_id="g1"),
    golden_row("2", group_id="g2", split="train"),
    golden_row("3", category="ok"),
]


def covered(rows: list[GoldenRow], failures: dict[FailureType, int]) -> EvalCoverage:
    tables: tuple[pa.Table, pa.Table] = table_of(GoldenRow, rows), table_of(FailureGroup, GROUPS)
    return coverage(*tables, failures, n_cases_deepeval=2, n_cases_promptfoo=1)


def test_rows_are_counted_by_category_and_split_every_category_listed() -> None:
    found = covered(ROWS, {})
    counts = {each.category: (each.n_eval, each.n_train) for each in found.categories}
    assert len(counts) == 7
    assert counts["hallucination"] == (1, 1)
    assert counts["ok"] == (1, 0)
    assert counts["system_error"] == (0, 0)
    assert (found.n_eval, found.n_cases_deepeval, found.n_cases_promptfoo) == (2, 2, 1)


def test_clusters_of_the_week_are_listed_largest_first_without_the_rest_and_the_resolved() -> None:
    found = covered(ROWS, {})
    assert [(each.group_id, each.n_failures, each.n_eval, each.n_train) for each in found.groups] == [
        ("g2", 9, 0, 1),
        ("g3", 9, 0, 0),
        ("g1", 5, 1, 0),
    ]


def test_what_no_eval_row_stands_for_is_a_gap_largest_first() -> None:
    found = covered(ROWS, {"hallucination": 23, "system_error": 9, "retrieval_failure": 30, "format_violation": 0})
    assert [(each.kind, each.name, each.n_failures) for each in found.gaps] == [
        ("failure_type", "retrieval_failure", 30),
        ("failure_type", "system_error", 9),
        ("group", "g2", 9),  # a train row closes no gap
        ("group", "g3", 9),
    ]


def test_an_empty_golden_dataset_covers_nothing() -> None:
    found = covered([], {"hallucination": 23})
    assert found.n_eval == 0
    assert [gap.name for gap in found.gaps] == ["hallucination", "g2", "g3", "g1"]


def test_the_page_names_the_gaps_and_strangers_words_stay_text() -> None:
    rows, groups = table_of(GoldenRow, ROWS), table_of(FailureGroup, [group("g", 2, label="<b>car|tyres\n# x")])
    page = coverage_markdown(coverage(rows, groups, {"system_error": 4}, n_cases_deepeval=2, n_cases_promptfoo=1))
    assert "- failure type **system error**: 4 failures" in page
    assert "- cluster **&lt;b&gt;car\\|tyres \\# x**: 2 failures" in page
    assert "| hallucination | 1 | 1 |" in page
    empty = coverage(rows.slice(0, 0), groups.slice(0, 0), {}, n_cases_deepeval=0, n_cases_promptfoo=0)
    assert "None." in coverage_markdown(empty)
