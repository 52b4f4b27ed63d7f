"""Handing a person's answer to a server that fails now and then."""

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Paused, Running, State

from apps.cli import prefect_runs
from millrace.errors import UnavailableError
from tests.support.local_server import LocalServer, QuietHandler

FLOW_RUN = str(uuid4())


class PrefectApi(LocalServer):
    """Knows one paused flow run; the first resumptions fail with the statuses given."""

    def __init__(self, failures: list[int]) -> None:
        self.failures = failures
        self.answers: list[object] = []
        self.listen(_handler(self))

    def state(self) -> State[object]:
        return Running() if self.answers else Paused()

    def document(self) -> str:
        run = FlowRun(id=FLOW_RUN, flow_id=uuid4(), name="waits", state=self.state())
        return run.model_dump_json()


def _handler(api: PrefectApi) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            if "/csrf-token" in self.path:
                return self.reply(HTTPStatus.NOT_FOUND, "{}")
            return self.reply(HTTPStatus.OK, api.document())

        def do_POST(self) -> None:
            given = json.loads(self.body() or b"{}")
            if not self.path.endswith("/resume"):
                return self.reply(HTTPStatus.OK, "{}")
            if api.failures:
                return self.reply(api.failures.pop(0), "{}")
            api.answers.append(given["run_input"])
            accepted = {"status": "ACCEPT", "details": {"type": "accept_details"}, "state": None}
            return self.reply(HTTPStatus.CREATED, json.dumps(accepted))

        def reply(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    return Handler


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[list[int]], PrefectApi]]:
    monkeypatch.setattr(prefect_runs, "_WAITS_S", (0.0, 0.0))
    open_apis: list[PrefectApi] = []

    def serve(failures: list[int]) -> PrefectApi:
        api = PrefectApi(failures)
        open_apis.append(api)
        api.__enter__()
        monkeypatch.setenv("PREFECT_API_URL", f"{api.origin}/api")
        return api

    yield serve
    for api in open_apis:
        api.__exit__(None, None, None)


def _answer(api: PrefectApi) -> None:
    with temporary_settings({PREFECT_API_URL: f"{api.origin}/api"}):
        prefect_runs.answer(FLOW_RUN, {"decision": "approve"})


def test_an_answer_outlives_a_locked_database(served: Callable[[list[int]], PrefectApi]) -> None:
    api = served([500, 503])

    _answer(api)

    assert api.answers == [{"decision": "approve"}]


def test_a_server_that_keeps_failing_is_not_asked_for_ever(served: Callable[[list[int]], PrefectApi]) -> None:
    api = served([500, 500, 500])

    with pytest.raises(UnavailableError, match="500"):
        _answer(api)
    assert api.answers == []


def test_an_answer_that_is_refused_is_not_given_again(served: Callable[[list[int]], PrefectApi]) -> None:
    api = served([409])

    with pytest.raises(UnavailableError, match="409"):
        _answer(api)
    assert api.answers == []
