"""The doctor on decisions: unsigned ones, a log that was changed, a witness left behind, a clock that runs late."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from apps.cli.audit_health import audit_findings
from millrace.ledger import approval_settings, audit_log, runs
from tasks.audit_log import tell_audit_log

LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def told(home):
    """A log of three entries."""
    for number in range(3):
        tell_audit_log(home, "hold-placed", actor="ann", subject=f"hold-{number}")
    return home


def found(home):
    return {each.subject: each for each in audit_findings(home.root)}


def change(home, statement):
    home.ledger.close()
    with sqlite3.connect(home.root / "ledger.sqlite") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)


def test_a_whole_log_is_in_order(told):
    assert found(told)["audit log"].status == "ok"
    assert "3 entries" in found(told)["audit log"].found
    assert {"audit witness", "clock"} & found(told).keys() == set()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'bob' WHERE sequence = 2",
        "DELETE FROM audit_log WHERE sequence = 2",
        "DELETE FROM audit_log WHERE sequence = 3",
    ],
)
def test_a_log_that_was_changed_or_cut_is_wrong(told, statement):
    change(told, statement)
    log = found(told)["audit log"]
    assert (log.status, "millrace audit verify" in log.remedy) == ("wrong", True)


def test_a_witness_that_was_left_behind_is_a_warning(told):
    audit_log.append(told.ledger, "hold-released", actor="ann", subject="h", details={}, at=datetime.now(UTC))
    witness = found(told)["audit witness"]
    assert witness.status == "warning"
    assert "entry 3 of 4" in witness.found


def test_single_user_is_a_warning_until_it_is_off(told):
    assert found(told)["approvals"].status == "ok"
    approval_settings.set_single_user(told.ledger, True, at=LONG_AGO, by="ann")
    assert found(told)["approvals"].status == "warning"
    assert "single-user off" in found(told)["approvals"].remedy
    approval_settings.set_single_user(told.ledger, False, at=LONG_AGO, by="ann")
    assert found(told)["approvals"].status == "ok"


@pytest.mark.parametrize("where", ["audit log", "runs"])
def test_a_clock_before_the_last_entry_is_wrong(told, where):
    later = datetime.now(UTC) + timedelta(hours=1)
    if where == "runs":
        runs.start_run(told.ledger, "later", flow="f", config={}, started_at=later, process="p")
    else:
        audit_log.append(told.ledger, "hold-released", actor="ann", subject="h", details={}, at=later)
    assert found(told)["clock"].status == "wrong"


def test_clocks_may_differ_by_seconds(told):
    soon = datetime.now(UTC) + timedelta(seconds=3)
    runs.start_run(told.ledger, "soon", flow="f", config={}, started_at=soon, process="p")
    assert "clock" not in found(told)


def test_without_a_ledger_or_with_one_that_cannot_be_read_nothing_is_said(home):
    assert list(audit_findings(home.root)) == []
    home.root.mkdir()
    (home.root / "ledger.sqlite").write_text("no database")
    assert list(audit_findings(home.root)) == []
