"""Golden datasets after an erasure: files rewritten, and a major version on top where the active one lost rows."""

import shutil
from collections.abc import Mapping

from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.golden.files import version_files
from millrace.golden.versions import next_version, version_key
from millrace.ledger import pointers
from millrace.records.golden import GoldenVersion
from tasks.erasure_datasets import Successor
from tasks.evals import EVALS_FOLDER
from tasks.golden import pointer_name, read_version, write_version
from tasks.run import Run


def rewrite_golden(run: Run, handle: str, successors: Mapping[str, Successor]) -> dict[str, int]:
    """Rewrite the files of every version that lost rows, and publish what is left of the active one as a new version.

    Inside the transaction that moves the pointers. The number of a version stays, its rows and content hash do not:
    what a person has to be taken out of cannot stay as it was.

    Args:
        successors: by content hash of the old dataset.
    """
    counts = {"golden versions rewritten": 0, "golden versions published": 0}
    ledger, prefix = run.home.ledger, pointer_name("")
    for active in pointers.pointers_under(ledger, prefix):
        name = active.name.removeprefix(prefix)
        history = [each.value for each in pointers.pointer_history_of(ledger, active.name)]
        for version, old in {each["version"]: each["dataset"]["content_hash"] for each in history}.items():
            if old in successors:
                _rewrite(run, handle, name, version, successors[old])
                counts["golden versions rewritten"] += 1
        lost = successors.get(active.value["dataset"]["content_hash"])
        if lost is not None:
            highest = max((each["version"] for each in history), key=version_key)
            _publish(run, handle, name, active.value["version"], highest, lost)
            counts["golden versions published"] += 1
    return {place: n for place, n in counts.items() if n}


def _rewrite(run: Run, handle: str, name: str, version: str, successor: Successor) -> None:
    folder = run.home.root / "golden" / name / version
    known = read_version(run, name, version)
    note = f"rows of a person were erased ({handle})"
    about = known.model_copy(update={"content_hash": successor.new, "note": note})
    rows = run.home.datasets.open(successor.new_ref).to_arrow()
    for file, content in version_files(about, rows).items():
        write_atomic(folder / file, content)
    shutil.rmtree(folder / EVALS_FOLDER, ignore_errors=True)


def _publish(run: Run, handle: str, name: str, parent: str, highest: str, successor: Successor) -> None:
    new: DatasetRef = successor.new_ref
    about = GoldenVersion(
        name=name,
        version=next_version(highest, removed=max(successor.n_erased, 1)),
        parent=parent,
        content_hash=new.content_hash,
        added=0,
        removed=successor.n_erased,
        created_at=run.now,
        note=f"rows of a person were erased ({handle})",
    )
    write_version(run, about, run.home.datasets.open(new).to_arrow())
    value = {"version": about.version, "dataset": new.model_dump(mode="json")}
    pointers.set_pointer(run.home.ledger, pointer_name(name), value, at=run.now, run_id=run.run_id)
