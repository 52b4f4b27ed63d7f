"""Requests are kept without a name; what an erasure changes in the ledger is whole, and done once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.errors import NotFoundError
from millrace.ledger import catalogue, erasures, pins, pointers, queue, requests, subjects
from millrace.ledger.annotations import annotations_for, submit
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, task_history, tasks
from millrace.ports import ChatReply

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ANN, BOB = "a" * 64, "b" * 64
OLD, NEW = (DatasetRef(kind="traces", content_hash=digit * 64, rows=n) for digit, n in (("1", 3), ("2", 2)))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        yield opened


def test_a_request_is_found_by_its_handle_and_ends(ledger: Ledger) -> None:
    erasures.add_request(ledger, "e-1", subject_hash=ANN, tenant_hash=None, requested_by="ada", at=NOW)
    again = erasures.add_request(ledger, "e-1", subject_hash=BOB, tenant_hash=None, requested_by="eve", at=NOW)
    assert (again.subject_hash, again.status) == (ANN, "requested")
    erasures.end_request(ledger, "e-1", "partial", "run", NOW)
    (known,) = erasures.list_requests(ledger)
    assert (known.status, known.run_id, known.finished_at) == ("partial", "run", NOW)
    with pytest.raises(NotFoundError, match="no erasure request 'e-2'"):
        erasures.request_of(ledger, "e-2")


def test_tasks_go_with_everything_about_them(ledger: Ledger) -> None:
    new = [NewTask(task_id=t, question_key=t, tenant_id="mill", position=1, payload={"t": t}) for t in ("t1", "t2")]
    queue.enqueue(ledger, new, "run", NOW)
    for task in ("t1", "t2"):
        submit(ledger, task, "ada", {"verdict": "ok"}, NOW)
        submit(ledger, task, "ada", {"verdict": "hallucination"}, NOW)  # replaces the first
    counts = erasures.delete_tasks(ledger, ["t1"])
    assert (counts["tasks"], counts["annotations"]) == (1, 2)
    assert [task.task_id for task in tasks(ledger)] == ["t2"]
    assert {each.task_id for each in annotations_for(ledger)} == {"t2"}
    assert {event.task_id for event in task_history(ledger)} == {"t2"}
    assert not any(erasures.delete_tasks(ledger, ["t1"]).values())


def register(ledger: Ledger, ref: DatasetRef, run_id: str = "import") -> int:
    return catalogue.register(ledger, ref, time_from=NOW, time_to=NOW, tenants=["mill", "dam"], run_id=run_id, at=NOW)


def replace(ledger: Ledger, **changed: object) -> None:
    given = {"subject_hash": ANN, "keeps_subject": False, "tenants": ["mill"], "reason": "erased", "at": NOW}
    erasures.replace_dataset(ledger, OLD, NEW, **(given | changed))  # type: ignore[arg-type]


def test_a_successor_takes_the_place_and_the_old_is_buried(ledger: Ledger) -> None:
    sequence = register(ledger, OLD)
    subjects.index_subjects(ledger, OLD.content_hash, [("user", ANN), ("user", BOB)])
    replace(ledger)
    replace(ledger)  # of an entry that was killed
    (now,) = catalogue.resolve_window(ledger, "traces", NOW, datetime(2026, 11, 21, tzinfo=UTC))
    assert (now.ref, now.sequence, now.run_id, now.tenants) == (NEW, sequence, "import", ["mill"])
    (old,) = catalogue.find(ledger, OLD.content_hash)
    assert (old.buried_reason, old.ref) == ("erased", OLD)
    assert subjects.datasets_of_subject(ledger, "user", ANN) == []
    assert subjects.datasets_of_subject(ledger, "user", BOB) == [NEW.content_hash]


def test_a_successor_that_is_there_already_stays_what_it_is(ledger: Ledger) -> None:
    register(ledger, OLD)
    other = register(ledger, NEW, "other")
    replace(ledger)
    (now,) = catalogue.resolve_window(ledger, "traces", NOW, datetime(2026, 11, 21, tzinfo=UTC))
    assert (now.sequence, now.run_id) == (other, "other")


def test_a_person_of_two_tenants_stays_indexed_for_the_other(ledger: Ledger) -> None:
    register(ledger, OLD)
    subjects.index_subjects(ledger, OLD.content_hash, [("user", ANN)])
    replace(ledger, keeps_subject=True)
    assert subjects.datasets_of_subject(ledger, "user", ANN) == [NEW.content_hash]


def test_prose_is_rewritten_everywhere_or_nowhere(ledger: Ledger) -> None:
    pins.pin(ledger, "run", "page", {"text": "zanzibar"})
    pointers.set_pointer(ledger, "golden/main", {"reason": "zanzibar"}, NOW, "run")

    def change(value: object) -> object:
        return {"text": "[erased]"} if "zanzibar" in str(value) else value

    with suppress(ZeroDivisionError), ledger.write():
        erasures.rewrite_prose(ledger, change)
        raise ZeroDivisionError
    assert pins.pins_of(ledger, "run")["page"] == {"text": "zanzibar"}
    assert erasures.rewrite_prose(ledger, change) == {"pins": 1, "pointer_history": 1}
    assert not any("zanzibar" in str(value) for _, value in erasures.prose_values(ledger))
    assert erasures.rewrite_prose(ledger, change) == {}


def reply(text: str) -> ChatReply:
    return ChatReply(
        model="m",
        text=text,
        fault=None,
        truncated=False,
        retried_for=(),
        duration_ms=1.0,
        input_tokens=None,
        output_tokens=None,
        cost_usd=None,
        cost_reason=None,
    )


def test_replies_go_by_run_and_by_text(ledger: Ledger) -> None:
    for key, run, text in (("k1", "r1", "a"), ("k2", "r2", "zanzibar"), ("k3", "r2", "b")):
        requests.keep_replies(ledger, {key: reply(text)}, run, NOW)
    given = ({"r1"}, lambda text: "zanzibar" in text)
    assert erasures.count_requests(ledger, *given) == erasures.delete_requests(ledger, *given) == 2
    assert list(requests.known_replies(ledger, ["k1", "k2", "k3"], "r9")) == ["k3"]


def test_no_byte_of_what_was_deleted_is_left_in_the_file(ledger: Ledger, tmp_path: Path) -> None:
    new = [NewTask(task_id="t1", question_key="t1", tenant_id="mill", position=1, payload={"q": "zanzibar" * 900})]
    queue.enqueue(ledger, new, "run", NOW)
    erasures.delete_tasks(ledger, ["t1"])
    assert erasures.free_deleted_pages(ledger) is None
    for path in tmp_path.iterdir():
        assert b"zanzibar" not in path.read_bytes()


def test_pages_that_were_freed_before_are_written_anew_too(ledger: Ledger, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as raw:
        raw.execute("PRAGMA secure_delete=OFF")
        raw.execute("INSERT INTO meta VALUES ('x', ?)", ("zanzibar" * 2000,))
        raw.commit()
        raw.execute("DELETE FROM meta WHERE name = 'x'")
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"zanzibar" in (tmp_path / "ledger.sqlite").read_bytes()
    assert erasures.free_deleted_pages(ledger) is None
    assert b"zanzibar" not in (tmp_path / "ledger.sqlite").read_bytes()
