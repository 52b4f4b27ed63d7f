"""Small runs: any function as the body of a flow, called directly or through Prefect."""

from collections.abc import Callable

import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.records.receipt import Receipt
from tasks.home import Home
from tasks.receipts import read_receipts
from tests.tasks.turns import Turn, plain_turn, prefect_turn


@pytest.fixture
def plain(home: Home) -> Turn:
    """Runs a function as a flow's body without Prefect: ``plain(body, run_id, **settings)``."""
    return plain_turn


@pytest.fixture
def prefect(home: Home, prefect_server: None) -> Turn:
    """The same through Prefect; tests that use it are marked ``prefect``."""
    return prefect_turn


@pytest.fixture(params=["plain", pytest.param("prefect", marks=pytest.mark.prefect)])
def turn(request: pytest.FixtureRequest) -> Turn:
    """Both ways to run, one after the other."""
    chosen: Turn = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def receipts(home: Home) -> Callable[[str], dict[str, Receipt]]:
    """A run's receipts by step."""
    return lambda run_id: {each.step: each for each in read_receipts(home.run_folder(run_id))}


@pytest.fixture
def values(home: Home) -> Callable[[DatasetRef], list[float]]:
    """The values of a dataset of ratings, in order."""
    return lambda ref: home.datasets.open(ref).to_arrow().column("value").to_pylist()
