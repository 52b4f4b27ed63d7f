"""The freeze from end to end, called directly: gates, the pause, what is published, what a stranger finds."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from apps.cli.release_verification import verify_release
from blocks.signing_key import make_key, open_signer
from flows.release_freeze import ReleaseFreezeResult
from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import approvals, journal, runs
from millrace.records.release import ReleaseManifest, ReleaseReport
from millrace.releases.manifest import content_hash
from tasks.home import Home
from tasks.receipts import read_receipts, read_summary
from tests.support import distilled
from tests.support.distilled import DISTILL, FREEZE, GATES, decide, freeze, git, new_repository, prepare


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with everything that a freeze needs."""
    root = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_HOME", str(root))
        prepare(Home(root))
    return root


@pytest.fixture
def ready(home: Home, template: Path) -> Home:
    shutil.copytree(template, home.root, dirs_exist_ok=True)
    return home


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "repository")


def released(home: Home, version: str = "1.0.0") -> Path:
    return home.root / "releases" / version


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def done(result: ReleaseFreezeResult | None) -> ReleaseFreezeResult:
    assert result is not None
    assert result.status == "completed", result.reason
    return result


def frozen(**settings: Any) -> ReleaseFreezeResult:
    assert freeze(**settings) is None
    decide()
    return done(freeze(**settings))


def manifest_of(home: Home) -> ReleaseManifest:
    return ReleaseManifest.model_validate_json((released(home) / "release-manifest.json").read_bytes())


def test_a_release_is_frozen_and_a_stranger_verifies_it_elsewhere(ready: Home, tmp_path: Path) -> None:
    result = frozen()
    assert result.folder == "releases/1.0.0"
    away = tmp_path / "away"
    shutil.copytree(released(ready), away / "r")
    (away / "key.pem").write_bytes(open_signer(ready.root).verifier.pem)
    shutil.rmtree(ready.root)
    verdict = verify_release(away / "r", away / "key.pem")
    assert verdict.findings == []
    assert (verdict.verified, verdict.version, verdict.approved_by) == (True, "1.0.0", "ada")
    assert verdict.content_hash == result.content_hash


def test_a_release_holds_exports_golden_versions_receipts_and_what_proves_them(ready: Home) -> None:
    frozen()
    assert names(released(ready)) == [
        "exports/rag/README.md",
        "exports/rag/train.jsonl",
        "gates.json",
        "golden/main/1.0.0/rows.jsonl",
        "golden/main/1.0.0/version.json",
        "public-key.pem",
        *[
            f"receipts/{DISTILL}/{step}.json"
            for step in (
                "collect-eval-examples",
                "collect-evidence",
                "export-rag",
                "find-contamination",
                "publish-exports",
                "score-evidence",
                "summary",
            )
        ],
        "release-manifest.json",
        "release-manifest.md",
        "release.dsse.json",
    ]
    for name in ("README.md", "train.jsonl"):
        original = ready.root / "exports" / DISTILL / "rag" / name
        assert (released(ready) / "exports" / "rag" / name).read_bytes() == original.read_bytes()


