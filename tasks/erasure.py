"""The right to deletion, step by step: what a home holds of a person is found, replaced, removed, and looked for again.

The order is what makes every step fit to be done again after a crash: the old datasets, by which the person is known,
stay on disk until nothing else is left to look for, and are removed last.
"""

from typing import Any

from millrace.datasets.canonical import sha256_json
from millrace.governance.backup_contents import STAGE_PREFIX
from millrace.governance.erasure_report import Remaining, StepDone
from millrace.governance.erasure_rules import RULES
from millrace.governance.held_folder import remove_abandoned
from millrace.ledger import approvals, audit_log, erasures, pins, subjects
from millrace.ledger.erasures import ErasureRequest
from millrace.records.base import Record
from tasks.audit_log import move_witness
from tasks.effect import effect
from tasks.erasure_datasets import Successor, still_holds, tenants_of, write_all_successors
from tasks.erasure_files import (
    Renaming,
    concerned_runs,
    exporting_runs,
    files_with_marks,
    ledger_backups,
    remove_export,
    remove_report,
    rewrite_runs,
)
from tasks.erasure_golden import rewrite_golden
from tasks.erasure_index import RebuiltIndexes, rebuild_snapshots
from tasks.erasure_inventory import affected_datasets, count_by_kind, known_reports, request_in_run
from tasks.erasure_prefect import erase_from_prefect_now, prefect_leftovers
from tasks.erasure_subject import Subject, find_subject, redacted_rows
from tasks.holds import held_datasets, held_runs
from tasks.home import Home
from tasks.processes import process_name
from tasks.removal import remove_build, remove_folder
from tasks.run import Run, current_run, utc_now

_ALL = 1_000_000
_memory: dict[str, Subject] = {}  # of the run that is under way in this process
NOTE = (
    "What was here held data of a person and was removed at their request ({handle}), by run {run}.\n\n"
    "A new run makes it again from what is left.\n"
)


class Successors(Record):
    """What takes the place of the datasets that hold the person."""

    datasets: list[Successor]
    done: StepDone

    @property
    def by_old(self) -> dict[str, Successor]:
        return {each.old: each for each in self.datasets}


@effect
def write_successors(handle: str) -> Successors:
    """Write each dataset that holds the person again, without their rows; nothing refers to the new ones yet."""
    run, request = request_in_run(handle)
    subject = _remembered(run, request, anew=True)
    held = held_datasets(run.home)
    refs = affected_datasets(subject, redacted_rows(run.home, subject), held)
    written = write_all_successors(run.home, handle, subject, refs)
    counts = {
        f"{kind} rows erased": n for kind, n in count_by_kind({each.old_ref: each.n_erased for each in written}).items()
    }
    counts |= {
        f"{kind} rows redacted": n
        for kind, n in count_by_kind({each.old_ref: each.n_redacted for each in written}).items()
    }
    return Successors(
        datasets=written, done=_done(run, handle, "write-successors", counts | {"datasets": len(written)})
    )


@effect
def rebuild_indexes(handle: str, successors: Successors) -> RebuiltIndexes:
    """Build the index snapshots of the person's passages anew."""
    rebuilt = rebuild_snapshots(current_run().home, successors.by_old)
    _done(current_run(), handle, "rebuild-indexes", {"snapshots": len(rebuilt.snapshots)}, rebuilt.problems)
    return rebuilt


@effect
def erase_from_ledger(handle: str, successors: Successors) -> StepDone:
    """Delete tasks, answers, and remembered replies; take the person's words out of what runs pinned and asked."""
    run, request = request_in_run(handle)
    ledger, subject = run.home.ledger, _remembered(run, request)
    concerned = concerned_runs(run.home, set(successors.by_old)) - {run.run_id}
    marks = subject.marks
    with ledger.write():
        rewritten = erasures.rewrite_prose(ledger, lambda value: marks.scrubbed(value)[0])
        counts = erasures.delete_tasks(ledger, subject.tasks) | {f"{name} redacted": n for name, n in rewritten.items()}
        counts["requests"] = erasures.delete_requests(ledger, concerned, marks.is_in)
    return _done(run, handle, "erase-from-ledger", counts)


