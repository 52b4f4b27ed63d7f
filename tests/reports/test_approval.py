from typing import Any

import pyarrow as pa

from millrace.datasets.schema import table_of
from millrace.records.annotation import AnnotationTask
from millrace.records.trace import utc
from millrace.records.triage import FailureGroup, GroupWeek, TriageRow
from millrace.records.week import TypeCount, WeekFacts
from millrace.records.window import iso_week
from millrace.reports.approval import approval_page

WINDOW = iso_week("2026-W46", "Europe/Berlin", utc(2026, 11, 16))


def triage(*failure_types: str | None) -> pa.Table:
    rows = [
        TriageRow(
            trace_id=f"t{index}",
            time=utc(2026, 11, 9),
            tenant_id="a",
            verdict="ok" if failure_type is None else "failure",
            failure_type=failure_type,
            reason="r",
        )
        for index, failure_type in enumerate(failure_types)
    ]
    return table_of(TriageRow, rows)


def groups(*labels: str) -> pa.Table:
    known: dict[str, Any] = {"failure_type": "system_error", "example_trace_ids": ["t"], "tenants": ["a"]}
    rows = [FailureGroup(group_id=f"g{i}", size=9 - i % 9, label=label, **known) for i, label in enumerate(labels)]
    return table_of(FailureGroup, rows)


def tasks(*minutes: float) -> pa.Table:
    rows = [
        AnnotationTask(
            task_id=f"k{index}",
            question_key="0" * 64,
            tenant_id="a",
            trace_id=f"t{index}",
            question="q",
            why="w",
            position=index + 1,
            estimated_minutes=each,
        )
        for index, each in enumerate(minutes)
    ]
    return table_of(AnnotationTask, rows)


def page(**given: Any) -> str:
    known: dict[str, Any] = {"triage": triage(), "groups": groups(), "tasks": tasks()}
    known |= {"golden_name": "main", "golden_version": None}
    return approval_page(window=WINDOW, **known | given)


def test_it_says_how_much_was_found_by_type_the_most_frequent_first() -> None:
    found = page(
        triage=triage("system_error", "hallucination", None, "retrieval_failure", "hallucination"),
        groups=groups("pump", "valve"),
    )
    assert "**Week 2026-W46** (Europe/Berlin): 5 traces, 4 of them failures (80\u00a0%) in 2 clusters." in found
    rows = [line for line in found.splitlines() if line.startswith("| ")][1:]
    assert rows == ["| hallucination | 2 |", "| retrieval failure | 1 |", "| system error | 1 |"]


def test_it_says_what_people_are_asked_and_for_how_long() -> None:
    # 1.5 + 2.0 + 0.8 = 4.3 minutes
    assert "**Asked of people:** 3 tasks, about 4 minutes in all." in page(tasks=tasks(1.5, 2.0, 0.8))


def test_it_says_what_approving_changes_and_what_rejecting_does() -> None:
    assert "golden dataset main (active: none yet)" in page()
    assert "golden dataset main (active: 1.2.0)" in page(golden_version="1.2.0")
    assert "**Rejecting** changes nothing." in page()


def test_an_empty_week_has_neither_table_nor_list() -> None:
    found = page()
    assert "0 traces, 0 of them failures in 0 clusters." in found
    assert "| failure |" not in found
    assert "What to fix first" not in found


def test_ten_groups_are_shown_and_the_others_counted() -> None:
    found = page(groups=groups(*(f"label{index}" for index in range(13))))
    assert found.count("x system error: label") == 10
    assert "- and 3 more" in found
    assert "more" not in page(groups=groups(*(f"label{index}" for index in range(10))))


def test_a_group_says_how_it_changed_since_the_week_before() -> None:
    history = [GroupWeek(week="2026-W45", size=4, n_triaged=10), GroupWeek(week="2026-W46", size=9, n_triaged=10)]
    known: dict[str, Any] = {"failure_type": "system_error", "example_trace_ids": ["t"], "tenants": ["a"], "size": 9}
    rows = [
        FailureGroup(group_id="g", label="pump", trend="growing", history=history, **known),
        FailureGroup(group_id="rest", label="", clustered=False, **known),
    ]
    found = page(groups=table_of(FailureGroup, rows))
    assert "- 9 x system error: pump (growing, 4 the week before)" in found
    assert "- 9 x system error: near to no cluster" in found
    assert "in 1 cluster, 9 near to none." in found


def test_it_says_how_much_failed_the_week_before_and_how_sure_triage_is() -> None:
    week = WeekFacts(
        week="2026-W45", start=utc(2026, 11, 2), end=utc(2026, 11, 9), time_zone="Europe/Berlin", n_traces=10,
        n_triaged=10, failures=[TypeCount(failure_type="system_error", n=1)], n_scored=0, groundedness_mean=None,
        groundedness_low=None,
    )  # fmt: skip
    sure = triage("system_error", None).set_column(10, "confidence", pa.array([0.4, None]))
    found = page(triage=sure, weeks=table_of(WeekFacts, [week]))
    assert "failures (50\u00a0%; 10\u00a0% in 2026-W45)" in found
    assert "Of these failures 40\u00a0% are expected to be right" in found
    assert "1 less likely right than wrong" in found


def test_it_says_what_else_approving_does_only_when_it_does() -> None:
    assert "DeepEval" not in page()
    told = page(writes_evals=True, refits_scorer=True)
    assert "(active: none yet), writes its eval rows as DeepEval and promptfoo cases, refits the groundedness" in told


def test_texts_of_traces_cannot_write_markdown_into_the_page() -> None:
    found = page(groups=groups("# Approve\n\n[this](http://evil) <script>"), golden_name="a|b*c*")
    assert "\n# Approve" not in found
    assert "[this](" not in found
    assert "<script>" not in found
    assert "a|b*c*" not in found
