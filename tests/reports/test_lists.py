"""Which rows stand behind a number, in which order, and how to see the others."""

import shlex
from datetime import timedelta
from types import SimpleNamespace

import pytest

from millrace.errors import BadInputError
from millrace.records.report import RowList, WeeklyReport
from millrace.records.trace import SkipRow
from millrace.reports.lists import MAX_ROWS, rows_command


def listed(report: WeeklyReport, name: str) -> RowList:
    return next(rows for rows in report.lists if rows.name == name)


def column(rows: RowList, name: str) -> list[object]:
    return [row[rows.columns.index(name)] for row in rows.rows]


def test_the_surest_failures_come_first_and_those_without_a_confidence_last(make: SimpleNamespace) -> None:
    confidences = [0.3, None, 0.9, 0.6]
    triage = [make.decided(number, "hallucination", confidence=value) for number, value in enumerate(confidences)]
    report = make.report(traces=[make.trace(number) for number in range(4)], triage=triage)
    rows = listed(report, "failures-hallucination")
    assert column(rows, "Confidence") == [0.9, 0.6, 0.3, None]
    assert column(rows, "Trace") == ["t2", "t3", "t0", "t1"]
    assert column(rows, "Question") == ["question 2", "question 3", "question 0", "question 1"]
    assert column(listed(report, "unsure"), "Trace") == ["t0"]


def test_a_list_is_cut_and_says_how_many_there_are(make: SimpleNamespace) -> None:
    n = MAX_ROWS + 7
    triage = [make.decided(number, "system_error") for number in range(n)]
    rows = listed(
        make.report(traces=[make.trace(number) for number in range(n)], triage=triage), "failures-system_error"
    )
    assert (len(rows.rows), rows.n) == (MAX_ROWS, n)
    assert rows.command == "millrace rows run-1 triage --where failure_type=system_error"


def test_texts_are_excerpts(make: SimpleNamespace) -> None:
    report = make.report(traces=[make.trace(0, question="word " * 90_000)], triage=[make.decided(0, "hallucination")])
    assert len(str(column(listed(report, "failures-hallucination"), "Question")[0])) <= 160


def test_a_group_lists_its_own_traces(week: WeeklyReport) -> None:
    assert column(listed(week, "group-1"), "Trace") == ["t6", "t7"]
    assert listed(week, "group-1").command == "millrace rows run-1 triage --where group_id=g2"


def test_a_command_survives_the_shell_whatever_the_names_hold() -> None:
    command = rows_command("run 1; rm -rf", "triage", "group_id=it's <that>")
    assert shlex.split(command) == ["millrace", "rows", "run 1; rm -rf", "triage", "--where", "group_id=it's <that>"]


def test_the_least_grounded_answers_come_first(week: WeeklyReport) -> None:
    rows = listed(week, "low-scores")
    assert column(rows, "Groundedness") == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert rows.command == "millrace rows run-1 groundedness --where 'score<0.5'"
    assert column(listed(week, "no-score"), "Why there is none") == ["no answer"]


def test_statuses_tenants_and_undecided_traces_are_listed(week: WeeklyReport) -> None:
    assert column(listed(week, "status-failed"), "Trace") == ["t8"]
    assert listed(week, "status-answered").n == 9
    assert listed(week, "tenants").rows == [["acme", 10, 3]]
    assert column(listed(week, "undecided"), "Trace") == ["t9"]


def test_tasks_stand_by_what_became_of_them_in_the_order_of_the_proposal(week: WeeklyReport) -> None:
    assert column(listed(week, "tasks-completed"), "Task") == ["task-0", "task-1", "task-2"]
    assert column(listed(week, "tasks-skipped"), "Task") == ["task-3"]
    assert column(listed(week, "tasks-waiting"), "Task") == ["task-4"]
    assert column(listed(week, "tasks-completed"), "People say")[0] == "Jo: hallucination; Maria: hallucination"


