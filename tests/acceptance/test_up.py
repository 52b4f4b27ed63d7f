"""The second way to run: everything on one machine by one command, approved in the browser."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.browser import RunPage, chromium
from tests.acceptance.people import REVIEWER, answer_a_task, become_reviewer, golden_versions
from tests.acceptance.prefect_api import PrefectApi
from tests.acceptance.processes import User, free_port
from tests.docs import readme
from tests.support.inputs import WEEK

pytestmark = pytest.mark.prefect
STOP_TIMEOUT_S = 30  # server and deployments may each need two signals


@contextmanager
def up(user: User, port: int) -> Iterator[PrefectApi]:
    """The README's command, with a port; stopped as by Ctrl-C or a shutdown."""
    (command,) = readme.lines("up")
    api = PrefectApi(port, lambda: user.read("up.log"))
    with user.started(f"exec {command} --port {port}", "up.log") as process:
        api.wait_until_healthy()
        api.deployment("weekly-flywheel")
        yield api
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(timeout=STOP_TIMEOUT_S) == 0
        assert not [each for each in started if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_a_waiting_run_is_approved_in_the_browser_after_a_restart_of_everything(user: User, tmp_path: Path) -> None:
    for name in ("docs", "configs"):
        (user.folder / name).symlink_to(readme.README.parent / name)
    become_reviewer(user)
    port = free_port()
    with up(user, port) as api:
        *before, (weekly, settings) = map(flow_and_settings, readme.lines("terminal"))
        for flow, given in before:
            api.wait_for_state(api.start(flow, given), "Completed")
        run_id = api.start(weekly, settings)
        asked = api.wait_for_state(run_id, "Suspended")

    with chromium(tmp_path) as browser, up(user, port) as api:
        answer_a_task(user, "ada")
        pinned_hash = pinned_of(user, run_id)
        page = RunPage(browser, f"{api.ui}/runs/flow-run/{run_id}", tmp_path)
        page.open()
        page.wait_for_badge("Suspended")
        text = page.open_form()
        assert f"Approve week {WEEK}?" in text
        assert "Approving adds the answers given by then" in text
        assert "could not be used" not in text
        assert page.hidden_px() <= 0
        page.picture("form")
        page.submit()  # empty as it is
        page.wait_for_text("is a required property")
        assert api.post(f"flow_runs/{run_id}/resume", {})["status"] == "REJECT"
        page.fill(Decision="maybe", Reviewer=REVIEWER)
        page.submit()

        api.wait_for_state(run_id, "Suspended", not_state=asked["state"]["id"])
        page.open()
        text = page.open_form()
        assert "The last answer could not be used: decision must be approve, reject or extend, not 'maybe'" in text
        page.picture("form-again")
        assert "a code is needed" in text
        code = user.millrace("code", run_id, "--decision", "approve").strip()
        page.fill(Decision="approve", Reviewer=REVIEWER, Code=code, Note="seen in the browser")
        page.submit()
        api.wait_for_state(run_id, "Completed")
        page.open()
        page.wait_for_badge("Completed")
        page.picture("completed")

    assert golden_versions(user) == [("1.0.0", 1)]
    report = user.millrace("report", "latest")
    assert f"Reviewer: {REVIEWER} (security_admin, signature checked)" in report
    assert "seen in the browser" in report
    assert pinned_hash in report
    assert user.document("verify", "latest")["verified"]


def flow_and_settings(command: str) -> tuple[str, dict[str, object]]:
    """The deployment and the settings for its page's form, from `millrace run FLOW --set key=value ...`."""
    _, _, flow, *options = shlex.split(command)
    pairs = (option.partition("=") for option in options if option != "--set")
    return flow, {key: value for key, _, value in pairs}


def pinned_of(user: User, run_id: str) -> Any:
    """The hash of what the run's open question is about."""
    (asked,) = user.document("show", run_id)["waiting_approvals"]
    return asked["pinned_hash"]
