"""Finds what is past its time, shows it, and after approval deletes exactly that."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.errors import BadInputError
from millrace.governance.retention import (
    AgingItem,
    AgingRows,
    RetentionOutcome,
    RetentionPlan,
    RetentionRules,
    age_of_dataset,
    is_past,
    sorted_out,
)
from millrace.ledger import audit_log, audit_rows, catalogue, expiry
from millrace.ledger.expiry import AgingTable
from millrace.ledger.runs import list_runs
from millrace.records.base import Record
from millrace.reports.retention import RetentionReport, retention_markdown
from tasks.approval import Decision
from tasks.audit_log import move_witness
from tasks.effect import effect
from tasks.home import Home
from tasks.latest import publish_latest
from tasks.references import DATASET_NAME, export_folders
from tasks.removal import remove_folder, size_of
from tasks.retention_reasons import dataset_reasons, export_reasons, run_reasons
from tasks.run import Run, current_run, log, utc_now

REPORTS = "retention"
_ALL = 1_000_000
_TABLES: tuple[AgingTable, ...] = ("requests", "alerts")


class PublishedRetention(Record):
    """Where the report lies."""

    markdown: str
    json_file: str


@effect
def plan_retention(rules: RetentionRules, dry_run: bool) -> RetentionPlan:
    """List what is past its time, sorted into what goes and what something else keeps; nothing is changed.

    Raises:
        BadInputError: the run is for real, and its clock is ahead of the computer's.
    """
    run = current_run()
    if not dry_run and run.now > utc_now():
        raise BadInputError("as_of: a time to come would delete what is not past its time yet", field="as_of")
    datasets, kept_datasets = sorted_out(_past_datasets(run, rules), dataset_reasons(run.home))
    exports, kept_exports = sorted_out(_past_exports(run, rules), export_reasons(run.home))
    return RetentionPlan(
        now=run.now,
        rules=rules,
        going=[*datasets, *exports],
        kept=[*kept_datasets, *kept_exports],
        rows=list(_past_rows(run, rules)),
    )


@effect
def purge_expired(plan: RetentionPlan, decision: Decision) -> RetentionOutcome:
    """Bury and delete what the person was shown, and nothing else; done again after a crash it ends the same way.

    What a hold, release, pointer or open run came to need since then is spared, unless it is gone already.
    """
    run = current_run()
    home = run.home
    reasons = {"dataset": dataset_reasons(home), "exports": export_reasons(home)}
    gone: list[AgingItem] = []
    spared: list[AgingItem] = []
    for item in plan.going:
        why = reasons[item.type].get(item.name, []) if _folder(home, item).exists() else []
        (spared if why else gone).append(item.model_copy(update={"reasons": why}))
    with home.ledger.write():
        for item in gone:
            if item.type == "dataset":
                catalogue.bury(home.ledger, item.name, f"retention, run {run.run_id}", utc_now())
    for item in gone:
        remove_folder(_folder(home, item))
    rows = _delete_rows(run, plan, gone, spared, decision)
    log().info("retention: %d datasets and exports are gone, %d were spared", len(gone), len(spared))
    return RetentionOutcome(gone=gone, spared=spared, rows=rows)


@effect
def publish_retention(
    plan: RetentionPlan,
    outcome: RetentionOutcome | None,
    status: str,
    decision: Decision | None,
    folder: str,
) -> PublishedRetention:
    """Write the report as Markdown and JSON, under the run's name and as the latest, and show it in Prefect."""
    run = current_run()
    report = RetentionReport(
        run_id=run.run_id,
        status=status,
        decided_by=None if decision is None else decision.reviewer,
        note=None if decision is None else decision.note,
        plan=plan,
        outcome=outcome,
    )
    place = Path(folder).absolute() / REPORTS
    place.mkdir(parents=True, exist_ok=True)
    markdown = retention_markdown(report)
    write_atomic(place / f"{run.run_id}.md", markdown.encode())
    write_atomic(place / f"{run.run_id}.json", canonical_json(report))
    publish_latest(folder, REPORTS, markdown, f"Retention, run {run.run_id}")
    return PublishedRetention(markdown=str(place / f"{run.run_id}.md"), json_file=str(place / f"{run.run_id}.json"))


