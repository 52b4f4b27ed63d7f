"""The one place that judges a person's answer: from the form, from the command line, and again when a run trusts it."""

from datetime import datetime
from typing import Literal, cast

from blocks.reviewer_key import open_reviewer_verifier
from millrace.governance.approval_codes import CodeQuestion, CodeRules, CodeVerdict, Refusal, check_code
from millrace.ledger import approvals, audit_log, reviewers
from millrace.ledger.approval_settings import is_single_user, was_single_user
from millrace.ledger.approvals import Approval, Verdict
from millrace.ledger.reviewers import Reviewer, plain_name
from millrace.ledger.schema import ApprovalDecision
from millrace.ledger.tasks import counts
from millrace.ports import Verifier
from millrace.records.base import Record
from millrace.records.governance import Permission, Proof, Role
from tasks.audit_log import move_witness, tell_audit_log
from tasks.home import Home
from tasks.processes import process_name
from tasks.tables import role_table

DECISIONS = ("approve", "reject", "extend")
LONGEST_NAME = 512  # of an Identifier
_SHOWN = 40  # characters of what was typed: too few for a code in the wrong field

ProblemKind = Literal["decision", "reviewer", "too_few_answers", "unsigned", "proof"] | Refusal


class Answer(Record):
    """What a person gave, as Prefect's form has it; nothing of it is known to be of use."""

    decision: str
    reviewer: str
    note: str = ""
    code: str = ""


class Problem(Record):
    """One thing that is wrong with an answer: its kind for programs, and in words for the person who gave it."""

    kind: ProblemKind
    message: str


class Judgement(Record):
    """An answer and what is wrong with it; ``proof`` and ``role`` count only when nothing is."""

    decision: str
    reviewer: str
    note: str
    code: str | None
    proof: Proof
    role: Role | None
    problems: list[Problem]

    @property
    def usable(self) -> bool:
        return not self.problems

    @property
    def explanation(self) -> str:
        """Everything that is wrong, in words."""
        return "; ".join(problem.message for problem in self.problems)


def judge_answer(
    home: Home,
    asked: Approval,
    answer: Answer,
    permission: Permission | None,
    *,
    at: datetime,
    minimum_completed: int = 0,
) -> Judgement:
    """What an answer that is given now is worth; nothing is recorded.

    Args:
        at: now.
        permission: what the reviewer's role must hold; None where the question does not say.
        minimum_completed: an approval needs so many answered tasks of the run.
    """
    needed = minimum_completed if answer.decision.strip().lower() == "approve" else 0
    return _judge(
        home,
        asked,
        answer,
        permission,
        problems=_too_few(counts(home.ledger, asked.run_id).completed, needed),
        at=at,
        single_user=is_single_user(home.ledger),
    )


def take_answer(
    home: Home,
    asked: Approval,
    answer: Answer,
    permission: Permission | None,
    *,
    at: datetime,
    minimum_completed: int = 0,
) -> Verdict:
    """Judge and record, in one transaction with the audit log; an answer that cannot be used is recorded as invalid.

    The first decision stands: a later one changes nothing and enters no log.
    """
    with home.ledger.write():
        judged = judge_answer(home, asked, answer, permission, at=at, minimum_completed=minimum_completed)
        decision = cast(ApprovalDecision, judged.decision if judged.usable else "invalid")
        before = approvals.decision_of(home.ledger, asked.run_id, asked.key)
        if before is not None:
            return Verdict(approval=before, overruled=before.decision != decision)
        verdict = _record(home, asked, decision, judged, at)
    move_witness(home)
    return verdict


def tell_refused(home: Home, asked: Approval, judged: Judgement) -> None:
    """Log an answer that was refused before anything was recorded of it."""
    tell_audit_log(
        home, "approval-refused", actor=process_name(), subject=asked.run_id, details=_refusal(asked, judged.problems)
    )


def objection_to(home: Home, decided: Approval, permission: Permission) -> str | None:
    """Why a decision that stands in the ledger is not to be trusted; None when it is.

    Judged again as of when it was taken, by the code that is kept with it: a row that something else wrote into the
    ledger carries no signature of its decision, and what is unsigned needs a home that was single-user at that time.
    """
    if decided.decision in (None, "invalid"):
        return None
    answer = Answer(
        decision=decided.decision or "",
        reviewer=decided.reviewer or "",
        note=decided.note or "",
        code=decided.code or "",
    )
    at = decided.decided_at or decided.asked_at
    single_user = was_single_user(home.ledger, at)
    judged = _judge(home, decided, answer, permission, problems=[], at=at, single_user=single_user)
    if judged.usable and (judged.proof, judged.role) != (decided.proof, decided.role):
        judged = judged.model_copy(update={"problems": [_proof_differs(decided)]})
    if judged.usable:
        return None
    tell_refused(home, decided, judged)
    return judged.explanation


