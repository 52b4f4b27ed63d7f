"""Grows the golden dataset by what people answered, and publishes it by pointer."""

import pyarrow as pa
from pydantic import Field

from blocks.embedder import open_embedder
from blocks.names import EmbedderName
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.store import kind_of
from millrace.golden.build import GoldenConfig
from millrace.golden.build import build_golden as build
from millrace.golden.files import ABOUT_FILE, version_files
from millrace.golden.history import GoldenHistory, Removal, RemovedRow, departed_rows, removals_in
from millrace.golden.usable import Rejection
from millrace.golden.versions import version_key
from millrace.ledger import pointers
from millrace.records.base import FileName, Record
from millrace.records.golden import GoldenVersion, Semver
from millrace.records.json_file import read_json_record
from tasks.effect import effect
from tasks.parts import read_dataset, write_dataset
from tasks.run import Run, current_run
from tasks.stage import stage


class ActiveGolden(Record):
    """Where a golden dataset's pointer stands, and what it remembers; all None before the first version."""

    name: FileName
    version: Semver | None = None
    dataset: DatasetRef | None = None
    highest: Semver | None = None
    departed: DatasetRef | None = None
    removals: list[Removal] = Field(default=[])
    schema_changed: bool = False


class GrownGolden(Record):
    """The next version, not yet published."""

    rows: DatasetRef
    version: Semver | None
    added: int
    removed: list[RemovedRow]
    rejected: list[Rejection]
    warnings: list[str]

    @property
    def changed(self) -> bool:
        """Whether there is something to publish."""
        return bool(self.added or self.removed)


class PublishedGolden(Record):
    """Which version is active now; ``published`` is False when another run published first."""

    published: bool
    version: Semver | None


def pointer_name(golden_name: str) -> str:
    """The ledger's pointer to the active version."""
    return f"golden/{golden_name}"


@effect
def read_active_golden(name: str) -> ActiveGolden:
    """Which version is active, the highest there ever was (after a rollback they differ), and what has departed."""
    ledger = current_run().home.ledger
    history = [entry.value for entry in pointers.pointer_history_of(ledger, pointer_name(name))]
    if not history:
        return ActiveGolden(name=name)
    refs = [DatasetRef.model_validate(value["dataset"]) for value in history]
    others = dict.fromkeys(ref for ref in refs if ref != refs[-1])
    active = read_dataset(refs[-1])
    departed = departed_rows(active.to_arrow(), (read_dataset(ref).to_arrow() for ref in others))
    return ActiveGolden(
        name=name,
        version=history[-1]["version"],
        dataset=refs[-1],
        highest=max((value["version"] for value in history), key=version_key),
        departed=write_dataset("golden", departed) if departed.num_rows else None,
        removals=removals_in(history),
        schema_changed=active.manifest.schema_version != kind_of("golden").version,
    )


@stage
def build_golden(
    active: ActiveGolden,
    tasks: DatasetRef,
    annotations: DatasetRef,
    embedder: EmbedderName,
    config: GoldenConfig,
) -> GrownGolden:
    """Add, correct and withdraw what annotations say; each group is on one side of eval and train for good."""
    grown = build(
        None if active.dataset is None else read_dataset(active.dataset).to_arrow(),
        read_dataset(annotations).to_arrow(),
        read_dataset(tasks).to_arrow(),
        open_embedder(embedder.name),
        config,
        active.highest,
        GoldenHistory(
            departed=None if active.departed is None else read_dataset(active.departed).to_arrow(),
            removals=active.removals,
            schema_changed=active.schema_changed,
        ),
    )
    return GrownGolden(
        rows=write_dataset("golden", grown.rows),
        version=grown.version if grown.changed else active.version,
        added=grown.added,
        removed=grown.removed,
        rejected=grown.rejected,
        warnings=grown.warnings,
    )


@effect
def publish_golden(active: ActiveGolden, grown: GrownGolden, note: str) -> PublishedGolden:
    """Make the grown dataset the active version, unless nothing changed or another run came first."""
    if not grown.changed or grown.version is None:
        return PublishedGolden(published=True, version=active.version)
    run, name = current_run(), pointer_name(active.name)
    value = {"version": grown.version, "dataset": grown.rows.model_dump(mode="json")}
    with run.home.ledger.write():  # no other run publishes between the look, the files and the pointer
        pointer = pointers.pointer(run.home.ledger, name)
        now = pointer.value if pointer else {"version": None}
        if now == value:
            return PublishedGolden(published=True, version=grown.version)
        if now["version"] != active.version:
            return PublishedGolden(published=False, version=now["version"])
        about = GoldenVersion(
            name=active.name,
            version=grown.version,
            parent=active.version,
            content_hash=grown.rows.content_hash,
            added=grown.added,
            removed=len(grown.removed),
            created_at=run.now,
            note=note or None,
        )
        write_version(run, about, read_dataset(grown.rows).to_arrow())
        pointers.set_pointer(run.home.ledger, name, value, at=run.now, run_id=run.run_id)
    return PublishedGolden(published=True, version=grown.version)


def read_version(run: Run, name: str, version: Semver) -> GoldenVersion:
    """What is written of a published version; raises as :func:`read_json_record`."""
    file = run.home.root / "golden" / name / version / ABOUT_FILE
    return read_json_record(file, GoldenVersion)


def write_version(run: Run, about: GoldenVersion, rows: pa.Table) -> None:
    """For people and tools: what the version is, and its rows as JSON lines."""
    folder = run.home.root / "golden" / about.name / about.version
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in version_files(about, rows).items():
        write_atomic(folder / file, content)
