"""A home in a fresh folder, a real run in it, and the command line in this process or in its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))  # stages are found again by their module's name

from apps.cli import flow_catalogue  # noqa: E402
from apps.cli.main import app  # noqa: E402
from millrace.errors import BadInputError  # noqa: E402
from tasks.home import Home  # noqa: E402


class Outcome:
    """What a command gave: exit code, stdout as text or document, stderr."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands set variables; every test begins without them and leaves none."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "MILLRACE_")):
            del os.environ[name]
    os.environ["MILLRACE_REVIEWER_KEYS"] = str(tmp_path / "keys")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(flow_catalogue.MODULES, "toy-flow", "toy_flow")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def cli(home: Home) -> Cli:
    """Call the command line in this process, on the test's home."""

    def call(*arguments: object, typed: str | None = None) -> Outcome:
        result = CliRunner().invoke(app, [*map(str, arguments), "--home", str(home.root)], input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def make_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A run of the toy flow, really made, without Prefect."""

    def make(run_id: str = "toy-flow-1", **settings: object) -> str:
        import toy_flow

        monkeypatch.setenv("MILLRACE_HOME", str(home.root))
        toy_flow.toy_flow.fn(config=toy_flow.ToyFlowConfig(**settings), run_id=run_id)
        return run_id

    return make


@pytest.fixture
def asking(make_run: Callable[..., str]) -> str:
    """A toy run outside Prefect, which cannot wait and ends where it asks."""
    with pytest.raises(BadInputError, match="waits for a decision"):
        make_run("asking", ask=True)
    return "asking"


@pytest.fixture
def start(home: Home, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command line, the toy flow included, as a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def launch(*arguments: object) -> subprocess.Popen[str]:
        paths = os.pathsep.join([str(HERE), str(ROOT)])
        command = [sys.executable, str(HERE / "toy_cli.py"), *map(str, arguments), "--home", str(home.root)]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield launch
    for process in started:
        process.terminate()  # `millrace up` stops its children then
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=40)
        with suppress(ProcessLookupError):  # a killed run leaves Prefect's temporary server in its session
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def finish(start: Callable[..., subprocess.Popen[str]]) -> Cli:
    """The command line as a process of its own, waited for."""

    def call(*arguments: object) -> Outcome:
        process = start(*arguments)
        out, err = process.communicate(timeout=180)
        return Outcome(process.returncode, out, err)

    return call
