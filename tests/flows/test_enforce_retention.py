"""Retention beside a real frozen release, and what the command line frees: neither takes what the release rests on."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from apps.cli.garbage import find_garbage
from millrace.ledger import audit_log, holds, journal, runs
from millrace.ledger.schema import datasets, effects
from millrace.records.governance import AuditEntry
from millrace.releases.check import check_release
from tasks.home import Home
from tasks.receipts import read_receipts
from tasks.references import export_hashes, released_hashes
from tests.support.distilled import DISTILL, FREEZE, decide, distil, freeze, prepare
from tests.support.old_home import days_ago, enforce, enforced, names, report_of

KINDS = ["evidence", "evidence_scores", "eval_examples", "skips", "quarantine", "rag_rows", "golden"]
RULES = {"datasets": dict.fromkeys(KINDS, 30), "exports": 30, "requests": None, "alerts": None}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a frozen release, and a second distillation of other rows that none was frozen from; all old."""
    root = tmp_path_factory.mktemp("template") / "home"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_HOME", str(root))
        home = Home(root)
        prepare(home)
        assert freeze() is None
        decide()
        assert freeze() is not None
        distil("distill-2", n_rows=7)
        with home.ledger.write() as connection:
            connection.execute(update(datasets).values(registered_at=days_ago(99)))
        home.ledger.close()
    return root


@pytest.fixture
def frozen(home: Home, template: Path) -> Home:
    shutil.copytree(template, home.root, dirs_exist_ok=True)
    return home


def outputs(home: Home, run_id: str) -> set[str]:
    found = {name.partition(":")[2] for each in read_receipts(home.run_folder(run_id)) for name in each.outputs}
    return found & {ref.content_hash for ref in home.datasets.refs() if ref.rows}


def rules(home: Home) -> str:
    path = home.root.parent / "all.yaml"
    path.write_text(str(RULES).replace("None", "null"))
    return str(path)


LATER = datetime.now(UTC) + timedelta(days=60)


def test_what_a_frozen_release_rests_on_stays_and_the_rest_goes(frozen: Home) -> None:
    released, other = outputs(frozen, DISTILL), outputs(frozen, "distill-2")
    assert released
    assert other - released
    listed = enforce(frozen, as_of=LATER, rules=rules(frozen))
    assert listed is not None
    plan = report_of(listed).plan
    assert set(names(plan.going)) == (other - released) | {"distill-2"}
    kept = {each.name: each.reasons for each in plan.kept}
    assert kept[DISTILL] == ["frozen release 1.0.0 is made of them"]
    assert released <= kept.keys()
    assert all(any("frozen release 1.0.0" in each for each in kept[name]) for name in released)


def test_after_a_real_run_the_release_and_all_it_names_are_whole(frozen: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from blocks.signing_key import open_signer

    released = outputs(frozen, DISTILL)
    monkeypatch.setattr("tasks.retention.utc_now", lambda: LATER)
    result = enforced(frozen, as_of=LATER, rules=rules(frozen))
    assert result.n_going > 1
    assert outputs(frozen, DISTILL) == released
    assert (frozen.root / "exports" / DISTILL).is_dir()
    assert not (frozen.root / "exports" / "distill-2").exists()
    verdict = check_release(frozen.root / "releases" / "1.0.0", open_signer(frozen.root).verifier)
    assert verdict.findings == []
    again = enforce(frozen, "again", as_of=LATER, rules=rules(frozen), dry_run=False)
    assert again is not None
    assert again.n_going == 0


def test_the_freeze_is_told_to_the_audit_log_once_however_often_it_is_done(frozen: Home) -> None:
    def told() -> list[AuditEntry]:
        return [each for each in audit_log.entries(frozen.ledger) if each.action == "release-frozen"]

    (entry,) = told()
    assert (entry.actor, entry.subject, entry.details["distill_run"]) == ("ada", "release 1.0.0", DISTILL)
    with frozen.ledger.write() as connection:  # as a crash leaves it: done, and not noted as done
        unfinished = update(effects).where(effects.c.key == f"{FREEZE}/publish-release")
        connection.execute(unfinished.values(status="intended", result=None, done_at=None))
    again = freeze()
    assert again is not None
    assert again.manifest_sha256 == entry.details["manifest_sha256"]
    assert [each.status for each in journal.effects_of(frozen.ledger, FREEZE) if each.name == "publish-release"] == [
        "done"
    ]
    assert told() == [entry]


def everything_old(home: Home) -> set[str]:
    for run in runs.list_runs(home.ledger):
        runs.update_run(home.ledger, run.run_id, finished_at=datetime.now(UTC) - timedelta(days=99))
    found = find_garbage(home, datetime.now(UTC) + timedelta(days=2), keep_days=30)
    return {each.name.partition(":")[2] for each in found if each.type == "dataset"}


def test_gc_keeps_what_releases_and_exports_rest_on_though_their_runs_are_long_over(frozen: Home) -> None:
    released, other = outputs(frozen, DISTILL), outputs(frozen, "distill-2")
    assert released <= released_hashes(frozen).keys()
    assert other <= export_hashes(frozen)
    assert everything_old(frozen) & (released | other) == set()
    shutil.rmtree(frozen.root / "exports")
    assert everything_old(frozen) & (released | other) == other - released
    shutil.rmtree(frozen.root / "releases")
    assert everything_old(frozen) & released


def test_gc_keeps_what_is_held_and_not_what_retention_only_listed(frozen: Home) -> None:
    shutil.rmtree(frozen.root / "exports")
    other = sorted(outputs(frozen, "distill-2") - outputs(frozen, DISTILL))
    assert enforce(frozen, as_of=LATER, rules=rules(frozen)) is not None
    holds.place(frozen.ledger, "dataset", other[0], reason="case 7", by="eve", at=LATER)
    runs.update_run(frozen.ledger, "retention-1", finished_at=LATER)
    assert set(other) - everything_old(frozen) == {other[0]}


def test_a_damaged_release_still_keeps_what_it_names(frozen: Home) -> None:
    path = frozen.root / "releases" / "1.0.0" / "release-manifest.json"
    path.write_bytes(path.read_bytes()[:-40] + b"\xff")
    assert outputs(frozen, DISTILL) <= released_hashes(frozen).keys()
