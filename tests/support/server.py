"""A Prefect server as a process of its own, that can be stopped and started again over the same database."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

_LOOK_EVERY_S = 0.2


class Server:
    """One Prefect home and one port; ``environment`` is for processes that use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api"

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ) | {
            "PREFECT_HOME": str(self._folder),
            "PREFECT_LOCAL_STORAGE_PATH": str(self._folder / "results"),
            "PREFECT_API_URL": self.url,
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }

    def start(self, timeout_s: float = 120.0) -> None:
        own = {name: value for name, value in self.environment.items() if name != "PREFECT_API_URL"}
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(self._port)]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=own, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._healthy, timeout_s)

    def stop(self) -> None:
        """As a supervisor does: SIGTERM, again, and in the end SIGKILL."""
        assert self._process is not None
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            self._process.send_signal(number)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                continue
            return

    def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "server.log").read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as reply:  # noqa: S310  our own address
                return bool(reply.status == 200)
        except OSError:
            return False


def wait_until(condition: Callable[[], object], timeout_s: float) -> None:
    """Look again and again.

    Raises:
        TimeoutError: it did not come true in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s: {condition}")
        time.sleep(_LOOK_EVERY_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
