"""Takes a row out of a golden dataset by hand: a run of its own, with one effect and its receipt."""

from typing import Any

from pydantic import Field

from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError, NotFoundError
from millrace.golden.history import Removal, remove_by_hand
from millrace.golden.versions import version_key
from millrace.ledger import pointers
from millrace.records.base import FileName, Identifier, Record
from millrace.records.golden import GoldenVersion, Semver
from tasks.effect import effect
from tasks.golden import pointer_name, write_version
from tasks.parts import read_dataset, write_dataset
from tasks.run import FlowConfig, current_run, recorded


class GoldenRemovalConfig(FlowConfig):
    """Which row goes, and why."""

    golden: FileName = Field("main", description="Name of the golden dataset")
    golden_id: Identifier
    reason: str = Field(min_length=1, max_length=2000, description="Kept with the version, and told when it is asked")
    expected: Semver | None = Field(None, description="Version that must be active; None for whichever is")


class RemovedGolden(Record):
    """The version after the removal."""

    version: Semver
    parent: Semver
    rows: DatasetRef


@recorded("golden-remove")
def golden_remove(config: GoldenRemovalConfig, run_id: str | None = None) -> RemovedGolden:
    """Publish a new major version without one row; no version is changed."""
    return remove_golden_row(config.golden, config.golden_id, config.reason, config.expected)


@effect
def remove_golden_row(name: str, golden_id: str, reason: str, expected: Semver | None) -> RemovedGolden:
    """Take the row out of the active version, and remember why: older answers do not bring it back.

    Raises:
        NotFoundError: no such golden dataset, or no such row in its active version.
        BadInputError: another version than expected is active.
    """
    run = current_run()
    ledger = run.home.ledger
    with ledger.write():  # no other run publishes between the look, the files and the pointer
        history = [entry.value for entry in pointers.pointer_history_of(ledger, pointer_name(name))]
        if not history:
            raise NotFoundError(f"no golden dataset {name!r}; `millrace golden list` lists them", name=name)
        active: dict[str, Any] = history[-1]
        if expected is not None and active["version"] != expected:
            raise BadInputError(f"{name} is at {active['version']} now, not at {expected}: look again", name=name)
        highest = max((value["version"] for value in history), key=version_key)
        removal = Removal(golden_id=golden_id, reason=reason, removed_at=run.now)
        found = remove_by_hand(read_dataset(DatasetRef.model_validate(active["dataset"])).to_arrow(), removal, highest)
        rows = write_dataset("golden", found.rows)
        about = GoldenVersion(
            name=name,
            version=found.version,
            parent=active["version"],
            content_hash=rows.content_hash,
            added=0,
            removed=len(found.removed),
            created_at=run.now,
            note=reason,
        )
        write_version(run, about, found.rows)
        value = {
            "version": found.version,
            "dataset": rows.model_dump(mode="json"),
            "removed": [removal.model_dump(mode="json")],
        }
        pointers.set_pointer(ledger, pointer_name(name), value, at=run.now, run_id=run.run_id)
    return RemovedGolden(version=found.version, parent=active["version"], rows=rows)
