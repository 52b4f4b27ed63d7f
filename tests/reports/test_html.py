"""The HTML report: one file, no script, nothing fetched, hostile text shown as text."""

import sys
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from millrace.records.report import WeeklyReport
from millrace.reports.html import to_html

HOSTILE = (
    '<script>alert(1)</script> </title></style></svg> "onload="alert(1) \' javascript:alert(1) <img src=//evil.example>'
    ' {{ 7 * 7 }} ]]> $\\frac{a}{b}$ #010203 id="x href="#y &amp; \x00'
)
FETCHING = {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"}


class Page(HTMLParser):
    """What a browser would see: elements with attributes, ids and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]


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


def test_the_policy_forbids_scripts_and_requests(week: WeeklyReport) -> None:
    policies = [
        meta for meta in Page(to_html(week)).named("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert [meta["content"] for meta in policies] == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_nothing_is_fetched_and_nothing_runs(hostile_page: Page) -> None:
    assert not {tag for tag, _ in hostile_page.elements} & {"script", "link", "iframe", "object", "img", "base", "form"}
    for _, attributes in hostile_page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert all(str(attributes[name]).startswith("#") for name in FETCHING & attributes.keys())


def test_hostile_text_is_shown_as_text(hostile_page: Page) -> None:
    text = "".join(hostile_page.text)
    assert HOSTILE.replace("\x00", "\ufffd") in text
    assert "\x00" not in text


def test_text_inside_a_plot_is_left_as_it_is(make: SimpleNamespace) -> None:
    label = 'a $x$ #010203 id="b <i>'
    page = Page(to_html(make.week(groups=[make.group("g", 2, ["t6"], label=label)])))
    assert f"hallucination: {label}" in page.text


def test_a_full_week_has_four_plots_each_told_in_words(week: WeeklyReport) -> None:
    drawings = Page(to_html(week)).named("svg")
    assert len(drawings) == 4
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
        "Largest groups of failures",
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
    assert len(links) == 10
    assert {str(link)[1:] for link in links} <= set(ids)
    uses = [attributes["xlink:href"] for attributes in page.named("use")]
    assert {str(use)[1:] for use in uses} <= set(ids)


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
    assert len(to_html(make.report(traces=traces, groups=groups)).encode()) < 200_000


def test_an_empty_week_says_so_in_sentences(make: SimpleNamespace) -> None:
    page = Page(to_html(make.report()))
    text = "".join(page.text)
    assert page.named("svg") == []
    for said in (
        "No trace was triaged",
        "No trace has a groundedness score",
        "No failures were grouped",
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
    assert len(Page(to_html(report)).named("svg")) == 2
