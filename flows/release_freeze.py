"""The freeze: a distill run passes every gate, a person looks, and it leaves signed, published and tagged."""

from prefect import flow
from pydantic import Field

from blocks.names import NotificationName
from millrace.records.base import Record, Sha256
from millrace.records.release import GateResult, ReleaseManifest, ReleaseStatus, ReleaseTag
from millrace.reports.release import release_page
from tasks.approval import ask_person
from tasks.notify import check_notification
from tasks.release_contents import draft_manifest
from tasks.release_gates import run_gate
from tasks.release_plan import ReleasePlan, ReleaseSettings, plan_release
from tasks.release_verification import check_distillation
from tasks.releases import PublishedRelease, publish_release, publish_release_report, tag_release
from tasks.reports import PublishedReport
from tasks.run import recorded


class ReleaseFreezeConfig(ReleaseSettings):
    """What is frozen, what it must pass, and who is told."""

    notify: NotificationName | None = Field(None, description="Prefect notification block that tells of the approval")
    reports_folder: str = "eval_reports"

    @property
    def settings(self) -> ReleaseSettings:
        """What decides about the release."""
        return ReleaseSettings.model_validate(self.model_dump(include=set(ReleaseSettings.model_fields)))


class ReleaseFreezeResult(Record):
    """How the freeze ended; the folder is relative to the home."""

    status: ReleaseStatus
    reason: str | None = None
    version: str
    folder: str | None = None
    manifest_sha256: Sha256 | None = None
    content_hash: Sha256 | None = None
    tag: ReleaseTag | None = None
    report: PublishedReport


@flow(name="release-freeze", persist_result=True, result_serializer="json")
@recorded("release-freeze")
def release_freeze(config: ReleaseFreezeConfig, run_id: str | None = None) -> ReleaseFreezeResult:
    """Check a distill run by every gate, ask a person, then sign it, publish it as a release, and tag."""
    check_notification(config.notify)
    plan = plan_release(config.settings)
    gates = [check_distillation(plan), *(run_gate(gate) for gate in plan.gates), *plan.not_run]
    red = [gate.name for gate in gates if gate.status == "failed"]
    if red:
        reason = f"red gates: {', '.join(red)}; nothing was frozen, and a new run looks again"
        return _ended(config, plan, gates, "failed", reason)

    draft = draft_manifest(plan, gates)
    title, page = f"Freeze release {plan.version}?", release_page(draft, gates)
    decision = ask_person(title, page, permission="freeze_release", notify=config.notify)
    if not decision.approved:
        return _ended(config, plan, gates, "rejected", f"rejected by {decision.reviewer}: {decision.note}", draft)

    published = publish_release(plan, draft, gates, decision)
    if plan.repository is not None and plan.tag is not None:
        tag_release(plan.repository, plan.tag, published)
    return _ended(config, plan, gates, "completed", None, draft, published)


def _ended(
    config: ReleaseFreezeConfig,
    plan: ReleasePlan,
    gates: list[GateResult],
    status: ReleaseStatus,
    reason: str | None,
    draft: ReleaseManifest | None = None,
    published: PublishedRelease | None = None,
) -> ReleaseFreezeResult:
    """The report is all that a freeze leaves which was turned down."""
    report = publish_release_report(plan, gates, draft, published, status, reason, config.reports_folder)
    return ReleaseFreezeResult(
        status=status,
        reason=reason,
        version=plan.version,
        folder=published.folder if published else None,
        manifest_sha256=published.manifest_sha256 if published else None,
        content_hash=published.manifest.content_hash if published else None,
        tag=plan.tag if published else None,
        report=report,
    )
