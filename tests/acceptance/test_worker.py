"""The third way to run: a Prefect server, deployments, and a worker that takes what the schedule creates."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.people import answer_a_task, golden_versions
from tests.acceptance.prefect_api import PrefectApi
from tests.acceptance.processes import User, free_port, stop, wait_for
from tests.docs import readme
from tests.support.inputs import AS_OF, WEEK

pytestmark = pytest.mark.prefect
README_PORT = "4200"
WEEKLY = "weekly-flywheel"
APPROVE = ("--decision", "approve", "--reviewer", "Rosa Lind")
LOOK_EVERY_S = "4"  # Prefect's scheduler, by default every minute


@pytest.fixture
def worker_user(tmp_path: Path) -> User:
    """A user in a checkout: the README's commands find there what they name."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("configs", "docs", "prefect.yaml"):
        (folder / name).symlink_to(readme.README.parent / name)
    port = str(free_port())
    return User(
        folder,
        {
            "PREFECT_SERVER_API_PORT": port,
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": LOOK_EVERY_S,
        },
    )


@contextmanager
def worker(user: User) -> Iterator[PrefectApi]:
    """The README's commands as they stand, but for the port; the server that they leave behind is stopped too."""
    port = user.variables["PREFECT_SERVER_API_PORT"]
    script = readme.block("worker")
    assert f":{README_PORT}/api" in script
    try:
        with user.started(script.replace(f":{README_PORT}/", f":{port}/"), "worker.log"):
            yield PrefectApi(int(port), lambda: user.read("worker.log"))
    finally:
        server = user.folder / ".prefect" / "server.pid"
        if server.exists():
            pid = int(server.read_text())
            user.call("prefect", "server", "stop")
            stop(pid)


def test_a_weekly_schedule_creates_runs_and_the_worker_runs_them(worker_user: User) -> None:
    user = worker_user
    user.millrace("reviewer", "single-user", "on")
    with worker(user) as api:
        api.wait_until_healthy()
        deployment = api.deployment(WEEKLY, timeout_s=240)["id"]
        (by_hand,) = [run for run in api.runs(deployment) if not run["auto_scheduled"]]
        api.wait_for_state(by_hand["id"], "Suspended", timeout_s=120)
        mondays = wait_for("scheduled runs", lambda: by_schedule(api, deployment), 60, api.explain)
        assert {(due(run).isoweekday(), due(run).hour, due(run).minute) for run in mondays} == {(1, 6, 0)}
        assert due(mondays[1]) - due(mondays[0]) == timedelta(days=7)

        answer_a_task(user, "ada")
        user.millrace("approve", by_hand["id"], *APPROVE)
        soon = add_schedule(api, deployment, datetime.now(UTC) + timedelta(seconds=20))
        (run,) = wait_for(
            "the run that is due", lambda: [each for each in by_schedule(api, deployment) if due(each) == soon], 60
        )
        assert run["created_by"]["type"] == "SCHEDULE"
        api.wait_for_state(run["id"], "Suspended", timeout_s=120)
        assert user.document("approve", run["id"], *APPROVE)["via"] == "prefect"
        for each in (by_hand, run):
            api.wait_for_state(each["id"], "Completed", timeout_s=120)
        look_after(user)

    weekly = [each for each in user.document("runs")["runs"] if each["flow"] == WEEKLY]
    assert {each["prefect_run_id"] for each in weekly} == {by_hand["id"], run["id"]}
    assert [each["status"] for each in weekly] == ["completed", "completed"]
    assert golden_versions(user) == [("1.0.0", 1)]
    assert "Reviewer, as claimed: Rosa Lind (single-user home, unsigned)" in user.millrace("report", run["id"])


def look_after(user: User) -> None:
    """The README's commands for a home in use; the copy is made a home of, which knows the same."""
    for command in readme.lines("trust"):
        done = user.call(*shlex.split(command.replace("FILE", "copy.tar.zst")))
        assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    user.millrace("restore", "copy.tar.zst", "--home", "restored")
    restored = user.document("golden", "list", "--home", "restored")
    assert restored == user.document("golden", "list")


def by_schedule(api: PrefectApi, deployment_id: str) -> list[Any]:
    return [run for run in api.runs(deployment_id) if run["auto_scheduled"]]


def due(run: Any) -> datetime:
    return datetime.fromisoformat(run["expected_start_time"])


def add_schedule(api: PrefectApi, deployment_id: str, time: datetime) -> datetime:
    """A second schedule, due once, so that nobody has to wait for Monday; gives its time, in whole seconds."""
    time = time.replace(microsecond=0)
    rule = {"rrule": f"DTSTART:{time:%Y%m%dT%H%M%SZ}\nRRULE:FREQ=WEEKLY;COUNT=1", "timezone": "UTC"}
    schedule = {"schedule": rule, "active": True, "parameters": {"config": {"week": WEEK, "as_of": AS_OF}}}
    api.post(f"deployments/{deployment_id}/schedules", [schedule])
    return time
