"""Alerts reach their receivers over real HTTP: each once, all of a run in one message, nothing of a trace in it."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prefect.blocks.notifications import SlackWebhook

import blocks.notification
import tasks.alerts
from blocks.names import NotificationName
from millrace.errors import BadInputError
from millrace.ledger.alerts import alert_log
from millrace.records.monitoring import AlertDelivery, FiredAlert
from millrace.records.receipt import Receipt
from tasks.alerts import send_alerts
from tasks.home import Home
from tests.support.alert_sender import RECEIVER, START, fired, webhook
from tests.support.webhook import SECRET, Receiver, Reply, refused_url
from tests.tasks.turns import Turn

SLACK = NotificationName(name="slack-webhook/team")
Receipts = Callable[[str], dict[str, Receipt]]


class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def after(self, minutes: float) -> None:
        self.now = START + timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(tasks.alerts, "utc_now", clock)
    return clock


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Blocks by name; a test without a Prefect server puts them here, everything behind is real."""
    blocks_by_name: dict[str, object] = {}
    monkeypatch.setattr(blocks.notification, "_load", blocks_by_name.__getitem__)
    return blocks_by_name


@pytest.fixture
def receiver(saved: dict[str, object]) -> Iterator[Receiver]:
    with Receiver() as receiver:
        saved[RECEIVER.name] = webhook(receiver.url)
        yield receiver


def send(*alerts: FiredAlert, to: NotificationName = RECEIVER, **settings: object) -> Callable[[], object]:
    return lambda: send_alerts(list(alerts) or [fired()], [to], **settings)  # type: ignore[arg-type]


def outcomes(deliveries: list[AlertDelivery]) -> list[str]:
    return [each.outcome for each in deliveries]


def test_one_message_tells_all_alerts_of_the_run(plain: Turn, receiver: Receiver) -> None:
    other = fired("metric-dropped", "faithfulness", severity="warning", playbook="answer-quality")
    sent = plain(send(fired(), other, tenants=["b", "a"], report="eval_reports/daily/report.html"))
    assert sent == [AlertDelivery(key=each.key, outcome="sent", receiver=RECEIVER.name) for each in (fired(), other)]
    (message,) = receiver.bodies
    assert message["subject"] == "1 critical, 1 warning: groundedness-dropped, metric-dropped [faithfulness]"
    assert message["body"].split("\n") == [
        "CRITICAL groundedness-dropped",
        "Answers are less supported by their passages: 0.41.",
        "hallucination/groundedness: 0.41; held against: 15 % below the median 0.75 of 7 days",
        "What to do: docs/playbooks/groundedness.md",
        "",
        "WARNING metric-dropped [faithfulness]",
        "Answers are less supported by their passages: 0.41.",
        "hallucination/groundedness [faithfulness]: 0.41; held against: 15 % below the median 0.75 of 7 days",
        "What to do: docs/playbooks/answer-quality.md",
        "",
        "Day 2026-11-20, tenants a, b, run run",
        f"Report: {Path('eval_reports/daily/report.html').absolute()}",
        "All alerts: millrace alerts. None of these is sent again within 30 minutes.",
    ]


def test_a_run_that_is_entered_again_gives_what_was_recorded(plain: Turn, receiver: Receiver, clock: Clock) -> None:
    first = plain(send())
    clock.after(600)
    assert plain(send()) == first
    assert len(receiver.bodies) == 1