@effect
def erase_from_files(handle: str, successors: Successors, indexes: RebuiltIndexes, reports_folder: str) -> StepDone:
    """Redact receipts and summaries; remove exports and reports of runs concerned, each with a note."""
    run, request = request_in_run(handle)
    home, subject = run.home, _remembered(run, request)
    hashes = set(successors.by_old)
    concerned = concerned_runs(home, hashes) - {run.run_id}
    note = NOTE.format(handle=handle, run=run.run_id)
    kept = {run.run_id, *held_runs(home)}
    exports = sum(remove_export(home, each, note) for each in sorted(exporting_runs(home, hashes) - kept))
    reports = sum(
        remove_report(folder, of, concerned, subject.marks, note)
        for of, folder in known_reports(home, reports_folder)
        if of not in kept
    )
    files = rewrite_runs(home, subject.marks, Renaming(successors.datasets, indexes.snapshots), leave_out=kept)
    for path in ledger_backups(home):
        path.unlink()
    counts = {"exports removed": exports, "reports removed": reports, "files redacted": files}
    return _done(run, handle, "erase-from-files", counts)


@effect
def swap_datasets(handle: str, successors: Successors, indexes: RebuiltIndexes) -> StepDone:
    """Let the successors take the places of the old datasets, in one transaction; the old ones are buried."""
    run, request = request_in_run(handle)
    ledger, now = run.home.ledger, utc_now()
    rename = Renaming(successors.datasets, indexes.snapshots)
    with ledger.write():
        counts = rewrite_golden(run, handle, successors.by_old)
        for each in successors.datasets:
            by_tenant = request.tenant_hash is not None
            persons = RULES[each.kind].persons
            erasures.replace_dataset(
                ledger,
                each.old_ref,
                each.new_ref,
                subject_hash=request.subject_hash,
                keeps_subject=by_tenant and (not persons or still_holds(run.home, each, request.subject_hash)),
                tenants=tenants_of(run.home, each),
                reason=f"erased at the request {handle}; successor {each.new_ref.name}",
                at=now,
            )
        counts["index entries cleared"] = _clear_index(run, request)
        before = _pinned_hashes(run.home)
        erasures.rewrite_prose(ledger, rename)
        after = _pinned_hashes(run.home)
        moved = {f"{run_id}/{before[run_id, name]}": after[run_id, name] for run_id, name in before}
        counts |= {"approvals moved": erasures.repin_undecided(ledger, moved)}
    return _done(run, handle, "swap-datasets", counts | {"datasets": len(successors.datasets)})


@effect
def erase_from_prefect(handle: str, successors: Successors) -> StepDone:
    """Delete results and artifacts of Prefect's with the person's words, and free the pages of its database."""
    run, request = request_in_run(handle)
    subject = _remembered(run, request)
    erased = erase_from_prefect_now(run.home.root, subject.marks, set(successors.by_old))
    problems = [Remaining(what="Prefect", why=each) for each in erased.problems]
    counts = {"results": erased.n_results, "rows": erased.n_rows}
    return _done(run, handle, "erase-from-prefect", counts, problems)


@effect
def verify_erasure(handle: str, successors: Successors) -> StepDone:
    """Look for the person again everywhere but in the old datasets, which are removed next."""
    run, request = request_in_run(handle)
    home, old = run.home, set(successors.by_old)
    subject = find_subject(home, request, leave_out=old)
    held, problems = held_datasets(home), []
    rows = {ref: n for ref, n in subject.rows.items() if ref.content_hash not in {*old, *held}}
    quoted = {ref: n for ref, n in redacted_rows(home, subject).items() if ref.content_hash not in {*old, *held}}
    problems += [Remaining(what=ref.name, why=f"{n} rows of the person came meanwhile") for ref, n in rows.items()]
    problems += [Remaining(what=ref.name, why=f"{n} rows still quote the person") for ref, n in quoted.items()]
    files = files_with_marks(home, subject.marks)
    problems += [Remaining(what=f"file {name}", why="it still holds words of the person") for name in files]
    values = [name for name, value in erasures.prose_values(home.ledger) if subject.marks.scrubbed(value)[1]]
    problems += [Remaining(what=f"ledger table {name}", why="it still holds words of the person") for name in values]
    named = sum(map(subject.marks.is_in, erasures.names_given(home.ledger)))
    if named:
        problems.append(Remaining(what="names", why=f"{named} runs, pointers or tenants are named after the person"))
    if subject.tasks:
        problems.append(Remaining(what="annotation queue", why=f"{len(subject.tasks)} tasks came meanwhile"))
    results, prefect_rows = prefect_leftovers(subject.marks)
    if results or prefect_rows:
        why = f"{results} results and {prefect_rows} rows of its database still hold words of the person"
        problems.append(Remaining(what="Prefect", why=why))
    looked_at = {"marks looked for": len(subject.marks.words) + len(subject.marks.runs) + len(subject.marks.ids)}
    return _done(run, handle, "verify-erasure", looked_at | {"found": len(problems)}, problems)


