"""Every kind of notification block sends, and fails, in the same few ways; no failure tells an address."""

import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook

from blocks.notification import check_notification, send_notification
from millrace.errors import BadInputError, NotFoundError, UnavailableError
from tests.support.webhook import SECRET, Receiver, Reply, refused_url

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_server")]

CUSTOM = "custom-webhook/kinds"


class PagerBlock(NotificationBlock):
    """A block type of somebody's own that can only be awaited."""

    _block_type_name = "Test pager"
    _block_type_slug = "test-pager"

    sent: Any = None

    async def notify(self, body: str, subject: str | None = None) -> None:  # type: ignore[override]
        PAGED.append((subject, body))


PAGED: list[tuple[str | None, str]] = []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def save_custom(url: str, **settings: Any) -> None:
    payload = {"text": "{{subject}}: {{body}}"}
    block = CustomWebhookNotificationBlock(name="kinds", url=url, json_data=payload, **settings)
    block.save("kinds", overwrite=True)


def failure() -> Exception:
    with pytest.raises((BadInputError, UnavailableError)) as raised:
        send_notification(CUSTOM, "Subject", "Body")
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    return raised.value


def test_a_webhook_gets_subject_and_body(receiver: Receiver) -> None:
    save_custom(receiver.url)
    send_notification(CUSTOM, "Subject", "Body")
    assert receiver.bodies == [{"text": "Subject: Body"}]


def test_so_does_a_block_that_sends_through_apprise_as_slack_and_teams_do(receiver: Receiver) -> None:
    SlackWebhook(url=receiver.url.replace("http:", "json:")).save("kinds", overwrite=True)
    send_notification("slack-webhook/kinds", "Subject", "Body")
    (sent,) = receiver.bodies
    assert (sent["title"], sent["message"]) == ("Subject", "Body")


def test_and_one_that_can_only_be_awaited() -> None:
    PagerBlock().save("kinds", overwrite=True)
    check_notification("test-pager/kinds")
    send_notification("test-pager/kinds", "Subject", "Body")
    assert PAGED == [("Subject", "Body")]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, UnavailableError), (503, UnavailableError), (429, UnavailableError), (400, BadInputError)],
)
def test_trouble_may_heal_and_a_refusal_does_not(status: int, expected: type[Exception]) -> None:
    with Receiver([Reply(status)]) as receiver:
        save_custom(receiver.url)
        assert type(failure()) is expected


@pytest.mark.parametrize(
    ("status", "taken"), [(500, "no"), (404, "no"), (302, "no"), (408, None), (502, None), (504, None)]
)
def test_a_clear_answer_says_that_nothing_was_taken(status: int, taken: str | None) -> None:
    with Receiver([Reply(status)]) as receiver:
        save_custom(receiver.url)
        assert failure().details.get("taken") == taken


def test_nobody_there_took_nothing_and_who_is_late_may_have() -> None:
    save_custom(refused_url())
    assert failure().details == {"taken": "no"}
    released = threading.Event()
    with Receiver([Reply(released=released)]) as receiver:
        save_custom(receiver.url, timeout=0.1)
        assert failure().details == {}
        released.set()


@pytest.mark.parametrize(("replies", "taken"), [([Reply(404)], "no"), (None, None)])
def test_of_what_apprise_swallows_only_an_answer_is_clear(replies: list[Reply] | None, taken: str | None) -> None:
    with Receiver(replies or []) as receiver:
        url = receiver.url if replies else refused_url()
        SlackWebhook(url=url.replace("http:", "json:")).save("kinds", overwrite=True)
        with pytest.raises(UnavailableError) as raised:
            send_notification("slack-webhook/kinds", "Subject", "Body")
    assert raised.value.details.get("taken") == taken


def test_nobody_there_may_heal() -> None:
    save_custom(refused_url())
    assert isinstance(failure(), UnavailableError)


def test_no_answer_in_time_may_heal() -> None:
    released = threading.Event()
    with Receiver([Reply(released=released)]) as receiver:
        save_custom(receiver.url, timeout=0.1)
        assert isinstance(failure(), UnavailableError)
        released.set()


def test_a_failure_that_apprise_swallows_is_one_too() -> None:
    SlackWebhook(url=refused_url().replace("http:", "json:")).save("kinds", overwrite=True)
    with pytest.raises(UnavailableError, match="slack-webhook/kinds could not be reached"):
        send_notification("slack-webhook/kinds", "Subject", "Body")


def test_a_name_without_a_block_is_refused() -> None:
    with pytest.raises(NotFoundError, match="no notification block 'custom-webhook/no-such'"):
        check_notification("custom-webhook/no-such")
    with pytest.raises(BadInputError, match="could not be used"):
        send_notification("custom-webhook/no-such", "Subject", "Body")
