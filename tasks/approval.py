"""The pause: a run stops, shows a person what it pinned, and goes on with what they decided."""

import itertools
from typing import Literal

from prefect.flow_runs import pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment
from pydantic import Field

from blocks.names import NotificationName
from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError
from millrace.ledger import approvals, audit_log, pins, runs
from millrace.ledger.approvals import Approval
from millrace.methods.markdown import plain
from millrace.records.base import Identifier, Record
from millrace.records.governance import Permission, Proof, Role
from millrace.records.trace import UtcTime
from tasks.audit_log import move_witness
from tasks.decisions import Answer, how_to_prove, objection_to, take_answer
from tasks.home import Home
from tasks.notify import SHOWN_HASH, Asking, notify_person
from tasks.processes import process_name
from tasks.run import Run, current_run, in_prefect, log, utc_now

THIRTY_DAYS_S = 30 * 24 * 3600
POLL_INTERVAL_S = 2


class ApprovalInput(RunInput):
    """Your decision on what is shown above"""

    # Two fields are required: Prefect takes an empty answer to a form that requires none, and keeps nothing of it.
    decision: str = Field(description="approve, reject, or extend (ask again later, after more annotations)")
    reviewer: str = Field(description="Your name")
    code: str = Field("", description="What `millrace code` prints; proves who you are")
    note: str = Field("", description="Why; kept with the decision")
    minimum_completed: int = Field(0, description="Do not go on while fewer of the run's tasks are answered")


class Decision(Record):
    """What a person decided, about exactly which pinned content.

    The reviewer's name is as claimed where ``proof`` is ``single_user``; ``role`` is None there.
    """

    decision: Literal["approve", "reject"]
    reviewer: Identifier
    note: str
    pinned_hash: str
    proof: Proof
    role: Role | None = None
    decided_at: UtcTime

    @property
    def approved(self) -> bool:
        return self.decision == "approve"


def ask_person(
    title: str,
    markdown: str,
    *,
    permission: Permission,
    minimum_completed: int = 0,
    notify: NotificationName | None = None,
) -> Decision:
    """Pause until a person approves or rejects what this run has produced so far.

    Everything produced is pinned first; on re-entry it is taken as it was shown. An invalid answer is explained and
    asked again, and so is one that is not signed by somebody who may, but for a home that was set to single-user;
    ``extend`` asks again too. A run of a deployment is suspended (its process ends), another waits in
    its process; both for 30 days, and for 30 more after each extension.

    Args:
        title: sent to ``notify`` too, so without any text of a trace.
        permission: what the reviewer's role must hold.
        minimum_completed: an approval is refused while fewer of the run's annotation tasks are answered; the person
            may ask for more, not for less.
        notify: who is told that the run waits: once when it begins to, and after each extension. Not after an invalid
            answer, whose giver is there. When nobody can be told, the run waits all the same.

    Raises:
        BadInputError: outside Prefect, and nobody has decided yet.
    """
    run = current_run()
    name = run.next_step("approval")
    pinned_hash = _pin(run, f"steps-{name}")
    explanation, before, turns = "", None, itertools.count(1)
    while True:
        key = f"{name}-{next(turns)}"
        asked = _ask(
            run, key, title, _page(run, title, explanation + markdown, pinned_hash, permission), pinned_hash, permission
        )
        if notify is not None and in_prefect() and before != "invalid":
            notify_person(notify, _asking(asked, minimum_completed, extended=before == "extend"))
        decided = asked if asked.decision is not None else _wait(run, asked, permission, minimum_completed)
        explanation, before = _explain(run.home, decided, permission), decided.decision
        if not explanation:
            return _as_decision(decided)


def _pin(run: Run, name: str) -> str:
    """Pin every step so far under this run; the hash names what they put out."""
    steps = pins.pin(run.home.ledger, run.run_id, name, run.produced)
    run.pins[name] = steps
    return sha256_json({name: step["result"]["output"] for name, step in steps.items()})


def _page(run: Run, title: str, markdown: str, pinned_hash: str, permission: Permission) -> str:
    return (
        f"# {title}\n\n{markdown}\n\n"
        f"Run `{run.run_id}` · pinned `{pinned_hash[:SHOWN_HASH]}`\n\n"
        "**approve**: go on with exactly this. **reject**: end without changing anything. **extend**: ask me again.\n\n"
        + how_to_prove(run.home, run.run_id, permission)
    )


