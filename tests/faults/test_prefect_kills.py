"""Runs through a Prefect server, killed while they work and while they wait, end like undisturbed ones."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.ledger import approvals
from tasks.home import Home
from tests.faults.conftest import ROOT, StageOf
from tests.faults.harness import Stage
from tests.faults.table import PROPERTY
from tests.support import distilled, wheel
from tests.support.approving import make_single_user
from tests.support.server import Server, wait_until
from tests.support.state import check_whole

pytestmark = [pytest.mark.faults, pytest.mark.prefect]

WAIT_S = 120
# Through Prefect the decision bears the time when it was taken in, and the report shows it.
TIME_OF_DECISION = ("approvals", "audit log", "eval_reports", "publish-report")
IN_PREFECT, PAUSED, RESTARTED = "killed in Prefect", "killed while paused", "server restarted"
Start = Callable[..., "subprocess.Popen[bytes]"]
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prefect"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def week(stage_of: StageOf, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return entered("weekly-flywheel", stage_of, monkeypatch)


def entered(flow: str, stage_of: StageOf, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The flow's home as it was prepared, which is this process's too."""
    stage = stage_of(flow)
    stage.renew()
    monkeypatch.setenv("MILLRACE_HOME", str(stage.home))
    return stage


@pytest.fixture
def start(server: Server) -> Iterator[Start]:
    """Start a module of the tests as a process in a home: ``start(home, module, *arguments)``."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(home: Path, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        environment = server.environment | {"MILLRACE_HOME": str(home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", module, *arguments]
        started.append(subprocess.Popen(command, cwd=home, env=environment, stdin=subprocess.DEVNULL))
        return started[-1]

    yield launch
    for process in started:
        process.kill()
        process.wait()


def enter(start: Start, stage: Stage, *fatal: tuple[str, str]) -> "subprocess.Popen[bytes]":
    return start(stage.home, "tests.faults.part_in_prefect", stage.part.flow, json.dumps(fatal))


def state_with_prefect(server: Server, home: Path, run_id: str) -> str:
    """What Prefect says of the flow run that waits."""
    with Home(home).ledger as ledger:  # closed at once: a ledger that is open here is not recovered after a crash
        asked = approvals.waiting(ledger, run_id)
    return str(flow_run(server, str(asked[-1].prefect_run_id)).state.name) if asked else "not asked"


def flow_run(server: Server, flow_run_id: str) -> Any:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        return client.read_flow_run(flow_run_id)  # type: ignore[arg-type]


IN_PHASE_1 = [
    [("torn", "groundedness-")],  # a stage is writing a part
    [("renamed", "week/receipts/triage-traces.json")],  # between two stages
    [("renamed", "receipts/propose-annotations.json"), ("committed", ""), ("committed", "")],  # queued, not noted
]
IN_PHASE_2 = [
    [("renamed", "golden/main/1.0.0/version.json"), ("torn-commit", "")],  # written, not pointed to
    [("torn", "report.html")],
]


def killed(start: Start, stage: Stage, *fatal: tuple[str, str]) -> None:
    assert enter(start, stage, *fatal).wait(WAIT_S) == -signal.SIGKILL
    check_whole(stage.home)


def killed_while_paused(start: Start, server: Server, stage: Stage, run_id: str) -> None:
    paused = enter(start, stage)
    wait_until(lambda: state_with_prefect(server, stage.home, run_id) == "Paused", WAIT_S)
    paused.kill()
    assert paused.wait() == -signal.SIGKILL
    check_whole(stage.home)


def test_a_run_killed_at_work_and_while_paused_ends_like_an_undisturbed_one(
    start: Start, server: Server, week: Stage, torture: bool, record_property: Record
) -> None:
    for fatal in IN_PHASE_1 if torture else IN_PHASE_1[1:2]:
        killed(start, week, *fatal)
        record_property(PROPERTY, ("weekly-flywheel", IN_PREFECT, True))
    for _ in range(3 if torture else 1):
        killed_while_paused(start, server, week, wheel.RUN_ID)
        record_property(PROPERTY, ("weekly-flywheel", PAUSED, True))
    wheel.answer_tasks()
    wheel.approve()
    for fatal in IN_PHASE_2 if torture else IN_PHASE_2[:1]:
        killed(start, week, *fatal)
        record_property(PROPERTY, ("weekly-flywheel", IN_PREFECT, True))
    assert enter(start, week).wait(WAIT_S) == 0
    assert week.difference() is None


def test_a_freeze_killed_while_it_is_paused_is_frozen_all_the_same(
    only_torture: None,
    start: Start,
    server: Server,
    stage_of: StageOf,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Record,
) -> None:
    freeze = entered("release-freeze", stage_of, monkeypatch)
    for _ in range(3):
        killed_while_paused(start, server, freeze, distilled.FREEZE)
        record_property(PROPERTY, ("release-freeze", PAUSED, True))
    distilled.decide()
    killed(start, freeze, ("renamed", "releases/1.0.0"))
    record_property(PROPERTY, ("release-freeze", IN_PREFECT, True))
    assert enter(start, freeze).wait(WAIT_S) == 0
    assert freeze.difference() is None


def test_a_run_at_work_while_the_server_restarts_can_be_entered_again(
    only_torture: None, start: Start, server: Server, week: Stage, record_property: Record
) -> None:
    for step in ("select-traces", "triage-traces", "propose-annotations"):
        week.renew()
        working = enter(start, week)
        receipts = week.home / "runs" / wheel.RUN_ID / "receipts"
        wait_until((receipts / f"{step}.json").is_file, WAIT_S)
        server.stop()
        server.start()
        wait_until(lambda: ended_or_asked(working, week.home), WAIT_S)  # noqa: B023  it is called here
        working.kill()
        working.wait()
        check_whole(week.home)
        killed_while_paused(start, server, week, wheel.RUN_ID)
        wheel.answer_tasks()
        wheel.approve()
        assert enter(start, week).wait(WAIT_S) == 0
        assert week.difference() is None
        record_property(PROPERTY, ("weekly-flywheel", RESTARTED, True))


def ended_or_asked(process: "subprocess.Popen[bytes]", home: Path) -> bool:
    with Home(home).ledger as ledger:
        return process.poll() is not None or bool(approvals.waiting(ledger, wheel.RUN_ID))


def test_a_suspended_run_outlives_its_process_its_runner_and_the_server(
    start: Start, server: Server, week: Stage, record_property: Record
) -> None:
    from prefect.deployments import run_deployment
    from prefect.flow_runs import resume_flow_run
    from prefect.settings import PREFECT_API_URL, temporary_settings

    make_single_user(Home(week.home))
    runner = start(week.home, "tests.faults.served")
    parameters = {"config": wheel.week_config().model_dump(mode="json"), "run_id": wheel.RUN_ID}
    with temporary_settings({PREFECT_API_URL: server.url}):
        wait_until(is_deployed, WAIT_S)
        begun: Any = run_deployment("weekly-flywheel/faults", parameters=parameters, timeout=0, as_subflow=False)
    wait_until(lambda: state_with_prefect(server, week.home, wheel.RUN_ID) == "Suspended", WAIT_S)

    runner.kill()
    server.stop()
    check_whole(week.home)
    wheel.answer_tasks()
    server.start()

    runner = start(week.home, "tests.faults.served")
    with temporary_settings({PREFECT_API_URL: server.url}):
        resume_flow_run(begun.id, run_input={"decision": "approve", "reviewer": "ada", "note": "seen"})
    wait_until(lambda: flow_run(server, str(begun.id)).state.is_final(), WAIT_S)
    assert flow_run(server, str(begun.id)).state.name == "Completed"
    assert week.difference(apart_from=TIME_OF_DECISION) is None
    record_property(PROPERTY, ("weekly-flywheel", RESTARTED, True))


def is_deployed() -> bool:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    try:
        with get_client(sync_client=True) as client:
            client.read_deployment_by_name("weekly-flywheel/faults")
    except ObjectNotFound:
        return False
    return True
