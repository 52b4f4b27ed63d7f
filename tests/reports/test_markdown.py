"""Markdown reports, read back by a Markdown parser."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from millrace.records.report import AgreementFigure, Decision, ReportedEstimate, ScorerChange, WeeklyReport
from millrace.reports.html import to_html
from millrace.reports.markdown import markdown_table, plain, to_markdown
from millrace.reports.wording import shown
from millrace.statistics.reported import share_of

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](https://evil.example)",
    "![pixel](https://evil.example/p.png)",
    "https://evil.example and www.evil.example and a@evil.example",
    "a | b | c",
    "# heading",
    "- item",
    "1. item",
    "```\ncode\n```",
    "**bold** _it_ ~~gone~~ `code`",
    "line\n\n---\n\n> quote",
    "===",
    "| --- |",
    "&lt;b&gt; &#60;b&#62;",
    "\\",
    "\\| ends with a backslash \\",
    "$x^2$ {{ 7 * 7 }} {% raw %}",
    "[ref]: https://evil.example",
    "<https://evil.example>",
]


def parsed(markdown: str) -> list[Token]:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return parser.parse(markdown)


def inline_tokens(markdown: str) -> list[Token]:
    return [child for token in parsed(markdown) for child in token.children or []]


def text_of(markdown: str) -> str:
    return "".join(token.content for token in inline_tokens(markdown))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_itself_in_a_paragraph(text: str) -> None:
    tokens = parsed(plain(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {token.type for token in inline_tokens(plain(text))} == {"text"}
    assert text_of(plain(text)) == shown(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_table_cell(text: str) -> None:
    cells = [token for token in parsed(markdown_table(("a", "b"), [(text, "end")], 1)) if token.type == "inline"]
    assert len(cells) == 4
    assert "".join(child.content for child in cells[2].children or []) == shown(text)


@given(st.text(min_size=1, max_size=60))
def test_any_text_reads_back_as_itself(text: str) -> None:
    assert text_of(f"x {plain(text)}") == f"x {shown(text)}".rstrip()


def test_no_bare_address_is_left_for_automatic_links() -> None:
    # GitHub's extension links 'http://', 'www.' and 'a@b' as they stand in the source.
    written = plain("see https://evil.example, WWW.evil.example, ftp://evil, mailto:x@evil.example")
    for trigger in ("https:", "ftp:", "WWW.", "mailto:", "x@"):
        assert trigger not in written


def test_a_report_holds_no_html_link_or_image_whatever_the_traces_say(make: SimpleNamespace) -> None:
    text = "\n".join(HOSTILE)
    report = make.week(
        traces=[make.trace(number, question=text, answer=text, tenant_id=text[:200]) for number in range(10)],
        groups=[make.group("g", 2, ["t6", "t7"], label=text, tenants=[text[:200]])],
    )
    markdown = to_markdown(report)
    kinds = {token.type for token in parsed(markdown)} | {token.type for token in inline_tokens(markdown)}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "fence", "code_block", "code_inline", "hr"}


def test_the_report_says_its_numbers(week: WeeklyReport) -> None:
    text = text_of(to_markdown(week))
    for said in (
        "Weekly report 2026-W47",
        "run-1",
        "Europe/Vienna",
        "extractive (a bundled default; stands in for a language model",
        "0.22 [0.06, 0.55] (n = 9, 1 failed)",
        "1.0.0 → 1.1.0",
        "3 (near duplicate 2, invalid 1)",
        "Tasks that wait for an answer: 1 task, about 2 minutes",
        "Maria",
        "No human ratings came with the traces",
    ):
        assert said in text


def test_a_waiting_run_says_that_nothing_was_published(make: SimpleNamespace) -> None:
    assert "waits for its approval" in to_markdown(make.report())


def test_nothing_undefined_is_written_as_nan(make: SimpleNamespace) -> None:
    text = to_markdown(make.report()).lower()
    assert "nan" not in text.replace("tenant", "")
    assert "not defined: no items" in text


def test_rows_are_named_by_the_command_that_shows_them(week: WeeklyReport) -> None:
    text = text_of(to_markdown(week))
    assert "millrace rows run-1 triage --where failure_type=hallucination" in text
    assert "millrace golden diff 1.0.0 1.1.0" in text


def test_markdown_and_html_say_the_same_in_prose(make: SimpleNamespace) -> None:
    report = make.week(weeks=[make.earlier(46, 100, {"hallucination": 9})])
    html, markdown = re.sub(r"<[^>]*>", "", to_html(report)), text_of(to_markdown(report))
    for said in (
        "3 of 9 triaged traces failed, 33\xa0% (9\xa0% in 2026-W46).",
        "refund invoice",
        "Gaps: these failures",
    ):
        assert said in html
        assert said in markdown


def test_a_rejected_week_says_what_stays(make: SimpleNamespace) -> None:
    decision = Decision(decision="reject", reviewer="Jo", pinned_hash="0" * 64, decided_at=make.monday)
    text = text_of(to_markdown(make.week(given=make.meta(decision=decision), golden_after=None)))
    assert "rejected by Jo" in text
    assert "golden dataset, evals and scorer are what they were before" in text
    assert "1.0.0, unchanged" in text


@pytest.mark.parametrize(
    ("proof", "role", "said"),
    [
        ("signed", "compliance_officer", "Reviewer: Jo (compliance_officer, signature checked)"),
        ("single_user", None, "Reviewer, as claimed: Jo (single-user home, unsigned)"),
        (None, None, "Reviewer, as claimed: Jo"),
    ],
)
def test_what_proves_who_decided_stands_behind_the_name(
    make: SimpleNamespace, proof: Any, role: Any, said: str
) -> None:
    decision = Decision(
        decision="approve", reviewer="Jo", pinned_hash="0" * 64, decided_at=make.monday, proof=proof, role=role
    )
    assert said in text_of(to_markdown(make.week(given=make.meta(decision=decision))))


def test_precision_and_recall_stand_side_by_side_in_spoken_words(make: SimpleNamespace) -> None:
    figures = [
        AgreementFigure(name=f"{name} of retrieval_failure against low completeness", estimate=share_of(n, 4))
        for name, n in (("precision", 3), ("recall", 2))
    ]
    figures.append(AgreementFigure(name="failures in excess, 0 is best", estimate=share_of(1, 4)))
    text = to_markdown(make.week(given=make.meta(agreement=figures))).replace("\\", "")
    assert (
        "| Retrieval failure against low completeness | 0.75 [0.30, 0.95] (n = 4) | 0.50 [0.15, 0.85] (n = 4) |" in text
    )
    assert "| Failures in excess, 0 is best | Wilson | 0.25 [0.05, 0.70] (n = 4) |" in text
    assert "retrieval_failure against" not in text
    assert "millrace rows run-1 human_ratings" in text


def test_a_precision_without_its_recall_stands_alone(make: SimpleNamespace) -> None:
    figures = [AgreementFigure(name="precision of failure", estimate=share_of(3, 4))]
    text = to_markdown(make.week(given=make.meta(agreement=figures))).replace("\\", "")
    assert "| Precision of failure | Wilson | 0.75 [0.30, 0.95] (n = 4) |" in text


def test_agreement_of_annotators_is_one_sentence_when_no_task_had_two(make: SimpleNamespace) -> None:
    none = [AgreementFigure(name="Krippendorff's alpha of verdict, nominal", estimate=share_of(0, 0))]
    text = to_markdown(make.week(annotator_agreement=none))
    assert "No task was answered by two people" in text
    assert "Krippendorff" not in text
    some = [*none, AgreementFigure(name="Krippendorff's alpha of support, ordinal", estimate=share_of(1, 2))]
    assert to_markdown(make.week(annotator_agreement=some)).count("Krippendorff") == 2


def test_what_a_refit_did_not_measure_has_no_row(make: SimpleNamespace) -> None:
    change = ScorerChange(
        published=False,
        reason="too few labels",
        source_before="embedded-groundedness/1",
        n_labels=3,
        n_unsupported=2,
        improvement=ReportedEstimate(mean=None, n=0, method="bootstrap", reason="undefined"),
    )
    text = to_markdown(make.week(scorer=change))
    assert "too few labels." in text
    assert "Improvement" not in text
    assert "AUC on held-out" not in text


def test_rows_of_earlier_weeks_have_the_commands_that_show_them(make: SimpleNamespace) -> None:
    said = "Rows of an earlier week: millrace runs lists its run"
    assert said in text_of(to_markdown(make.week(weeks=[make.earlier(46, 100, {"hallucination": 9})])))
    assert said not in text_of(to_markdown(make.week()))


def test_hashes_are_whole(week: WeeklyReport) -> None:
    assert to_markdown(week).count("ab" * 32) == 2
