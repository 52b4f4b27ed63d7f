"""The audit: every phase of a distillation checked as it lies on disk, its figures beside a growing baseline (D13)."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.distillation.audit import audit_run, beside_baseline
from millrace.distillation.drift import figures_of
from millrace.distillation.invariants import RunLeft
from millrace.ledger import runs
from millrace.records.acceptance import AuditBaseline, AuditCheck, BaselineFigure
from millrace.records.base import Identifier, Record
from millrace.records.json_file import parse_json_record
from millrace.reports.audit import audit_markdown
from tasks.effect import effect
from tasks.home import Home
from tasks.latest import publish_latest
from tasks.processes import process_name
from tasks.receipts import read_receipts, run_hash
from tasks.recompute import recompute
from tasks.run import current_run

BASELINE_FILE, RESULT_FILE = "audit_baselines.jsonl", "audit.json"
_DRY_RUNS = {"collect-evidence": "evidence", "score-evidence": "scoring"}  # computed again, past every cache
_ACCEPTANCE = ("-P", "-m", "apps.cli.main", "run", "acceptance", "--json")  # -P: an `apps` folder here is not ours
_LAST_WORDS = 300


class AuditOutcome(Record):
    """What the audit found."""

    audited: Identifier
    checks: list[AuditCheck]
    figures: list[BaselineFigure]

    @property
    def required(self) -> list[AuditCheck]:
        return [check for check in self.checks if check.required]

    @property
    def failures(self) -> list[str]:
        return [f"{each.phase}: {each.name}: {each.detail}" for each in self.required if not each.passed]


@effect
def audit_distillation(audited: str, first_tier: list[str]) -> list[AuditCheck]:
    """What reading shows, and whether evidence and scores come out again as they were found."""
    home = current_run().home
    receipts = read_receipts(home.run_folder(audited))
    checks = audit_run(RunLeft(home.root, audited), first_tier, run_hash(receipts))
    again = [receipt for receipt in receipts if receipt.step in _DRY_RUNS]
    with TemporaryDirectory(prefix="millrace-audit-") as scratch:
        for found in recompute(home, again, Path(scratch)):
            name = f"{found.step} gives the same again"
            detail = "holds" if found.status == "same" else found.reason or found.status
            checks.append(
                AuditCheck(phase=_DRY_RUNS[found.step], name=name, passed=found.status == "same", detail=detail)
            )
    return checks


@effect
def audit_acceptance(timeout_s: float) -> list[AuditCheck]:
    """The acceptance run in a process and a home of its own."""
    with TemporaryDirectory(prefix="millrace-acceptance-") as home:
        environment = {**os.environ, "MILLRACE_HOME": home, "PREFECT_LOGGING_TO_API_ENABLED": "false"}
        try:
            done = subprocess.run(
                [sys.executable, *_ACCEPTANCE, "--set", f"reports_folder={home}"],
                env=environment,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
            detail, passed = _verdict(done.stdout) or done.stderr[-_LAST_WORDS:], done.returncode == 0
        except subprocess.TimeoutExpired:
            detail, passed = f"not done after {timeout_s:g} s", False
    return [AuditCheck(phase="acceptance", name="22 of 22 in a process of its own", passed=passed, detail=detail)]


def home_of_knowledge(audited: str, scratch: Path) -> Home:
    """A home that holds this distillation's export for retrieval and nothing else: what is tried there stays there."""
    home, apart = current_run().home, Home(scratch)
    (rows,) = (ref for ref in _rag_rows(home, audited))
    shutil.copytree(home.datasets.folder(rows), apart.datasets.folder(rows))
    shutil.copytree(home.run_folder(audited) / "receipts", apart.run_folder(audited) / "receipts")
    known = runs.run_of(home.ledger, audited)
    runs.start_run(
        apart.ledger,
        audited,
        flow=known.flow,
        config=known.config,
        started_at=known.started_at,
        process=process_name(),
        prefect_run_id=None,
    )
    runs.update_run(apart.ledger, audited, status="completed")
    return apart


def write_tasks(audited: str, path: Path, n_tasks: int) -> int:
    """Questions out of the export for retrieval, as tasks to be answered again; gives how many there were."""
    home = current_run().home
    (ref,) = _rag_rows(home, audited)
    rows = home.datasets.open(ref).read_rows(0, n_tasks).to_pylist()
    lines = [
        {
            "question_id": f"audit-{number}",
            "tenant_id": row["tenant_id"],
            "time": row["provenance"]["recorded_at"].isoformat(),
            "question": row["title"],
        }
        for number, row in enumerate(rows, start=1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, b"".join(canonical_json(line) + b"\n" for line in lines))
    return len(lines)


@effect
def judge_replay(n_tasks: int, n_attempts: int, n_bundled: int, guarded: bool) -> list[AuditCheck]:
    """Whether every task was given knowledge, and nobody stronger can be asked who was not allowed."""
    dry = AuditCheck(
        phase="replay",
        name=f"{n_tasks} dry-run tasks find knowledge",
        required=n_tasks > 0,
        passed=0 < n_tasks == n_attempts == n_bundled,
        detail=f"{n_attempts} tasks prepared, {n_bundled} with knowledge" if n_tasks else "nothing was exported",
    )
    detail = "holds" if guarded else "the stronger model could be asked without leave"
    return [dry, AuditCheck(phase="replay", name="the escalation guard holds", passed=guarded, detail=detail)]


@effect
def conclude_audit(audited: str, checks: list[AuditCheck], threshold: float, reports_folder: str) -> AuditOutcome:
    """Set the run's figures beside those of earlier audits, add them to the baseline, and report."""
    run = current_run()
    left = RunLeft(run.home.root, audited)
    figures = figures_of(left.distilled.counts)
    path = run.home.root / BASELINE_FILE
    known = [line for line in _baselines(path) if line.audit_run_id != run.run_id]
    outcome = AuditOutcome(audited=audited, checks=checks, figures=beside_baseline(figures, known, threshold))
    own = AuditBaseline(
        audit_run_id=run.run_id,
        run_id=audited,
        run_hash=run_hash(read_receipts(left.folder)),
        figures=figures,
    )
    write_atomic(path, b"".join(canonical_json(line) + b"\n" for line in [*known, own]))
    markdown = audit_markdown(run.run_id, audited, checks, outcome.figures)
    write_atomic(run.home.run_folder(run.run_id) / RESULT_FILE, canonical_json(outcome))
    publish_latest(reports_folder, "audit", markdown, f"Audit of {audited}")
    return outcome


def _rag_rows(home: Home, audited: str) -> list[DatasetRef]:
    receipts = read_receipts(home.run_folder(audited))
    return [DatasetRef.model_validate(each.output["rows"]) for each in receipts if each.step == "export-rag"]


def _baselines(path: Path) -> Iterator[AuditBaseline]:
    if path.is_file():
        for line in path.read_bytes().splitlines():
            yield parse_json_record(line, AuditBaseline, str(path))


def _verdict(stdout: str) -> str | None:
    """What the acceptance run's document says of its invariants."""
    try:
        outcome = json.loads(stdout)["result"]["outcome"]["results"]
    except (ValueError, KeyError, TypeError):
        return None
    broken = [f"{each['number']} {each['name']}: {each['detail']}" for each in outcome if not each["passed"]]
    return f"{len(outcome) - len(broken)}/{len(outcome)}" + "".join(f"; {each}" for each in broken)
