"""Calls a flow in this process, and says while it waits that it does."""

import copy
import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from apps.cli.exits import FINDING, OK, WAITING
from apps.cli.flow_catalogue import LoadedFlow
from apps.cli.terminal import Terminal, lines, table
from millrace.errors import NotFoundError
from millrace.ledger import approvals, runs
from millrace.records.receipt import RunSummary

_LOOK_EVERY_S = 1.0


def new_run_id(flow: str, now: datetime) -> str:
    """A readable id, with four hex digits against two starts in one second."""
    return f"{flow}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def call_flow(terminal: Terminal, flow: LoadedFlow, config: BaseModel, run_id: str) -> int:
    """Run the flow to its end, or until it is interrupted; the environment must be prepared.

    Returns:
        0 completed; 1 rejected; 4 interrupted while it waited for a person, and left waiting.
    """
    terminal.say(f"run {run_id} starts; without a running server Prefect needs about 10 s first")
    try:
        with prefect_manners(brief=not terminal.debug), _announcing(terminal, run_id):
            result = flow.function(config=config, run_id=run_id)
    except KeyboardInterrupt:
        if not _is_waiting(terminal, run_id):
            raise
        terminal.show(
            {"run_id": run_id, "flow": flow.name, "status": "waiting"}, lines(f"run {run_id} is left waiting")
        )
        terminal.say(f"decide with `millrace approve {run_id}`, then go on with `millrace resume {run_id}`")
        return WAITING
    return show_result(terminal, flow.name, run_id, result)


def show_result(terminal: Terminal, flow: str, run_id: str, result: Any) -> int:
    """What the flow returned and what the run's summary says."""
    from tasks.receipts import read_summary

    summary = read_summary(terminal.home.run_folder(run_id))
    status = getattr(result, "status", "completed")
    document = {"run_id": run_id, "flow": flow, "status": status, "reason": getattr(result, "reason", None)}
    terminal.show(
        document | {"result": result, "summary": summary}, _outcome(run_id, status, document["reason"], summary, result)
    )
    return OK if status == "completed" else FINDING


def _outcome(run_id: str, status: str, reason: str | None, summary: RunSummary | None, result: Any) -> Any:
    rows: list[tuple[str, object]] = [("run", run_id), ("status", f"{status}: {reason}" if reason else status)]
    if summary is not None:
        rows += [
            ("steps", f"{summary.n_stages} stages, {summary.n_effects} effects, {summary.n_cached} from cache"),
            ("rows skipped", summary.counts.rows_skipped),
            ("time", f"{summary.duration_s:.1f} s"),
            ("run hash", summary.run_hash),
        ]
    rows += getattr(result, "shown", [])
    return table(["", ""], rows)


@contextmanager
def _announcing(terminal: Terminal, run_id: str) -> Iterator[None]:
    """Say once for each approval that the run waits for it."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(terminal, run_id, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join(timeout=_LOOK_EVERY_S)


def _watch(terminal: Terminal, run_id: str, done: threading.Event) -> None:
    announced: set[str] = set()
    while not done.wait(_LOOK_EVERY_S):
        for approval in approvals.waiting(terminal.home.ledger, run_id):
            if approval.key not in announced:
                announced.add(approval.key)
                terminal.say(
                    f"run {run_id} waits for a person: {approval.title}\n"
                    f"  in another terminal: millrace approve {run_id} --home {terminal.root}\n"
                    "  Ctrl-C here leaves it waiting",
                    style="bold yellow",
                )


def _is_waiting(terminal: Terminal, run_id: str) -> bool:
    try:
        return runs.run_of(terminal.home.ledger, run_id).status == "waiting"
    except NotFoundError:
        return False


@contextmanager
def prefect_manners(*, brief: bool) -> Iterator[None]:
    """Prefect without its heartbeat thread, which costs each run a second, and without tracebacks in its log.

    The heartbeat is for servers that watch over other machines' runs; a run called here ends with this process.
    """
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        if brief:
            _without_tracebacks()
        yield


def _without_tracebacks() -> None:
    """Prefect's lines reach the terminal through the root logger; what goes to its server stays as it is."""
    from prefect.logging.handlers import PrefectConsoleHandler

    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler) and not isinstance(handler.formatter, _Brief):
            handler.setFormatter(_Brief(handler.formatter or logging.Formatter()))


class _Brief(logging.Formatter):
    """Another formatter's lines, without tracebacks."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        brief = copy.copy(record)
        brief.exc_info = brief.exc_text = None
        return self._inner.format(brief).split("\nTraceback (most recent call last)")[0]
