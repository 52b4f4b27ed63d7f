"""Ledgers of every earlier version are brought to this one: nothing is lost, and work goes on in them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from millrace.ledger import audit_log, reviewers
from millrace.ledger.alerts import alert_log
from millrace.ledger.annotations import annotations_for
from millrace.ledger.approvals import approvals_of
from millrace.ledger.queue import claim_next, enqueue
from millrace.ledger.requests import keep_replies, known_replies
from millrace.ledger.schema import SCHEMA_VERSION
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, task_history, tasks
from millrace.ports import ChatReply
from tests.support.ledger_tables import Rows, described, rows_of_tables
from tests.support.older_homes import older_ledger

EARLIER = range(1, SCHEMA_VERSION)
T0 = datetime(2026, 11, 16, 12, tzinfo=UTC)
REPLY = ChatReply("main", "yes", None, False, (), 1.0, 10, 2, None, "no price known")
HELD_UNTIL = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(params=EARLIER)
def version(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def older(version: int, tmp_path: Path) -> Path:
    return older_ledger(tmp_path / "ledger.sqlite", version)


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    return older_ledger(tmp_path / "ledger.sqlite", 1)


def in_both(before: Rows, after: Rows) -> tuple[Rows, Rows]:
    """What the two say of the tables and columns of the first; claims moved to a table of their own in version 2."""
    kept: list[Rows] = [{}, {}]
    for name, rows in before.items():
        columns = set(rows[0] if rows else ()) - {"claimed_by", "claim_expires_at"}
        for side, found in zip(kept, (rows, after[name]), strict=True):
            if name != "meta":
                side[name] = sorted(({column: row[column] for column in columns} for row in found), key=repr)
    return kept[0], kept[1]


def test_version_1_had_a_row_in_every_table(version_1: Path) -> None:
    assert all(rows_of_tables(version_1).values())


def test_every_row_of_every_table_is_kept(older: Path) -> None:
    before = rows_of_tables(older)
    Ledger.open(older).close()
    expected, found = in_both(before, rows_of_tables(older))
    assert found == expected


def test_the_old_state_is_kept_beside_it(older: Path, version: int) -> None:
    before = rows_of_tables(older)
    Ledger.open(older).close()
    assert rows_of_tables(older.with_name(f"ledger.sqlite.v{version}.bak")) == before
    assert rows_of_tables(older)["meta"] == [{"name": "schema_version", "value": str(SCHEMA_VERSION)}]


def test_a_migrated_ledger_has_the_tables_of_a_new_one(older: Path, tmp_path: Path) -> None:
    Ledger.open(older).close()
    Ledger.open(tmp_path / "new.sqlite").close()
    assert described(older) == described(tmp_path / "new.sqlite")


def test_what_came_later_can_be_used(older: Path) -> None:
    with Ledger.open(older) as ledger:
        keep_replies(ledger, {"k": REPLY}, "r1", T0)
        assert known_replies(ledger, ["k"], "r2") == {"k": REPLY}
        assert alert_log(ledger) == []
        assert reviewers.list_reviewers(ledger) == []
        audit_log.append(ledger, "backup-made", actor="ada", subject="b", details={}, at=T0)
        assert audit_log.head(ledger).sequence == 1
        assert {(each.proof, each.role) for each in approvals_of(ledger, "first")} == {(None, None)}


def test_tasks_claims_and_answers_of_version_1_are_read(version_1: Path) -> None:
    before = rows_of_tables(version_1)
    with Ledger.open(version_1) as ledger:
        standing = {task.task_id: task for task in tasks(ledger)}
        assert {name: task.status for name, task in standing.items()} == {
            row["task_id"]: row["status"] for row in before["tasks"]
        }
        assert {task.n_annotators for task in standing.values()} == {1}
        (held,) = (task for task in standing.values() if task.status == "claimed")
        assert (held.claimed_by, held.claim_expires_at) == ("bob", HELD_UNTIL)
        (answer,) = annotations_for(ledger)  # of the two, the one that replaced the other
        assert (answer.answer["expected_answer"], answer.adjudicates) == ("Corrected.", False)
        assert answer.replaces in {row["annotation_id"] for row in before["annotations"]}
        assert standing[answer.task_id].n_answers == 1
        assert len(task_history(ledger)) == len(before["task_events"])


def test_work_goes_on_in_it(version_1: Path) -> None:
    with Ledger.open(version_1) as ledger:
        open_before = [task.task_id for task in tasks(ledger) if task.status in ("pending", "claimed")]
        new = NewTask(task_id="new", question_key="new", tenant_id="t", position=1, payload=None, n_annotators=2)
        enqueue(ledger, [new], "r2", T0)
        claimed = []
        for name in ("bob", "cyd", "dan", "eve", "fay", "gil", "hal", "ivy", "jon"):
            claim = claim_next(ledger, name, T0, HELD_UNTIL)
            claimed.append(claim and claim.task_id)
        assert sorted(set(claimed[:-2])) == sorted(open_before)
        assert claimed[-2:] == ["new", "new"]
