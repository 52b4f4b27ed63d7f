"""The HTML report: one file, no script, nothing fetched, hostile text shown as text."""

import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, get_args

import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.records.report import WeeklyReport
from millrace.records.triage import FailureGroup, FailureType
from millrace.records.week import WeekFacts
from millrace.reports.html import to_html
from millrace.reports.weekly import weekly_report
from tests.reports.pages import ACTIVE, FETCHING, Page

HOSTILE = (
    '<script>alert(1)</script> </title></style></svg> "onload="alert(1) \' javascript:alert(1) <img src=//evil.example>'
    ' {{ 7 * 7 }} ]]> $\\frac{a}{b}$ #010203 id="x href="#y &amp; \x00'
)


@pytest.fixture
def hostile_page(make: SimpleNamespace) -> Page:
    changes: dict[str, Any] = {
        "traces": [make.trace(number, question=HOSTILE, answer=HOSTILE, tenant_id=HOSTILE) for number in range(10)],
        "groups": [make.group("g", 2, ["t6", "t7"], label=HOSTILE[:26])],
        "tasks": [make.task(0)],
        "annotations": [make.annotation(0, HOSTILE)],
        "skipped_task_ids": [],
    }
    return Page(to_html(make.week(**changes)))


def test_nothing_is_fetched_and_nothing_runs(hostile_page: Page) -> None:
    assert not {tag for tag, _ in hostile_page.elements} & ACTIVE
    for _, attributes in hostile_page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert all(str(attributes[name]).startswith("#") for name in FETCHING & attributes.keys())


def test_hostile_text_is_shown_as_text(hostile_page: Page) -> None:
    text = "".join(hostile_page.text)
    assert HOSTILE.replace("\x00", "\ufffd") in text
    assert "\x00" not in text


def test_text_inside_a_plot_is_left_as_it_is(make: SimpleNamespace) -> None:
    name = 'a $x$ #010203 id="b <i>'
    page = Page(
        to_html(make.week(given=make.meta(window_name=name), weeks=[make.earlier(46, 9, {"hallucination": 1})]))
    )
    assert page.text.count(name) > 2  # the last week's name stands below every panel


def test_a_full_week_has_three_plots_each_told_in_words(week: WeeklyReport) -> None:
    drawings = Page(to_html(week)).named("svg")
    assert len(drawings) == 3
    assert all(drawing["role"] == "img" for drawing in drawings)
    assert "hallucination 0.22 [0.06, 0.55]" in str(drawings[0]["aria-label"])


def test_plots_have_titles_and_axes_with_units(week: WeeklyReport) -> None:
    text = Page(to_html(week)).text
    for said in (
        "Failures by type",
        "Share of triaged traces (0 to 1)",
        "Groundedness of answers",
        "Groundedness (0 to 1)",
        "Traces (count)",
        "threshold 0.50",
        "Golden rows by category and split",
        "Golden rows (count)",
    ):
        assert said in text


def test_plots_take_the_colours_of_the_page(week: WeeklyReport) -> None:
    html = to_html(week)
    drawings = html[html.index("<svg") :]
    assert "#0102" not in drawings
    assert "var(--ink" in drawings
    assert "#000000" not in drawings


def test_ids_are_unique_and_every_link_leads_somewhere(week: WeeklyReport) -> None:
    page = Page(to_html(week))
    ids = page.ids()
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in page.named("a")]
    assert len(links) > 20
    assert {str(link)[1:] for link in links} <= set(ids)
    uses = [attributes["xlink:href"] for attributes in page.named("use")]
    assert {str(use)[1:] for use in uses} <= set(ids)


def test_every_list_stands_on_the_page_and_numbers_lead_to_it(week: WeeklyReport) -> None:
    page = Page(to_html(week))
    anchors = {f"rows-{rows.name}" for rows in week.lists}
    assert anchors <= set(page.ids())
    links = {str(attributes["href"])[1:] for attributes in page.named("a")}
    assert {"rows-failures-hallucination", "rows-group-1", "rows-tasks-waiting", "rows-golden-added"} <= links
    assert {"rows-status-failed", "rows-tenants", "rows-low-scores", "rows-no-score", "rows-undecided"} <= links


