from datetime import timedelta

import pytest

from millrace.errors import BadInputError
from millrace.monitoring.alert_message import Message, alert_message, scope_text
from tests.support.alert_sender import fired


def message(*names: str, **settings: object) -> Message:
    values: dict[str, object] = {"scope": "all tenants", "run_id": "r1", "report": None, "quiet": timedelta(minutes=5)}
    return alert_message([fired(name) for name in names], **values | settings)  # type: ignore[arg-type]


def test_the_title_has_severity_and_rule() -> None:
    assert message("no-traffic").title == "Critical: no-traffic"


def test_the_title_of_many_stays_short() -> None:
    assert message("a", "b", "c").title == "3 critical: a, b, c"
    assert message("a", "b", "c", "d", "e").title == "5 critical: a, b, c, 2 more"


def test_without_a_report_the_command_is_named_that_shows_it() -> None:
    assert message("a").body.splitlines()[-3:] == [
        "Day 2026-11-20, all tenants, run r1",
        "Report: millrace report r1",
        "All alerts: millrace alerts. None of these is sent again within 5 minutes.",
    ]


def test_no_alerts_make_no_message() -> None:
    with pytest.raises(BadInputError, match="nothing to tell"):
        message()


@pytest.mark.parametrize(
    ("tenants", "text"),
    [(None, "all tenants"), (["b", "a", "b"], "tenants a, b"), (["a"], "tenant a"), ([], "tenants none")],
)
def test_a_scope_is_the_same_text_for_the_same_tenants(tenants: list[str] | None, text: str) -> None:
    assert scope_text(tenants) == text
