"""What all tests share: a Prefect home of their own, one server a session, and a Millrace home a test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.table import FaultTable

if TYPE_CHECKING:
    from tasks.home import Home

_PREFECT_HOME = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--torture",
        action="store_true",
        default=bool(os.environ.get("MILLRACE_TORTURE")),
        help="disturb flows at many more places",
    )
    parser.addoption("--torture-table", type=Path, help="write there what was disturbed how often, as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    """Prefect reads its environment when it is imported, and would write into the user's folder."""
    os.environ.update(PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1", HF_HUB_OFFLINE="1")
    if (table := config.getoption("--torture-table")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FaultTable(table))
    config.stash[_PREFECT_HOME] = os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="millrace-prefect-")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_PREFECT_HOME], ignore_errors=True)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Prefect server of the session's own; flows run on it in this process, without the heartbeat's second each."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_LOCAL_STORAGE_PATH, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    results = tmp_path_factory.mktemp("prefect-results")
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOCAL_STORAGE_PATH: results}),
    ):
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Home":
    """An empty home, which flows of this process find by ``MILLRACE_HOME``; the working directory is it too."""
    from tasks.home import Home

    root = tmp_path / "home"
    root.mkdir()
    monkeypatch.setenv("MILLRACE_HOME", str(root))
    monkeypatch.chdir(root)
    return Home(root)
