"""Prefect's REST API, as far as the tests need it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.acceptance.processes import wait_for

_ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_LOCKED_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class PrefectApi:
    """One server; ``explain`` gives the end of a log for messages of failure."""

    port: int
    explain: Callable[[], str] = str

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        return self._request("GET", path)

    def post(self, path: str, body: object) -> Any:
        return self._request("POST", path, json=body)

    def wait_until_healthy(self, timeout_s: float = 90.0) -> None:
        wait_for(f"a server on port {self.port}", self._healthy, timeout_s, self.explain)

    def deployment(self, name: str, timeout_s: float = 60.0) -> Any:
        """The deployment of the flow of the same name, once it is there and something stands ready to run it."""
        return wait_for(f"deployment {name}", lambda: self._ready(name), timeout_s, self.explain)

    def start(self, name: str, config: dict[str, object]) -> str:
        """A flow run of the deployment, as its page's Run button creates one."""
        body = {"parameters": {"config": config}, "state": {"type": "SCHEDULED"}}
        return str(self.post(f"deployments/{self.deployment(name)['id']}/create_flow_run", body)["id"])

    def runs(self, deployment_id: str) -> list[Any]:
        """The deployment's flow runs, by their scheduled time."""
        body = {"deployments": {"id": {"any_": [deployment_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return list(self.post("flow_runs/filter", body))

    def wait_for_state(self, run_id: str, *names: str, not_state: str = "", timeout_s: float = 90.0) -> Any:
        """The run, in a state of one of the names; ``not_state`` is the id of an earlier state of that name."""

        def look() -> Any:
            run = self.get(f"flow_runs/{run_id}")
            state = run["state"]
            if state["name"] in names and state["id"] != not_state:
                return run
            assert state["type"] not in _ENDED, f"the run is {state['name']}: {state['message']}\n{self.explain()}"
            return None

        return wait_for(f"a run that is {' or '.join(names)}", look, timeout_s, self.explain)

    def _request(self, method: str, path: str, **given: Any) -> Any:
        """Ask, and as Prefect's own client does ask again while the server's database is locked or it hangs up."""
        reads = method == "GET" or path.endswith("/filter")

        def ask() -> httpx.Response | None:
            try:
                reply = httpx.request(method, f"{self.ui}/api/{path}", timeout=30, **given)
            except (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError):
                if reads:
                    return None
                raise
            if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE or (reads and reply.is_server_error):
                return None  # Prefect on SQLite under load: the database is locked
            return reply.raise_for_status()

        return wait_for(f"an answer to {method} {path}", ask, _LOCKED_TIMEOUT_S, self.explain).json()

    def _healthy(self) -> bool:
        try:
            return bool(self.get("health"))
        except httpx.HTTPError:
            return False

    def _ready(self, name: str) -> Any:
        try:
            found = self.get(f"deployments/name/{name}/{name}")
        except httpx.HTTPError:
            return None
        return found if found["status"] == "READY" else None
