"""A release for people: the page that is decided on, and the report of how the freeze ended."""

from collections.abc import Sequence

from millrace.records.release import GateResult, GateStatus, ReleaseManifest, ReleaseReport, approver
from millrace.reports.document import (
    Block,
    Code,
    Document,
    Facts,
    Heading,
    KeyFigure,
    Paragraph,
    Section,
    Table,
    Tag,
    Tone,
)
from millrace.reports.markdown import document_markdown
from millrace.reports.wording import NOTHING, counted, number, spoken, utc_text

_TONES: dict[GateStatus, Tone] = {"passed": "good", "failed": "bad", "not_applicable": "quiet", "skipped": "warn"}
_OUTCOMES = {"completed": "frozen", "rejected": "rejected", "failed": "stopped at a red gate"}


def release_page(draft: ReleaseManifest, gates: Sequence[GateResult]) -> str:
    """What is to be frozen, what checked it, and what approving does; Markdown for the approval form."""
    tag = draft.tag
    does = f"signs it with key {draft.key_id} and publishes it as release {draft.version}"
    if tag is not None:
        does += f", then tags commit {tag.commit} as {tag.name}"
    document = Document(
        title=f"Release {draft.version} of run {draft.run.run_id}",
        subtitle=f"Approving {does}. Rejecting leaves nothing but a report.",
        key_figures=_key_figures(draft),
        sections=(_gate_section(gates), *_frozen_sections(draft)),
    )
    return document_markdown(document)


def release_document(report: ReleaseReport) -> Document:
    """How a freeze ended: status, gates, and what is or would have been in the release."""
    manifest = report.manifest
    return Document(
        title=f"Release {report.version}: {_OUTCOMES[report.status]}",
        subtitle=f"Run {report.run_id}, of distill run {report.distill_run}. {report.reason or ''}".strip(),
        key_figures=_key_figures(manifest) if manifest else (),
        sections=(
            *_outcome_section(report),
            _gate_section(report.gates),
            *(_frozen_sections(manifest) if manifest else ()),
        ),
    )


def _key_figures(manifest: ReleaseManifest) -> tuple[KeyFigure, ...]:
    counts = manifest.counts
    files = counted(len(manifest.files), "file")
    return (
        KeyFigure("Evidence", number(counts.evidence), f"{number(counts.skipped)} rows skipped"),
        KeyFigure("Exported", number(sum(counts.exported.values())), "rows in all exports"),
        KeyFigure("Quarantined", number(sum(counts.quarantined.values())), "rows in all exports"),
        KeyFigure("Content", manifest.content_hash[:16], f"{files}, {_size(manifest)}"),
    )


def _outcome_section(report: ReleaseReport) -> tuple[Section, ...]:
    if report.manifest is None or report.folder is None:
        return ()
    approval = report.manifest.approval
    who = "nobody" if approval is None else f"{approver(approval)}, {utc_text(approval.decided_at)}"
    facts = Facts(
        (
            ("Folder", Code(report.folder)),
            ("Manifest sha256", report.manifest_sha256 or NOTHING),
            ("Approved by", who),
            ("Note", (approval.note if approval else "") or NOTHING),
            ("Check it with", Code(f"millrace verify {report.folder} --key {report.public_key}")),
        )
    )
    advice = "A stranger needs the folder, and the public key from you by another way than with the folder."
    return (Section("release", "The release", (facts, Paragraph(advice))),)


def _gate_section(gates: Sequence[GateResult]) -> Section:
    blocks: list[Block] = [Table(("gate", "result", "exit code", "reason", "seconds"), tuple(map(_gate, gates)), 4)]
    for gate in gates:
        if gate.status == "failed" and gate.output:
            blocks.append(Heading(f"gate-{gate.name}", f"What {gate.name} wrote last"))
            blocks.extend(Paragraph(Code(line)) for line in gate.output if line.strip())
    return Section("gates", "Gates", tuple(blocks))


def _gate(gate: GateResult) -> tuple[str | Tag, ...]:
    code = NOTHING if gate.exit_code is None else str(gate.exit_code)
    seconds = NOTHING if gate.duration_s is None else f"{gate.duration_s:.1f}"
    result = Tag(spoken(gate.status), _TONES[gate.status])
    return gate.name, result, code, gate.reason or NOTHING, seconds


def _frozen_sections(manifest: ReleaseManifest) -> tuple[Section, ...]:
    counts, tag, rules = manifest.counts, manifest.tag, manifest.scoring_rules
    rows = tuple(
        (name, manifest.licences.get(name) or NOTHING, number(n), number(counts.quarantined.get(name, 0)))
        for name, n in sorted(counts.exported.items())
    )
    golden = ", ".join(f"{each.name} {each.version}" for each in manifest.golden) or "none"
    facts = Facts(
        (
            ("Run hash", manifest.run.run_hash),
            ("Content hash", manifest.content_hash),
            ("Code of the run", ", ".join(manifest.run.commits) or NOTHING),
            ("Tag", NOTHING if tag is None else f"{tag.name} at {tag.commit}"),
            *_warnings(manifest),
            ("Golden datasets", golden),
            ("Scoring rules", NOTHING if rules is None else f"version {rules.version or NOTHING}, {rules.sha256}"),
            ("Kept apart from", manifest.eval_examples or NOTHING),
            ("Key", manifest.key_id),
        )
    )
    files = tuple(
        (each.name, each.sha256, number(each.n_bytes), NOTHING if each.rows is None else number(each.rows))
        for each in manifest.files
    )
    return (
        Section("exports", "Exports", (Table(("export", "licence", "rows", "quarantined"), rows, 2),)),
        Section("hashes", "What it rests on", (facts,)),
        Section("files", "Files", (Table(("file", "sha256", "bytes", "rows"), files, 2),)),
    )


def _warnings(manifest: ReleaseManifest) -> tuple[tuple[str, str], ...]:
    """What a person should see before they approve."""
    found = []
    if any(commit.endswith("-dirty") for commit in manifest.run.commits):
        found.append("the run was computed by code that no commit holds")
    own = any(gate.name == "tests" and gate.status == "passed" for gate in manifest.gates)  # else it is other code
    commits = {commit.removesuffix("-dirty") for commit in manifest.run.commits}
    if own and manifest.tag is not None and manifest.tag.commit not in commits:
        found.append("the tagged commit is not one that the run was computed by")
    if any(gate.status == "skipped" for gate in manifest.gates):
        found.append("a gate was skipped")
    return (("Mind", "; ".join(found)),) if found else ()


def _size(manifest: ReleaseManifest) -> str:
    return f"{number(sum(each.n_bytes for each in manifest.files))} bytes"
