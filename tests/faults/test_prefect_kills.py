"""The weekly run through a Prefect server, killed while it works and while it waits, ends like an undisturbed one."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.ledger import approvals
from tasks.home import Home
from tests.faults.conftest import ROOT, Play, Undisturbed
from tests.support import wheel
from tests.support.server import Server, wait_until
from tests.support.state import check_whole, state_of

pytestmark = [pytest.mark.faults, pytest.mark.prefect]

WAIT_S = 120
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prefect"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def brought_in(play: Play, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with its documents, index and traces."""
    home = tmp_path_factory.mktemp("brought-in")
    assert play(home, part="bring_in").status == 0
    return home


@pytest.fixture
def week_home(brought_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    shutil.copytree(brought_in, home)
    monkeypatch.setenv("MILLRACE_HOME", str(home))
    return home


@pytest.fixture
def start(server: Server, week_home: Path) -> Iterator[Start]:
    """Start a module of the tests as a process in the home."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        environment = server.environment | {"MILLRACE_HOME": str(week_home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", module, *arguments]
        started.append(subprocess.Popen(command, cwd=week_home, env=environment, stdin=subprocess.DEVNULL))
        return started[-1]

    yield launch
    for process in started:
        process.kill()
        process.wait()


def enter(start: Start, *fatal: tuple[str, str]) -> "subprocess.Popen[bytes]":
    return start("tests.faults.week_in_prefect", json.dumps(fatal))


def state_with_prefect(server: Server, home: Path) -> str:
    """What Prefect says of the flow run that waits."""
    with Home(home).ledger as ledger:  # closed at once: a ledger that is open here is not recovered after a crash
        asked = approvals.waiting(ledger, wheel.RUN_ID)
    return str(flow_run(server, str(asked[-1].prefect_run_id)).state.name) if asked else "not asked"


def flow_run(server: Server, flow_run_id: str) -> Any:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        return client.read_flow_run(flow_run_id)  # type: ignore[arg-type]


def test_a_run_killed_at_work_and_while_paused_ends_like_an_undisturbed_one(
    start: Start, server: Server, week_home: Path, undisturbed: Undisturbed
) -> None:
    in_phase_1 = [
        [("torn", "groundedness-")],  # a stage is writing a part
        [("renamed", "week/receipts/triage-traces.json")],  # between two stages
        [("renamed", "receipts/propose-annotations.json"), ("committed", ""), ("committed", "")],  # queued, not noted
    ]
    for fatal in in_phase_1:
        assert enter(start, *fatal).wait(WAIT_S) == -signal.SIGKILL
        check_whole(week_home)

    paused = enter(start)
    wait_until(lambda: state_with_prefect(server, week_home) == "Paused", WAIT_S)
    paused.kill()
    assert paused.wait() == -signal.SIGKILL
    check_whole(week_home)
    wheel.answer_tasks()
    wheel.approve()

    in_phase_2 = [
        [("renamed", "golden/main/1.0.0/version.json"), ("torn-commit", "")],  # written, not pointed to
        [("torn", "report.html")],
    ]
    for fatal in in_phase_2:
        assert enter(start, *fatal).wait(WAIT_S) == -signal.SIGKILL
        check_whole(week_home)

    assert enter(start).wait(WAIT_S) == 0
    assert state_of(week_home) == undisturbed.state


def test_a_suspended_run_outlives_its_process_its_runner_and_the_server(
    start: Start, server: Server, week_home: Path, undisturbed: Undisturbed
) -> None:
    from prefect.deployments import run_deployment
    from prefect.flow_runs import resume_flow_run
    from prefect.settings import PREFECT_API_URL, temporary_settings

    runner = start("tests.faults.served")
    parameters = {"config": wheel.week_config().model_dump(mode="json"), "run_id": wheel.RUN_ID}
    with temporary_settings({PREFECT_API_URL: server.url}):
        wait_until(is_deployed, WAIT_S)
        begun: Any = run_deployment("weekly-flywheel/faults", parameters=parameters, timeout=0, as_subflow=False)
    wait_until(lambda: state_with_prefect(server, week_home) == "Suspended", WAIT_S)

    runner.kill()
    server.stop()
    check_whole(week_home)
    wheel.answer_tasks()
    server.start()

    runner = start("tests.faults.served")
    with temporary_settings({PREFECT_API_URL: server.url}):
        resume_flow_run(begun.id, run_input={"decision": "approve", "reviewer": "ada", "note": "seen"})
    wait_until(lambda: flow_run(server, str(begun.id)).state.is_final(), WAIT_S)
    assert flow_run(server, str(begun.id)).state.name == "Completed"
    assert without_time_of_decision(state_of(week_home)) == without_time_of_decision(undisturbed.state)


def is_deployed() -> bool:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    try:
        with get_client(sync_client=True) as client:
            client.read_deployment_by_name("weekly-flywheel/faults")
    except ObjectNotFound:
        return False
    return True


def without_time_of_decision(state: Any) -> dict[str, Any]:
    """Through Prefect the decision bears the time when it was taken in, and the report shows it."""
    kept = {name: value for name, value in state.items() if name not in ("files", "approvals")}
    return kept | {"files": {n: data for n, data in state["files"].items() if not n.startswith("eval_reports")}}
