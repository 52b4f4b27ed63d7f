"""The home's audit log: what it is told, its witness, its anchors, and what a look finds after somebody was at it."""

import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.signing_key import make_key, open_signer
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import audit_log
from millrace.ledger.audit_rows import hash_at, stored_rows
from millrace.records.governance import AuditHead
from tasks.audit_anchors import ANCHOR_VARIABLE, anchor_line, anchors_in, append_line
from tasks.audit_log import HEAD_FILE, move_witness, tell_audit_log, tell_once, witness_of
from tasks.audit_verification import verify_audit_log
from tasks.home import Home
from tasks.run import utc_now

Problems = list[tuple[str, int | None, str | None]]


def tell(home: Home, n: int = 1) -> None:
    for number in range(n):
        tell_audit_log(home, "approval-decided", actor="ada", subject=f"run-{number}", details={"n": number})


def found(home: Home, *anchors: Path) -> Problems:
    verdict = verify_audit_log(home, anchors)
    assert verdict.verified == (verdict.n_findings == 0)
    return [(each.problem, each.sequence, each.witness) for each in verdict.findings]


def at_the_file(home: Home, *statements: str) -> None:
    """What somebody does who has the database in hand: the rules against it go first."""
    home.ledger.close()
    with sqlite3.connect(home.root / "ledger.sqlite") as connection:
        for name in ("no_update", "no_delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS audit_log_{name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_an_empty_home_and_a_log_that_was_only_told_verify(home: Home) -> None:
    assert found(home) == []
    tell(home, 3)
    assert found(home) == []
    assert witness_of(home) == audit_log.head(home.ledger)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE audit_log SET actor = 'eve' WHERE sequence = 2", [("edited", 2, None)]),
        ("UPDATE audit_log SET at = at + 1 WHERE sequence = 2", [("edited", 2, None)]),
        ("UPDATE audit_log SET details = '{\"n\": 1}' WHERE sequence = 2", [("unreadable", 2, None)]),
        ("UPDATE audit_log SET details = '{' WHERE sequence = 2", [("unreadable", 2, None)]),
        ("UPDATE audit_log SET actor = CAST(x'ff41' AS TEXT) WHERE sequence = 2", [("unreadable", 2, None)]),
        ("UPDATE audit_log SET at = 'soon' WHERE sequence = 2", [("unreadable", 2, None)]),
        ("UPDATE audit_log SET action = x'00' WHERE sequence = 2", [("unreadable", 2, None)]),
        ("DELETE FROM audit_log WHERE sequence = 2", [("missing", 2, None), ("broken_link", 3, None)]),
        ("DELETE FROM audit_log WHERE sequence = 4", [("truncated", 4, HEAD_FILE)]),
        ("UPDATE audit_log SET sequence = 0 WHERE sequence = 1", [("out_of_place", 0, None)]),
        ("UPDATE audit_log SET sequence = -9223372036854775808 WHERE sequence = 4", [("truncated", 4, HEAD_FILE)]),
    ],
)
def test_what_is_done_to_the_database_is_found(home: Home, statement: str, expected: Problems) -> None:
    tell(home, 4)
    at_the_file(home, statement)
    problems = found(home)
    assert set(expected) <= set(problems)
    assert found(home) == problems  # looking changes nothing, and the connection is as it was


def test_a_log_longer_than_a_batch_is_read_to_its_end(home: Home) -> None:
    with home.ledger.write():
        for number in range(1_005):
            audit_log.append(home.ledger, "approval-asked", actor="a", subject="s", details={"n": number}, at=utc_now())
    move_witness(home)
    assert [row["sequence"] for row in stored_rows(home.ledger, after=3)] == list(range(4, 1_006))
    at_the_file(home, "UPDATE audit_log SET actor = 'eve' WHERE sequence = 1003")
    assert found(home) == [("edited", 1003, None)]


def test_what_is_told_once_is_told_once(home: Home) -> None:
    for _ in range(3):
        tell_once(home, "release-frozen", actor="ada", subject="release 1.0.0", details={"run": "r"})
    tell_once(home, "release-frozen", actor="ada", subject="release 1.0.0", details={"run": "other"})
    tell_once(home, "release-frozen", actor="ada", subject="release 1.0.1", details={"run": "r"})
    assert [entry.details["run"] for entry in audit_log.entries(home.ledger)] == ["r", "other", "r"]
    assert found(home) == []


