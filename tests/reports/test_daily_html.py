"""The daily report as a page: safe, small, linked, whatever the traces say."""

from typing import Any

import pytest
from markdown_it import MarkdownIt
from markupsafe import Markup

from millrace.records.daily_report import DailyReport, FigureSeries
from millrace.records.report import Count, RowList
from millrace.reports.html import to_html
from millrace.reports.markdown import to_markdown
from tests.reports.pages import ACTIVE, FETCHING, Page, page_of_a_day
from tests.support import daily_report as days

HOSTILE = (
    '<script>alert(1)</script> </title></style></svg> "onload="alert(1) \' javascript:alert(1) <img src=//evil.example>'
    ' {{ 7 * 7 }} ]]> $\\frac{a}{b}$ #010203 id="x href="#y &amp; \x00 [click](https://evil.example) | `a`'
)
SHOWN = "<script>alert(1)</script>"


def filled(text: str, n: int = 10) -> DailyReport:
    """A day on which every text that comes from outside is this one; ``n`` of everything."""
    name = text[:500] or "x"
    alert = days.alerts()[0]
    changes: dict[str, Any] = {
        "alerts": [
            alert.model_copy(
                update={
                    "alert": alert.alert.model_copy(
                        update={"message": text, "label": name, "bound": text, "playbook": name, "rule_id": name}
                    ),
                    "delivery": days.delivered("not_sent", receiver=name, problem=text),
                }
            )
        ]
        * n,
        "rules_without_data": [text] * n,
        "metrics": [_named(each, text, place) for place in range(n) for each in days.metrics()],
        "skipped_tiers": [text] * n,
        "corrections": [
            days.correction(metric=f"{name[:400]}{place}", source=name, caution=f"{text}{place}") for place in range(n)
        ],
        "canary": days.canary(reasons=[text] * n),
        "drift": days.drift(reasons=[text] * n, most_typical_now=[name] * n),
        "anomalies": [each.model_copy(update={"label": name}) for each in days.anomalies()] * n,
        "figures": [each.model_copy(update={"label": name}) for each in days.figures()] * n,
        "series": [_titled(each, name, text, place) for place in range(n) for each in days.all_series()],
        "worst": [_worst(text, place) for place in range(n)],
        "costs": [each.model_copy(update={"purpose": text, "reason": f"{text}{n}"}) for each in days.costs()] * n,
        "lists": [
            RowList(name=f"list-{place}", title=text[:200], columns=["A", "B"], rows=[[text[:300]] * 2] * n, n=n)
            for place in range(12)
        ],
        "traffic": days.traffic().model_copy(update={"tenants": [Count(name=name, n=1)] * n}),
    }
    return days.a_day(**changes)


def _named(metric: Any, text: str, place: int) -> Any:
    update = {"metric": f"{text[:400]}{place}", "title": text, "meaning": text, "source": text}
    return metric.model_copy(update=update | {"reasons": [Count(name=text[:200], n=3)]})


def _titled(series: FigureSeries, name: str, text: str, place: int) -> FigureSeries:
    return series.model_copy(update={"label": f"{name[:400]}{place}", "title": text})


def _worst(text: str, place: int) -> Any:
    trace = days.worst(1)[0]
    update = {
        "trace_id": f"{text[:400]}{place}",
        "tenant_id": text[:500],
        "question": text,
        "answer": text,
        "error": text,
    }
    spans = [span.model_copy(update={"name": text[:500], "facts": text}) for span in trace.spans] * 10
    scores = [score.model_copy(update={"metric": text[:500], "reason": text}) for score in trace.scores] * 10
    return trace.model_copy(update=update | {"contexts": [text] * 20, "spans": spans, "scores": scores})


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(page_of_a_day())


@pytest.fixture(scope="module")
def hostile_page() -> Page:
    return Page(to_html(filled(HOSTILE, 3)))


def test_nothing_is_fetched_and_nothing_runs(hostile_page: Page) -> None:
    assert not {tag for tag, _ in hostile_page.elements} & ACTIVE
    for _, attributes in hostile_page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert all(str(attributes[name]).startswith("#") for name in FETCHING & attributes.keys())


