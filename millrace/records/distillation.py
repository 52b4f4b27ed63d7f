"""A distillation in numbers, and how it differs from those before it (D9)."""

from typing import Literal

from pydantic import Field

from millrace.records.base import Identifier, Record, Sha256
from millrace.records.evidence import Category, ContaminationMatch, Export, QuarantineReason

Severity = Literal["ok", "warn", "alert"]


class DistillCounts(Record):
    """What became of the rows of a run."""

    evidence: int = Field(ge=0)
    streams: dict[str, int] = Field(description="Records by stream")
    skipped: dict[str, int] = Field(description="Rows that are no evidence, by reason")
    categories: dict[Category, int]
    rules: dict[str, int] = Field(description="Records by the rule that decided; 'none' where none did")
    contaminated: dict[ContaminationMatch, int]
    exported: dict[Export, int]
    quarantined: dict[Export, dict[QuarantineReason, int]]


class StageOutput(Record):
    """What a stage gave out under which key: equal keys must give equal outputs."""

    step: Identifier
    key: str
    outputs: list[str]


class RememberedDistillation(Record):
    """A run as those after it are compared with it."""

    run_id: Identifier
    counts: DistillCounts
    stages: list[StageOutput]


class DriftFigure(Record):
    """One figure beside that of the previous run and the mean of the runs before."""

    name: Identifier
    value: float | None
    previous: float | None
    change: float | None = Field(description="Relative to the previous run; None with a reason")
    window_mean: float | None
    window_n: int = Field(ge=0)
    window_change: float | None = Field(description="Relative to the mean of the window; None with a reason")
    severity: Severity
    reason: str | None = None


class Determinism(Record):
    """Whether equal inputs gave equal outputs: against the previous run, and by computing this one again."""

    status: Literal["same", "deterministic_violation", "not_checked"]
    recomputed: int = Field(ge=0, description="Stages computed again, past every cache")
    violations: list[str] = Field([], description="Stage, and what it gave out each time")
    reason: str | None = None


class DistillDrift(Record):
    """``drift.json`` of a run."""

    format: int = 1
    run_id: Identifier
    previous_run_id: Identifier | None
    threshold: float = Field(gt=0, description="Relative change from which a figure warns")
    figures: list[DriftFigure]
    new_error_classes: list[str] = Field(description="Reasons of skips or quarantine that the previous run had not")
    determinism: Determinism
    severity: Severity


class DistillSummary(Record):
    """``distillation.json`` of a run: what was distilled from what."""

    format: int = 1
    run_id: Identifier
    counts: DistillCounts
    datasets: dict[str, str] = Field(description="kind:hash by what it is")
    files: dict[str, Sha256] = Field(description="Published files by name under the home")
    severity: Severity
