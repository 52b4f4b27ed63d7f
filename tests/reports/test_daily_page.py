"""The daily report in a real browser: it loads in silence, asks for nothing, and fits wide and narrow windows."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.reports.pages import page_of_a_day

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_PARTS = ("attention", "answers", "people", "changed", "trends", "canary", "drift", "look", "worst-1", "cost", "ran")


@pytest.fixture
def browser(chrome: "Chrome", tmp_path_factory: pytest.TempPathFactory) -> "Chrome":
    """The window with the page; opened once for the tests that follow each other."""
    place: Path = tmp_path_factory.getbasetemp() / "report.html"
    if chrome.current_url != place.as_uri():
        place.write_text(page_of_a_day(), encoding="utf-8")
        chrome.get_log("browser")  # reading it empties it
        chrome.get(place.as_uri())
    return chrome


def ask(browser: "Chrome", script: str, *arguments: object) -> Any:
    return browser.execute_script(f"return {script}", *arguments)


def test_the_page_loads_without_a_word_on_the_console_and_without_a_request(browser: "Chrome") -> None:
    assert browser.get_log("browser") == []
    assert ask(browser, "performance.getEntriesByType('resource').map(entry => entry.name)") == []
    assert ask(browser, "document.scripts.length") == 0


def test_the_parts_of_the_page_are_there_and_seen(browser: "Chrome") -> None:
    hidden = "arguments[0].filter(id => !document.getElementById(id)?.getBoundingClientRect().height)"
    assert ask(browser, hidden, list(_PARTS)) == []
    assert (
        ask(browser, "[...document.querySelectorAll('main svg')].filter(each => each.clientHeight < 100).length") == 0
    )


@pytest.mark.parametrize("width", [1300, 520])
def test_nothing_sticks_out_of_the_window(browser: "Chrome", width: int) -> None:
    browser.set_window_size(width, 900)
    assert ask(browser, "document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_link_unfolds_what_it_leads_to(browser: "Chrome") -> None:
    """The rows behind a number are folded away; following the link shows them, with no script on the page."""
    place = "document.getElementById('rows-failed').closest('details').open"
    assert ask(browser, place) is False
    browser.find_element("css selector", ".key-figures a[href='#rows-failed']").click()
    assert ask(browser, place) is True