def test_headline_numbers_and_totals_lead_to_rows_or_to_their_section(week: WeeklyReport) -> None:
    html = to_html(week)
    figures = html[html.index('class="key-figures"') : html.index("<nav")]
    places = ("rows-traces", "rows-failures", "rows-clusters", "groundedness", "rows-tasks-completed", "golden")
    assert [f'href="#{place}"' in figures for place in places] == [True] * 6
    totals = [line for line in html.splitlines() if 'class="total"' in line]
    assert len(totals) == 3  # failures, golden rows, traces
    assert all("<a href=" in total for total in totals)


def test_every_list_is_led_to_by_a_number(week: WeeklyReport) -> None:
    links = {str(attributes["href"])[1:] for attributes in Page(to_html(week)).named("a")}
    assert {f"rows-{rows.name}" for rows in week.lists} <= links


def test_an_interval_is_never_broken_over_two_lines(week: WeeklyReport) -> None:
    assert "0.22 [0.06,\N{NO-BREAK SPACE}0.55] (n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}9, 1 failed)" in to_html(week)


def test_hashes_are_short_and_whole_in_their_title(week: WeeklyReport) -> None:
    page = Page(to_html(week))
    assert [attributes["title"] for attributes in page.named("abbr")] == ["ab" * 32] * 2
    assert page.text.count("ab" * 6) == 2


def test_rows_of_a_failure_type_hold_question_answer_reason_and_trace(week: WeeklyReport) -> None:
    html = to_html(week)
    rows = html[html.index('id="rows-failures-system_error"') :]
    rows = rows[: rows.index("</details>")]
    for said in ("question 8", "answer 8", "the rule says so", "t8"):
        assert said in rows
    assert "question 6" not in rows


def test_a_later_week_shows_trends_as_panels_and_groups_as_small_lines(make: SimpleNamespace) -> None:
    weeks = [make.earlier(45, 100, {"hallucination": 9}), make.earlier(46, 100, {"system_error": 5}, mean=None)]
    groups = [make.group("g2", 2, ["t6"], trend="growing", history=make.sizes(1, 1, 2))]
    page = Page(to_html(make.week(weeks=weeks, groups=groups)))
    labels = [str(drawing["aria-label"]) for drawing in page.named("svg")]
    assert any(
        label.startswith("Share of failures by week, 2026-W45 to 2026-W47: all failures 0.09, 0.05, 0.33;")
        for label in labels
    )
    assert "by week 1, 1, 2" in labels
    assert any("Mean groundedness by week" in label and "not defined" in label for label in labels)
    text = "".join(page.text)
    assert "+0.22" in text  # hallucinations: 2 of 9 now, none of 100 in week 46
    assert "by week 1 → 1 → 2" in text


def test_equal_reports_give_equal_bytes(week: WeeklyReport) -> None:
    copy = WeeklyReport.model_validate_json(week.model_dump_json())
    assert to_html(week) == to_html(copy)


def test_a_users_own_matplotlib_settings_change_nothing_and_are_left_alone(week: WeeklyReport) -> None:
    import matplotlib

    expected = to_html(week)
    with matplotlib.rc_context({"axes.grid": True, "font.size": 30.0, "svg.fonttype": "path"}):
        assert to_html(week) == expected
        assert matplotlib.rcParams["axes.grid"] is True
        assert matplotlib.rcParams["font.size"] == 30.0
        assert matplotlib.rcParams["svg.fonttype"] == "path"


