"""The run: its id, its clock, what it pinned, and which steps it has taken."""

import functools
import inspect
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from httpx import HTTPError
from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.logging import get_run_logger
from prefect.runtime import flow_run as prefect_flow_run
from pydantic import AwareDatetime, Field

from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError
from millrace.ledger import pins, runs
from millrace.ledger.catalogue import latest_sequence
from millrace.ledger.store import Ledger
from millrace.records.base import Record
from millrace.records.receipt import RunStatus
from tasks.home import Home, checked_run_id
from tasks.logs import log_context, set_up_logs
from tasks.processes import process_name
from tasks.receipts import write_summary

P = ParamSpec("P")
R = TypeVar("R")

_current: ContextVar["Run"] = ContextVar("millrace-run")


class FlowConfig(Record):
    """What every flow's settings have."""

    as_of: AwareDatetime | None = Field(None, description="The run's clock; by default the time of its start")
    workers: int = Field(2, ge=1, le=256, description="Parts computed at the same time; changes no result")


ConfigT = TypeVar("ConfigT", bound=FlowConfig)


@dataclass
class Run:
    """One turn of a flow. Everything that the outside world decided is pinned here, first of all."""

    run_id: str
    flow: str
    home: Home
    now: datetime
    sequence: int
    workers: int
    calls: Counter[str] = field(default_factory=Counter)
    produced: dict[str, Any] = field(default_factory=dict)
    pins: dict[str, Any] = field(default_factory=dict)

    def next_step(self, name: str) -> str:
        """A name for this call: the step's own, numbered from the second call on."""
        self.calls[name] += 1
        return name if self.calls[name] == 1 else f"{name}-{self.calls[name]}"

    def pinned(self, step: str) -> dict[str, Any] | None:
        """Key and result of a step that ran before a pause: on re-entry they beat whatever would be computed now."""
        approvals = (pin for name, pin in self.pins.items() if name.startswith("steps-"))
        return next((steps[step] for steps in approvals if step in steps), None)


def current_run() -> Run:
    """The run this code is part of.

    Raises:
        BadInputError: called outside a flow.
    """
    try:
        return _current.get()
    except LookupError:
        raise BadInputError("a stage or effect was called outside a flow; call its flow, or its .function") from None


def in_prefect() -> bool:
    """Whether a Prefect flow run surrounds this code; without one, steps are called directly."""
    return FlowRunContext.get() is not None


def log() -> "logging.Logger | logging.LoggerAdapter[Any]":
    """The flow run's logger, or the module's when there is no flow run."""
    return get_run_logger() if in_prefect() else logging.getLogger("millrace")


def show_in_prefect(markdown: str, key: str, description: str | None) -> None:
    """Put Markdown on the flow run's page, where there is one.

    A server that fails, as Prefect's does when its SQLite is locked, costs the page its Markdown and not the run.
    """
    if not in_prefect():
        return
    try:
        create_markdown_artifact(markdown, key=key, description=description)
    except HTTPError as error:
        log().warning("Prefect did not take %s for the run's page: %s", key, error)


def utc_now() -> datetime:
    """The clock; read in this layer only."""
    return datetime.now(UTC)


def recorded(flow_name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a flow function a run: pins its start, keeps its status in the ledger, writes its summary.

    The function takes ``config`` and ``run_id``: None means the Prefect flow run's own id; the id of
    an interrupted run continues it.
    """
    set_up_logs()  # here, so that what Prefect says before the function is called has that form too

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            given = inspect.signature(function).bind(*args, **kwargs).arguments
            with begun_run(flow_name, given["config"], given.get("run_id") or _prefect_run_id()) as run:
                result = function(*args, **kwargs)
                finish_run(run, getattr(result, "status", "completed"), getattr(result, "reason", None))
                return result

        return wrapper

    return decorate


@contextmanager
def begun_run(flow: str, config: FlowConfig, run_id: object, home: Home | None = None) -> Iterator[Run]:
    """The surroundings of one turn; failures and pauses are recorded and raised again.

    Args:
        home: None for the one of the environment.

    Raises:
        BadInputError: the run id cannot name a folder.
    """
    run = _start(flow, config, checked_run_id(str(run_id)), home or Home.from_environment())
    token = _current.set(run)
    try:
        with log_context(run_id=run.run_id, flow=flow):
            yield run
    except Pause:
        runs.update_run(run.home.ledger, run.run_id, status="waiting")
        raise
    except Exception as error:
        finish_run(run, "failed", f"{type(error).__name__}: {error}")
        raise
    finally:
        _current.reset(token)


def finish_run(run: Run, status: RunStatus, reason: str | None = None) -> None:
    """Write the summary and close the run in the ledger."""
    finished = utc_now()
    row = runs.run_of(run.home.ledger, run.run_id)
    write_summary(run, status=status, reason=reason, started_at=row.started_at, finished_at=finished)
    runs.update_run(run.home.ledger, run.run_id, status=status, finished_at=finished)


def run_apart(flow: str, function: Callable[[ConfigT], R], config: ConfigT, *, run_id: str, home: Home) -> R:
    """A whole run in another home, without Prefect: its steps are called directly, past every cache of Prefect's."""

    def run_all() -> R:
        with begun_run(flow, config, run_id, home) as run:
            result = function(config)
            finish_run(run, "completed")
            return result

    return Context().run(run_all)


def _start(flow: str, config: FlowConfig, run_id: str, home: Home) -> Run:
    start = _pinned_start(home.ledger, flow, config, run_id)
    return Run(
        run_id,
        flow,
        home,
        now=datetime.fromisoformat(start["now"]),
        sequence=int(start["sequence"]),
        workers=config.workers,
        pins=pins.pins_of(home.ledger, run_id),
    )


def _pinned_start(ledger: Ledger, flow: str, config: FlowConfig, run_id: str) -> dict[str, Any]:
    """What the run resolved when it first started; a start that is refused leaves the run as it was."""
    now = utc_now()
    settings = config.model_dump(mode="json")
    resolved = {"config": _deciding(settings), "now": (config.as_of or now).astimezone(UTC).isoformat()}
    with ledger.write():
        runs.start_run(
            ledger,
            run_id,
            flow=flow,
            config=settings,
            started_at=now,
            process=process_name(),
            prefect_run_id=_prefect_run_id(required=False),
        )
        start: dict[str, Any] = pins.pin(ledger, run_id, "start", resolved | {"sequence": latest_sequence(ledger)})
        if canonical_json(start["config"]) != canonical_json(_deciding(settings)):
            raise BadInputError(
                f"run {run_id} was started with other settings; `millrace resume {run_id}` continues it with its own",
                run_id=run_id,
            )
    return start


def _prefect_run_id(*, required: bool = True) -> str | None:
    run_id = prefect_flow_run.id
    if run_id is None and required:
        raise BadInputError("no run_id: outside Prefect a run needs one")
    return str(run_id) if run_id is not None else None


def _deciding(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without those that change no result: a run may go on with another number of workers."""
    return {name: value for name, value in settings.items() if name != "workers"}
