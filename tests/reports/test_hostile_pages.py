"""Reports full of texts that try to run or to fetch, in a real browser: nothing runs, and no request leaves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from millrace.records.acceptance import AuditCheck, InvariantResult
from millrace.records.distillation import Determinism
from millrace.reports.acceptance import acceptance_markdown
from millrace.reports.audit import audit_markdown
from millrace.reports.datasets import rows_markdown
from millrace.reports.distillation import distillation_markdown
from millrace.reports.html import document_html, to_html
from millrace.reports.layout import document_of
from millrace.reports.markdown import document_markdown
from millrace.reports.release import release_document
from millrace.reports.replay import replay_document
from millrace.reports.runs import run_summary_markdown
from tests.acceptance.processes import wait_for
from tests.reports import test_distillation, test_release, test_replay, test_runs
from tests.support import daily_report as days
from tests.support.hostile import Hostile, poisoned
from tests.support.local_server import LocalServer, QuietHandler

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_ACTIVE = (
    "[...document.querySelectorAll('*')].filter(each => each.matches('script, iframe, object, embed, img, base, form, "
    "link, video, audio') || [...each.attributes].some(found => found.name.startsWith('on') || "
    "/^(src|href|action|data|xlink:href)$/.test(found.name) && !found.value.startsWith('#'))"
    ").map(each => each.outerHTML.slice(0, 200))"
)


class Listener(LocalServer):
    """Keeps the path of every request."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        heard = self.heard

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                heard.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_GET

        self.listen(Handler)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener() as listening:
        yield listening


@pytest.fixture(scope="module")
def hostile(listener: Listener) -> Hostile:
    return Hostile(listener.origin)


@pytest.fixture
def visit(chrome: "Chrome", tmp_path: Path) -> Callable[[str], Callable[[str], Any]]:
    """Shows a page; gives what a script of the test's own says of it."""

    def show(page: str) -> Callable[[str], Any]:
        place = tmp_path / "page.html"
        place.write_text(page, encoding="utf-8", errors="replace")
        chrome.get(place.as_uri())
        return lambda script: chrome.execute_script(f"return {script}")

    return show


def documents(make: SimpleNamespace) -> dict[str, Any]:
    return {
        "daily": document_of(days.a_day(worst=days.worst(1)), max_rows=2),
        "weekly": document_of(make.week(weeks=[make.earlier(46, 9, {"hallucination": 1})]), max_rows=2),
        "release": release_document(test_release.report()),
        "replay": replay_document(test_replay.report(n_earlier=1)),
    }


def other_markdown(text: str) -> dict[str, str]:
    """What is written as Markdown without being a document."""
    import pyarrow as pa

    word = text[:400]
    checks = [
        AuditCheck(phase="lineage", name=word, passed=False, required=True, detail=text),
        AuditCheck(phase="lineage", name=word, passed=True, required=False, detail=text),
    ]
    unlike = Determinism(status="deterministic_violation", recomputed=1, violations=[text])
    counts = test_distillation.COUNTS.model_copy(
        update={"streams": {word: 30}, "skipped": {word: 1}, "quarantined": {"rag": {word: 1}}, "rules": {word: 3}}
    )
    summary = test_distillation.SUMMARY.model_copy(update={"counts": counts, "files": {word: "a" * 64}})
    drift = test_distillation.measure_drift("run-2", counts, [], unlike, test_distillation.DriftConfig())
    return {
        "run": run_summary_markdown(
            test_runs.summary(status="failed", reason=text, run_id=word), [test_runs.receipt(word, 1, outputs=[word])]
        ),
        "audit": audit_markdown(word, word, checks, []),
        "acceptance": acceptance_markdown(word, [InvariantResult(number=1, name=word, passed=False, detail=text)]),
        "distillation": distillation_markdown(summary, drift, []),
        "rows": rows_markdown(pa.table({word: [text, None], "tags": [[text], []]}), max_chars=4000),
    }


def viewed(markdown: str) -> str:
    """Markdown as the most trusting viewer shows it: HTML in it is HTML, and there is no policy."""
    body = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
    return f"<!DOCTYPE html><meta charset=utf-8><title>viewed</title><body>{body}</body>"


def test_no_page_runs_or_fetches_what_a_stranger_wrote(
    visit: Callable[..., Any], listener: Listener, hostile: Hostile, make: SimpleNamespace, chrome: "Chrome"
) -> None:
    """Every place of every report that can hold a text holds all payloads at once, as HTML and as Markdown."""
    text = hostile.all_of_them
    evil = {name: poisoned(document, text) for name, document in documents(make).items()}
    pages = {f"{name} as HTML": document_html(document) for name, document in evil.items()}
    pages |= {f"{name} as Markdown": viewed(document_markdown(document)) for name, document in evil.items()}
    pages |= {f"{name} as Markdown": viewed(found) for name, found in other_markdown(text).items()}

    before = list(listener.heard)
    for name, page in pages.items():
        ask = visit(page)
        assert ask("typeof window.struck") == "undefined", name
        assert ask(_ACTIVE) == [], name
        assert ask("document.documentElement.textContent.split('window.struck').length") > 3, (
            f"{name}: nothing was proven"
        )
        assert ask("performance.getEntriesByType('resource').length") == 0, name
        assert chrome.get_log("browser") == [], name
        assert ask("location.protocol") == "file:", name
    assert listener.heard == before


def test_the_policy_holds_where_escaping_would_fail(
    visit: Callable[..., Any], listener: Listener, hostile: Hostile, chrome: "Chrome"
) -> None:
    """The same payloads as live HTML: without the policy they run and fetch, with it they do neither."""
    form = f"<form action={listener.origin}/form><input name=a></form>"
    style = f"<style>div{{background:url({listener.origin}/style)}}</style>"
    live = f"<div>{form}<base href={listener.origin}/>{style}</div>{hostile.texts[0]}{hostile.texts[1]}"
    page = to_html(days.a_first_day()).replace("</main>", f"{live}</main>")
    assert live in page

    ask = visit(page)
    ask("document.forms[0].submit()")
    assert ask("typeof window.struck") == "undefined"
    assert ask("document.baseURI").startswith("file:")
    assert any("Content Security Policy" in line["message"] for line in chrome.get_log("browser"))
    assert listener.heard == []

    bare = page.replace("Content-Security-Policy", "X-None")
    assert visit(bare)("window.struck") == 1
    wait_for("a request", lambda: listener.heard, 10, lambda: "the payload fetched nothing")
    chrome.get_log("browser")
