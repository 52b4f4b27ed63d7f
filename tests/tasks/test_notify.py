"""A waiting approval tells people: through a saved Prefect block, over real HTTP, once, and never at the run's cost."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret

import tasks.approval
from blocks.names import NotificationName
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import queue
from millrace.ledger.journal import effects_of
from millrace.ledger.tasks import NewTask
from millrace.records.receipt import Receipt
from millrace.records.trace import utc
from tasks.approval import Decision, ask_person
from tasks.home import Home
from tasks.notify import Asking, Notice, check_notification, notify_person
from tests.support.approving import decide
from tests.support.reviewer import Reviewer
from tests.support.webhook import SECRET, Receiver, Reply, refused_url
from tests.tasks.turns import Turn, make_ratings

pytestmark = pytest.mark.prefect

AT = utc(2026, 11, 16)
NAME = NotificationName(name="custom-webhook/reviewers")
QUESTION = "What is the IBAN of Ann Miller?"  # stands for whatever people told the application

Receipts = Callable[[str], dict[str, Receipt]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, and wait shortly before another try: how long is Prefect's and no matter of these tests."""
    monkeypatch.setattr(tasks.approval, "POLL_INTERVAL_S", 0.2)
    monkeypatch.setattr(tasks.approval, "THIRTY_DAYS_S", 60)
    retried = notify_person._task
    monkeypatch.setattr(notify_person, "_task", retried.with_options(retry_delay_seconds=0.05))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        save(receiver.url)
        yield receiver


def save(url: str, **settings: Any) -> None:
    payload = {"subject": "{{subject}}", "body": "{{body}}"}
    block = CustomWebhookNotificationBlock(name="reviewers", url=url, json_data=payload, **settings)
    block.save("reviewers", overwrite=True)


def asking() -> Decision:
    make_ratings(3)
    title, page = "Approve week 2026-W46?", f"Page with {QUESTION}"
    return ask_person(title, page, permission="approve_week", minimum_completed=1, notify=NAME)


def queue_tasks(home: Home, n_tasks: int = 2) -> None:
    payload = {"estimated_minutes": 3.5, "question": QUESTION}
    new = [
        NewTask(task_id=f"t{i}", question_key=f"k{i}", tenant_id="a", position=i, payload=payload)
        for i in range(n_tasks)
    ]
    queue.enqueue(home.ledger, new, "run", AT)


REJECT = {"decision": "reject"}


@pytest.mark.usefixtures("prefect")
def test_one_message_says_which_run_what_is_pinned_how_much_there_is_to_do_and_how_to_decide(
    prefect: Turn, home: Home, receiver: Receiver
) -> None:
    queue_tasks(home)
    with Reviewer(home, [REJECT]) as reviewer:
        prefect(asking)
    (asked,) = reviewer.asked
    (sent,) = receiver.bodies
    assert sent["subject"] == "Approve week 2026-W46?"
    lines = sent["body"].splitlines()
    assert lines[:5] == [
        "Approve week 2026-W46? Run run waits for your decision.",
        f"Pinned: {asked.pinned_hash[:16]}",
        "Tasks: 2, 0 answered; an approval needs 1; about 7 minutes left",
        "Answer: millrace annotate next",
        "Decide: millrace approve run",
    ]
    (link,) = lines[5:]
    assert link.startswith("Or press Resume on http")
    assert link.endswith(f"/runs/flow-run/{asked.prefect_run_id}")


def test_nothing_that_anybody_told_the_application_is_sent(prefect: Turn, home: Home, receiver: Receiver) -> None:
    queue_tasks(home)
    with Reviewer(home, [{"decision": "extend", "note": QUESTION}, REJECT]) as reviewer:
        prefect(asking)
    assert all(QUESTION in each.markdown for each in reviewer.asked)
    assert len(receiver.bodies) == 2
    assert "IBAN" not in str(receiver.bodies)


def test_the_receipt_says_that_people_were_told_and_holds_no_address(
    prefect: Turn, home: Home, receiver: Receiver, receipts: Receipts
) -> None:
    with Reviewer(home, [REJECT]):
        prefect(asking)
    receipt = receipts("run")["notify-person"]
    assert receipt.output == {"block": NAME.name, "sent": True, "problem": None}
    assert SECRET not in receipt.model_dump_json()


def test_an_extension_tells_people_again_and_an_invalid_answer_does_not(
    prefect: Turn, home: Home, receiver: Receiver
) -> None:
    answers = [{"decision": "perhaps"}, {"decision": "extend"}, {"decision": ""}, REJECT]
    with Reviewer(home, answers) as reviewer:
        prefect(asking)
    assert [each.key for each in reviewer.asked] == ["approval-1", "approval-2", "approval-3", "approval-4"]
    first, second = receiver.bodies  # before the first answer and after the extension
    assert "given more time" not in first["body"]
    assert "It was given more time before." in second["body"]
    journal = [effect.key for effect in effects_of(home.ledger, "run")]
    assert journal == ["run/notify-person", "run/notify-person-2"]


def test_a_run_that_is_entered_again_tells_nobody_again(prefect: Turn, home: Home, receiver: Receiver) -> None:
    with Reviewer(home, [REJECT]):
        first = prefect(asking)
    assert prefect(asking) == first
    assert len(receiver.bodies) == 1


