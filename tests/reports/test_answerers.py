"""Failures by who answered."""

from types import SimpleNamespace

import pytest

from millrace.records.report import RowList, WeeklyReport
from millrace.reports.answerers import MAX_ANSWERERS
from millrace.reports.html import to_html
from millrace.reports.markdown import to_markdown


def listed(report: WeeklyReport, name: str) -> RowList:
    return next(rows for rows in report.lists if rows.name == name)


def two_models(make: SimpleNamespace) -> WeeklyReport:
    """Model a: 1 of 4 failed. Model b: 3 of 5 failed, and one more trace has no decision."""
    failing = {0, 4, 5, 6}
    report: WeeklyReport = make.report(
        traces=[make.trace(number, answered_by="a" if number < 4 else "b") for number in range(10)],
        triage=[make.decided(number, "hallucination" if number in failing else None) for number in range(9)],
    )
    return report


def test_shares_are_of_each_answerers_own_triaged_traces_with_the_wilson_interval(make: SimpleNamespace) -> None:
    # 3 of 5: z = 1.95996, z^2 = 3.84146; centre (0.6 + 0.384146) / 1.768292 = 0.556552;
    # half 1.95996 / 1.768292 * sqrt(0.24 / 5 + 3.84146 / 100) = 1.108391 * 0.293964 = 0.325827.
    first, second = two_models(make).answerers
    assert (first.answered_by, first.n_failures, first.share.n, first.share.n_failed) == ("b", 3, 5, 1)
    assert first.share.mean == pytest.approx(0.6)
    assert first.share.low == pytest.approx(0.230725, abs=1e-6)
    assert first.share.high == pytest.approx(0.882379, abs=1e-6)
    assert (second.answered_by, second.n_failures, second.share.n, second.share.mean) == ("a", 1, 4, 0.25)


def test_failures_of_all_answerers_sum_to_all_failures(make: SimpleNamespace) -> None:
    report = many_models(make)
    assert sum(row.n_failures for row in report.answerers) == report.failures.n_failures
    assert sum(row.share.n for row in report.answerers) == report.failures.n_triaged


def test_with_one_answerer_there_is_nothing_to_compare(week: WeeklyReport) -> None:
    assert week.answerers == []
    assert "By who answered" not in to_markdown(week)


def test_one_unlucky_answer_does_not_come_before_many_failures(make: SimpleNamespace) -> None:
    # 1 of 1 has the lower end 0.21, 9 of 18 has 0.29
    traces = [make.trace(number, answered_by="rare" if number == 0 else "common") for number in range(19)]
    triage = [make.decided(number, "hallucination" if number < 10 else None) for number in range(19)]
    answerers = make.report(traces=traces, triage=triage).answerers
    assert [row.answered_by for row in answerers] == ["common", "rare"]


def many_models(make: SimpleNamespace) -> WeeklyReport:
    """12 models with 2 traces each; the first trace of the odd ones failed."""
    n = 24
    failing = range(2, n, 4)
    report: WeeklyReport = make.report(
        traces=[make.trace(number, answered_by=f"model {number // 2:02}") for number in range(n)],
        triage=[make.decided(number, "hallucination" if number in failing else None) for number in range(n)],
    )
    return report


def test_the_ninth_and_further_answerers_are_one_row(make: SimpleNamespace) -> None:
    answerers = many_models(make).answerers
    assert len(answerers) == MAX_ANSWERERS + 1
    assert [row.answered_by for row in answerers[:6]] == [f"model {number:02}" for number in range(1, 12, 2)]
    others = answerers[-1]
    assert (others.answered_by, others.n_answerers, others.n_failures, others.share.n) == (None, 4, 0, 8)


def test_each_answerers_failures_are_listed_and_linked(make: SimpleNamespace) -> None:
    report = two_models(make)
    names = listed(report, "answerer-1").columns
    assert [row[names.index("Trace")] for row in listed(report, "answerer-1").rows] == ["t4", "t5", "t6"]
    assert [row[names.index("Trace")] for row in listed(report, "answerer-2").rows] == ["t0"]
    page = to_html(report)
    assert '<a href="#rows-answerer-1">3</a>' in page
    assert 'id="rows-answerer-2"' in page


def test_the_failures_of_the_others_are_listed_together(make: SimpleNamespace) -> None:
    traces = [make.trace(number, answered_by=f"model {number:02}") for number in range(10)]
    report = make.report(traces=traces, triage=[make.decided(number, "hallucination") for number in range(10)])
    rows = listed(report, "answerer-9")
    assert (rows.title, rows.n) == ("Failures answered by 2 others", 2)


def test_markdown_and_html_say_the_shares(make: SimpleNamespace) -> None:
    report = two_models(make)
    for text in (to_markdown(report).replace("\\", ""), to_html(report).replace("\N{NO-BREAK SPACE}", " ")):
        assert "0.60 [0.23, 0.88] (n = 5, 1 failed)" in text