def test_the_manifest_says_what_was_counted_and_what_it_rests_on(ready: Home) -> None:
    result = frozen()
    manifest = manifest_of(ready)
    receipts = read_receipts(ready.run_folder(DISTILL))
    summary = read_summary(ready.run_folder(DISTILL))
    assert summary is not None
    assert (manifest.version, manifest.frozen_by, manifest.run.run_id) == ("1.0.0", FREEZE, DISTILL)
    assert manifest.run.run_hash == summary.run_hash
    assert manifest.counts.model_dump() == {
        "evidence": 4,
        "skipped": 1,
        "exported": {"rag": 3},
        "quarantined": {"rag": 1},
    }
    assert {f"{each.kind}:{each.content_hash}" for each in manifest.datasets} == {
        name for receipt in receipts for name in receipt.outputs
    }
    assert {each.made_by for each in manifest.datasets if each.kind == "evidence"} == {"collect-evidence"}
    rules = next(each.arguments["rules"] for each in receipts if each.step == "score-evidence")
    assert manifest.scoring_rules is not None
    assert (manifest.scoring_rules.version, manifest.scoring_rules.sha256) == ("3", sha256_json(rules))
    examples = next(each.content_hash for each in manifest.datasets if each.kind == "eval_examples")
    assert manifest.eval_examples == examples
    assert manifest.licences == {"rag": "cc-by-4.0"}
    assert [(each.name, each.version) for each in manifest.golden] == [("main", "1.0.0")]
    assert {each.name: each.rows for each in manifest.files if each.rows is not None} == {
        "exports/rag/train.jsonl": 3,
        "golden/main/1.0.0/rows.jsonl": 1,
    }
    assert manifest.content_hash == content_hash(summary.run_hash, manifest.files, manifest.golden)
    assert manifest.versions["python"].startswith("3.")
    assert manifest.approval is not None
    assert (manifest.approval.reviewer, manifest.approval.note) == ("ada", "looked at")
    assert manifest.approval.decided_at == distilled.DECIDED_AT
    assert result.manifest_sha256 is not None


def test_every_gate_is_an_effect_with_a_receipt_and_the_tests_are_no_gate_here(ready: Home) -> None:
    frozen()
    assert {each.name: each.status for each in manifest_of(ready).gates} == {
        "verify": "passed",
        "acceptance": "passed",
        "audit": "passed",
        "tests": "not_applicable",
    }
    receipts = {each.step: each for each in read_receipts(ready.run_folder(FREEZE))}
    assert receipts["run-gate"].output["output"] == ["22/22"]
    assert receipts["run-gate-2"].output["name"] == "audit"
    assert receipts["check-distillation"].output["status"] == "passed"
    gates = json.loads((released(ready) / "gates.json").read_text())
    assert all(gate["duration_s"] > 0 for gate in gates if gate["status"] == "passed")


def test_a_person_sees_counts_gates_hashes_and_the_tag_before_deciding(ready: Home, repository: Path) -> None:
    assert freeze(repository=str(repository)) is None
    (asked,) = approvals.waiting(ready.ledger, FREEZE)
    assert asked.title == "Freeze release 1.0.0?"
    commit = git(repository, "rev-parse", "HEAD")
    key_id = open_signer(ready.root).key_id
    assert f"tags commit {commit} as data-v1.0.0" in asked.markdown
    assert key_id in asked.markdown
    assert "| rag | cc-by-4.0 | 3 | 1 |" in asked.markdown
    assert "| acceptance | passed | 0 |" in asked.markdown
    train = next((ready.root / "exports").glob("*/rag/train.jsonl"))
    assert sha256(train.read_bytes()).hexdigest() in asked.markdown
    assert not (ready.root / "releases").exists()


def test_a_red_gate_asks_nobody_and_is_reported(ready: Home) -> None:
    red = {"name": "own", "argv": ["{python}", "-c", "print('two leaks'); raise SystemExit(3)"]}
    result = freeze(gates=[*GATES, red])
    assert result is not None
    assert (result.status, result.folder) == ("failed", None)
    assert "red gates: own" in str(result.reason)
    assert approvals.approvals_of(ready.ledger, FREEZE) == []
    assert runs.run_of(ready.ledger, FREEZE).status == "failed"
    assert not (ready.root / "releases").exists()
    assert "two leaks" in Path(result.report.markdown).read_text()
    report = ReleaseReport.model_validate_json(Path(result.report.json_file).read_bytes())
    assert {each.name: (each.status, each.exit_code) for each in report.gates}["own"] == ("failed", 3)


def test_all_red_gates_are_named_at_once(ready: Home) -> None:
    failing = ["{python}", "-c", "raise SystemExit(1)"]
    result = freeze(gates=[{"name": "acceptance", "argv": failing}, {"name": "audit", "argv": failing}])
    assert result is not None
    assert "red gates: acceptance, audit" in str(result.reason)