def _past_datasets(run: Run, rules: RetentionRules) -> Iterator[AgingItem]:
    """Datasets with a folder here, buried ones too: equal content may have been computed again since."""
    days = {kind: ttl for kind, ttl in rules.datasets.items() if ttl is not None}
    given_out = _given_out(run.home) if days else {}
    for entry in expiry.catalogued(run.home.ledger):
        if entry.kind not in days or entry.rows == 0:
            continue  # what holds nothing is equal in every run, and so always in use
        folder = run.home.datasets.root / entry.kind / entry.content_hash
        aged_from = age_of_dataset(entry.time_to, entry.registered_at, given_out.get(entry.content_hash))
        if folder.is_dir() and is_past(aged_from, days[entry.kind], run.now):
            yield AgingItem(
                type="dataset",
                kind=entry.kind,
                name=entry.content_hash,
                rows=entry.rows,
                n_bytes=size_of(folder),
                aged_from=aged_from,
            )


def _past_exports(run: Run, rules: RetentionRules) -> Iterator[AgingItem]:
    if rules.exports is None:
        return
    ended = {each.run_id: each.finished_at or each.started_at for each in list_runs(run.home.ledger, _ALL)}
    for folder in export_folders(run.home):
        aged_from = ended.get(folder.name) or datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        if is_past(aged_from, rules.exports, run.now):
            size = size_of(folder)
            yield AgingItem(
                type="exports", kind="exports", name=folder.name, rows=None, n_bytes=size, aged_from=aged_from
            )


def _past_rows(run: Run, rules: RetentionRules) -> Iterator[AgingRows]:
    days: dict[AgingTable, int | None] = {"requests": rules.requests, "alerts": rules.alerts}
    kept_runs = sorted(run_reasons(run.home)) if any(days.values()) else []
    for table in _TABLES:
        ttl = days[table]
        if ttl is not None:
            before = run.now - timedelta(days=ttl)
            found = expiry.old_rows(run.home.ledger, table, before, kept_runs)
            yield AgingRows(table=table, before=before, kept_runs=kept_runs, **found.model_dump())


def _delete_rows(
    run: Run, plan: RetentionPlan, gone: list[AgingItem], spared: list[AgingItem], decision: Decision
) -> dict[AgingTable, int]:
    """Delete the rows and tell the audit log of everything, in one transaction: an entry of this run means done."""
    ledger = run.home.ledger
    with ledger.write():
        told = audit_rows.details_told(ledger, "retention-enforced", run.run_id)
        if told:
            rows: dict[AgingTable, int] = told[0]["rows"]
        else:
            needed = set(run_reasons(run.home))
            rows = {
                each.table: expiry.delete_old_rows(ledger, each.table, each.before, {*each.kept_runs, *needed})
                for each in plan.rows
            }
            details = {
                "datasets": sum(item.type == "dataset" for item in gone),
                "dataset_rows": sum(item.rows or 0 for item in gone),
                "exports": sum(item.type == "exports" for item in gone),
                "n_bytes": sum(item.n_bytes for item in gone),
                "spared": len(spared),
                "rows": rows,
                "pinned_hash": decision.pinned_hash,
            }
            audit_log.append(
                ledger,
                "retention-enforced",
                actor=decision.reviewer,
                subject=run.run_id,
                details=details,
                at=utc_now(),
            )
    move_witness(run.home)
    return rows


def _given_out(home: Home) -> dict[str, datetime]:
    """When a step last gave out a dataset, by content hash, as far as receipts say."""
    found: dict[str, datetime] = {}
    for path in (home.root / "runs").glob("*/receipts/*.json"):
        try:
            receipt = json.loads(path.read_bytes())
            at = datetime.fromisoformat(receipt["started_at"])
            digests = [digest for name in receipt["outputs"] for digest in DATASET_NAME.findall(name)]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # a damaged receipt makes nothing younger
        for digest in digests:
            found[digest] = max(at, found.get(digest, at))
    return found


def _folder(home: Home, item: AgingItem) -> Path:
    if item.type == "exports":
        return home.root / "exports" / item.name
    return home.datasets.root / item.kind / item.name