def test_golden_rows_added_and_removed_are_listed(make: SimpleNamespace) -> None:
    before = make.golden("1.0.0", [("a", "ok", "eval"), ("b", "ok", "eval")])
    report = make.week(
        golden_before=before, golden_after=make.golden("2.0.0", [("b", "ok", "eval"), ("c", "ok", "eval")])
    )
    assert column(listed(report, "golden-added"), "Row") == ["c"]
    assert column(listed(report, "golden-removed"), "Row") == ["a"]
    assert listed(report, "golden-added").command == "millrace golden diff 1.0.0 2.0.0 --name support"


def test_golden_rows_are_listed_by_split_and_those_before_apart(week: WeeklyReport) -> None:
    assert column(listed(week, "golden-eval"), "Row") == ["a"]
    assert column(listed(week, "golden-train"), "Row") == ["b", "c"]
    assert column(listed(week, "golden-before"), "Row") == ["a"]
    assert listed(week, "golden-eval").command == "millrace golden show 1.1.0 --name support"
    assert listed(week, "golden-before").command == "millrace golden show 1.0.0 --name support"


def test_without_a_new_version_the_rows_before_are_those_of_now(make: SimpleNamespace) -> None:
    names = [rows.name for rows in make.week(golden_after=None).lists]
    assert "golden-eval" in names
    assert "golden-before" not in names


def test_all_failures_stand_in_one_list_with_their_type(week: WeeklyReport) -> None:
    rows = listed(week, "failures")
    assert (column(rows, "Trace"), rows.n) == (["t6", "t7", "t8"], 3)
    assert column(rows, "Failure type") == ["hallucination", "hallucination", "system error"]
    assert rows.command == "millrace rows run-1 triage --where verdict=failure"


def test_all_clusters_are_listed_the_resolved_last(make: SimpleNamespace) -> None:
    groups = [make.group(f"g{number}", 1, [f"t{number}"]) for number in range(6, 9)]
    gone = make.group("gone", 0, [], trend="resolved", history=make.sizes(3, 0))
    rest = make.group("rest", 1, ["t8"], clustered=False)
    rows = listed(make.week(given=make.meta(n_largest_groups=1), groups=[gone, rest, *groups]), "clusters")
    assert column(rows, "Group") == ["g6", "g7", "g8", "gone"]
    assert column(rows, "Traces") == [1, 1, 1, 0]
    assert rows.command == "millrace rows run-1 failure_groups --where clustered=true"


def test_traces_of_earlier_weeks_are_listed(make: SimpleNamespace) -> None:
    early = make.trace(3, time=make.monday - timedelta(hours=1))
    report = make.report(traces=[make.trace(1), early])
    assert column(listed(report, "late"), "Trace") == ["t3"]
    assert listed(report, "late").command == "millrace rows run-1 selected_traces --where 'time<2026-11-16T00:00:00Z'"
    assert column(listed(report, "traces"), "Trace") == ["t1", "t3"]


def test_the_best_grounded_answers_come_first_among_all_that_are_scored(week: WeeklyReport) -> None:
    rows = listed(week, "scored")
    assert column(rows, "Groundedness") == [1.0, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    assert rows.n == week.groundedness.n_scored


def test_the_command_for_tasks_names_the_step_that_proposed_them(week: WeeklyReport) -> None:
    assert listed(week, "tasks").n == week.effort.n_proposed == 5
    assert listed(week, "tasks").command == "millrace rows run-1 propose-annotations/annotation_tasks"


def test_skipped_rows_are_listed_by_source_and_line(make: SimpleNamespace) -> None:
    skips = [SkipRow(source="b", line=1, reason="bad_json", message="m", row_hash="h")]
    skips += [SkipRow(source="a", line=line, reason="bad_json", message="m", row_hash="h") for line in (9, 2)]
    rows = listed(make.report(skips=skips), "skipped")
    assert [row[:2] for row in rows.rows] == [["a", 2], ["a", 9], ["b", 1]]


def test_what_has_no_rows_has_no_list(make: SimpleNamespace) -> None:
    assert make.report().lists == []


def test_a_decision_on_a_trace_of_another_window_is_refused(make: SimpleNamespace) -> None:
    with pytest.raises(BadInputError, match="t5"):
        make.report(traces=[make.trace(0)], triage=[make.decided(5, "hallucination")])
