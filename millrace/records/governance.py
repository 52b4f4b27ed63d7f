"""Who may do what, and what the audit log says of it (A15 to A18)."""

from typing import Any, Literal

from pydantic import Field

from millrace.records.base import Record, Sha256
from millrace.records.trace import UtcTime

Role = Literal["viewer", "annotator", "pipeline_worker", "compliance_officer", "security_admin"]
Permission = Literal[
    "read_traces",
    "read_reports",
    "run_flows",
    "write_feedback",
    "write_annotations",
    "adjudicate",
    "approve_week",
    "publish_knowledge",
    "freeze_release",
    "delete_user_data",
    "read_audit",
    "manage_retention",
    "manage_reviewers",
]
Proof = Literal["signed", "single_user"]
AuditAction = Literal[
    "reviewer-added",
    "reviewer-revoked",
    "single-user-set",
    "approval-asked",
    "approval-decided",
    "approval-refused",
    "release-frozen",
    "erasure-requested",
    "erasure-step",
    "erasure-ended",
    "retention-enforced",
    "hold-placed",
    "hold-released",
    "backup-made",
    "home-restored",
    "head-anchored",
]


class AuditEntry(Record):
    """One line of the audit log. ``hash`` covers everything else in it, the previous entry's hash included."""

    sequence: int = Field(ge=1, description="1 for the first, then without gaps")
    at: UtcTime
    actor: str = Field(min_length=1, description="Who did it: a reviewer's name, or a process as 'user@host:pid'")
    action: AuditAction
    subject: str = Field(min_length=1, description="What it was done to: a run, release, dataset, handle or reviewer")
    details: dict[str, Any] = Field(description="Facts as JSON; never a user id, a text of a trace, or a secret")
    previous: Sha256
    hash: Sha256


class AuditHead(Record):
    """Where the log stood: a witness of its length and, through the chain, of every byte before."""

    sequence: int = Field(ge=0)
    hash: Sha256


def proof_in_words(proof: Proof | None, role: Role | None) -> str:
    """What shows who decided, to stand behind the name; nothing does where there were no proofs yet."""
    if proof == "signed":
        return f"{role}, signature checked"
    return "single-user home, unsigned" if proof == "single_user" else "as claimed"