def problems_of_form(decision: str, reviewer: str, *, reviewer_needed: bool = True) -> list[Problem]:
    """What is wrong with the fields as they are filled in."""
    found = []
    if decision not in DECISIONS:
        typed = decision if len(decision) <= _SHOWN else f"{decision[:_SHOWN]}..."
        found.append(Problem(kind="decision", message=f"decision must be approve, reject or extend, not {typed!r}"))
    if reviewer_needed and not reviewer:
        found.append(Problem(kind="reviewer", message="reviewer must not be empty"))
    if len(reviewer) > LONGEST_NAME:
        message = f"reviewer must not be longer than {LONGEST_NAME} characters"
        found.append(Problem(kind="reviewer", message=message))
    return found


def how_to_prove(home: Home, run_id: str, permission: Permission) -> str:
    """For the page that a person is shown: whether a code is needed, and where it comes from."""
    if is_single_user(home.ledger):
        return "Single-user home: no code is needed, and the name is recorded as claimed."
    if not reviewers.list_reviewers(home.ledger, active=True):
        return (
            "Nobody can decide yet: `millrace reviewer add NAME --role security_admin`, or, where one person works "
            "alone, `millrace reviewer single-user on`."
        )
    return (
        f"**code**, from a reviewer who may `{permission}`: `millrace code {run_id} --decision approve` (or reject, "
        "extend) prints it."
    )


def _judge(
    home: Home,
    asked: Approval,
    answer: Answer,
    permission: Permission | None,
    *,
    problems: list[Problem],
    at: datetime,
    single_user: bool,
) -> Judgement:
    decision, reviewer = answer.decision.strip().lower(), plain_name(answer.reviewer)
    code = answer.code.strip() or None
    found = problems_of_form(decision, reviewer, reviewer_needed=code is None) + problems
    role: Role | None = None
    if code is not None:
        verdict = _check(home, asked, code, decision, reviewer, permission, at)
        reviewer, role = verdict.reviewer or reviewer, verdict.role
        if verdict.refusal is not None:
            found.append(Problem(kind=verdict.refusal, message=verdict.message))
    elif not single_user:
        found.append(_unsigned(asked.run_id))
    return Judgement(
        decision=decision,
        reviewer=reviewer,
        note=answer.note,
        code=code,
        proof="single_user" if code is None else "signed",
        role=role,
        problems=found,
    )


def _check(
    home: Home,
    asked: Approval,
    code: str,
    decision: str,
    reviewer: str,
    permission: Permission | None,
    at: datetime,
) -> CodeVerdict:
    before = approvals.decided_with(home.ledger, code)
    rules = CodeRules(decision=decision, reviewer=reviewer or None, permission=permission, roles=role_table())
    question = CodeQuestion(run_id=asked.run_id, key=asked.key, pinned_hash=asked.pinned_hash)
    used = before is not None and (before.run_id, before.key) != (asked.run_id, asked.key)
    return check_code(code, question, rules, find=lambda name: _with_key(home, name), used=used, at=at)


def _with_key(home: Home, name: str) -> tuple[Reviewer, Verifier] | None:
    reviewer = reviewers.find(home.ledger, name)
    return None if reviewer is None else (reviewer, open_reviewer_verifier(reviewer))


def _record(home: Home, asked: Approval, decision: ApprovalDecision, judged: Judgement, at: datetime) -> Verdict:
    ledger = home.ledger
    if judged.usable:
        action, actor = "approval-decided", judged.reviewer
        details = _about(asked) | {"decision": decision, "role": judged.role, "proof": judged.proof}
    else:
        action, actor = "approval-refused", process_name()
        details = _refusal(asked, judged.problems)
    audit_log.append(
        ledger,
        cast(Literal["approval-decided", "approval-refused"], action),
        actor=actor,
        subject=asked.run_id,
        details=details,
        at=at,
    )
    return approvals.decide(
        ledger,
        asked.run_id,
        asked.key,
        decision,
        reviewer=judged.reviewer,
        note=judged.note if judged.usable else judged.explanation,
        pinned_hash=asked.pinned_hash,
        at=at,
        proof=judged.proof if judged.usable else None,
        role=judged.role if judged.usable else None,
        code=judged.code if judged.usable else None,
    )


def _about(asked: Approval) -> dict[str, object]:
    return {"key": asked.key, "pinned_hash": asked.pinned_hash}


def _refusal(asked: Approval, problems: list[Problem]) -> dict[str, object]:
    """Kinds only: what was typed may hold anything, a code in the wrong field too."""
    return _about(asked) | {"reasons": [problem.kind for problem in problems]}


def _too_few(n_completed: int, minimum_completed: int) -> list[Problem]:
    if n_completed >= minimum_completed:
        return []
    message = f"{n_completed} tasks are answered, {minimum_completed} are needed: answer more, extend or reject"
    return [Problem(kind="too_few_answers", message=message)]


def _unsigned(run_id: str) -> Problem:
    return Problem(
        kind="unsigned",
        message=f"a code is needed, as this home is not single-user: `millrace code {run_id} --decision approve` (or "
        "reject, extend) prints one",
    )


def _proof_differs(decided: Approval) -> Problem:
    proof = decided.proof or "nothing"
    return Problem(kind="proof", message=f"the ledger says that {proof} proves it, and its code says something else")
