"""Which reviewer's key lies on this machine, and signing with it."""

from datetime import datetime, timedelta

from blocks.reviewer_key import has_reviewer_key, open_reviewer_signer
from millrace.governance.approval_codes import CodeContent, CodeQuestion, SignedDecision, write_code
from millrace.ledger import reviewers
from millrace.ledger.approvals import Approval
from millrace.ledger.reviewers import Reviewer, plain_name
from tasks.home import Home


def signing_reviewer(home: Home, name: str | None) -> Reviewer | None:
    """The reviewer to sign as: the one named, else the only one whose key is here; None when there is no such key."""
    here = [
        each for each in reviewers.list_reviewers(home.ledger, active=True) if has_reviewer_key(home.root, each.name)
    ]
    if name is not None:
        return next((each for each in here if each.name == plain_name(name)), None)
    return here[0] if len(here) == 1 else None


def signed_code(
    home: Home, asked: Approval, decision: SignedDecision, reviewer: Reviewer, *, at: datetime, valid: timedelta
) -> str:
    """A code for exactly this question.

    Raises:
        BadInputError: the key here cannot be used, or the validity is out of bounds.
    """
    question = CodeQuestion(run_id=asked.run_id, key=asked.key, pinned_hash=asked.pinned_hash)
    content = CodeContent(reviewer=reviewer.name, decision=decision, expires_at=at + valid)
    return write_code(question, content, open_reviewer_signer(home.root, reviewer), at=at)
