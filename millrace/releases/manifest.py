"""The manifest of a release: its two forms, and the hash of what it freezes.

Both forms belong to the predicate's version: readers render the signed manifest again and compare. What changes a
byte of them needs a new version, which is why nothing here is shared with other reports.
"""

import json
import re
from collections.abc import Iterable, Sequence

from millrace.datasets.canonical import sha256_json
from millrace.records.golden import GoldenVersion
from millrace.records.release import ReleaseApproval, ReleaseFile, ReleaseManifest, approver

JSON_FILE = "release-manifest.json"
MARKDOWN_FILE = "release-manifest.md"
ENVELOPE_FILE = "release.dsse.json"
PUBLIC_KEY_FILE = "public-key.pem"
GATES_FILE = "gates.json"
DERIVED_FILES = (JSON_FILE, MARKDOWN_FILE)
"""What the manifest cannot list, as it is made of it."""

EXPORTS_FOLDER, GOLDEN_FOLDER, RECEIPTS_FOLDER = "exports", "golden", "receipts"
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ACTIVE = re.compile(r"([\\`*_{}\[\]#|~!@^$:])")
_GAPS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


def content_hash(run_hash: str, files: Iterable[ReleaseFile], golden: Iterable[GoldenVersion]) -> str:
    """sha256 over the run hash, the files under ``exports/`` and the golden versions' contents, 64 hex digits.

    Receipts, gates, times and the person who approved are left out: who freezes equal data gets an equal hash.
    """
    exports = sorted((each.name, each.sha256) for each in files if each.name.startswith(f"{EXPORTS_FOLDER}/"))
    versions = sorted((each.name, each.version, each.content_hash) for each in golden)
    return sha256_json([run_hash, exports, versions])


def manifest_json(manifest: ReleaseManifest) -> bytes:
    """The manifest as a file: JSON with sorted keys, indented by two."""
    document = manifest.model_dump(mode="json")
    return (json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def manifest_markdown(manifest: ReleaseManifest) -> bytes:
    """The manifest for people; every text of it is written so that it shows as itself."""
    parts = [
        f"# Release {manifest.version}",
        _facts(_head(manifest)),
        "## Counts",
        _table(("export", "rows", "quarantined"), _counts(manifest)),
        "## Gates",
        _table(("gate", "status", "exit code", "reason"), _gates(manifest)),
        "## Golden datasets",
        _table(("name", "version", "content"), [(g.name, g.version, g.content_hash) for g in manifest.golden]),
        "## Files",
        _table(
            ("file", "sha256", "bytes", "rows"),
            [(f.name, f.sha256, str(f.n_bytes), _or_none(f.rows)) for f in manifest.files],
        ),
        "## Datasets",
        _table(
            ("kind", "content", "made by"),
            [(d.kind, d.content_hash, d.made_by or "outside") for d in manifest.datasets],
        ),
        "## Versions",
        _table(("name", "version"), sorted(manifest.versions.items())),
    ]
    return ("\n\n".join(parts) + "\n").encode()


def _head(manifest: ReleaseManifest) -> list[tuple[str, str]]:
    approval, tag, rules = manifest.approval, manifest.tag, manifest.scoring_rules
    return [
        ("Content hash", manifest.content_hash),
        ("Run", f"{manifest.run.run_id} ({manifest.run.flow})"),
        ("Run hash", manifest.run.run_hash),
        ("Code", ", ".join(manifest.run.commits) or "not known"),
        ("Frozen by run", manifest.frozen_by),
        ("Evidence", f"{manifest.counts.evidence} records, {manifest.counts.skipped} rows skipped"),
        ("Scoring rules", "not named" if rules is None else f"version {_or_none(rules.version)}, {rules.sha256}"),
        ("Eval examples kept out", manifest.eval_examples or "not named"),
        ("Licences", ", ".join(f"{name}: {_or_none(said)}" for name, said in sorted(manifest.licences.items())) or "-"),
        ("Signed with key", manifest.key_id),
        ("Tag", "none" if tag is None else f"{tag.name} at {tag.commit}"),
        (
            "Approved by",
            "nobody yet" if approval is None else f"{_approver(approval)}, {approval.decided_at.isoformat()}",
        ),
        ("Note", "" if approval is None else approval.note),
    ]


def _approver(approval: ReleaseApproval) -> str:
    """As it always was in releases without a proof: their Markdown is signed."""
    return approval.reviewer if approval.proof is None else approver(approval)


def _counts(manifest: ReleaseManifest) -> list[tuple[str, ...]]:
    counts = manifest.counts
    names = sorted({*counts.exported, *counts.quarantined})
    return [(name, str(counts.exported.get(name, 0)), str(counts.quarantined.get(name, 0))) for name in names]


def _gates(manifest: ReleaseManifest) -> list[tuple[str, ...]]:
    return [(g.name, g.status.replace("_", " "), _or_none(g.exit_code), g.reason or "") for g in manifest.gates]


def _or_none(value: object) -> str:
    return "none" if value is None else str(value)


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- **{_plain(name)}:** {_plain(value)}".rstrip() for name, value in rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    lines = [header, ["---"] * len(header), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(text: str) -> str:
    """On one line, with everything escaped that Markdown, its tables or HTML would act on."""
    return _ACTIVE.sub(r"\\\1", _GAPS.sub(" ", text).strip().translate(_ENTITIES))
