"""Grows the golden dataset by what people answered, and publishes it by pointer."""

from blocks.embedder import open_embedder
from blocks.names import EmbedderName
from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.golden.build import GoldenConfig
from millrace.golden.build import build_golden as build
from millrace.golden.usable import Rejection
from millrace.golden.versions import version_key
from millrace.ledger import pointers
from millrace.records.base import Identifier, Record
from millrace.records.golden import GoldenVersion, Semver
from tasks.effect import effect
from tasks.parts import read_dataset, write_dataset
from tasks.run import current_run
from tasks.stage import stage


class ActiveGolden(Record):
    """Where a golden dataset's pointer stands; all None before the first version."""

    name: Identifier
    version: Semver | None = None
    dataset: DatasetRef | None = None
    highest: Semver | None = None


class GrownGolden(Record):
    """The next version, not yet published."""

    rows: DatasetRef
    version: Semver | None
    added: int
    rejected: list[Rejection]
    warnings: list[str]


class PublishedGolden(Record):
    """Which version is active now; ``published`` is False when another run published first."""

    published: bool
    version: Semver | None


def pointer_name(golden_name: str) -> str:
    """The ledger's pointer to the active version."""
    return f"golden/{golden_name}"


@effect
def read_active_golden(name: str) -> ActiveGolden:
    """Which version is active, and the highest there ever was: after a rollback they differ."""
    ledger = current_run().home.ledger
    history = [entry.value for entry in pointers.pointer_history_of(ledger, pointer_name(name))]
    if not history:
        return ActiveGolden(name=name)
    return ActiveGolden(
        name=name,
        version=history[-1]["version"],
        dataset=DatasetRef.model_validate(history[-1]["dataset"]),
        highest=max((value["version"] for value in history), key=version_key),
    )


@stage
def build_golden(
    active: ActiveGolden,
    tasks: DatasetRef,
    annotations: DatasetRef,
    embedder: EmbedderName,
    config: GoldenConfig,
) -> GrownGolden:
    """Add what annotations teach; near-duplicates are dropped, each group is on one side of eval and train for good."""
    grown = build(
        None if active.dataset is None else read_dataset(active.dataset).to_arrow(),
        read_dataset(annotations).to_arrow(),
        read_dataset(tasks).to_arrow(),
        open_embedder(embedder.name),
        config,
        active.highest,
    )
    return GrownGolden(
        rows=write_dataset("golden", grown.rows),
        version=grown.version if grown.added else active.version,
        added=grown.added,
        rejected=grown.rejected,
        warnings=grown.warnings,
    )


@effect
def publish_golden(active: ActiveGolden, grown: GrownGolden, note: str) -> PublishedGolden:
    """Make the grown dataset the active version, unless nothing was added or another run came first."""
    if not grown.added or grown.version is None:
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
        _write_version(active, grown, grown.version, note)
        pointers.set_pointer(run.home.ledger, name, value, at=run.now, run_id=run.run_id)
    return PublishedGolden(published=True, version=grown.version)


def _write_version(active: ActiveGolden, grown: GrownGolden, version: Semver, note: str) -> None:
    """For people and tools: what the version is, and its rows as JSON lines."""
    run = current_run()
    folder = run.home.root / "golden" / active.name / version
    rows = read_dataset(grown.rows).to_arrow().to_pylist()
    about = GoldenVersion(
        name=active.name,
        version=version,
        parent=active.version,
        content_hash=grown.rows.content_hash,
        added=grown.added,
        removed=0,
        created_at=run.now,
        note=note or None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / "rows.jsonl", b"".join(canonical_json(row) + b"\n" for row in rows))
    write_atomic(folder / "version.json", canonical_json(about))