def test_a_rejection_leaves_nothing_but_the_report(ready: Home, repository: Path) -> None:
    assert freeze(repository=str(repository)) is None
    decide("reject")
    result = freeze(repository=str(repository))
    assert result is not None
    assert (result.status, result.reason) == ("rejected", "rejected by ada: looked at")
    assert not (ready.root / "releases").exists()
    assert git(repository, "tag") == ""
    assert "rejected" in Path(result.report.html).read_text()


def test_entering_a_finished_freeze_again_changes_nothing(ready: Home) -> None:
    first = frozen()
    before = {name: (released(ready) / name).read_bytes() for name in names(released(ready))}
    assert done(freeze()) == first
    assert {name: (released(ready) / name).read_bytes() for name in names(released(ready))} == before


def test_a_release_that_was_published_before_a_crash_is_taken_as_it_is(
    ready: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_ledger: Any, key: str, **_: Any) -> None:
        if key.endswith("publish-release"):
            raise RuntimeError("the power went")
        finish(_ledger, key, **_)

    finish = journal.finish_effect
    assert freeze() is None
    decide()
    with monkeypatch.context() as patch:
        patch.setattr(journal, "finish_effect", crash)
        with pytest.raises(RuntimeError, match="the power went"):
            freeze()
    before = (released(ready) / "release.dsse.json").read_bytes()
    done(freeze())
    assert (released(ready) / "release.dsse.json").read_bytes() == before


