"""A person who answers a run that waits in Prefect."""

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run

from millrace.ledger import approvals, runs
from millrace.ledger.approvals import Approval
from tasks.home import Home
from tests.support.approving import make_single_user

Answer = dict[str, Any] | Callable[[], dict[str, Any]]

_PATIENCE_S = 45  # on a busy machine


class Reviewer:
    """Answers a waiting run from another thread, as the UI and the API do: one answer a question, in order."""

    def __init__(self, home: Home, answers: Sequence[Answer], run_id: str = "run", *, single_user: bool = True) -> None:
        if single_user:
            make_single_user(home)
        self.asked: list[Approval] = []
        self.statuses: list[str] = []
        self._home, self._answers, self._run_id = home, answers, run_id
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=lambda: context.run(self._review), daemon=True)

    def __enter__(self) -> "Reviewer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(_PATIENCE_S)
        assert not self._thread.is_alive()

    def _review(self) -> None:
        for answer in self._answers:
            asked = self._next_question()
            self.asked.append(asked)
            self.statuses.append(runs.run_of(self._home.ledger, self._run_id).status)
            given = answer() if callable(answer) else answer
            resume_flow_run(UUID(asked.prefect_run_id), run_input={"decision": "approve", "reviewer": "Rae"} | given)

    def _next_question(self) -> Approval:
        deadline = time.monotonic() + _PATIENCE_S
        with get_client(sync_client=True) as client:
            while time.monotonic() < deadline:
                waiting = approvals.waiting(self._home.ledger, self._run_id)
                new = waiting and waiting[0].key not in [asked.key for asked in self.asked]
                if new and waiting[0].prefect_run_id is not None:
                    state = client.read_flow_run(UUID(waiting[0].prefect_run_id)).state
                    if state is not None and state.is_paused() and waiting[0].key in str(state.state_details.pause_key):
                        return waiting[0]
                time.sleep(0.05)
        raise TimeoutError("the run did not ask")