def test_a_witness_that_the_log_contradicts_is_not_moved_over(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    tell(home, 4)
    noted = witness_of(home)
    at_the_file(home, "DELETE FROM audit_log WHERE sequence > 2")
    with caplog.at_level(logging.WARNING):
        tell(home, 5)  # the log is longer than before by now
    assert "contradicts" in caplog.text
    assert witness_of(home) == noted
    assert found(home) == [("witness_differs", 4, HEAD_FILE)]


def test_a_witness_that_cannot_be_read_stops_nobody_and_is_found(home: Home) -> None:
    tell(home, 2)
    (home.root / HEAD_FILE).write_bytes(b'{"sequence": 1')
    tell(home)
    assert (home.root / HEAD_FILE).read_bytes() == b'{"sequence": 1'
    assert found(home) == [("witness_unreadable", None, HEAD_FILE)]


def test_every_new_head_is_anchored_where_the_environment_says(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor = tmp_path / "away" / "heads.jsonl"
    monkeypatch.setenv(ANCHOR_VARIABLE, str(anchor))
    tell(home, 3)
    heads = [json.loads(line) for line in anchor.read_text().splitlines()]
    assert [(head["sequence"], head["hash"]) for head in heads] == [(n, hash_at(home.ledger, n)) for n in (1, 2, 3)]
    assert verify_audit_log(home).n_witnesses == 4  # found through the environment, and its own
    # The whole log and the home's witness made anew: only what lies elsewhere tells of it.
    (home.root / HEAD_FILE).unlink()
    at_the_file(home, "DELETE FROM audit_log")
    monkeypatch.delenv(ANCHOR_VARIABLE)
    tell(home, 3)
    assert found(home) == []
    problems = found(home, anchor)
    assert [(problem, sequence) for problem, sequence, _ in problems] == [("witness_differs", n) for n in (1, 2, 3)]


@pytest.mark.parametrize("where", ["unwritable", "in the home"])
def test_an_anchor_that_cannot_be_written_is_a_warning_and_stops_nobody(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "heads.jsonl" if where == "unwritable" else home.root / "heads.jsonl"
    monkeypatch.setenv(ANCHOR_VARIABLE, str(place))
    with caplog.at_level(logging.WARNING):
        tell(home)
    assert "anchored" in caplog.text or "proves nothing" in caplog.text
    assert not place.exists()
    assert witness_of(home) == audit_log.head(home.ledger)


def test_signed_anchors_count_only_with_the_key_they_are_signed_with(home: Home, tmp_path: Path) -> None:
    make_key(home.root)
    signer, other = open_signer(home.root), Home(tmp_path / "other")
    make_key(other.root)
    tell(home, 2)
    head = audit_log.head(home.ledger)
    signed, plain, foreign, edited = (tmp_path / name for name in ("signed", "plain", "foreign", "edited"))
    append_line(signed, anchor_line(head, utc_now(), signer))
    append_line(plain, anchor_line(head, utc_now(), None))
    append_line(foreign, anchor_line(head, utc_now(), open_signer(other.root)))
    envelope = json.loads(signed.read_bytes())
    edited.write_text(json.dumps(envelope | {"payload": "e30="}) + "\n")
    key = signer.verifier

    def problems(path: Path, *, checked: bool = True) -> list[str]:
        return [each.problem for each in verify_audit_log(home, [path], key if checked else None).findings]

    assert problems(signed) == []
    assert problems(plain) == ["witness_unsigned"]
    assert problems(foreign) == ["witness_unsigned"]
    assert problems(edited) == ["witness_unsigned"]
    assert problems(edited, checked=False) == ["witness_unreadable"]
    assert [problems(path, checked=False) for path in (signed, plain, foreign)] == [[], [], []]
    tell(home)
    at_the_file(home, "DELETE FROM audit_log WHERE sequence > 1")
    (home.root / HEAD_FILE).unlink()
    assert problems(signed) == ["truncated"]


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"[" * 50_000, b'{"sequence": -1}', b"null", b'{"payloadType":3}', b'{"payloadType":"x"}']
)
def test_a_line_that_is_no_anchor_is_a_finding_with_its_number(home: Home, tmp_path: Path, line: bytes) -> None:
    tell(home)
    path = tmp_path / "heads"
    append_line(path, anchor_line(audit_log.head(home.ledger), utc_now(), None))
    append_line(path, line)
    assert found(home, path) == [("witness_unreadable", None, "heads:2")]


def test_a_torn_line_ends_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "heads"
    path.write_bytes(b'{"sequ')
    append_line(path, anchor_line(AuditHead(sequence=1, hash="a" * 64), utc_now(), None))
    assert [each.head is None for each in anchors_in(path, None)] == [True, False]


def test_anchors_that_are_not_there_are_said_at_once(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no anchor file"):
        verify_audit_log(home, [tmp_path / "none"])
    with pytest.raises(BadInputError, match="cannot be read"):
        verify_audit_log(home, [tmp_path])


def test_the_witness_moves_on_only(home: Home) -> None:
    make: Callable[[], None] = lambda: move_witness(home)  # noqa: E731
    make()
    assert witness_of(home) is None
    tell(home, 2)
    before = (home.root / HEAD_FILE).read_bytes()
    make()
    assert (home.root / HEAD_FILE).read_bytes() == before