def test_killed_after_sending_the_run_remembers_it_however_late_it_goes_on(
    plain: Turn, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr("tasks.effect.journal.finish_effect", killed)
        with pytest.raises(SystemExit):
            plain(send())
    clock.after(600)
    assert outcomes(plain(send())) == ["sent"]
    assert len(receiver.bodies) == 1


def test_another_run_is_silent_for_thirty_minutes_and_then_tells_again(
    plain: Turn, receiver: Receiver, clock: Clock
) -> None:
    plain(send(), "first")
    clock.after(29.9)
    (suppressed,) = plain(send(), "second")
    assert (suppressed.outcome, suppressed.last_sent_at, suppressed.problem) == ("suppressed", START, None)
    clock.after(30)
    assert outcomes(plain(send(), "third")) == ["sent"]
    assert len(receiver.bodies) == 2


def test_of_several_alerts_the_new_ones_are_told(plain: Turn, receiver: Receiver) -> None:
    plain(send(), "first")
    other = fired("no-traffic")
    assert outcomes(plain(send(fired(), other), "second")) == ["suppressed", "sent"]
    assert receiver.bodies[1]["subject"] == "Critical: no-traffic"
    assert "groundedness-dropped" not in receiver.bodies[1]["body"]


def test_alerts_of_other_tenants_are_other_alerts(plain: Turn, receiver: Receiver) -> None:
    sent = [plain(send(tenants=tenants), f"run-{place}") for place, tenants in enumerate([None, ["a"], ["b", "a"]])]
    assert [outcomes(each) for each in sent] == [["sent"]] * 3
    assert outcomes(plain(send(tenants=["a", "b", "a"]), "again")) == ["suppressed"]


def test_without_a_receiver_alerts_are_kept_in_the_ledger(plain: Turn, home: Home) -> None:
    (delivery,) = plain(lambda: send_alerts([fired()], []))
    assert delivery == AlertDelivery(key=fired().key, outcome="no_receiver")
    assert [(each.status, each.alert) for each in alert_log(home.ledger)] == [("no_receiver", fired())]


def test_without_an_alert_nobody_is_told(plain: Turn, receiver: Receiver) -> None:
    assert plain(lambda: send_alerts([], [RECEIVER])) == []
    assert receiver.bodies == []


def test_a_receiver_named_twice_is_told_once(plain: Turn, receiver: Receiver) -> None:
    assert outcomes(plain(lambda: send_alerts([fired()], [RECEIVER, RECEIVER]))) == ["sent"]
    assert len(receiver.bodies) == 1


def test_a_receiver_in_trouble_keeps_nobody_else_from_being_told(plain: Turn, saved: dict[str, object]) -> None:
    saved[SLACK.name] = SlackWebhook(url="json://localhost:1/x")
    with Receiver() as receiver:
        saved[RECEIVER.name] = webhook(receiver.url)
        deliveries = plain(lambda: send_alerts([fired()], [SLACK, RECEIVER]))
    assert [(each.receiver, each.outcome) for each in deliveries] == [(SLACK.name, "not_sent"), (RECEIVER.name, "sent")]


@pytest.mark.parametrize(
    ("status", "problem"), [(500, "answered 500"), (503, "answered 503"), (404, "answered 404"), (302, "answered 302")]
)
def test_who_refuses_or_is_in_trouble_can_be_told_by_the_next_run(
    plain: Turn, saved: dict[str, object], caplog: pytest.LogCaptureFixture, status: int, problem: str
) -> None:
    with Receiver([Reply(status)]) as receiver:
        saved[RECEIVER.name] = webhook(receiver.url)
        (refused,) = plain(send(), "first")
        assert (refused.outcome, refused.problem) == ("not_sent", f"the receiver of {RECEIVER.name} {problem}")
        assert outcomes(plain(send(), "second")) == ["sent"]
    assert f"nobody was told of 1 alerts: the receiver of {RECEIVER.name} {problem}" in caplog.text
    assert SECRET not in caplog.text


def test_so_can_who_could_not_be_reached(plain: Turn, saved: dict[str, object]) -> None:
    saved[RECEIVER.name] = webhook(refused_url())
    (lost,) = plain(send(), "first")
    assert lost.problem == f"the receiver of {RECEIVER.name} could not be reached: ConnectError"
    with Receiver() as receiver:
        saved[RECEIVER.name] = webhook(receiver.url)
        assert outcomes(plain(send(), "second")) == ["sent"]


def test_and_a_block_that_was_not_there(plain: Turn, receiver: Receiver, saved: dict[str, object]) -> None:
    block = saved.pop(RECEIVER.name)
    (lost,) = plain(send(), "first")
    assert lost.problem == f"the block {RECEIVER.name} could not be used: KeyError"
    saved[RECEIVER.name] = block
    assert outcomes(plain(send(), "second")) == ["sent"]


def test_who_does_not_answer_in_time_may_have_been_told_and_is_left_alone_for_thirty_minutes(
    plain: Turn, saved: dict[str, object], clock: Clock
) -> None:
    released = threading.Event()
    with Receiver([Reply(released=released)]) as receiver:
        saved[RECEIVER.name] = webhook(receiver.url, timeout=0.1)
        (lost,) = plain(send(), "first")
        released.set()
        assert lost.outcome == "not_sent"
        assert lost.problem == (
            f"the receiver of {RECEIVER.name} could not be reached: ReadTimeout; it may have arrived all the same"
        )
        clock.after(29)
        (held,) = plain(send(), "second")
        assert (held.outcome, held.last_sent_at) == ("suppressed", START)
        assert "counts as sent" in held.problem
        clock.after(30)
        assert outcomes(plain(send(), "third")) == ["sent"]
        assert len(receiver.bodies) == 2


@pytest.mark.parametrize("status", [408, 502, 504])
def test_so_is_who_is_behind_something_that_gave_up_waiting(plain: Turn, saved: dict[str, object], status: int) -> None:
    with Receiver([Reply(status)]) as receiver:
        saved[RECEIVER.name] = webhook(receiver.url)
        assert outcomes(plain(send(), "first")) == ["not_sent"]
        assert outcomes(plain(send(), "second")) == ["suppressed"]


def test_a_quiet_time_of_nothing_is_refused(plain: Turn) -> None:
    with pytest.raises(BadInputError, match="quiet time"):
        plain(send(suppress_minutes=0))


def test_the_receipt_holds_no_address(plain: Turn, receiver: Receiver, receipts: Receipts) -> None:
    plain(send())
    receipt = receipts("run")["send-alerts"]
    assert receipt.output[0]["outcome"] == "sent"
    assert SECRET not in receipt.model_dump_json()


def test_arguments_and_result_survive_json() -> None:
    arguments = {
        "alerts": [fired()], "receivers": [RECEIVER], "tenants": ["a"], "report": None, "suppress_minutes": 5.0
    }  # fmt: skip
    assert send_alerts.signature.from_json(send_alerts.signature.to_json(arguments)) == arguments
    deliveries = [AlertDelivery(key=fired().key, outcome="suppressed", last_sent_at=START)]
    assert send_alerts.signature.result_from_json(send_alerts.signature.result_to_json(deliveries)) == deliveries


@pytest.mark.prefect
def test_in_prefect_a_receiver_in_trouble_is_tried_again_and_the_others_are_told_once(
    prefect: Turn, home: Home, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = send_alerts._task.with_options(retry_delay_seconds=0.05)
    monkeypatch.setattr(send_alerts, "_task", quick)
    other = NotificationName(name="custom-webhook/others")
    with Receiver([Reply(500), Reply(503)]) as troubled, Receiver() as well:
        webhook(troubled.url).save("on-call", overwrite=True)
        webhook(well.url).save("others", overwrite=True)
        deliveries = prefect(lambda: send_alerts([fired()], [RECEIVER, other]))
    assert outcomes(deliveries) == ["sent", "sent"]
    assert (len(troubled.bodies), len(well.bodies)) == (3, 1)
    assert receipts("run")["send-alerts"].attempts == 3
    assert [each.status for each in alert_log(home.ledger)] == ["sent", "sent"]
