"""The doctor finds what is broken."""

import json
import shutil
import sqlite3
from collections import namedtuple
from datetime import UTC, datetime

import pytest

from apps.cli import health
from millrace.ledger import runs


@pytest.fixture(autouse=True)
def without_loading_weights(monkeypatch, request):
    """Loading the model takes seconds; one test does."""
    if "weights" not in request.node.name:
        monkeypatch.setattr(health, "_weights", lambda _root: iter(()))


def findings(cli):
    outcome = cli("doctor", "--json")
    return outcome, {each["subject"]: each for each in outcome.document["findings"]}


def test_this_installation_is_in_order_and_looking_makes_no_home(cli, home):
    outcome, found = findings(cli)
    assert outcome.code == 0, outcome.out
    assert {"Python", "packages", "home", "disk", "ledger", "Prefect server"} <= found.keys()
    assert not home.root.exists()


def test_the_weights_are_really_loaded(cli):
    _, found = findings(cli)
    assert found["embedder weights"]["status"] == "ok"
    assert "torch" in found["numeric profile"]["found"]


def test_a_crashed_run_is_wrong_and_its_remedy_named(cli, home):
    import socket

    at = datetime(2026, 11, 20, tzinfo=UTC)
    process = f"{socket.gethostname()}:999999999:1"
    runs.start_run(home.ledger, "gone", flow="toy-flow", config={}, started_at=at, process=process)
    outcome, found = findings(cli)
    assert outcome.code == 1
    assert found["run"]["remedy"] == "`millrace resume gone`"


def test_a_ledger_of_a_newer_millrace_is_wrong(cli, home):
    home.ledger.close()
    with sqlite3.connect(home.root / "ledger.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE name = 'schema_version'")
    outcome, found = findings(cli)
    assert outcome.code == 1
    assert "999" in found["ledger"]["found"]


def test_a_full_disk_is_wrong_a_nearly_full_one_a_warning(cli, monkeypatch):
    usage = namedtuple("usage", "total used free")
    for free, status, code in ((100 * 2**20, "wrong", 1), (2**30, "warning", 0)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: usage(free, 0, free))
        outcome, found = findings(cli)
        assert (found["disk"]["status"], outcome.code) == (status, code)


def test_an_unmet_requirement_is_wrong(cli, monkeypatch):
    monkeypatch.setattr(health, "requires", lambda _name: ["prefect==3.8.7", "absent-package; extra == 'x'"])
    outcome, found = findings(cli)
    assert outcome.code == 1
    assert found["package"]["found"] == "prefect is 3.8.8, needed is ==3.8.7"


def test_a_version_that_is_known_to_break_something_is_named_with_what(cli, monkeypatch):
    asked = ["fastapi<0.1", "langchain-community==0.0.1; extra == 'eval'", "selenium<1; extra == 'dev'"]
    monkeypatch.setattr(health, "requires", lambda _name: asked)
    outcome = cli("doctor", "--json")
    packages = [each for each in outcome.document["findings"] if each["subject"] == "package"]
    assert [(each["status"], each["found"].partition(" (")[2]) for each in packages] == [
        ("wrong", "newer: Prefect's server does not import)"),
        ("warning", "newer: ragas does not import)"),
    ]


def test_what_endangers_a_home_is_among_the_findings(cli, home, monkeypatch):
    from millrace.ledger import approval_settings

    approval_settings.set_single_user(home.ledger, True, at=datetime(2026, 11, 20, tzinfo=UTC), by="ann")
    (home.root / "keys").mkdir(mode=0o700)
    (home.root / "keys/subject-key").write_text("00")
    (home.root / "keys/subject-key").chmod(0o644)
    monkeypatch.setenv("DO_NOT_TRACK", "false")
    outcome, found = findings(cli)
    assert outcome.code == 1
    assert {name: found[name]["status"] for name in ("approvals", "private key", "telemetry", "audit log")} == {
        "approvals": "warning",
        "private key": "wrong",
        "telemetry": "warning",
        "audit log": "ok",
    }
    assert all(each["remedy"] for each in found.values() if each["status"] != "ok")


def test_a_server_that_does_not_answer(cli, home, monkeypatch):
    home.root.mkdir()
    (home.root / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:9/api", "pid": 1}))
    outcome, found = findings(cli)
    assert (found["Prefect server"]["status"], outcome.code) == ("warning", 0)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    outcome, found = findings(cli)
    assert (found["Prefect server"]["status"], outcome.code) == ("wrong", 1)