def test_hostile_text_shows_as_itself(hostile_page: Page) -> None:
    assert sum(SHOWN in text for text in hostile_page.text) > 30
    assert not any("\x00" in text for text in hostile_page.text)


def test_lone_surrogates_are_shown_as_what_they_are_not() -> None:
    """They pass no check of a record, and may still come out of a broken store."""
    broken = "a \ud800 b"
    worst = days.worst(1)[0].model_copy(update={"question": broken, "contexts": [broken]})
    alert = days.alerts()[0]
    alert = alert.model_copy(update={"alert": alert.alert.model_copy(update={"message": broken})})
    series = [each.model_copy(update={"label": broken}) for each in days.all_series()[5:7]]
    report = days.a_quiet_day(worst=[worst], alerts=[alert], series=series, metrics=[])
    for text in (to_html(report), to_markdown(report)):
        assert b"a \xef\xbf\xbd b" in text.encode()


def test_hostile_text_makes_no_html_or_link_in_markdown() -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(to_markdown(filled(HOSTILE, 3)))
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or []}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "fence", "code_block", "code_inline", "hr"}


def test_ids_are_unique_and_every_link_leads_somewhere(page: Page, hostile_page: Page) -> None:
    for each in (page, hostile_page):
        ids = each.ids()
        assert len(ids) == len(set(ids))
        assert each.links() <= set(ids)
        assert {str(use["xlink:href"])[1:] for use in each.named("use")} <= set(ids)


def test_the_page_has_its_parts_and_the_rows_behind_its_numbers(page: Page) -> None:
    parts = {"attention", "answers", "changed", "look", "ran", "people", "trends", "anomalies", "canary", "drift"}
    assert parts | {
        "worst",
        "worst-1",
        "worst-10",
        "feedback",
        "cost",
        "figures",
        "rows-failed",
        "rows-typical-now",
    } <= set(page.ids())
    assert {"attention", "anomalies", "canary", "drift", "rows-failed", "cost", "feedback"} <= page.links()


def test_plots_are_told_in_words_and_take_the_colours_of_the_page() -> None:
    html = page_of_a_day()
    labels = [str(each["aria-label"]) for each in Page(html).named("svg")]
    assert [label.split(":")[0] for label in labels] == [
        "Histograms of the metrics' values",
        "Share of good answers, corrected by people",
        "Figures by day, 2026-10-31 to 2026-11-20",
        "The embedding space",
    ]
    assert "#0102" not in html
    assert html.count("<circle") == 602  # 600 points and a legend of two


def test_the_picture_of_the_embedding_space_is_small() -> None:
    html = page_of_a_day()
    cloud = html[html.index('<svg class="cloud"') :]
    assert len(cloud[: cloud.index("</svg>")]) < 30_000


def test_equal_reports_give_equal_bytes() -> None:
    assert to_html(DailyReport.model_validate_json(days.a_day().model_dump_json())) == page_of_a_day()


@pytest.mark.parametrize("text", ["<&\"'>" * 2000, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 5000])
def test_the_page_of_a_huge_day_stays_under_two_megabytes(text: str) -> None:
    page = to_html(filled(text, 60))
    assert 100_000 < len(page.encode()) < 2_000_000
    assert "which report.json holds." in page


def test_lists_show_fewer_rows_when_the_page_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    report = filled("word " * 40, 60).model_copy(update={"series": [], "metrics": [], "corrections": []})
    full = to_html(report)
    monkeypatch.setattr("millrace.reports.html.MAX_BYTES", len(full.encode()) - 1)
    cut = to_html(report)
    assert len(cut) < len(full)
    assert Page(cut).links() <= set(Page(cut).ids())


def test_drawings_are_made_once_however_often_the_page_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(name: str, *_args: Any, **_more: Any) -> Markup:
        drawn.append(name)
        return Markup("<svg></svg>")

    monkeypatch.setattr("millrace.reports.html.draw_svg", draw)
    monkeypatch.setattr("millrace.reports.html.MAX_BYTES", 1)
    to_html(days.a_day())
    assert sorted(drawn) == ["corrected", "metrics", "trends"]
