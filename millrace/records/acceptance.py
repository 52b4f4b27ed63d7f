"""The acceptance run and the audit: what was checked, and what was found (D11, D13)."""

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.evidence import Category


class InvariantResult(Record):
    """One of the 22 invariants."""

    number: int = Field(ge=1, le=22)
    name: str
    passed: bool
    detail: str = Field(description="What was found, in words")


class SkippedLine(Record):
    """A row of the fixture that is no evidence."""

    source: Identifier
    line: int = Field(ge=1)


class Expected(Record):
    """What the fixture's rows must come to; a generated fixture says of itself what it holds."""

    without_provenance: list[SkippedLine] = Field(description="Rows that must be in the skips file")
    tree_texts: dict[str, str] = Field(description="Whole text by record, put together from shards")
    drifted_claims: dict[str, Category] = Field(description="Category by record whose claim left its requirement")
    has_pairs: bool = Field(True, description="Whether at least one preference pair must come of it")
    fills_quarantine: bool = Field(True, description="Whether the fine-tuning export must refuse something")


class AuditCheck(Record):
    """One check of an audit; a required one that fails fails the audit."""

    phase: Identifier
    name: str
    required: bool = True
    passed: bool
    detail: str = Field(description="What was found, in words")


class BaselineFigure(Record):
    """One of the ten figures beside what earlier audits found."""

    name: Identifier
    value: float | None
    baseline: float | None = Field(description="Mean over earlier audits; None when there was none")
    n: int = Field(ge=0, description="Earlier audits with this figure")
    change: float | None = Field(description="Relative to the baseline; None with a reason")
    reason: str | None = None
    moved: bool = Field(description="Whether it changed by more than the threshold; a note, never a failure")


class AuditBaseline(Record):
    """One line of ``audit_baselines.jsonl``: the figures of one audited run."""

    audit_run_id: Identifier
    run_id: Identifier = Field(description="The distillation that was audited")
    run_hash: str
    figures: dict[str, float | None]