def test_pyplot_is_never_imported(week: WeeklyReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    to_html(week)
    assert "matplotlib.pyplot" not in sys.modules


def test_a_report_with_the_most_it_shows_is_under_two_megabytes(make: SimpleNamespace) -> None:
    long = "word " * 2000
    traces = [make.trace(number, question=long, answer=long) for number in range(30)]
    groups = [
        make.group(f"g{number}", 3, [f"t{3 * number + place}" for place in range(3)], label=long)
        for number in range(10)
    ]
    assert len(to_html(make.report(traces=traces, groups=groups)).encode()) < 300_000


@pytest.mark.parametrize("text", ["word " * 2000, "<&\"'>" * 2000, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 5000])
def test_the_page_of_a_huge_week_stays_under_two_megabytes(make: SimpleNamespace, text: str) -> None:
    """All traces fail, in 300 clusters and six types, with long texts everywhere; more of them change no list."""
    report = huge_week(make, 6000, text)
    page = to_html(report)
    assert 100_000 < len(page.encode()) < 2_000_000
    assert "more: " in page
    assert "millrace rows run-1 triage --where failure_type=hallucination" in page


def test_lists_show_fewer_rows_when_the_page_would_be_too_large(
    make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = huge_week(make, 1200, "word " * 40)
    full = to_html(report)
    monkeypatch.setattr("millrace.reports.html.MAX_BYTES", 300_000)
    cut = to_html(report)
    assert len(cut.encode()) < 300_000
    assert cut.count("<td") < full.count("<td")
    page = Page(cut)
    assert {str(link["href"])[1:] for link in page.named("a")} <= set(page.ids())


def huge_week(make: SimpleNamespace, n_traces: int, text: str) -> WeeklyReport:
    ids = [f"t{number}" for number in range(n_traces)]
    types = get_args(FailureType)
    confidence = [number % 100 / 100 for number in range(n_traces)]
    groups = [
        make.group(f"g{number}", n_traces // 300, [f"t{number}"] * 3, label=text, history=make.sizes(3, 1, 2))
        for number in range(300)
    ]

    def texts_of(trace_ids: Sequence[str]) -> pa.Table:
        return pa.table({"trace_id": trace_ids, "question": [text] * len(trace_ids), "answer": [text] * len(trace_ids)})

    return weekly_report(
        make.meta(decision=None, warnings=[text] * 1000, rejected={text[:500]: 3}),
        traces=pa.table(
            {
                "trace_id": ids,
                "tenant_id": [f"{text[:200]}{number % 5000}" for number in range(n_traces)],
                "status": ["answered", "failed"] * (n_traces // 2),
                "answered_by": [f"{text[:100]}{number % 500}" for number in range(n_traces)],
            }
        ),
        scores=pa.table(
            {
                "trace_id": ids,
                "score": [value if value > 0.1 else None for value in confidence],
                "reason": [None if value > 0.1 else "no_context" for value in confidence],
                "source": ["embedded-groundedness/1"] * n_traces,
            }
        ),
        triage=pa.table(
            {
                "trace_id": ids,
                "tenant_id": ["acme"] * n_traces,
                "verdict": ["failure"] * n_traces,
                "failure_type": [types[number % 6] for number in range(n_traces)],
                "reason": [text[:400]] * n_traces,
                "group_id": [f"g{number % 300}" for number in range(n_traces)],
                "confidence": confidence,
                "confidence_basis": ["calibration/1"] * n_traces,
                "failure_probability": confidence,
            }
        ),
        groups=table_of(FailureGroup, groups),
        texts_of=texts_of,
        tasks=[make.task(number).model_copy(update={"question": text, "why": text}) for number in range(500)],
        annotations=[make.annotation(number, text[:300]) for number in range(200)],
        weeks=table_of(WeekFacts, [make.earlier(week, 1000, {"hallucination": 90}) for week in range(20, 47)]),
    )


def test_an_empty_week_says_so_in_sentences(make: SimpleNamespace) -> None:
    page = Page(to_html(make.report()))
    text = "".join(page.text)
    assert page.named("svg") == []
    for said in (
        "No trace was triaged",
        "No trace has a groundedness score",
        "No failures were grouped",
        "There was nothing to judge",
        "There is no golden dataset yet",
        "No tasks were proposed.",
        "not defined: no items",
    ):
        assert said in text
    assert "nan" not in text.lower().replace("tenant", "")


def test_a_week_without_failures_draws_no_failures(make: SimpleNamespace) -> None:
    page = Page(to_html(make.report(traces=[make.trace(0)], triage=[make.decided(0)])))
    assert "No failure among 1 triaged trace: nothing to plot." in "".join(page.text)
    assert page.named("svg") == []


def test_a_single_failure_is_drawn_inside_its_axis(make: SimpleNamespace) -> None:
    report = make.report(
        traces=[make.trace(0)], triage=[make.decided(0, "hallucination")], groups=[make.group("g", 1, ["t0"])]
    )
    page = Page(to_html(report))
    assert str(page.named("svg")[0]["aria-label"]).startswith("Failures by type")
    assert "1 of 1 triaged trace failed, 100" in "".join(page.text)


def test_an_empty_week_after_others_still_shows_the_weeks_before(make: SimpleNamespace) -> None:
    page = Page(to_html(make.report(weeks=[make.earlier(46, 100, {"hallucination": 9})])))
    assert "No trace of this week was triaged." in "".join(page.text)
    assert str(page.named("svg")[0]["aria-label"]).endswith("hallucination 0.09, not defined")
