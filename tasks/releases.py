"""Publishes a release that a person approved: signed, into its folder at once, and tagged."""

import os
import shutil
from pathlib import Path

from blocks.signing_key import open_signer
from millrace.adapters.ed25519 import Ed25519Signer
from millrace.adapters.git import GitCheckout
from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import sync_folder, write_atomic
from millrace.errors import BadInputError
from millrace.records.base import Record, Sha256
from millrace.records.release import (
    GateResult,
    ReleaseApproval,
    ReleaseManifest,
    ReleaseReport,
    ReleaseStatus,
    ReleaseTag,
)
from millrace.releases.check import check_release
from millrace.releases.files import file_of, signed_files, write_release
from millrace.releases.manifest import JSON_FILE, PUBLIC_KEY_FILE
from millrace.reports.html import document_html
from millrace.reports.markdown import document_markdown
from millrace.reports.release import release_document
from tasks.approval import Decision
from tasks.audit_log import tell_once
from tasks.effect import effect
from tasks.processes import taking_turns
from tasks.release_contents import release_contents
from tasks.release_plan import ReleasePlan, release_folder
from tasks.reports import PublishedReport
from tasks.run import Run, current_run, log, show_in_prefect

_LOCK_FILE = "release.lock"


class PublishedRelease(Record):
    """A frozen release; the folder is relative to the home."""

    folder: str
    manifest: ReleaseManifest
    manifest_sha256: Sha256


@effect
def publish_release(
    plan: ReleasePlan, draft: ReleaseManifest, gates: list[GateResult], decision: Decision
) -> PublishedRelease:
    """Build the release aside, read it again as a stranger would, and give it its name; all of it or nothing.

    Raises:
        BadInputError: a file or the key changed since the person was asked, or another run took the version.
    """
    run = current_run()
    signer = open_signer(run.home.root)
    if signer.key_id != plan.key_id:
        raise BadInputError(
            f"the person was shown key {plan.key_id}, and {signer.key_id} is there now: nothing was signed; put the "
            "key back and resume, or start a new run",
            expected=plan.key_id,
            found=signer.key_id,
        )
    manifest = draft.model_copy(update={"approval": _approval(decision)})
    folder = release_folder(run.home, plan.version)
    with taking_turns(run.home.run_folder(run.run_id) / _LOCK_FILE):
        if folder.exists():
            _check_own(folder, manifest, signer)
        else:
            _build(run, folder, plan, gates, manifest, signer)
    sha256 = file_of(JSON_FILE, signed_files(manifest, signer)[JSON_FILE]).sha256
    details = {"run": run.run_id, "distill_run": plan.distill_run, "manifest_sha256": sha256, "key_id": plan.key_id}
    tell_once(run.home, "release-frozen", actor=decision.reviewer, subject=f"release {plan.version}", details=details)
    log().info("release %s: %s", plan.version, folder)
    return PublishedRelease(folder=str(folder.relative_to(run.home.root)), manifest=manifest, manifest_sha256=sha256)


@effect
def tag_release(repository: str, tag: ReleaseTag, published: PublishedRelease) -> ReleaseTag:
    """Tag the commit that the person was shown; the message holds what the release can be known by."""
    manifest = published.manifest
    if manifest.approval is None:
        raise BadInputError("a release that nobody approved is not tagged", tag=tag.name)
    message = (
        f"Millrace release {manifest.version}\n\n"
        f"Manifest-SHA256: {published.manifest_sha256}\n"
        f"Content-Hash: {manifest.content_hash}\n"
        f"Key-Id: {manifest.key_id}\n"
    )
    GitCheckout(Path(repository)).add_tag(tag.name, tag.commit, message, manifest.approval.decided_at)
    return tag


@effect
def publish_release_report(
    plan: ReleasePlan,
    gates: list[GateResult],
    draft: ReleaseManifest | None,
    published: PublishedRelease | None,
    status: ReleaseStatus,
    reason: str | None,
    folder: str,
) -> PublishedReport:
    """Write how the freeze ended, as Markdown, HTML and JSON, and show it in Prefect."""
    run = current_run()
    place = release_folder(run.home, plan.version)
    report = ReleaseReport(
        run_id=run.run_id,
        version=plan.version,
        status=status,
        reason=reason,
        distill_run=plan.distill_run,
        gates=gates,
        manifest=published.manifest if published else draft,
        manifest_sha256=published.manifest_sha256 if published else None,
        folder=str(place) if published else None,
        public_key=str(place / PUBLIC_KEY_FILE) if published else None,
    )
    target = Path(folder).absolute() / f"release-{plan.version}-{run.run_id}"
    target.mkdir(parents=True, exist_ok=True)
    document = release_document(report)
    markdown = document_markdown(document)
    write_atomic(target / "report.md", markdown.encode())
    write_atomic(target / "report.html", document_html(document).encode())
    write_atomic(target / "report.json", canonical_json(report))
    show_in_prefect(markdown, "release-report", f"Release {plan.version}")
    return PublishedReport(
        markdown=str(target / "report.md"), html=str(target / "report.html"), json_file=str(target / "report.json")
    )


def _approval(decision: Decision) -> ReleaseApproval:
    """The decision with the time it was taken at, which is the ledger's and so the same on re-entry."""
    return ReleaseApproval(
        reviewer=decision.reviewer,
        note=decision.note,
        decided_at=decision.decided_at,
        pinned_hash=decision.pinned_hash,
        proof=decision.proof,
        role=decision.role,
    )


def _build(
    run: Run,
    folder: Path,
    plan: ReleasePlan,
    gates: list[GateResult],
    manifest: ReleaseManifest,
    signer: Ed25519Signer,
) -> None:
    aside = folder.with_name(f".{plan.version}-{run.run_id}")
    shutil.rmtree(aside, ignore_errors=True)  # of an entry that was killed
    aside.mkdir(parents=True)
    try:
        write_release(aside, release_contents(run.home, plan, gates), manifest, signer)
        _check(aside, signer)
        os.rename(aside, folder)
    except FileExistsError:
        raise _taken(plan.version) from None
    except OSError as error:
        if folder.exists():
            raise _taken(plan.version) from None
        raise BadInputError(f"release {plan.version} could not be written: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    sync_folder(folder.parent)


def _check_own(folder: Path, manifest: ReleaseManifest, signer: Ed25519Signer) -> None:
    """What an entry that was killed published already is left as it is; another run's release too, and refused."""
    for name, content in signed_files(manifest, signer).items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            raise _taken(manifest.version)
    _check(folder, signer)


def _check(folder: Path, signer: Ed25519Signer) -> None:
    verdict = check_release(folder, signer.verifier)
    if not verdict.verified:
        first = verdict.findings[0]
        raise BadInputError(f"the release does not verify: {first.file}: {first.message}", file=first.file)


def _taken(version: str) -> BadInputError:
    return BadInputError(f"another run froze release {version} meanwhile: choose another version", version=version)
