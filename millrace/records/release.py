"""Releases (D14): training data frozen with everything that proves where it comes from, and what checked it."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from millrace.records.base import Identifier, Record, Sha256
from millrace.records.golden import GoldenVersion, Semver
from millrace.records.governance import Proof, Role, proof_in_words
from millrace.records.trace import UtcTime

GateName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
GateStatus = Literal["passed", "failed", "not_applicable", "skipped"]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]


class GateCommand(Record):
    """A command that must end with exit code 0 before anything is frozen."""

    name: GateName
    argv: list[str] = Field(
        min_length=1,
        description="Program and arguments, without a shell; {python} stands for the Python that runs Millrace. It is "
        "written into the release, so secrets belong into the environment",
    )
    folder: str | None = Field(None, description="Working directory; by default that of the run")
    timeout_s: float = Field(3600, gt=0, le=86_400)


class GateResult(Record):
    """What a gate said; ``reason`` tells why it failed or was not run."""

    name: GateName
    status: GateStatus
    argv: list[str] = []
    exit_code: int | None = None
    reason: str | None = None
    output: list[str] = Field([], description="The last lines it wrote, without secrets")
    duration_s: float | None = Field(None, ge=0, description="Measured; None where nothing was run")


class ReleaseGate(Record):
    """A gate as the manifest names it; output and duration lie in ``gates.json``."""

    name: GateName
    status: GateStatus
    argv: list[str] = []
    exit_code: int | None = None
    reason: str | None = None


class ReleaseFile(Record):
    """One file of a release; the name is relative to its folder, with slashes."""

    name: str = Field(min_length=1)
    sha256: Sha256
    n_bytes: int = Field(ge=0)
    rows: int | None = Field(None, ge=0, description="None where the file holds no rows")


class ReleaseStep(Record):
    """What became of the rows in one step of the run."""

    step: Identifier
    rows_in: int = Field(ge=0)
    rows_out: int = Field(ge=0)
    rows_skipped: int = Field(ge=0)
    rows_quarantined: int = Field(ge=0)


class ReleaseRun(Record):
    """The run that is frozen."""

    run_id: Identifier
    flow: Identifier
    run_hash: Sha256 = Field(description="Over the outputs of all its stages")
    commits: list[str] = Field(description="Commits that its steps ran from; -dirty: with uncommitted changes")
    steps: list[ReleaseStep]


class ReleaseCounts(Record):
    """The run in numbers."""

    evidence: int = Field(ge=0, description="Records taken in")
    skipped: int = Field(ge=0, description="Rows that were no evidence")
    exported: dict[str, int] = Field(description="Rows by export")
    quarantined: dict[str, int] = Field(description="Rows kept out, by export")


class ReleaseDataset(Record):
    """A dataset that the run read or made; it lies in the home, not in the release."""

    kind: Identifier
    content_hash: Sha256
    made_by: Identifier | None = Field(None, description="Step that gave it out; None for what came from outside")


class RuleTable(Record):
    """The scoring rules that judged the evidence."""

    version: str | None = Field(description="As the table calls itself; None where it does not")
    sha256: Sha256


class ReleaseTag(Record):
    """Which commit is tagged as what."""

    name: str = Field(min_length=1)
    commit: Commit


class ReleaseApproval(Record):
    """Who let it out; the name is as claimed unless ``proof`` is ``signed``."""

    reviewer: Identifier
    note: str
    decided_at: UtcTime
    pinned_hash: Sha256 = Field(description="Over what the run had put out when the person was asked")
    proof: Proof | None = Field(None, description="What shows who decided; absent in releases of before")
    role: Role | None = Field(None, description="The reviewer's; absent where it is not proven")

    @model_serializer(mode="wrap")
    def _as_signed(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is absent stays so: releases of before must come out byte for byte as they were signed."""
        fields: dict[str, Any] = serialize(self)
        return {name: value for name, value in fields.items() if value is not None}


def approver(approval: ReleaseApproval) -> str:
    """Who let it out, with what shows that it was them."""
    return f"{approval.reviewer} ({proof_in_words(approval.proof, approval.role)})"


class ReleaseManifest(Record):
    """Everything a release holds and rests on. ``content_hash`` leaves out what was measured or decided."""

    format: Literal[1] = 1
    version: Semver
    frozen_by: Identifier = Field(description="Run that froze it")
    run: ReleaseRun
    counts: ReleaseCounts
    datasets: list[ReleaseDataset]
    scoring_rules: RuleTable | None = Field(description="None where the run's receipts name none")
    eval_examples: Sha256 | None = Field(description="Content hash of what the training data was kept apart from")
    golden: list[GoldenVersion]
    licences: dict[str, str | None] = Field(description="By export, as its card says; None where it says nothing")
    versions: dict[str, str] = Field(description="Of Python and of libraries in the process that froze")
    gates: list[ReleaseGate]
    files: list[ReleaseFile] = Field(description="By name; without the manifest in its two forms and the envelope")
    content_hash: Sha256 = Field(description="Equal for equal data: over the run hash, exports and golden versions")
    key_id: Sha256 = Field(description="Key it is signed with: sha256 of its SubjectPublicKeyInfo")
    tag: ReleaseTag | None = None
    approval: ReleaseApproval | None = Field(None, description="None in what a person is shown")


ReleaseProblem = Literal[
    "unsigned",
    "bad_envelope",
    "wrong_key",
    "bad_signature",
    "unknown_statement",
    "unsafe_name",
    "link",
    "not_a_file",
    "missing",
    "additional",
    "changed",
    "manifest_differs",
]


class ReleaseFinding(Record):
    """One thing that is not as it was signed, and in which file."""

    file: str
    problem: ReleaseProblem
    message: str
    expected: str | None = Field(None, description="sha256 as signed")
    found: str | None = None
    expected_bytes: int | None = None
    found_bytes: int | None = None


class ReleaseVerdict(Record):
    """What became of the check of a release."""

    release: str
    verified: bool
    version: str | None = Field(None, description="None unless the signature holds")
    content_hash: str | None = None
    key_id: str = Field(description="Of the key that was given")
    n_files: int = Field(0, ge=0, description="Signed files that were looked at")
    approved_by: str | None = None
    proof: Proof | None = Field(None, description="What shows that it was them")
    role: Role | None = None
    findings: list[ReleaseFinding] = []


ReleaseStatus = Literal["completed", "rejected", "failed"]


class ReleaseReport(Record):
    """How a freeze ended, as ``report.json``."""

    format: int = 1
    run_id: Identifier
    version: Semver
    status: ReleaseStatus
    reason: str | None = None
    distill_run: Identifier
    gates: list[GateResult]
    manifest: ReleaseManifest | None = Field(description="None where a gate failed; without approval where rejected")
    manifest_sha256: Sha256 | None = Field(None, description="Of release-manifest.json; None unless it was frozen")
    folder: str | None = Field(None, description="Where the release lies")
    public_key: str | None = Field(None, description="What a stranger needs beside the folder")
