"""Starts the server and the process that serves the deployments; stops both, and what they started."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from apps.cli.environment import SERVER_FILE, answers, prepare, running_server
from apps.cli.exits import FINDING, OK
from apps.cli.terminal import Terminal, lines
from millrace.datasets.files import write_atomic
from millrace.errors import BadInputError, UnavailableError

_START_TIMEOUT_S = 120.0
_LOOK_EVERY_S = 0.3
_GRACE_S = 5.0  # after each of two SIGTERMs: one alone did not stop a Prefect worker within 6 s


def launch(terminal: Terminal, host: str, port: int) -> int:
    """Start everything, say where it is, and wait for SIGINT or SIGTERM.

    Returns:
        0 when asked to stop; 1 when a child ended by itself.

    Raises:
        BadInputError: the port is in use, or this home is served already.
        UnavailableError: the server did not come up.
    """
    _refuse_second(terminal.root, host, port)
    prepare(terminal.root)
    ui = f"http://{_reachable(host)}:{port}"
    environment = os.environ | {"PREFECT_UI_API_URL": f"{ui}/api", "PREFECT_API_URL": f"{ui}/api"}
    with ExitStack() as stack:
        stop = stack.enter_context(_stop_signals())
        with terminal.working("starting Prefect's server"):
            server = stack.enter_context(_server(terminal.root, host, port, environment))
            if not _wait_until_healthy(f"{ui}/api", server, stop):
                return OK
        stack.enter_context(_announced(terminal.root, f"{ui}/api", server.pid))
        serving = stack.enter_context(
            _child([sys.executable, "-m", "apps.cli.serving"], environment, output=sys.stderr.fileno())
        )
        terminal.show(
            {"ui": ui, "api": f"{ui}/api", "home": str(terminal.root), "pid": os.getpid()},
            lines(f"user interface: {ui}", "Ctrl-C stops everything; what waits goes on waiting"),
        )
        return _wait(terminal, {"server": server, "deployments": serving}, stop)


def _refuse_second(root: Path, host: str, port: int) -> None:
    url = running_server(root)
    if url is not None:
        raise BadInputError(f"this home is served already, at {url}", url=url)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BadInputError(
                f"port {port} of {host} cannot be used: {error.strerror}; choose another with --port", port=port
            ) from error


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  listening everywhere is the user's choice


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, instead of ending this process before its children."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda _number, _frame: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _server(root: Path, host: str, port: int, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    log = root / "logs" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    own = {name: value for name, value in environment.items() if name != "PREFECT_API_URL"}
    arguments = [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)]
    with log.open("ab") as stream, _child(arguments, own, output=stream.fileno()) as child:
        yield child


@contextmanager
def _child(arguments: list[str], environment: Mapping[str, str], *, output: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a session of its own, so that Ctrl-C reaches it through us alone; stopped in the end."""
    child = subprocess.Popen(
        arguments,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        _stop(child)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, again SIGTERM, then SIGKILL for it and whatever it started that is still there."""
    family = _family(child.pid)
    for _ in range(2):
        if child.poll() is None:
            child.terminate()
            psutil.wait_procs(family[:1], timeout=_GRACE_S)
    left = [process for process in family if process.is_running()]
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    child.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _wait_until_healthy(api_url: str, server: "subprocess.Popen[bytes]", stop: threading.Event) -> bool:
    """False when asked to stop meanwhile."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not answers(api_url):
        if stop.wait(_LOOK_EVERY_S):
            return False
        if server.poll() is not None or time.monotonic() > deadline:
            raise UnavailableError("Prefect's server did not come up; its log is logs/server.log in the home")
    return True


@contextmanager
def _announced(root: Path, api_url: str, pid: int) -> Iterator[None]:
    """Let other commands on this home find the server while it runs."""
    file = root / SERVER_FILE
    write_atomic(file, json.dumps({"url": api_url, "pid": pid}).encode())
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _wait(terminal: Terminal, children: "Mapping[str, subprocess.Popen[bytes]]", stop: threading.Event) -> int:
    while not stop.wait(_LOOK_EVERY_S):
        for name, child in children.items():
            if child.poll() is not None:
                terminal.say(
                    f"the process of the {name} ended by itself, with code {child.returncode}", style="bold red"
                )
                return FINDING
    terminal.say("stopping")
    return OK
