"""Pushing over real HTTP: what arrives, what is said when it does not, and that no address is ever told."""

import logging
import threading
import traceback

import pytest
from prometheus_client import CollectorRegistry, Gauge
from pydantic import BaseModel

from blocks.pushgateway import PushgatewayUrl, push_metrics, pushgateway_address
from millrace.errors import BadInputError, MillraceError, UnavailableError
from tests.support.pushgateway import PASSWORD, USER, Gateway


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    Gauge("millrace_x", "X.", registry=made).set(3)
    return made


def push(address: str, registry: CollectorRegistry, timeout_s: float = 5.0) -> None:
    push_metrics(address, registry, job="millrace", grouping={"tenant_scope": "a/b c"}, timeout_s=timeout_s)


def test_one_grouping_key_is_replaced_with_the_exposition(registry: CollectorRegistry) -> None:
    with Gateway() as gateway:
        push(f"{gateway.origin}/", registry)
    (sent,) = gateway.pushes
    assert sent.method == "PUT"
    assert sent.path == "/metrics/job/millrace/tenant_scope@base64/YS9iIGM="
    assert sent.content_type.startswith("text/plain; version=0.0.4")
    assert "millrace_x 3.0\n" in sent.text
    assert sent.user is None


def test_the_password_of_the_address_is_sent_as_basic_authentication(registry: CollectorRegistry) -> None:
    with Gateway() as gateway:
        push(gateway.url_with_password, registry)
    assert (gateway.pushes[0].user, gateway.pushes[0].password) == (USER, PASSWORD)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, UnavailableError) for status in (429, 500, 503)),
        *((status, BadInputError) for status in (301, 302, 400, 401)),
    ],
)
def test_what_the_gateway_answers_decides_whether_to_try_again(
    registry: CollectorRegistry, status: int, kind: type[MillraceError]
) -> None:
    with Gateway([status]) as gateway, pytest.raises(kind, match=f"^the Pushgateway answered {status}$"):
        push(gateway.origin, registry)
    assert len(gateway.pushes) == 1  # a redirection is not followed: it could lead anywhere


def test_a_gateway_that_is_down_or_silent_may_come_back(registry: CollectorRegistry) -> None:
    released = threading.Event()
    with Gateway(released=released) as gateway:
        with pytest.raises(UnavailableError, match="could not be reached: TimeoutError"):
            push(gateway.origin, registry, timeout_s=0.1)
        released.set()
    with pytest.raises(UnavailableError, match="could not be reached: ConnectionRefusedError"):
        push(gateway.origin, registry)


@pytest.mark.parametrize(
    "address",
    ["", "host:9091", "ftp://h:hunter2@x", "http://", "http://h:hunter2", "http://[h", "http://u:hunter2@h:99999"],
)
def test_what_is_no_web_address_is_refused_without_being_shown(registry: CollectorRegistry, address: str) -> None:
    with pytest.raises(BadInputError, match="is no web address") as caught:
        push(address, registry)
    assert "hunter2" not in str(caught.value)


def test_no_error_and_no_log_holds_the_address(registry: CollectorRegistry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    with Gateway([500, 403]) as gateway:
        address = gateway.url_with_password
        for _ in range(2):
            with pytest.raises(MillraceError) as caught:
                push(address, registry)
            told.append("".join(traceback.format_exception(caught.value, chain=True)) + str(caught.value.details))
    with pytest.raises(MillraceError) as caught:
        push(address, registry)
    told.append("".join(traceback.format_exception(caught.value, chain=True)))
    for text in (*told, caplog.text):
        assert "gate" + "way-token" not in text
        assert "%2Fway-token" not in text
        assert gateway.origin.removeprefix("http://") not in text


class _Settings(BaseModel):
    gateway: PushgatewayUrl | None = None


@pytest.mark.parametrize(
    "url", ["http://u:hunter2@h:9091", "http://hunter2@h", "http://h/?token=hunter2", "http://h/#hunter2"]
)
def test_settings_take_no_secrets_and_say_where_they_belong(url: str) -> None:
    with pytest.raises(BadInputError, match="MILLRACE_PUSHGATEWAY") as caught:
        _Settings(gateway=url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value, chain=True))


def test_the_setting_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLRACE_PUSHGATEWAY", raising=False)
    assert pushgateway_address(None) is None
    monkeypatch.setenv("MILLRACE_PUSHGATEWAY", "http://u:p@there")
    assert pushgateway_address(None) == "http://u:p@there"
    assert pushgateway_address(_Settings(gateway="https://here:1/base").gateway) == "https://here:1/base"
