"""Versions of golden datasets, as the history of their pointers has them."""

from datetime import UTC, datetime

import pyarrow as pa

from apps.cli.ledger_queries import pointer_names
from millrace.datasets.manifest import DatasetRef
from millrace.errors import NotFoundError
from millrace.golden.versions import version_key
from millrace.ledger.pointers import pointer_history_of, set_pointer
from millrace.records.base import Identifier, Record
from millrace.records.golden import Semver
from tasks.home import Home

_PREFIX = "golden/"


class ListedVersion(Record):
    """A version and where its rows are."""

    name: Identifier
    version: Semver
    dataset: DatasetRef
    active: bool


def all_versions(home: Home) -> list[ListedVersion]:
    """Every version of every golden dataset, by name, then version."""
    names = [name.removeprefix(_PREFIX) for name in pointer_names(home.ledger, _PREFIX)]
    return [version for name in names for version in versions_of(home, name)]


def versions_of(home: Home, name: str) -> list[ListedVersion]:
    """The versions of one golden dataset, lowest first; empty when it has none."""
    history = [entry.value for entry in pointer_history_of(home.ledger, f"{_PREFIX}{name}")]
    latest = {value["version"]: value for value in history}
    return [
        ListedVersion(name=name, version=version, dataset=value["dataset"], active=value == history[-1])
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
        _value(target),
        at=now,
        run_id=f"rollback-{now:%Y%m%dT%H%M%S%f}",
        expected=_value(before),
    )


def _value(version: ListedVersion) -> dict[str, object]:
    return {"version": version.version, "dataset": version.dataset.model_dump(mode="json")}
