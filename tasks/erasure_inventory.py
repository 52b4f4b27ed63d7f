"""What a home holds of a person, counted by place before anything is erased."""

from collections.abc import Mapping
from pathlib import Path

from millrace.datasets.manifest import DatasetRef
from millrace.governance.erasure_report import Inventory, Place, Remaining
from millrace.ledger import erasures, holds, runs
from millrace.ledger.erasures import ErasureRequest
from tasks.effect import effect
from tasks.erasure_files import concerned_runs, exporting_runs, holds_mark, is_emptied, report_folders
from tasks.erasure_index import affected_snapshots
from tasks.erasure_subject import Subject, find_subject, redacted_rows
from tasks.holds import held_datasets, held_runs, hold_text
from tasks.home import Home
from tasks.run import Run, current_run

_ALL = 1_000_000


@effect
def take_inventory(handle: str, reports_folder: str) -> Inventory:
    """Count what the home holds of the person, by place; no id and no text of anybody is in it."""
    run, request = request_in_run(handle)
    home = run.home
    forbidden = _held_person(home, request)
    if forbidden:
        return Inventory(handle=handle, places=[], remaining=forbidden)
    subject = find_subject(home, request)
    held = held_datasets(home)
    redacted = {} if not subject.marks else redacted_rows(home, subject)
    refs = affected_datasets(subject, redacted, held)
    hashes = {ref.content_hash for ref in refs}
    concerned = concerned_runs(home, hashes) - {run.run_id}
    places = [
        Place(place=f"dataset kind {kind}", n=n, becomes="left out of a successor; the old content is removed")
        for kind, n in count_by_kind(_not_held(subject.rows, held)).items()
    ]
    places += [
        Place(place=f"rows of others in {kind}", n=n, becomes="lose what is the person's")
        for kind, n in count_by_kind(_not_held(redacted, held)).items()
    ]
    reports = [each for each in known_reports(home, reports_folder) if each[0] in concerned and not is_emptied(each[1])]
    further = {
        "annotation tasks in the queue": (len(subject.tasks), "deleted with their answers, claims and events"),
        "remembered replies of models": (
            erasures.count_requests(home.ledger, concerned, subject.marks.is_in),
            "deleted: a cache, and not tied to a person; all of the runs concerned",
        ),
        "index snapshots": (len(affected_snapshots(home, hashes)), "built anew without their passages"),
        "published training data": (len(exporting_runs(home, hashes)), "removed with a note: distil again"),
        "reports of runs concerned": (len(reports), "removed with a note"),
        "runs concerned": (len(concerned), "receipts, pins and results lose what is the person's"),
    }
    places += [Place(place=name, n=n, becomes=becomes) for name, (n, becomes) in further.items() if n]
    remaining = _known_remaining(home, subject, held, concerned)
    return Inventory(
        handle=handle, places=places, remaining=remaining if places or subject.rows or subject.unreadable else []
    )


def _held_person(home: Home, request: ErasureRequest) -> list[Remaining]:
    """Holds on the person or their tenant: nothing of them is touched, in no place."""
    hashes = {request.subject_hash, request.tenant_hash}
    found = [each for kind in ("user", "tenant") for each in holds.active(home.ledger, kind) if each.held in hashes]
    return [Remaining(what="everything of the person", why=hold_text(each)) for each in found]


def _not_held(rows: Mapping[DatasetRef, int], held: Mapping[str, str]) -> dict[DatasetRef, int]:
    return {ref: n for ref, n in rows.items() if ref.content_hash not in held}


def affected_datasets(
    subject: Subject, redacted: Mapping[DatasetRef, int], held: Mapping[str, str]
) -> list[DatasetRef]:
    """Datasets that get a successor, sorted by name."""
    found = {ref.name: ref for ref in (*subject.rows, *redacted) if ref.content_hash not in held}
    return [found[name] for name in sorted(found)]


def count_by_kind(rows: Mapping[DatasetRef, int]) -> dict[str, int]:
    """Rows by kind; kinds without any left out."""
    counts: dict[str, int] = {}
    for ref, n in rows.items():
        if n:
            counts[ref.kind] = counts.get(ref.kind, 0) + n
    return dict(sorted(counts.items()))


def known_reports(home: Home, reports_folder: str) -> list[tuple[str, Path]]:
    """Run id and folder of every report in this folder, and in those that earlier runs wrote to."""
    roots = {Path(reports_folder), home.root / "eval_reports"}
    for run in runs.list_runs(home.ledger, _ALL):
        if isinstance(run.config, dict) and isinstance(run.config.get("reports_folder"), str):
            roots.add(Path(run.config["reports_folder"]))
    return list(report_folders(home, roots))


def _known_remaining(home: Home, subject: Subject, held: Mapping[str, str], concerned: set[str]) -> list[Remaining]:
    """What an erasure cannot do, and knows beforehand."""
    kept = held_runs(home)
    found = [
        Remaining(what=ref.name, why=f"under {held[ref.content_hash]}")
        for ref in sorted(subject.rows, key=lambda ref: ref.name)
        if ref.content_hash in held
    ]
    found += [
        Remaining(what=name, why=f"could not be looked at: {why}") for name, why in sorted(subject.unreadable.items())
    ]
    found += [
        Remaining(what=f"files of run {run_id}", why=f"under {kept[run_id]}")
        for run_id in sorted(concerned & kept.keys())
    ]
    for folder in sorted((home.root / "releases").glob("[!.]*")):
        manifests = [path.read_text(encoding="utf-8", errors="replace") for path in folder.rglob("*.json")]
        texts = [path for path in folder.rglob("*") if path.is_file()]
        if any(run_id in text for text in manifests for run_id in concerned) or _any_mark(texts, subject):
            why = "frozen, signed and left as it is; withdraw it where it was handed out, distil again, freeze the next"
            found.append(Remaining(what=f"release {folder.name}", why=why))
    return found


def _any_mark(paths: list[Path], subject: Subject) -> bool:
    return any(holds_mark(path, subject.marks) for path in paths)


def request_in_run(handle: str) -> tuple[Run, ErasureRequest]:
    """The running run, and the request it carries out."""
    run = current_run()
    return run, erasures.request_of(run.home.ledger, handle)
