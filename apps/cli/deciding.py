"""Where a decision goes: through Prefect to a process or deployment that waits, else into the ledger."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import cast

from apps.cli.environment import prepare
from apps.cli.prefect_runs import Standing, answer, standing_of
from apps.cli.run_names import LATEST, find_run, lives
from apps.cli.terminal import Terminal
from millrace.errors import BadInputError, UnavailableError
from millrace.ledger import approvals
from millrace.ledger.approvals import Approval
from millrace.ledger.runs import Run
from millrace.ledger.schema import ApprovalDecision
from millrace.ledger.tasks import counts


@dataclass(frozen=True)
class Question:
    """A run and what it asks."""

    run: Run
    approval: Approval


@dataclass(frozen=True)
class Answer:
    """What a person said, as Prefect's form has it."""

    decision: str
    reviewer: str
    note: str


@dataclass(frozen=True)
class Taken:
    """Where the answer went; ``to_resume`` when nothing will go on by itself."""

    document: dict[str, object]
    message: str
    to_resume: bool


def open_question(terminal: Terminal, name: str) -> Question:
    """What the run asks and nobody has decided yet; ``latest`` is the latest that asks something, where one does.

    Raises:
        NotFoundError: no such run.
        BadInputError: it waits for nothing.
    """
    ledger = terminal.existing_home().ledger
    asked = approvals.waiting(ledger) if name == LATEST else []
    run = find_run(ledger, asked[-1].run_id if asked else name)
    waiting = approvals.waiting(ledger, run.run_id)
    if not waiting:
        raise BadInputError(f"run {run.run_id} waits for no decision; it is {run.status}", run_id=run.run_id)
    return Question(run, waiting[-1])


def take(terminal: Terminal, question: Question, given: Answer) -> Taken:
    """Check the answer, then hand it over.

    Raises:
        BadInputError: the answer cannot be used; the message says why.
        UnavailableError: a deployment holds the run and its server does not answer.
    """
    prepare(terminal.root)
    _check(terminal, question, given)
    with terminal.working("handing the decision to the run"):
        prefect_run_id = question.approval.prefect_run_id
        standing = standing_of(prefect_run_id) if prefect_run_id else None
        alive = lives(question.run)
        if prefect_run_id and standing and standing.paused and (standing.deployed or alive):
            answer(prefect_run_id, asdict(given))
            return _handed_over(question, given, standing)
    if alive and question.run.status == "waiting":
        raise UnavailableError(_unknown(question.run, standing), run_id=question.run.run_id)
    return _recorded(terminal, question, given)


def _check(terminal: Terminal, question: Question, given: Answer) -> None:
    from tasks.approval import problems

    config = question.run.config
    found = problems(
        given.decision,
        given.reviewer,
        n_completed=counts(terminal.home.ledger, question.run.run_id).completed,
        minimum_completed=int(config.get("minimum_completed", 0)) if isinstance(config, dict) else 0,
    )
    if found:
        raise BadInputError("; ".join(found), problems=found)


def _handed_over(question: Question, given: Answer, standing: Standing) -> Taken:
    where = "its deployment continues it: a worker or `millrace up` must run" if standing.deployed else "it goes on"
    message = f"{given.decision}: handed to run {question.run.run_id}; {where}"
    return Taken(_document(question, given, via="prefect"), message, to_resume=False)


def _recorded(terminal: Terminal, question: Question, given: Answer) -> Taken:
    """No process waits, so the ledger keeps the decision until the run is entered again."""
    run, asked = question.run, question.approval
    verdict = approvals.decide(
        terminal.home.ledger,
        run.run_id,
        asked.key,
        cast(ApprovalDecision, given.decision),
        reviewer=given.reviewer,
        note=given.note,
        pinned_hash=asked.pinned_hash,
        at=datetime.now(UTC),
    )
    if verdict.overruled:
        earlier = verdict.approval
        raise BadInputError(
            f"{earlier.reviewer} decided {earlier.decision} before you on run {run.run_id}; that stands",
            decision=earlier.decision,
        )
    message = f"{given.decision}: recorded; no process waits, so continue with `millrace resume {run.run_id}`"
    return Taken(_document(question, given, via="ledger"), message, to_resume=True)


def _document(question: Question, given: Answer, *, via: str) -> dict[str, object]:
    asked = question.approval
    return {"run_id": asked.run_id, "key": asked.key, "pinned_hash": asked.pinned_hash, "via": via} | asdict(given)


def _unknown(run: Run, standing: Standing | None) -> str:
    if standing is not None:
        return f"run {run.run_id} is {standing.state} with Prefect and does not wait yet; try again in some seconds"
    return f"this Prefect API does not know run {run.run_id}: set PREFECT_API_URL to the server that holds it"
