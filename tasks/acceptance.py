"""The acceptance run: a fixture that holds every case, distilled twice from nothing, judged by 22 invariants (D11)."""

import shutil
from importlib.resources import files
from pathlib import Path

from pydantic import Field

from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.distillation.invariants import RunLeft, check_invariants
from millrace.errors import NotFoundError
from millrace.records.acceptance import Expected, InvariantResult
from millrace.records.base import Record
from millrace.records.rules import read_record
from millrace.reports.acceptance import acceptance_markdown
from tasks.effect import effect
from tasks.home import Home
from tasks.latest import publish_latest
from tasks.run import current_run

FIXTURE_FILE, RESULT_FILE = "fixture.yaml", "acceptance.json"
APART = "distilled"  # the run's id in each of the two homes


class FixtureFile(Record):
    """A stream of the fixture; both files lie beside ``fixture.yaml``."""

    file: str
    mapping: str


class Fixture(Record):
    """Streams, what they are held against, and what must come of them."""

    files: list[FixtureFile] = Field(min_length=1)
    eval_files: list[str] = Field(default=[])
    known_files: str | None = None
    expected: Expected


class AcceptanceOutcome(Record):
    """The 22 invariants."""

    results: list[InvariantResult]

    @property
    def n_passed(self) -> int:
        return sum(result.passed for result in self.results)

    @property
    def passed(self) -> bool:
        return self.n_passed == len(self.results)

    @property
    def failures(self) -> list[str]:
        return [f"{each.number} {each.name}: {each.detail}" for each in self.results if not each.passed]


def fixture_folder(folder: str | None) -> Path:
    """A fixture's folder; the bundled one when none is named.

    Raises:
        NotFoundError: no ``fixture.yaml`` in it.
    """
    place = Path(folder) if folder else Path(str(files("configs"))) / "acceptance"
    if not (place / FIXTURE_FILE).is_file():
        raise NotFoundError(f"no {FIXTURE_FILE} in {place}: give the folder of a fixture", folder=str(place))
    return place


def read_fixture(folder: Path) -> Fixture:
    """What the folder's ``fixture.yaml`` says.

    Raises:
        BadInputError: it is no fixture; the message names the field.
    """
    return read_record(folder / FIXTURE_FILE, Fixture)


def empty_homes() -> tuple[Home, Home]:
    """Two homes under this run's folder in which nothing has happened yet."""
    run = current_run()
    folder = run.home.run_folder(run.run_id)
    for name in ("first", "second"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    return Home(folder / "first"), Home(folder / "second")


@effect
def judge_runs(expected: Expected, reports_folder: str) -> AcceptanceOutcome:
    """Check what the two runs left, and say so where people and programs look."""
    run = current_run()
    folder = run.home.run_folder(run.run_id)
    first, second = (RunLeft(folder / name, APART) for name in ("first", "second"))
    outcome = AcceptanceOutcome(results=check_invariants(first, second, expected))
    write_atomic(folder / RESULT_FILE, canonical_json(outcome))
    markdown = acceptance_markdown(run.run_id, outcome.results)
    publish_latest(reports_folder, "acceptance", markdown, f"{outcome.n_passed}/{len(outcome.results)}")
    return outcome
