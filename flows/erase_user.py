"""The right to deletion: what is held of a person is counted, a person decides, it is erased and looked for again."""

from prefect import flow
from pydantic import Field

from blocks.names import NotificationName
from millrace.governance.erasure_report import Inventory, Outcome, Remaining, StepDone
from millrace.records.base import Identifier, Record
from tasks.approval import Decision, ask_person
from tasks.erasure import (
    erase_from_files,
    erase_from_ledger,
    erase_from_prefect,
    rebuild_indexes,
    remove_old_data,
    swap_datasets,
    verify_erasure,
    write_successors,
)
from tasks.erasure_inventory import take_inventory
from tasks.erasure_report import end_erasure, write_inventory_page
from tasks.notify import check_notification
from tasks.run import FlowConfig, recorded


class EraseUserConfig(FlowConfig):
    """Which request is carried out; the person is known by its handle alone."""

    handle: Identifier = Field(description="Handle of the request, as `millrace erase request` printed it")
    dry_run: bool = Field(False, description="End after the inventory; without it a person is shown it and decides")
    notify: NotificationName | None = Field(None, description="Prefect notification block that tells of the approval")
    reports_folder: str = "eval_reports"


class EraseUserResult(Record):
    """How the erasure ended; ``status`` is the run's, ``outcome`` the request's."""

    status: str
    outcome: Outcome
    reason: str
    remaining: list[Remaining]
    report: str

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the command line says of it."""
        left = [(each.what, each.why) for each in self.remaining]
        return [("outcome", f"{self.outcome}: {self.reason}"), *left, ("report", self.report)]


@flow(name="erase-user", persist_result=True, result_serializer="json")
@recorded("erase-user")
def erase_user(config: EraseUserConfig, run_id: str | None = None) -> EraseUserResult:
    """Take an inventory, ask a person, erase step by step, verify, report."""
    check_notification(config.notify)
    inventory = take_inventory(config.handle, config.reports_folder)
    if not inventory.places:
        return _ended(config, inventory, [], "partial" if inventory.remaining else "completed")
    if config.dry_run:
        return _ended(config, inventory, [], "dry_run")
    page = write_inventory_page(inventory)
    decision = ask_person(
        f"Erase the data of request {config.handle}?", page, permission="delete_user_data", notify=config.notify
    )
    if not decision.approved:
        return _ended(config, inventory, [], "rejected", decision)
    return _ended(config, inventory, _erase(config), None, decision)


def _erase(config: EraseUserConfig) -> list[StepDone]:
    """The old datasets, by which the person is known, are removed last: everything before can be done again."""
    handle = config.handle
    successors = write_successors(handle)
    indexes = rebuild_indexes(handle, successors)
    rebuilt = StepDone(step="rebuild-indexes", counts={"snapshots": len(indexes.snapshots)}, problems=indexes.problems)
    return [
        successors.done,
        rebuilt,
        erase_from_ledger(handle, successors),
        erase_from_files(handle, successors, indexes, config.reports_folder),
        swap_datasets(handle, successors, indexes),
        erase_from_prefect(handle, successors),
        verify_erasure(handle, successors),
        remove_old_data(handle, successors, indexes),
    ]


def _ended(
    config: EraseUserConfig,
    inventory: Inventory,
    steps: list[StepDone],
    ended: Outcome | None,
    decision: Decision | None = None,
) -> EraseUserResult:
    """The report is all that a dry run, or a request that was turned down, leaves."""
    end = end_erasure(config.handle, inventory, steps, ended, decision, config.reports_folder)
    return EraseUserResult(
        status="rejected" if end.outcome == "rejected" else "completed",
        outcome=end.outcome,
        reason=end.reason,
        remaining=end.remaining,
        report=end.markdown,
    )
