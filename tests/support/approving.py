"""Decisions in tests: unsigned ones in a home that was made single-user, and reviewers with real keys."""

from datetime import datetime, timedelta

from blocks.reviewer_key import make_reviewer_key, open_reviewer_signer
from millrace.governance.approval_codes import CodeContent, CodeQuestion, SignedDecision, write_code
from millrace.ledger import approvals, reviewers
from millrace.ledger.approval_settings import set_single_user
from millrace.ledger.approvals import Approval
from millrace.ledger.reviewers import Reviewer
from millrace.records.governance import Role
from millrace.records.trace import utc
from tasks.decisions import Answer, take_answer
from tasks.home import Home

LONG_AGO = utc(2000, 1, 1)


def make_single_user(home: Home) -> None:
    """From long ago on, the home takes decisions that nobody signed."""
    set_single_user(home.ledger, True, at=LONG_AGO, by="tests")


def decide(
    home: Home, run_id: str, decision: str = "approve", *, at: datetime, reviewer: str = "ada", note: str = "seen"
) -> list[Approval]:
    """Record the decision on whatever the run asks, as ``millrace approve`` does when no process waits."""
    make_single_user(home)
    answer = Answer(decision=decision, reviewer=reviewer, note=note)
    return [take_answer(home, each, answer, None, at=at).approval for each in approvals.waiting(home.ledger, run_id)]


def add_reviewer(home: Home, name: str, role: Role = "compliance_officer") -> Reviewer:
    """A reviewer whose key lies here, without anybody's leave."""
    key = make_reviewer_key(home.root, name)
    return reviewers.add(
        home.ledger, name, role, public_key=key.public_key, key_id=key.key_id, added_by="tests", at=LONG_AGO
    )


def code_for(
    home: Home,
    asked: Approval,
    decision: SignedDecision,
    name: str,
    *,
    at: datetime,
    valid: timedelta = timedelta(hours=24),
) -> str:
    """What ``millrace code`` prints for this question."""
    reviewer = reviewers.find(home.ledger, name)
    assert reviewer is not None
    question = CodeQuestion(run_id=asked.run_id, key=asked.key, pinned_hash=asked.pinned_hash)
    content = CodeContent(reviewer=name, decision=decision, expires_at=at + valid)
    return write_code(question, content, open_reviewer_signer(home.root, reviewer), at=at)
