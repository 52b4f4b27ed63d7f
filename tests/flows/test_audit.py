"""The audit: green on a sound distillation, red with the name of what was damaged, its baseline growing by each run."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import tasks.audit
from flows.audit import AuditConfig, AuditResult, audit
from flows.distill import distill
from millrace.errors import BadInputError, NotFoundError
from tasks.home import Home
from tests.support.acceptance import settings


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one distillation of the fixture."""
    root = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_HOME", str(root))
        distill.fn(settings(root / "reports"), run_id="distilled")
    return root


@pytest.fixture
def ready(home: Home, template: Path) -> Home:
    shutil.copytree(template, home.root, dirs_exist_ok=True)
    return home


def audited(home: Home, run_id: str = "audit", **config: Any) -> AuditResult:
    given = {"acceptance": False, "reports_folder": str(home.root / "reports")} | config
    result: AuditResult = audit.fn(AuditConfig.model_validate(given), run_id=run_id)
    return result


def failures(home: Home, **config: Any) -> list[str]:
    return audited(home, **config).outcome.failures


def test_a_sound_distillation_passes_at_least_sixteen_required_checks(ready: Home) -> None:
    result = audited(ready)
    assert result.status == "completed", result.reason
    assert len(result.outcome.required) >= 16
    phases = {check.phase for check in result.outcome.checks}
    assert phases == {"recon", "schema", "evidence", "scoring", "exports", "receipts", "replay"}
    assert len(result.outcome.figures) == 10
    assert (ready.root / "reports" / "audit" / "latest.md").read_text().startswith("# Audit 38/38")


def files(home: Home) -> dict[Path, bytes]:
    found = (path for path in home.root.rglob("*") if path.is_file() and not path.name.startswith("ledger.sqlite"))
    return {path: path.read_bytes() for path in found}


def test_it_reads_only_but_for_its_own_run_baseline_and_report(ready: Home) -> None:
    before = files(ready)
    audited(ready)
    after = files(ready)
    assert [path for path, content in before.items() if after.get(path) != content] == []
    own = {path.relative_to(ready.root).as_posix() for path in after.keys() - before.keys()}
    assert {name for name in own if not name.startswith("runs/audit/")} == {
        "audit_baselines.jsonl",
        "reports/audit/latest.md",
    }


def test_a_row_that_was_slipped_into_an_export_is_found_twice(ready: Home) -> None:
    path = ready.root / "exports" / "distilled" / "sft" / "train.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    path.write_text(path.read_text() + json.dumps(first | {"evidence_id": "rev-02"}) + "\n")
    found = failures(ready)
    assert any("published files are as they were written" in each and "sft/train.jsonl" in each for each in found)
    assert any("none rejected: rev-02 is rejected" in each for each in found)


def test_a_damaged_dataset_is_named(ready: Home) -> None:
    (part,) = (ready.root / "datasets" / "evidence_scores").glob("*/*.parquet")
    part.write_bytes(b"nothing")
    assert any("schema: scores is whole and valid" in each and str(part) in each for each in failures(ready))


def test_a_forged_summary_is_found(ready: Home) -> None:
    path = ready.run_folder("distilled") / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"run_hash": "0" * 64}))
    assert [each for each in failures(ready) if "the run hash recomputes" in each]


def test_a_stream_that_must_be_there_and_is_not_fails(ready: Home) -> None:
    assert failures(ready, first_tier=["reviews"]) == []
    (found,) = failures(ready, run_id="again", first_tier=["traces"])
    assert "no record of traces; there are audits, changes" in found


def test_the_baseline_grows_by_one_line_an_audit_and_not_when_it_is_entered_again(ready: Home) -> None:
    first, again, second = (audited(ready, run_id=name) for name in ("one", "one", "two"))
    lines = [json.loads(line) for line in (ready.root / "audit_baselines.jsonl").read_text().splitlines()]
    assert [line["audit_run_id"] for line in lines] == ["one", "two"]
    assert {figure.n for figure in first.outcome.figures} == {figure.n for figure in again.outcome.figures} == {0}
    assert {figure.n for figure in second.outcome.figures} == {1}
    assert not any(figure.moved for figure in second.outcome.figures)


def test_an_acceptance_run_that_does_not_end_in_time_fails_the_audit(ready: Home) -> None:
    (found,) = failures(ready, acceptance=True, acceptance_timeout_s=0.01)
    assert found == "acceptance: 22 of 22 in a process of its own: not done after 0.01 s"


def test_a_broken_invariant_of_the_acceptance_run_is_named() -> None:
    broken = [{"number": 8, "name": "none rejected", "passed": False, "detail": "x"}, {"passed": True}]
    said = json.dumps({"result": {"outcome": {"results": broken}}})
    assert tasks.audit._verdict(said) == "1/2; 8 none rejected: x"
    assert tasks.audit._verdict("no document") is None


def test_without_a_distillation_there_is_nothing_to_audit(home: Home) -> None:
    with pytest.raises(NotFoundError, match="no distillation was completed"):
        audited(home)


def test_only_a_completed_distillation_is_audited(ready: Home) -> None:
    audited(ready)
    with pytest.raises(BadInputError, match="audit is a run of audit and completed"):
        audited(ready, run_id="other", distill_run="audit")
