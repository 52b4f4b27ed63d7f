"""Runs in their own processes, through Prefect: completed, failed, approved from elsewhere, interrupted, killed."""

import json
import os
import signal
import socket
import time

import pytest

from apps.cli.flow_catalogue import MODULES
from millrace.ledger import approvals, runs
from millrace.ledger.pins import pins_of
from tests.support.approving import make_single_user
from tests.support.server import Server

pytestmark = pytest.mark.prefect

TIMEOUT_S = 60
APPROVE = ["--decision", "approve", "--reviewer", "Rae"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A running Prefect server, as most who run flows have; the others start one of their own for each process."""
    running = Server(tmp_path_factory.mktemp("prefect"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def on_a_server(server, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", server.url)


def until_waiting(home, run_id, process):
    """Wait until the run's process really sits in the pause, and its question stands in the ledger."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if (home.root / "ledger.sqlite").is_file() and approvals.waiting(home.ledger, run_id):
            time.sleep(2.0)  # between asking and Prefect's pause
            return
        time.sleep(0.2)
    pytest.fail("the run never asked")


@pytest.mark.usefixtures("on_a_server")
def test_a_run_gives_one_document_though_the_flow_prints(finish, tmp_path):
    outcome = finish("run", "toy-flow", "--json", "--set", f"folder={tmp_path / 'reports'}")
    assert outcome.code == 0, outcome.err
    assert outcome.document["status"] == "completed"
    assert outcome.document["run_id"].startswith("toy-flow-2")
    assert outcome.document["summary"]["n_stages"] == 2
    assert "a library that prints" in outcome.err


@pytest.mark.usefixtures("on_a_server")
def test_bad_input_inside_a_run_is_one_line_without_traceback_and_resume_tries_again(finish, cli, home):
    outcome = finish("run", "toy-flow", "--set", "fail=true", "--run-id", "failing")
    assert outcome.code == 2
    assert "\nthe toy was told to fail; tell it not to\n" in outcome.err
    assert "Traceback" not in outcome.err
    assert runs.run_of(home.ledger, "failing").status == "failed"
    assert cli("show", "failing", "--json").document["status"] == "failed"


def test_wrong_settings_are_refused_before_anything_starts(finish, home):
    outcome = finish("run", "toy-flow", "--set", "n_rows=0", "--json")
    assert outcome.code == 2
    assert outcome.document["error"]["details"]["problems"] == [
        "n_rows: 0 is not allowed: Input should be greater than or equal to 1"
    ]
    assert not (home.root / "ledger.sqlite").exists()


@pytest.mark.parametrize(
    ("decision", "status", "code", "surroundings"),
    [("approve", "completed", 0, "environment"), ("reject", "rejected", 1, "on_a_server")],
    ids=["approve, each with a server of its own", "reject, on a server"],
)
def test_a_waiting_run_goes_on_with_a_decision_from_another_process(
    start, finish, home, request, decision, status, code, surroundings
):
    request.getfixturevalue(surroundings)
    make_single_user(home)
    process = start("run", "toy-flow", "--json", "--set", "ask=true", "--run-id", "asking")
    until_waiting(home, "asking", process)
    decided = finish("approve", "asking", "--decision", decision, "--reviewer", "Rae", "--json")
    assert decided.code == 0, decided.err
    assert decided.document["via"] == "prefect"
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == code, err
    assert f'"status": "{status}"' in out
    assert "millrace approve asking" in err
    assert approvals.approvals_of(home.ledger, "asking")[0].reviewer == "Rae"


@pytest.mark.usefixtures("on_a_server")
def test_ctrl_c_leaves_a_waiting_run_waiting_and_approve_with_resume_completes_it(start, finish, cli, home):
    assert cli("reviewer", "add", "Rae", "--role", "security_admin").code == 0
    process = start("run", "toy-flow", "--json", "--set", "ask=true", "--run-id", "left")
    until_waiting(home, "left", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 4, err
    assert '"status": "waiting"' in out
    assert "millrace resume left" in err
    pinned = pins_of(home.ledger, "left")["steps-approval"]

    done = finish("approve", "left", *APPROVE, "--resume", "--json")
    assert done.code == 0, done.err
    assert done.document["status"] == "completed"
    assert pins_of(home.ledger, "left")["steps-approval"] == pinned


def test_a_run_killed_while_it_waited_is_decided_in_the_ledger_and_resumed(start, finish, cli, home):
    assert cli("reviewer", "add", "Rae", "--role", "security_admin").code == 0
    process = start("run", "toy-flow", "--set", "ask=true", "--run-id", "killed")
    until_waiting(home, "killed", process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    decided = finish("approve", "killed", *APPROVE, "--json")
    assert decided.code == 0, decided.err
    assert decided.document["via"] == "ledger"
    resumed = finish("resume", "killed", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.document["status"] == "completed"


@pytest.fixture
def served(start, home):
    """``millrace up`` on a free port, ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start("up", "--port", port, "--json")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("}"):
            break
    return process, json.loads("".join(lines))


def test_up_serves_every_deployment_with_its_schedule_and_leaves_nothing_behind(served, finish, home):
    import httpx
    import psutil

    process, told = served
    assert (home.root / "server.json").is_file()
    assert httpx.get(told["ui"]).status_code == 200
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        listed = httpx.post(f"{told['api']}/deployments/filter", json={}).json()
        if len(listed) == 13:
            break
        time.sleep(0.5)
    by_name = {each["name"]: each for each in listed}
    assert set(by_name) == {name for name in MODULES if "flows." in MODULES[name]}
    assert all(each["entrypoint"].startswith("flows.") for each in listed)
    schedules = by_name["weekly-flywheel"]["schedules"]
    assert [(each["schedule"]["cron"], each["active"]) for each in schedules] == [("0 6 * * 1", True)]
    (daily,) = by_name["daily-eval"]["schedules"]
    assert (daily["schedule"]["cron"], daily["active"]) == ("0 5 * * *", True)

    second = finish("up", "--port", told["ui"].rpartition(":")[2], "--json")
    assert second.code == 2
    assert "served already" in second.document["error"]["message"]
    assert finish("run", "toy-flow", "--run-id", "quick", "--json").code == 0  # through the running server

    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(family) >= 3
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=40) == 0
    assert [each for each in family if each.is_running() and each.status() != "zombie"] == []
    assert not (home.root / "server.json").exists()


def test_up_refuses_a_port_in_use(finish, home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        outcome = finish("up", "--port", taken.getsockname()[1])
    assert outcome.code == 2
    assert "choose another with --port" in outcome.err
    assert not home.root.exists()
