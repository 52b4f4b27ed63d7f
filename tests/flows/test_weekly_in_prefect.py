"""The weekly turn through Prefect: a person answers on the run's page, from another thread."""

import contextvars
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run

import tasks.approval
from flows.weekly_flywheel import weekly_flywheel
from millrace.ledger import approvals, runs
from tasks.home import Home
from tasks.receipts import read_receipts, run_hash
from tests.support import wheel
from tests.support.approving import make_single_user


def answer_and_approve(home: Home) -> None:
    """Wait until the run pauses, answer its tasks, approve."""
    deadline = time.monotonic() + 45
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            for asked in approvals.waiting(home.ledger, wheel.RUN_ID):
                state = client.read_flow_run(UUID(asked.prefect_run_id)).state
                if state is not None and state.is_paused():
                    wheel.answer_tasks()
                    resume_flow_run(
                        UUID(asked.prefect_run_id),
                        run_input={"decision": "approve", "reviewer": "ada", "note": "seen"},
                    )
                    return
            time.sleep(0.1)


@pytest.mark.prefect
def test_a_week_paused_and_resumed_in_prefect_gives_what_direct_calls_give(
    home: Home, inputs: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tasks.approval, "POLL_INTERVAL_S", 0.2)
    make_single_user(home)
    wheel.import_file(inputs / "traces.jsonl")
    context = contextvars.copy_context()
    person = threading.Thread(target=lambda: context.run(answer_and_approve, home), daemon=True)
    person.start()
    result = weekly_flywheel(wheel.week_config(), run_id=wheel.RUN_ID)
    person.join(5)

    assert (result.status, result.golden_version) == ("completed", "1.0.0")
    assert runs.run_of(home.ledger, wheel.RUN_ID).status == "completed"
    assert result.report is not None
    report: Any = Artifact.get("weekly-report")
    assert report is not None
    assert report.data == Path(result.report.markdown).read_text()

    direct = tmp_path / "direct"
    direct.mkdir()
    monkeypatch.setenv("MILLRACE_HOME", str(direct))
    monkeypatch.chdir(direct)
    wheel.import_file(inputs / "traces.jsonl")
    wheel.week()
    wheel.answer_tasks()
    wheel.approve()
    assert wheel.week() is not None
    hashes = {run_hash(read_receipts(root / "runs" / wheel.RUN_ID)) for root in (home.root, direct)}
    assert len(hashes) == 1
