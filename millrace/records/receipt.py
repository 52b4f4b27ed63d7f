"""Receipts (D8): what every stage and effect of a run took in, gave out, and under which code and settings."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from millrace.records.base import Identifier, Record, Sha256
from millrace.records.trace import UtcTime

StepType = Literal["stage", "effect"]


class StepCounts(Record):
    """Rows in and out of a step; skipped and quarantined rows are those of outputs of kind skips and quarantine."""

    rows_in: int = Field(0, ge=0)
    rows_out: int = Field(0, ge=0)
    rows_skipped: int = Field(0, ge=0)
    rows_quarantined: int = Field(0, ge=0)


class Receipt(BaseModel):
    """One step of one run. What lies outside identity: times, attempts, whether a cache answered, the commit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    run_id: Identifier
    step: Identifier = Field(description="Name of the stage or effect, numbered from its second call on")
    step_type: StepType
    function: str = Field(description="module:name of the function, for recomputation")
    key: str = Field(description="Content key of a stage, idempotency key of an effect")
    code_fingerprint: str
    settings_hash: str
    numeric_profile: str
    arguments: dict[str, Any] = Field(description="Settings and refs as given; no secret ever is one")
    inputs: list[str] = Field(description="kind:hash of every input dataset")
    outputs: list[str] = Field(description="kind:hash of every output dataset")
    output: Any = Field(description="What the step returned, as JSON")
    counts: StepCounts
    validation: Literal["passed"] = Field("passed", description="Outputs are validated before they are published")
    cached: bool
    attempts: int = Field(ge=1)
    git_sha: str | None
    started_at: datetime
    duration_s: float = Field(ge=0)


RunStatus = Literal["running", "waiting", "completed", "rejected", "failed"]


class RunSummary(Record):
    """A run in one record; ``run_hash`` covers the outputs of its stages and nothing that was measured."""

    format: int = 1
    run_id: Identifier
    flow: Identifier
    status: RunStatus
    reason: str | None = Field(None, description="Why it failed or was rejected")
    run_hash: Sha256
    n_stages: int
    n_effects: int
    n_cached: int
    counts: StepCounts
    overall_passed: bool
    started_at: UtcTime
    finished_at: UtcTime
    duration_s: Annotated[float, Field(ge=0)]
