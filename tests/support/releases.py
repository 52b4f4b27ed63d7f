"""A small release built by hand, and one that says whatever a test wants, properly signed."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from millrace.adapters.ed25519 import Ed25519Signer, new_private_pem
from millrace.records.golden import GoldenVersion
from millrace.records.release import (
    ReleaseApproval,
    ReleaseCounts,
    ReleaseDataset,
    ReleaseGate,
    ReleaseManifest,
    ReleaseRun,
    ReleaseStep,
    ReleaseTag,
    RuleTable,
)
from millrace.records.trace import utc
from millrace.releases.dsse import sign
from millrace.releases.files import Content, file_of, write_release
from millrace.releases.manifest import ENVELOPE_FILE, content_hash
from millrace.releases.statement import PAYLOAD_TYPE

SIGNER = Ed25519Signer.from_pem(new_private_pem(), "key")
CONTENTS: dict[str, Content] = {
    "exports/rag/README.md": b"---\nlicense: mit\n---\n",
    "exports/rag/train.jsonl": b'{"text": "a"}\n{"text": "b"}\n',
    "exports/sft/train.jsonl": b"",
    "gates.json": b"[]",
    "golden/main/1.0.0/rows.jsonl": b"{}\n",
    "public-key.pem": b"-----BEGIN PUBLIC KEY-----\n",
    "receipts/run/summary.json": b"{}",
}
ROWS = {"exports/rag/train.jsonl": 2, "exports/sft/train.jsonl": 0}
RUN_HASH, EVALS, RULES = "a" * 64, "e" * 64, "c" * 64


def manifest_for(contents: Mapping[str, Content], **changed: Any) -> ReleaseManifest:
    """A manifest of these files."""
    files = [file_of(name, content, ROWS.get(name)) for name, content in sorted(contents.items())]
    golden = [
        GoldenVersion(
            name="main", version="1.0.0", content_hash="b" * 64, added=1, removed=0, created_at=utc(2026, 11, 1)
        )
    ]
    step = ReleaseStep(step="export-rag", rows_in=3, rows_out=2, rows_skipped=0, rows_quarantined=1)
    values: dict[str, Any] = {
        "version": "1.2.0",
        "frozen_by": "freeze",
        "run": ReleaseRun(run_id="run", flow="distill", run_hash=RUN_HASH, commits=["1" * 40], steps=[step]),
        "counts": ReleaseCounts(evidence=3, skipped=1, exported={"rag": 2, "sft": 0}, quarantined={"rag": 1, "sft": 3}),
        "datasets": [ReleaseDataset(kind="evidence", content_hash="d" * 64, made_by="collect-evidence")],
        "scoring_rules": RuleTable(version="3", sha256=RULES),
        "eval_examples": EVALS,
        "golden": golden,
        "licences": {"rag": "mit", "sft": None},
        "versions": {"python": "3.11.7", "millrace": "0.1.0"},
        "gates": [ReleaseGate(name="acceptance", status="passed", argv=["x"], exit_code=0)],
        "files": files,
        "content_hash": content_hash(RUN_HASH, files, golden),
        "key_id": SIGNER.key_id,
        "tag": ReleaseTag(name="data-v1.2.0", commit="2" * 40),
        "approval": ReleaseApproval(
            reviewer="ada", note="looked at", decided_at=utc(2026, 11, 16, 10), pinned_hash="f" * 64
        ),
    }
    return ReleaseManifest.model_validate(values | changed)


def build(folder: Path, contents: Mapping[str, Content] = CONTENTS, **changed: Any) -> Path:
    """A sound release."""
    folder.mkdir(parents=True)
    write_release(folder, contents, manifest_for(contents, **changed), SIGNER)
    return folder


def statement_of(folder: Path) -> dict[str, Any]:
    """What is signed there."""
    from millrace.releases.dsse import read_envelope

    found: dict[str, Any] = json.loads(read_envelope((folder / ENVELOPE_FILE).read_bytes()).payload)
    return found


def sign_again(folder: Path, statement: Any, payload_type: str = PAYLOAD_TYPE, signer: Ed25519Signer = SIGNER) -> None:
    """Sign another statement, as the key's owner can."""
    envelope = sign(payload_type, json.dumps(statement).encode(), [signer])
    (folder / ENVELOPE_FILE).write_bytes(envelope.to_json())


def set_subject(statement: dict[str, Any], name: str, content: bytes) -> None:
    """Let the statement say that the file holds this."""
    (subject,) = [each for each in statement["subject"] if each["name"] == name]
    subject["digest"]["sha256"] = sha256(content).hexdigest()
