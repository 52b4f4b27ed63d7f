"""Effects: done once in a run, again after a crash, with the result that was noted first."""

from collections.abc import Callable

import pytest

from millrace.errors import BadInputError, UnavailableError
from millrace.ledger import journal
from millrace.ledger.journal import effects_of
from millrace.records.base import Record
from millrace.records.receipt import Receipt
from tasks.approval import ask_person
from tasks.effect import effect
from tasks.home import Home
from tests.tasks.turns import Turn

Receipts = Callable[[str], dict[str, Receipt]]
SENT: list[str] = []


class Sent(Record):
    number: int


@pytest.fixture(autouse=True)
def _nothing_sent() -> None:
    SENT.clear()


@effect
def send(text: str) -> Sent:
    """Send a message."""
    SENT.append(text)
    return Sent(number=len(SENT))


@effect(retries=2)
def send_to_a_slow_service(text: str) -> int:
    SENT.append(text)
    if len(SENT) < 3:
        raise UnavailableError("the service is away")
    return len(SENT)


def test_an_effect_is_done_once_though_its_run_is_entered_again(turn: Turn, receipts: Receipts, home: Home) -> None:
    assert turn(lambda: send("hello")) == Sent(number=1)
    first = receipts("run")["send"]
    assert turn(lambda: send("hello")) == Sent(number=1)
    assert SENT == ["hello"]
    assert receipts("run")["send"] == first
    assert [(state.key, state.status) for state in effects_of(home.ledger, "run")] == [("run/send", "done")]


def test_another_run_and_another_call_do_it_again(turn: Turn) -> None:
    turn(lambda: (send("a"), send("b")), "one")
    assert turn(lambda: send("a"), "two") == Sent(number=3)
    assert SENT == ["a", "b", "a"]


def test_the_result_comes_from_the_journal_whatever_the_arguments_are_now(plain: Turn) -> None:
    plain(lambda: send("first"))
    SENT.extend(["elsewhere"] * 5)
    assert plain(lambda: send("second")) == Sent(number=1)


def test_a_crash_between_doing_and_noting_does_it_again(
    plain: Turn, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        pass

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(journal, "finish_effect", cut)
        with pytest.raises(PowerCut):
            plain(lambda: send("hello"))
    assert [state.status for state in effects_of(home.ledger, "run")] == ["intended"]
    assert plain(lambda: send("hello")) == Sent(number=2)
    assert SENT == ["hello", "hello"]
    assert plain(lambda: send("hello")) == Sent(number=2)
    assert len(SENT) == 2


def test_an_effect_that_fails_is_done_when_its_run_is_entered_again(
    turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(text: str) -> Sent:
        raise BadInputError("no such address")

    with monkeypatch.context() as patch:
        patch.setattr(send, "function", refuse)
        with pytest.raises(BadInputError, match="no such address"):
            turn(lambda: send("hello"))
    assert turn(lambda: send("hello")) == Sent(number=1)


def test_the_receipt_is_an_effects(turn: Turn, receipts: Receipts) -> None:
    turn(lambda: send("hello"))
    receipt = receipts("run")["send"]
    assert (receipt.step_type, receipt.key, receipt.function) == ("effect", "run/send", f"{__name__}:send")
    assert (receipt.arguments, receipt.output) == ({"text": "hello"}, {"number": 1})
    assert (receipt.cached, receipt.attempts) == (False, 1)


@pytest.mark.prefect
def test_an_effect_too_is_tried_again_when_that_may_help(
    prefect: Turn, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = send_to_a_slow_service._task.with_options(retry_delay_seconds=[0.01], retry_jitter_factor=0.0)
    monkeypatch.setattr(send_to_a_slow_service, "_task", quick)
    assert prefect(lambda: send_to_a_slow_service("x")) == 3
    assert receipts("run")["send-to-a-slow-service"].attempts == 3


@pytest.mark.prefect
def test_an_effect_is_never_taken_from_a_cache(prefect: Turn) -> None:
    prefect(lambda: send("same"), "one")
    prefect(lambda: send("same"), "two")
    assert SENT == ["same", "same"]


def test_effects_before_a_pause_are_not_done_again_after_it(plain: Turn) -> None:
    def body() -> None:
        send("before")
        ask_person("Approve?", "page", permission="approve_week")

    for _ in range(2):
        with pytest.raises(BadInputError, match="waits for a decision"):
            plain(body)
    assert SENT == ["before"]