def test_what_was_decided_before_anybody_was_told_is_told_nobody(
    plain: Turn, prefect: Turn, home: Home, receiver: Receiver, receipts: Receipts
) -> None:
    with pytest.raises(BadInputError, match="waits for a decision"):
        plain(asking)
    decide(home, "run", "reject", at=AT)
    prefect(asking)
    assert receiver.bodies == []
    assert receipts("run")["notify-person"].output["problem"] == "it was decided before anybody was told"


def test_killed_between_telling_and_noting_it_the_run_tells_people_again(
    prefect: Turn, home: Home, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr("tasks.effect.journal.finish_effect", killed)
        with pytest.raises(SystemExit):
            prefect(asking)
    assert len(receiver.bodies) == 1
    with Reviewer(home, [REJECT]):
        prefect(asking)
    first, second = receiver.bodies
    assert first["body"].splitlines()[:5] == second["body"].splitlines()[:5]


def test_a_receiver_in_trouble_is_tried_again(prefect: Turn, home: Home, receipts: Receipts) -> None:
    with Receiver([Reply(500), Reply(503)]) as receiver, Reviewer(home, [REJECT]):
        save(receiver.url)
        prefect(asking)
    assert len(receiver.bodies) == 3
    assert receiver.bodies[0] == receiver.bodies[2]
    assert receipts("run")["notify-person"].output["sent"] is True
    assert receipts("run")["notify-person"].attempts == 3


@pytest.mark.parametrize(
    ("replies", "n_tries", "problem"),
    [
        ([Reply(500)] * 9, 4, "the receiver of custom-webhook/reviewers answered 500"),
        ([Reply(404)], 1, "the receiver of custom-webhook/reviewers answered 404"),
        ([Reply(302)], 1, "the receiver of custom-webhook/reviewers answered 302"),
    ],
)
def test_a_receiver_that_takes_nothing_costs_a_warning_and_the_run_waits_all_the_same(
    prefect: Turn,
    home: Home,
    receipts: Receipts,
    caplog: pytest.LogCaptureFixture,
    replies: list[Reply],
    n_tries: int,
    problem: str,
) -> None:
    with Receiver(replies) as receiver, Reviewer(home, [{"decision": "reject", "note": "seen"}]):
        save(receiver.url)
        assert prefect(asking).note == "seen"
    assert len(receiver.bodies) == n_tries
    assert receipts("run")["notify-person"].output == {"block": NAME.name, "sent": False, "problem": problem}
    assert f"nobody was told that this run waits: {problem}" in caplog.text
    assert SECRET not in caplog.text


def test_so_does_one_that_is_down(
    prefect: Turn, home: Home, receipts: Receipts, caplog: pytest.LogCaptureFixture
) -> None:
    save(refused_url())
    with Reviewer(home, [REJECT]):
        assert not prefect(asking).approved
    assert receipts("run")["notify-person"].output["problem"].endswith("could not be reached: ConnectError")
    assert SECRET not in caplog.text


def test_so_does_one_that_never_answers(prefect: Turn, home: Home, receipts: Receipts) -> None:
    released = threading.Event()
    with Receiver([Reply(released=released)] * 4) as receiver, Reviewer(home, [REJECT]):
        save(receiver.url, timeout=0.1)
        assert not prefect(asking).approved
        released.set()
    assert receipts("run")["notify-person"].output["problem"].endswith("could not be reached: ReadTimeout")


def test_so_does_a_block_that_was_deleted_since(prefect: Turn, home: Home, receipts: Receipts) -> None:
    save(refused_url())
    CustomWebhookNotificationBlock.delete("reviewers")
    with Reviewer(home, [REJECT]):
        assert not prefect(asking).approved
    assert receipts("run")["notify-person"].output["problem"].endswith("could not be used: ValueError")


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("custom-webhook/nobody", "no notification block 'custom-webhook/nobody': save one"),
        ("carrier-pigeon/team", "no notification block 'carrier-pigeon/team'"),
        ("secret/word", "the block 'secret/word' cannot notify"),
    ],
)
def test_a_name_that_cannot_notify_is_refused_before_anything_is_done(
    prefect: Turn, home: Home, name: str, message: str
) -> None:
    Secret(value="x").save("word", overwrite=True)

    def body() -> None:
        check_notification(NotificationName(name=name))
        make_ratings(3)

    with pytest.raises(NotFoundError, match=message):
        prefect(body)
    assert not (home.run_folder("run") / "receipts").exists()


def test_the_check_tells_nobody_and_asks_for_no_secret(prefect: Turn, receiver: Receiver) -> None:
    prefect(lambda: check_notification(NAME))
    prefect(lambda: check_notification(None), "other")
    assert receiver.bodies == []


def test_a_run_that_waits_goes_on_although_its_block_is_gone(plain: Turn, prefect: Turn, home: Home) -> None:
    def body() -> Decision:
        check_notification(NotificationName(name="custom-webhook/gone"))
        return asking()

    with pytest.raises(BadInputError, match="waits for a decision"):
        plain(body)  # outside Prefect there are no blocks to look for
    with Reviewer(home, [REJECT]):
        assert not prefect(body).approved


def test_what_was_told_survives_json() -> None:
    # as of every other step; see tests/flows/test_recorded_calls.py
    signature = notify_person.signature
    arguments = {"notify": NAME, "asking": Asking(key="k", title="t", pinned_hash="h", extended=True)}
    assert signature.from_json(signature.to_json(arguments)) == arguments
    notice = Notice(block=NAME.name, sent=False, problem="no")
    assert signature.result_from_json(signature.result_to_json(notice)) == notice
