import logging
from typing import Any

import httpx
import pytest

from tasks import run


def test_outside_prefect_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "create_markdown_artifact", lambda *_, **__: pytest.fail("there is no page"))
    run.show_in_prefect("# Report", "report", "Week 46")


def test_a_server_that_fails_costs_the_page_its_text_and_not_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[Any] = []

    def locked(markdown: str, **about: Any) -> None:
        asked.append((markdown, about))
        request = httpx.Request("POST", "http://127.0.0.1/api/artifacts/")
        raise httpx.HTTPStatusError("500", request=request, response=httpx.Response(500, request=request))

    monkeypatch.setattr(run, "create_markdown_artifact", locked)
    monkeypatch.setattr(run, "in_prefect", lambda: True)
    monkeypatch.setattr(run, "log", lambda: logging.getLogger("test"))
    run.show_in_prefect("# Report", "report", "Week 46")
    assert asked == [("# Report", {"key": "report", "description": "Week 46"})]
    assert "did not take report" in caplog.text
