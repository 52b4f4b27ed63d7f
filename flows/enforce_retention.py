"""Deletes what is past its time, after showing it; by default it only shows."""

from typing import Literal

from prefect import flow
from pydantic import Field

from blocks.names import NotificationName
from millrace.governance.retention import RetentionOutcome, RetentionPlan
from millrace.records.base import Record
from millrace.reports.retention import retention_page
from tasks.approval import Decision, ask_person
from tasks.notify import check_notification
from tasks.retention import PublishedRetention, plan_retention, publish_retention, purge_expired
from tasks.run import FlowConfig, recorded
from tasks.tables import retention_rules


class EnforceRetentionConfig(FlowConfig):
    """How long what is kept, and whether anything is deleted."""

    rules: str = Field("retention", min_length=1, description="Table of days: a name in configs/, or a path")
    dry_run: bool = Field(True, description="Only list what is past its time; nobody is asked, nothing is deleted")
    notify: NotificationName | None = Field(None, description="Prefect notification block that tells of the approval")
    reports_folder: str = "eval_reports"


class EnforceRetentionResult(Record):
    """What went, or would go."""

    status: Literal["completed", "rejected"]
    reason: str | None = None
    n_going: int = Field(ge=0, description="Datasets and folders of exports; in a dry run those that would go")
    n_rows: int = Field(ge=0, description="Rows of the ledger, such as replies in the request journal")
    n_kept: int = Field(ge=0, description="Past their time, and kept for a reason")
    report: PublishedRetention

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the command line says of it."""
        return [("report", self.report.markdown)]


@flow(name="enforce-retention", persist_result=True, result_serializer="json")
@recorded("enforce-retention")
def enforce_retention(config: EnforceRetentionConfig, run_id: str | None = None) -> EnforceRetentionResult:
    """List what is past its time; with dry_run off ask a person who may manage retention, then delete exactly that."""
    check_notification(config.notify)
    plan = plan_retention(retention_rules(config.rules), config.dry_run)
    if config.dry_run or plan.is_empty:
        reason = "nothing is past its time" if plan.is_empty else "dry run: nothing was deleted"
        return _ended(config, plan, "completed", reason)

    listed = publish_retention(plan, None, "waiting", None, config.reports_folder)
    page = retention_page(plan, listed.json_file)
    n_going = len(plan.going) + sum(each.n_rows for each in plan.rows)
    decision = ask_person(
        f"Delete {n_going} things past their time?", page, permission="manage_retention", notify=config.notify
    )
    if not decision.approved:
        reason = f"rejected by {decision.reviewer}: {decision.note}"
        return _ended(config, plan, "rejected", reason, decision)
    outcome = purge_expired(plan, decision)
    spared = f"{len(outcome.spared)} were spared, as something came to need them" if outcome.spared else None
    return _ended(config, plan, "completed", spared, decision, outcome)


def _ended(
    config: EnforceRetentionConfig,
    plan: RetentionPlan,
    status: Literal["completed", "rejected"],
    reason: str | None,
    decision: Decision | None = None,
    outcome: RetentionOutcome | None = None,
) -> EnforceRetentionResult:
    said = "dry run" if config.dry_run else status
    report = publish_retention(plan, outcome, said, decision, config.reports_folder)
    planned = sum(each.n_rows for each in plan.rows)
    return EnforceRetentionResult(
        status=status,
        reason=reason,
        n_going=len(plan.going if outcome is None else outcome.gone),
        n_rows=planned if outcome is None else sum(outcome.rows.values()),
        n_kept=len(plan.kept),
        report=report,
    )
