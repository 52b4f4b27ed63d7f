"""Retention: what is past its time is listed, what something needs stays, and only what was shown is deleted."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError
from millrace.ledger import approvals, audit_log, catalogue, expiry, holds, pins, pointers, runs
from millrace.ledger.schema import datasets
from millrace.ledger.schema import tasks as task_table
from millrace.ledger.subjects import index_subjects, keyed_hash
from tasks.audit_verification import verify_audit_log
from tasks.home import Home
from tests.support.approving import decide
from tests.support.old_home import (
    NOW,
    RUN,
    days_ago,
    enforce,
    enforced,
    keep_reply,
    names,
    report_of,
    write_ratings,
    write_traces,
)
from tests.tasks.turns import make_ratings, plain_turn


def start(home: Home, run_id: str, flow: str = "toy") -> None:
    runs.start_run(home.ledger, run_id, flow=flow, config={}, started_at=days_ago(50), process="elsewhere:1:1")


def end(home: Home, run_id: str, days: float) -> None:
    runs.update_run(home.ledger, run_id, status="completed", finished_at=days_ago(days))


def write_export(home: Home, run_id: str) -> Path:
    folder = home.root / "exports" / run_id / "sft"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text('{"text": "x"}\n')
    return folder.parent


def test_a_dry_run_lists_and_changes_nothing(home: Home) -> None:
    old, young = write_ratings(home, 1, days=31), write_ratings(home, 2, days=29)
    keep_reply(home, "k" * 64, days=31)
    result = enforce(home)
    assert result is not None
    report = report_of(result)
    assert names(report.plan.going) == [old.content_hash]
    assert (result.n_going, result.n_rows, result.reason) == (1, 1, "dry run: nothing was deleted")
    assert home.datasets.exists(old)
    assert home.datasets.exists(young)
    assert expiry.old_rows(home.ledger, "requests", NOW, []).n_rows == 1
    assert list(audit_log.entries(home.ledger)) == []
    assert approvals.approvals_of(home.ledger, RUN) == []
    markdown = Path(result.report.markdown).read_text()
    assert old.content_hash in markdown
    assert "- **Status:** dry run" in markdown
    assert "| human\\_ratings | 30 | 1 | 1 |" in markdown
    assert (Path(result.report.markdown).parent / "latest.md").read_text() == markdown


def test_a_real_run_shows_the_list_and_deletes_exactly_that(home: Home) -> None:
    old, young = write_ratings(home, 1, days=31), write_ratings(home, 2, days=29)
    export = write_export(home, "gone-run")
    start(home, "gone-run")
    end(home, "gone-run", days=31)
    keep_reply(home, "k" * 64, days=31)
    keep_reply(home, "y" * 64, days=29)
    assert enforce(home, dry_run=False) is None
    (asked,) = approvals.waiting(home.ledger, RUN)
    assert old.content_hash in asked.markdown
    assert "gone-run" in asked.markdown
    late = write_ratings(home, 3, days=99)  # past its time too, but nobody was shown it
    decide(home, RUN, at=NOW)
    result = enforce(home, dry_run=False)
    assert result is not None
    assert (result.status, result.n_going, result.n_rows) == ("completed", 2, 1)
    assert [home.datasets.exists(ref) for ref in (old, young, late)] == [False, True, True]
    assert not home.datasets.folder(old).exists()
    assert not export.exists()
    (entry,) = catalogue.find(home.ledger, old.content_hash)
    assert entry.buried_reason == f"retention, run {RUN}"
    assert expiry.old_rows(home.ledger, "requests", NOW, []).n_rows == 1
    (told,) = [each for each in audit_log.entries(home.ledger) if each.action == "retention-enforced"]
    assert (told.actor, told.subject) == ("ada", RUN)
    details = told.details
    assert (details["datasets"], details["dataset_rows"], details["exports"], details["spared"]) == (1, 1, 1, 0)
    assert details["rows"] == {"requests": 1, "alerts": 0}
    assert details["pinned_hash"] == asked.pinned_hash
    assert verify_audit_log(home).verified


def test_a_second_run_finds_nothing_and_asks_nobody(home: Home) -> None:
    write_ratings(home, 1, days=31)
    keep_reply(home, "k" * 64, days=31)
    write_export(home, "unknown-to-the-ledger")
    enforced(home)
    again = enforce(home, "retention-2", dry_run=False)
    assert again is not None
    assert (again.n_going, again.n_rows, again.reason) == (0, 0, "nothing is past its time")
    assert approvals.approvals_of(home.ledger, "retention-2") == []


def test_a_rejection_deletes_nothing(home: Home) -> None:
    old = write_ratings(home, 1, days=31)
    assert enforce(home, dry_run=False) is None
    decide(home, RUN, "reject", at=NOW, note="not yet")
    result = enforce(home, dry_run=False)
    assert result is not None
    assert (result.status, result.reason) == ("rejected", "rejected by ada: not yet")
    assert home.datasets.exists(old)
    assert [each.action for each in audit_log.entries(home.ledger) if each.action == "retention-enforced"] == []


def test_the_days_count_from_the_last_row_else_from_registration(home: Home) -> None:
    write_traces(home, "new rows, registered long ago", days=29, registered=90)
    old_rows = write_traces(home, "old rows, registered today", days=31, registered=0)
    exactly = write_ratings(home, 1, days=30)
    result = enforce(home)
    assert result is not None
    assert names(report_of(result).plan.going) == [old_rows.content_hash]
    assert home.datasets.exists(exactly)


def test_a_kind_without_days_is_kept_and_so_is_what_holds_no_rows(home: Home) -> None:
    ref = write_ratings(home, 1, days=3_000)
    with_none = {"datasets": {"human_ratings": None}, "exports": None, "requests": None, "alerts": None}
    keep_reply(home, "k" * 64, days=3_000)
    write_export(home, "r")
    path = home.root.parent / "none.yaml"
    path.write_text(str(with_none).replace("None", "null"))
    result = enforce(home, rules=str(path))
    assert result is not None
    report = report_of(result)
    assert (report.plan.going, report.plan.kept, report.plan.rows) == ([], [], [])
    assert home.datasets.exists(ref)


def test_what_a_later_run_gave_out_again_is_as_young_as_that_run(home: Home) -> None:
    ref = plain_turn(lambda: make_ratings(3), "again")
    catalogue.register(home.ledger, ref, time_from=None, time_to=None, tenants=[], run_id="again", at=NOW)
    with home.ledger.write() as connection:
        connection.execute(update(datasets).values(registered_at=days_ago(99)))
    result = enforce(home)
    assert result is not None
    assert report_of(result).plan.going == []
    later = enforce(home, "later", as_of=datetime.now(UTC) + timedelta(days=31))
    assert later is not None
    assert names(report_of(later).plan.going) == [ref.content_hash]


KEEPERS = {
    "dataset hold": "legal hold .* on a dataset: case 7",
    "run hold": "legal hold .* on a run: case 7",
    "user hold": "legal hold .* on a user: case 7",
    "tenant hold": "legal hold .* on a tenant: case 7",
    "pointer": "pointer scorer names it",
    "old golden version": "pointer golden/main names it",
    "open run": "run open needs it and is running",
    "waiting run": "run open needs it and is waiting",
    "open task": "an annotation task that nobody has answered names it",
    "release": "frozen release 1.0.0 rests on it",
    "input of what a release names": "frozen release 1.0.0 rests on it",
}


def keep_by(home: Home, how: str, digest: str) -> None:
    ledger, named = home.ledger, {"dataset": {"kind": "human_ratings", "content_hash": digest, "rows": 1}}
    held = {"dataset hold": ("dataset", digest), "run hold": ("run", "maker")}
    for each in ("user", "tenant"):
        held[f"{each} hold"] = (each, keyed_hash(home.subject_key, each, "u1"))
        index_subjects(ledger, digest, [(each, held[f"{each} hold"][1])])
    if how in held:
        holds.place(ledger, *held[how], reason="case 7", by="eve", at=NOW)  # type: ignore[arg-type]
    elif how == "pointer":
        pointers.set_pointer(ledger, "scorer", named, at=NOW, run_id="one")
    elif how == "old golden version":
        pointers.set_pointer(ledger, "golden/main", named, at=NOW, run_id="one")
        pointers.set_pointer(ledger, "golden/main", {"dataset": None}, at=NOW, run_id="two")
    elif how in ("open run", "waiting run"):
        start(home, "open")
        runs.update_run(ledger, "open", status="running" if how == "open run" else "waiting")
        pins.pin(ledger, "open", "traces", [named])
    elif how == "open task":
        row = {"task_id": "a", "tenant_id": "t", "question_key": "q", "run_id": "r", "position": 1, "payload": named}
        with ledger.write() as connection:
            connection.execute(task_table.insert().values(row | {"status": "pending", "created_at": NOW}))
    else:
        manifest = home.root / "releases" / "1.0.0" / "release-manifest.json"
        manifest.parent.mkdir(parents=True)
        if how.startswith("input"):
            digest = write_ratings(home, 99, days=1, inputs=[f"human_ratings:{digest}"]).content_hash
            digest = write_ratings(home, 98, days=1, inputs=[f"human_ratings:{digest}"]).content_hash
        manifest.write_text(f'{{"datasets": [{{"kind": "human_ratings", "content_hash": "{digest}"}}]}}')


@pytest.mark.parametrize("how", list(KEEPERS))
def test_what_something_needs_stays_and_the_reason_is_said(home: Home, how: str) -> None:
    needed, free = write_ratings(home, 1, days=31), write_traces(home, "free", days=31)
    keep_by(home, how, needed.content_hash)
    result = enforced(home)
    (kept,) = report_of(result).plan.kept
    assert kept.name == needed.content_hash
    assert [each for each in kept.reasons if re.fullmatch(KEEPERS[how], each)] == kept.reasons
    assert home.datasets.exists(needed)
    assert not home.datasets.exists(free)
    assert KEEPERS[how].rpartition(": ")[2].replace("_", "\\_")[-20:] in Path(result.report.markdown).read_text()


@pytest.mark.parametrize("how", ["released hold", "moved pointer", "ended run", "own dry run"])
def test_what_nothing_needs_any_more_goes(home: Home, how: str) -> None:
    old = write_ratings(home, 1, days=31)
    if how == "released hold":
        hold = holds.place(home.ledger, "dataset", old.content_hash, reason="x", by="eve", at=days_ago(3))
        holds.release(home.ledger, hold.hold_id, by="eve", at=days_ago(1))
    elif how == "moved pointer":
        keep_by(home, "pointer", old.content_hash)
        pointers.set_pointer(home.ledger, "scorer", {"dataset": None}, at=NOW, run_id="two")
    elif how == "ended run":
        keep_by(home, "open run", old.content_hash)
        end(home, "open", days=1)
    else:
        assert enforce(home, "waits", dry_run=False) is None
    assert enforced(home).n_going == 1
    assert not home.datasets.exists(old)


def test_what_came_to_be_needed_while_the_person_thought_is_spared(home: Home) -> None:
    held, old = write_ratings(home, 1, days=31), write_ratings(home, 2, days=31)
    keep_reply(home, "k" * 64, days=31, run_id="held-run")
    keep_reply(home, "l" * 64, days=31)
    assert enforce(home, dry_run=False) is None
    holds.place(home.ledger, "dataset", held.content_hash, reason="case 8", by="eve", at=NOW)
    holds.place(home.ledger, "run", "held-run", reason="case 9", by="eve", at=NOW)
    decide(home, RUN, at=NOW)
    result = enforce(home, dry_run=False)
    assert result is not None
    assert result.reason == "1 were spared, as something came to need them"
    report = report_of(result)
    assert report.outcome is not None
    assert names(report.outcome.spared) == [held.content_hash]
    assert home.datasets.exists(held)
    assert not home.datasets.exists(old)
    assert result.n_rows == 1
    assert expiry.old_rows(home.ledger, "requests", NOW, []).n_rows == 1


@pytest.mark.parametrize("how", ["open run", "held run", "release", "freeze under way"])
def test_exports_stay_while_something_needs_them(home: Home, how: str) -> None:
    folder = write_export(home, "maker")
    start(home, "maker")
    end(home, "maker", days=31)
    if how == "open run":
        runs.update_run(home.ledger, "maker", status="running")
    elif how == "held run":
        holds.place(home.ledger, "run", "maker", reason="case 7", by="eve", at=NOW)
    elif how == "release":
        (home.root / "releases" / "1.0.0" / "receipts" / "maker").mkdir(parents=True)
    else:
        start(home, "freeze", flow="release-freeze")
        pins.pin(home.ledger, "freeze", "plan", {"distill_run": "maker"})
    result = enforce(home)
    assert result is not None
    report = report_of(result)
    assert report.plan.going == []
    assert names(report.plan.kept) == ["maker"]
    assert folder.exists()


def test_rows_of_open_and_of_held_runs_stay(home: Home) -> None:
    start(home, "open")
    holds.place(home.ledger, "run", "held", reason="case 7", by="eve", at=NOW)
    for number, run_id in enumerate(["open", "held", "other"]):
        keep_reply(home, sha256_json(number), days=31, run_id=run_id)
    result = enforced(home)
    rows = {each.table: each for each in report_of(result).plan.rows}
    assert (rows["requests"].n_rows, rows["requests"].n_kept) == (1, 2)
    assert result.n_rows == 1


def test_a_buried_dataset_that_was_computed_again_goes_again(home: Home) -> None:
    enforced(home) if write_ratings(home, 1, days=31) else None
    again = write_ratings(home, 1, days=31)
    assert home.datasets.exists(again)
    assert enforced(home, "retention-2").n_going == 1
    assert not home.datasets.exists(again)


def test_a_clock_ahead_of_the_computers_deletes_nothing(home: Home) -> None:
    old = write_ratings(home, 1, days=31)
    ahead = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(BadInputError, match="as_of"):
        enforce(home, dry_run=False, as_of=ahead)
    assert enforce(home, "dry", as_of=ahead) is not None
    assert home.datasets.exists(old)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("datasets: {tracse: 3}\nexports: 1\nrequests: 1\nalerts: 1\n", "tracse"),
        ("datasets: {traces: 0}\nexports: 1\nrequests: 1\nalerts: 1\n", "datasets.traces"),
        ("datasets: {}\nexports: 1\nrequests: 1\n", "alerts"),
        ("datasets: {}\nexports: 1\nrequests: 1\nalerts: 1\nruns: 3\n", "runs"),
    ],
)
def test_wrong_rules_are_refused_at_once(home: Home, rules: str, said: str) -> None:
    path = home.root.parent / "wrong.yaml"
    path.write_text(rules)
    with pytest.raises(BadInputError, match=rf"wrong\.yaml.*{said}"):
        enforce(home, rules=str(path))
