"""Prefect's user interface in a headless Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.processes import wait_for

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
    "--window-size=1200,1300",
)
_TIMEOUT_S = 45.0


@contextmanager
def chromium(folder: Path) -> Iterator["Chrome"]:
    """A browser with an empty profile; skips the test where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its driver here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (*_ARGUMENTS, f"--user-data-dir={folder / 'chromium'}"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


class RunPage:
    """The page of one flow run, and the form behind its Resume button."""

    def __init__(self, browser: "Chrome", url: str, pictures: Path) -> None:
        self._browser, self._pictures = browser, pictures
        self._url = url

    def open(self) -> None:
        self._browser.get(self._url)

    def wait_for_badge(self, state: str) -> None:
        self._element(f"//span[normalize-space()='{state}']")

    def open_form(self) -> str:
        """Press Resume; gives the text above the form."""
        self._element("//button[normalize-space()='Resume']").click()
        self._field("Decision")
        return self._element("//*[@role='dialog']//article").text

    def fill(self, **fields: str) -> None:
        """Type into the form's fields, named by the beginnings of their labels."""
        for label, text in fields.items():
            field = self._field(label)
            field.clear()
            field.send_keys(text)

    def submit(self) -> None:
        self._element("//*[@role='dialog']//button[normalize-space()='Submit']").click()

    def wait_for_text(self, text: str) -> None:
        self._element(f"//*[contains(normalize-space(text()), '{text}')]")

    def hidden_px(self) -> int:
        """How much of the text above the form lies beyond its right edge."""
        text = self._element("//*[@role='dialog']//article")
        return int(self._browser.execute_script("return arguments[0].scrollWidth - arguments[0].clientWidth", text))

    def picture(self, name: str) -> None:
        self._browser.save_screenshot(str(self._pictures / f"{name}.png"))

    def _field(self, label: str) -> "WebElement":
        labels = f"//*[@role='dialog']//label[starts-with(normalize-space(), '{label}')]"
        return self._element(f"{labels}/following::*[self::textarea or self::input][1]")

    def _element(self, path: str) -> "WebElement":
        """The first shown element, once there is one."""

        from selenium.common.exceptions import StaleElementReferenceException

        def look() -> "WebElement | None":
            found = self._browser.find_elements("xpath", path)
            try:
                return next((each for each in found if each.is_displayed()), None)
            except StaleElementReferenceException:  # the page has just drawn itself anew
                return None

        return wait_for(path, look, _TIMEOUT_S, self._explain)

    def _explain(self) -> str:
        self.picture("failure")
        return (
            f"the page is in {self._pictures / 'failure.png'}; it says\n"
            + self._browser.find_element("tag name", "body").text
        )
