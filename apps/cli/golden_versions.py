"""Versions of golden datasets, as the history of their pointers has them."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from pydantic import Field

from apps.cli.ledger_queries import pointer_names
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError, NotFoundError
from millrace.evaluation.selection import eval_rows
from millrace.evaluation.suites import EvalsConfig, suite_files
from millrace.golden.files import ABOUT_FILE
from millrace.golden.versions import version_key
from millrace.ledger.pointers import pointer_history_of, set_pointer
from millrace.ledger.schema import Json
from millrace.records.base import Identifier, Record
from millrace.records.golden import GoldenVersion, Semver
from millrace.records.json_file import read_json_record
from tasks.evals import COVERAGE_FILE, EVALS_FOLDER
from tasks.golden_removal import GoldenRemovalConfig, RemovedGolden, golden_remove
from tasks.home import Home

_PREFIX = "golden/"


class ListedVersion(Record):
    """A version, where its rows are, and what is written beside them; None where nothing is."""

    name: Identifier
    version: Semver
    dataset: DatasetRef
    active: bool
    about: GoldenVersion | None = None
    value: Json = Field(None, exclude=True, description="What the pointer held")


def all_versions(home: Home) -> list[ListedVersion]:
    """Every version of every golden dataset, by name, then version."""
    names = [name.removeprefix(_PREFIX) for name in pointer_names(home.ledger, _PREFIX)]
    return [version for name in names for version in versions_of(home, name)]


def versions_of(home: Home, name: str) -> list[ListedVersion]:
    """The versions of one golden dataset, lowest first; empty when it has none."""
    history = [entry.value for entry in pointer_history_of(home.ledger, f"{_PREFIX}{name}")]
    latest = {value["version"]: value for value in history}
    return [
        ListedVersion(
            name=name,
            version=version,
            dataset=value["dataset"],
            active=value == history[-1],
            about=_about(home, name, version),
            value=value,
        )
        for version, value in sorted(latest.items(), key=lambda item: version_key(item[0]))
    ]


def find_version(home: Home, name: str, version: str | None) -> ListedVersion:
    """A version, or the active one.

    Raises:
        NotFoundError: no such dataset or version; the message lists what there is.
    """
    versions = versions_of(home, name)
    if not versions:
        known = ", ".join(each.removeprefix(_PREFIX) for each in pointer_names(home.ledger, _PREFIX)) or "none yet"
        raise NotFoundError(f"no golden dataset {name!r}; there is {known}", name=name)
    found = [each for each in versions if (each.active if version is None else each.version == version)]
    if not found:
        known = ", ".join(each.version for each in versions)
        raise NotFoundError(f"{name} has no version {version}; there are {known}", name=name, version=version)
    return found[0]


def rows_of_version(home: Home, version: ListedVersion) -> pa.Table:
    """The version's rows: a table of GoldenRow."""
    return home.datasets.open(version.dataset).to_arrow()


def make_active(home: Home, before: ListedVersion, target: ListedVersion) -> None:
    """Point to the target, unless somebody else moved the pointer since ``before`` was read."""
    if target.active:
        return
    now = datetime.now(UTC)
    set_pointer(
        home.ledger,
        f"{_PREFIX}{target.name}",
        target.value,
        at=now,
        run_id=f"rollback-{now:%Y%m%dT%H%M%S%f}",
        expected=before.value,
    )


def remove_row(home: Home, active: ListedVersion, golden_id: str, reason: str) -> RemovedGolden:
    """Publish a new major version without the row, as a run of its own with a receipt.

    Raises:
        NotFoundError: the active version has no such row.
        BadInputError: somebody else moved the pointer since ``active`` was read.
    """
    config = GoldenRemovalConfig(golden=active.name, golden_id=golden_id, reason=reason, expected=active.version)
    return golden_remove(config, run_id=f"golden-remove-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")


class ExportedEvals(Record):
    """What was exported; without coverage when no weekly run published the version's evals."""

    n_cases: int
    has_coverage: bool


def export_evals(home: Home, version: ListedVersion, out: Path) -> ExportedEvals:
    """Write the version's suites into a new or empty folder: as a run published them, else made from its rows.

    Raises:
        BadInputError: the folder holds something already, or is none.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInputError(f"{out} is no empty folder: name a new one", path=str(out))
    rows = eval_rows(rows_of_version(home, version))
    published = home.root / _PREFIX / version.name / version.version / EVALS_FOLDER
    if published.is_dir():
        shutil.copytree(published, out, dirs_exist_ok=True)
    else:
        for name, content in suite_files(
            rows, EvalsConfig(), f"golden dataset {version.name} {version.version}"
        ).items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(out / name, content)
    return ExportedEvals(n_cases=len(rows), has_coverage=(out / COVERAGE_FILE).is_file())


def _about(home: Home, name: str, version: str) -> GoldenVersion | None:
    path = home.root / "golden" / name / version / ABOUT_FILE
    return read_json_record(path, GoldenVersion) if path.is_file() else None