def _ask(run: Run, key: str, title: str, page: str, pinned_hash: str, permission: Permission) -> Approval:
    """What is asked under the key; decided already when a person was before us: ahead of a crash, or by the command
    line while no process waited."""
    ledger = run.home.ledger
    with ledger.write():  # who sees the question sees a waiting run, and hands the answer to it
        first = key not in [each.key for each in approvals.approvals_of(ledger, run.run_id)]
        asked = approvals.ask(
            ledger,
            run.run_id,
            key,
            prefect_run_id=runs.run_of(ledger, run.run_id).prefect_run_id,
            title=title,
            markdown=page,
            pinned_hash=pinned_hash,
            at=utc_now(),
            permission=permission,
        )
        if first:
            _tell_asked(run, asked)
        if asked.decision is None and in_prefect():
            runs.update_run(ledger, run.run_id, status="waiting")
    if first:
        move_witness(run.home)
    if asked.decision is None and not in_prefect():
        raise BadInputError(f"run {run.run_id} waits for a decision; give it with `millrace approve {run.run_id}`")
    return asked


def _tell_asked(run: Run, asked: Approval) -> None:
    details = {"key": asked.key, "pinned_hash": asked.pinned_hash, "permission": asked.permission}
    audit_log.append(
        run.home.ledger,
        "approval-asked",
        actor=process_name(),
        subject=run.run_id,
        details=details,
        at=asked.asked_at,
    )


def _asking(asked: Approval, minimum_completed: int, *, extended: bool) -> Asking:
    return Asking(
        key=asked.key,
        title=asked.title,
        pinned_hash=asked.pinned_hash,
        minimum_completed=minimum_completed,
        extended=extended,
    )


def _wait(run: Run, asked: Approval, permission: Permission, minimum_completed: int) -> Approval:
    """Hold the run until there is an answer, and keep what it says, be it of use or not."""
    log().warning("waiting for a person: `millrace approve %s`, or Resume on this run's page", run.run_id)
    given = _answer(asked)
    runs.update_run(run.home.ledger, run.run_id, status="running")
    minimum = max(minimum_completed, given.minimum_completed)
    answer = Answer(decision=given.decision, reviewer=given.reviewer, note=given.note, code=given.code)
    verdict = take_answer(run.home, asked, answer, permission, at=utc_now(), minimum_completed=minimum)
    if verdict.overruled:
        log().warning("too late: %s had already decided %r", verdict.approval.reviewer, verdict.approval.decision)
    return verdict.approval


def _answer(asked: Approval) -> ApprovalInput:
    """Suspend when a deployment can start the run again; else hold the process."""
    form, key = ApprovalInput.with_initial_data(description=asked.markdown), asked.key
    if deployment.id:
        answer = suspend_flow_run(wait_for_input=form, key=key, timeout=THIRTY_DAYS_S)
    else:
        answer = pause_flow_run(wait_for_input=form, key=key, timeout=THIRTY_DAYS_S, poll_interval=POLL_INTERVAL_S)
    if answer is None:
        raise BadInputError(f"the pause {key} was ended without input; resume it with a decision", key=key)
    return answer


def _explain(home: Home, approval: Approval, permission: Permission) -> str:
    """Why it is asked again; empty when the decision is one to go on with, whoever brought it into the ledger."""
    if approval.decision == "invalid":
        return f"> The last answer could not be used: {plain(approval.note or '')}.\n\n"
    objection = objection_to(home, approval, permission)
    if objection is not None:
        log().warning("the decision %r in the ledger is not taken: %s", approval.decision, objection)
        return f"> A decision in the ledger could not be taken: {objection}.\n\n"
    if approval.decision == "extend":
        return f"> {plain(approval.reviewer or '')} asked for more time. {plain(approval.note or '')}\n\n"
    return ""


def _as_decision(approval: Approval) -> Decision:
    return Decision.model_validate(
        {
            "decision": approval.decision,
            "reviewer": approval.reviewer,
            "note": approval.note or "",
            "pinned_hash": approval.pinned_hash,
            "proof": approval.proof,
            "role": approval.role,
            "decided_at": approval.decided_at,
        }
    )