def test_equal_data_frozen_elsewhere_has_an_equal_content_hash(
    ready: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = frozen()
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("MILLRACE_HOME", str(other))
    prepare(Home(other))
    second = frozen(version="2.0.0")
    assert second.content_hash == first.content_hash
    assert second.manifest_sha256 != first.manifest_sha256


def test_the_commit_is_tagged_with_the_manifests_hash(ready: Home, repository: Path) -> None:
    result = frozen(repository=str(repository))
    assert result.tag is not None
    assert result.tag.name == "data-v1.0.0"
    assert git(repository, "rev-parse", "data-v1.0.0^{commit}") == git(repository, "rev-parse", "HEAD")
    assert git(repository, "cat-file", "-t", "data-v1.0.0") == "tag"
    assert f"Manifest-SHA256: {result.manifest_sha256}" in git(repository, "cat-file", "-p", "data-v1.0.0")
    assert manifest_of(ready).tag == result.tag


def test_the_commit_that_was_shown_is_tagged_whatever_came_after(ready: Home, repository: Path) -> None:
    assert freeze(repository=str(repository)) is None
    shown = git(repository, "rev-parse", "HEAD")
    (repository / "code.py").write_text("x = 2\n")
    git(repository, "commit", "--quiet", "--all", "--message=second")
    decide()
    done(freeze(repository=str(repository)))
    assert git(repository, "rev-parse", "data-v1.0.0^{commit}") == shown


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distill_run": "nowhere"}, "no run nowhere"),
        ({"golden": ["other"]}, "there is no golden dataset 'other'"),
        ({"repository": "missing"}, "no folder missing"),
        ({"repository": "."}, "is no git checkout"),
        ({"test_command": ["make"]}, "test_command: no repository is tagged, so nothing would run it"),
    ],
)
def test_what_cannot_go_well_is_refused_before_any_work(ready: Home, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        freeze(**settings)
    summary = read_summary(ready.run_folder(FREEZE))
    assert summary is not None
    assert (summary.status, summary.n_effects) == ("failed", 0)


def test_without_a_key_it_is_said_which_command_makes_one(home: Home) -> None:
    distilled.distil()
    distilled.grow_golden()
    with pytest.raises(NotFoundError, match="make one with `millrace release-key`"):
        freeze()


def test_a_run_of_another_flow_is_not_frozen(ready: Home) -> None:
    with pytest.raises(BadInputError, match=r"golden-main-1\.0\.0 is a run of toy and"):
        freeze(distill_run="golden-main-1.0.0")


def test_a_run_that_failed_is_not_frozen(ready: Home) -> None:
    runs.update_run(ready.ledger, DISTILL, status="failed")
    with pytest.raises(BadInputError, match="is a run of distill and failed"):
        freeze(distill_run=DISTILL)
    with pytest.raises(NotFoundError, match="no distillation was completed"):
        freeze("freeze-2")


def test_by_default_the_newest_run_is_frozen(ready: Home) -> None:
    distilled.distil("distill-2", n_rows=6)
    frozen()
    assert manifest_of(ready).run.run_id == "distill-2"


def test_a_dirty_repository_is_refused_with_its_files(ready: Home, repository: Path) -> None:
    (repository / "code.py").write_text("x = 2\n")
    (repository / "new file.txt").write_text("new")
    (repository / "eval_reports").mkdir()
    (repository / "eval_reports" / "report.md").write_text("ignored")
    with pytest.raises(BadInputError, match=r"is not clean.*: code\.py, new file\.txt; commit") as refused:
        freeze(repository=str(repository))
    assert refused.value.details["files"] == ["code.py", "new file.txt"]


def test_a_taken_tag_is_refused(ready: Home, repository: Path) -> None:
    git(repository, "tag", "data-v1.0.0")
    with pytest.raises(BadInputError, match=r"has a tag data-v1\.0\.0 already"):
        freeze(repository=str(repository))
    assert freeze("freeze-2", repository=str(repository), tag_prefix="set-") is None


def test_a_taken_version_is_refused(ready: Home) -> None:
    frozen()
    with pytest.raises(BadInputError, match=r"release 1\.0\.0 is frozen already"):
        freeze("freeze-2")


def test_of_two_that_freeze_one_version_the_second_is_refused_and_leaves_the_first(ready: Home) -> None:
    assert freeze("one") is None
    assert freeze("two") is None
    decide(run_id="one")
    decide(run_id="two")
    done(freeze("one"))
    before = (released(ready) / "release.dsse.json").read_bytes()
    with pytest.raises(BadInputError, match=r"another run froze release 1\.0\.0 meanwhile"):
        freeze("two")
    assert (released(ready) / "release.dsse.json").read_bytes() == before
    assert [path.name for path in (ready.root / "releases").iterdir()] == ["1.0.0"]


def test_a_file_that_changed_since_it_was_shown_is_named_and_nothing_is_published(ready: Home) -> None:
    assert freeze() is None
    decide()
    path = ready.root / "exports" / DISTILL / "rag" / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"It is 2.", b"It is 9."))
    with pytest.raises(BadInputError, match=r"train\.jsonl is not what the manifest says of exports/rag/train\.jsonl"):
        freeze()
    assert list((ready.root / "releases").iterdir()) == []


def test_a_file_that_is_gone_since_it_was_shown_is_named(ready: Home) -> None:
    assert freeze() is None
    decide()
    (ready.root / "golden" / "main" / "1.0.0" / "rows.jsonl").unlink()
    with pytest.raises(BadInputError, match=r"golden/main/1\.0\.0/rows\.jsonl is gone"):
        freeze()
    assert list((ready.root / "releases").iterdir()) == []


def test_another_key_than_was_shown_signs_nothing(ready: Home) -> None:
    assert freeze() is None
    decide()
    for path in (ready.root / "keys").glob("release-signing*"):
        path.unlink()
    make_key(ready.root)
    with pytest.raises(BadInputError, match="the person was shown key"):
        freeze()
    assert not released(ready).exists()


def test_the_private_key_is_nowhere_but_in_its_file(ready: Home) -> None:
    frozen()
    key = ready.root / "keys" / "release-signing.pem"
    secret = b"".join(key.read_bytes().splitlines()[1:-1])
    searched = [path for path in ready.root.rglob("*") if path.is_file() and path != key]
    assert len(searched) > 40
    assert [path for path in searched if secret[-30:] in path.read_bytes()] == []
