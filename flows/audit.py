"""Checks a distillation as it lies on disk, phase by phase; it changes nothing but its own report and baseline."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pyarrow.compute as pc
from prefect import flow
from pydantic import Field, ValidationError

from blocks.names import EmbedderName
from flows.replay import ReplayConfig, answer_again
from millrace.distillation.drift import DriftConfig
from millrace.records.acceptance import AuditCheck
from millrace.records.base import Identifier, Record
from tasks.audit import (
    AuditOutcome,
    audit_acceptance,
    audit_distillation,
    conclude_audit,
    home_of_knowledge,
    judge_replay,
    write_tasks,
)
from tasks.distillations import find_distillation
from tasks.run import FlowConfig, current_run, recorded, run_apart

N_TASKS = 3


class AuditConfig(FlowConfig):
    """Which distillation is checked."""

    distill_run: Identifier | None = Field(None, description="By default the newest that completed")
    first_tier: list[str] = Field([], description="Streams that must have given records; by default any")
    threshold: float = Field(DriftConfig().threshold, gt=0, description="Change against the baseline worth a note")
    embedder: EmbedderName = EmbedderName()
    acceptance: bool = Field(True, description="Run the acceptance fixture too, in a process of its own")
    acceptance_timeout_s: float = Field(600, gt=0, description="A fixture that takes longer fails the audit")
    reports_folder: str = "eval_reports"


class AuditResult(Record):
    """Whether every required check passed."""

    status: Literal["completed", "failed"]
    reason: str | None
    outcome: AuditOutcome

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the command line says of it."""
        n_passed = sum(check.passed for check in self.outcome.required)
        moved = [figure.name for figure in self.outcome.figures if figure.moved]
        return [
            ("audited", self.outcome.audited),
            ("required checks", f"{n_passed}/{len(self.outcome.required)}"),
            ("moved against the baseline", ", ".join(moved) or "nothing"),
        ]


@flow(name="audit", persist_result=True, result_serializer="json")
@recorded("audit")
def audit(config: AuditConfig, run_id: str | None = None) -> AuditResult:
    """Check recon, schemas, evidence, scoring, exports, receipts, acceptance and replay of a distillation."""
    audited = find_distillation(current_run().home, config.distill_run)
    checks = audit_distillation(audited, config.first_tier)
    if config.acceptance:
        checks += audit_acceptance(config.acceptance_timeout_s)
    checks += _replay(config, audited)
    outcome = conclude_audit(audited, checks, config.threshold, config.reports_folder)
    return AuditResult(
        status="failed" if outcome.failures else "completed",
        reason="; ".join(outcome.failures) or None,
        outcome=outcome,
    )


def _replay(config: AuditConfig, audited: str) -> list[AuditCheck]:
    """Three tasks prepared in a home of their own, without asking anybody."""
    with TemporaryDirectory(prefix="millrace-replay-") as folder:
        tasks = Path(folder) / "tasks.jsonl"
        n_tasks = write_tasks(audited, tasks, N_TASKS)
        if not n_tasks:
            return judge_replay(0, 0, 0, _is_guarded())
        home = home_of_knowledge(audited, Path(folder) / "home")
        settings = ReplayConfig(
            as_of=current_run().now,
            file=str(tasks),
            distill_run=audited,
            embedder=config.embedder,
            dry_run=True,
            reports_folder=str(Path(folder) / "reports"),
        )
        result = run_apart("replay", answer_again, settings, run_id="dry-run", home=home)
        bundles = home.datasets.open(result.attempts).to_arrow().column("bundle")
        n_bundled = int(pc.sum(pc.greater(pc.list_value_length(bundles), 0)).as_py() or 0)
        return judge_replay(n_tasks, result.attempts.rows, n_bundled, _is_guarded())


def _is_guarded() -> bool:
    """Whether settings that would ask a stronger model without there being one are refused."""
    try:
        ReplayConfig(file="tasks.jsonl", escalation="allowed", gateway=None)
    except ValidationError:
        return True
    return False