@effect
def remove_old_data(handle: str, successors: Successors, indexes: RebuiltIndexes) -> StepDone:
    """Remove the old datasets, snapshots and unfinished builds, and write the ledger's pages anew."""
    home, problems = current_run().home, []
    _memory.clear()
    remove_abandoned(home.root, STAGE_PREFIX)  # a backup that was killed left links to the old data
    counts = {"datasets": 0, "snapshots": 0, "builds": 0}
    for each in successors.datasets:
        counts["datasets"] += remove_folder(home.datasets.folder(each.old_ref))
    for old in indexes.snapshots:
        counts["snapshots"] += remove_folder(home.index_root / old)
    for folder in sorted((home.datasets.root / ".building").glob("*")):
        if folder.is_dir():
            gone = remove_build(folder)
            counts["builds"] += gone
            if not gone:
                why = "another process writes it: end that run and make the request again"
                problems.append(Remaining(what="an unfinished dataset", why=why))
    unclean = erasures.free_deleted_pages(home.ledger)
    if unclean is not None:
        problems.append(Remaining(what="the ledger's free pages", why=unclean))
    return _done(current_run(), handle, "remove-old-data", counts, problems)


def _remembered(run: Run, request: ErasureRequest, *, anew: bool = False) -> Subject:
    """What this process found when the successors were written; found again after a crash."""
    key = f"{run.home.root}/{run.run_id}"
    if anew or key not in _memory:
        _memory.clear()
        _memory[key] = find_subject(run.home, request)
    return _memory[key]


def _clear_index(run: Run, request: ErasureRequest) -> int:
    """Datasets that the index gave to the person for what they were made from, and that hold no row of theirs."""
    if request.tenant_hash is not None:
        return 0
    ledger, subject = run.home.ledger, _remembered(run, request)
    held = {ref.content_hash for ref in subject.rows}
    indexed = subjects.datasets_of_subject(ledger, request.subject_type, request.subject_hash)
    empty = [each for each in indexed if each in subject.seen and each not in held]
    for each in empty:
        erasures.forget_subject(ledger, each, request.subject_hash)
    return len(empty)


def _pinned_hashes(home: Home) -> dict[tuple[str, str], str]:
    """Of every run that waits for a decision: the hash of what each of its approvals pinned."""
    found = {}
    for run_id in {asked.run_id for asked in approvals.waiting(home.ledger)}:
        for name, steps in pins.pins_of(home.ledger, run_id).items():
            if name.startswith("steps-"):
                found[run_id, name] = sha256_json({step: each["result"]["output"] for step, each in steps.items()})
    return found


def _done(
    run: Run, handle: str, step: str, counts: dict[str, int], problems: list[Remaining] | None = None
) -> StepDone:
    """What a step did, told to the audit log once."""
    done = StepDone(step=step, counts=dict(sorted((k, int(n)) for k, n in counts.items())), problems=problems or [])
    details: dict[str, Any] = {"run": run.run_id, "step": step, "counts": done.counts, "problems": len(done.problems)}
    tell_once(run, "erasure-step", handle, details)
    return done


def tell_once(run: Run, action: Any, handle: str, details: dict[str, Any]) -> None:
    """Append to the audit log, unless this run has said so of this step before."""
    ledger = run.home.ledger
    key = (details["run"], details.get("step"))
    with ledger.write():
        known = (each for each in audit_log.entries(ledger) if each.subject == handle and each.action == action)
        if all((each.details.get("run"), each.details.get("step")) != key for each in known):
            audit_log.append(ledger, action, actor=process_name(), subject=handle, details=details, at=utc_now())
    move_witness(run.home)
