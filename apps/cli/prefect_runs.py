"""How a flow run stands with Prefect, and handing it a person's answer."""

import time
from dataclasses import dataclass
from uuid import UUID

from millrace.errors import UnavailableError

_WAITS_S = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Standing:
    """A flow run as Prefect knows it."""

    paused: bool
    deployed: bool
    state: str


def standing_of(prefect_run_id: str) -> Standing | None:
    """Ask the API; None when it does not know the flow run.

    Raises:
        UnavailableError: the API does not answer.
    """
    from httpx import HTTPError
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    try:
        with get_client(sync_client=True) as client:
            found = client.read_flow_run(UUID(prefect_run_id))
    except ObjectNotFound:
        return None
    except (HTTPError, RuntimeError) as error:
        raise _unreachable(error) from error
    state = found.state
    return Standing(
        paused=bool(state and state.is_paused()),
        deployed=found.deployment_id is not None,
        state=(state and state.name) or "unknown",
    )


def answer(prefect_run_id: str, fields: dict[str, str]) -> None:
    """Resume a paused or suspended flow run with what a person filled in, and see that it was taken.

    A server that fails is asked again: SQLite is locked now and then, and what failed has changed nothing.

    Raises:
        UnavailableError: the API does not answer, or did not take it.
    """
    from httpx import HTTPError
    from prefect.exceptions import FlowPauseTimeout, NotPausedError

    try:
        _resume(UUID(prefect_run_id), fields)
    except (NotPausedError, FlowPauseTimeout, HTTPError, RuntimeError) as error:
        raise UnavailableError(f"Prefect did not take the answer: {error}") from error
    after = standing_of(prefect_run_id)
    if after is None or after.paused:
        raise UnavailableError("Prefect did not take the answer: the run is still paused; try again")


def _resume(flow_run_id: UUID, fields: dict[str, str]) -> None:
    from httpx import HTTPStatusError
    from prefect.flow_runs import resume_flow_run

    for wait_s in (*_WAITS_S, None):
        try:
            resume_flow_run(flow_run_id, run_input=fields)
            return
        except HTTPStatusError as error:
            if wait_s is None or error.response.status_code < 500:
                raise
            time.sleep(wait_s)


def _unreachable(error: Exception) -> UnavailableError:
    return UnavailableError(
        f"Prefect's API does not answer: {error}; start `millrace up`, or set PREFECT_API_URL to your server"
    )
