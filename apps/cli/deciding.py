"""Where a decision goes: through Prefect to a process or deployment that waits, else into the ledger."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from apps.cli.environment import prepare
from apps.cli.prefect_runs import Standing, answer, standing_of
from apps.cli.reviewer_keys import signed_code, signing_reviewer
from apps.cli.run_names import LATEST, find_run, lives
from apps.cli.terminal import Terminal
from millrace.errors import BadInputError, UnavailableError
from millrace.governance.approval_codes import LONGEST_VALIDITY, SignedDecision
from millrace.ledger import approvals
from millrace.ledger.approval_settings import is_single_user
from millrace.ledger.approvals import Approval
from millrace.ledger.reviewers import list_reviewers
from millrace.ledger.runs import Run
from tasks.home import Home

if TYPE_CHECKING:
    from tasks.decisions import Answer as JudgedAnswer


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
    code: str = ""


@dataclass(frozen=True)
class Proof:
    """Who decides, None where nobody said so yet, and the code that proves it; empty for an unsigned decision."""

    reviewer: str | None
    code: str


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


def proof_of(terminal: Terminal, question: Question, decision: str, reviewer: str | None, code: str | None) -> Proof:
    """Sign with the reviewer's key where it is here, else take the code, else decide unsigned in a single-user home.

    Raises:
        BadInputError: there is no key, no code, and the home is not single-user; or the key cannot be used.
    """
    home = terminal.home
    if code is not None:
        return Proof(reviewer or "", code)
    signs = signing_reviewer(home, reviewer)
    wanted: SignedDecision | None = next((each for each in get_args(SignedDecision) if each == decision), None)
    if signs is not None and wanted is not None:
        terminal.say(f"signing as {signs.name} ({signs.role})")
        at = datetime.now(UTC)
        # The run may come to it long after, when a worker takes it up.
        return Proof(signs.name, signed_code(home, question.approval, wanted, signs, at=at, valid=LONGEST_VALIDITY))
    if not is_single_user(home.ledger):
        raise BadInputError(_three_ways(home, question.run.run_id, reviewer), run_id=question.run.run_id)
    return Proof(reviewer, "")


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


def _three_ways(home: Home, run_id: str, reviewer: str | None) -> str:
    if not list_reviewers(home.ledger, active=True):
        return (
            "nobody can decide in this home yet: `millrace reviewer add NAME --role security_admin` makes you a "
            "reviewer with a key, and `millrace reviewer single-user on` takes decisions without"
        )
    whose = f"{reviewer}'s key" if reviewer else "your reviewer's key (--reviewer NAME where there are several)"
    return (
        f"a decision must be signed: decide where {whose} lies, or give --code with what `millrace code {run_id} "
        "--decision ...` prints there, or, where one person works alone, turn on `millrace reviewer single-user on`"
    )


def _check(terminal: Terminal, question: Question, given: Answer) -> None:
    """Here already, so that the person need not wait for the run to hear what is wrong."""
    from tasks.decisions import judge_answer, tell_refused

    asked = question.approval
    judged = judge_answer(
        terminal.home,
        asked,
        _as_judged(given),
        asked.permission,
        at=datetime.now(UTC),
        minimum_completed=_minimum(question.run),
    )
    if not judged.usable:
        tell_refused(terminal.home, asked, judged)
        raise BadInputError(judged.explanation, problems=[problem.message for problem in judged.problems])


def _as_judged(given: Answer) -> "JudgedAnswer":
    from tasks.decisions import Answer as JudgedAnswer

    return JudgedAnswer(**asdict(given))


def _minimum(run: Run) -> int:
    return int(run.config.get("minimum_completed", 0)) if isinstance(run.config, dict) else 0


def _handed_over(question: Question, given: Answer, standing: Standing) -> Taken:
    where = "its deployment continues it: a worker or `millrace up` must run" if standing.deployed else "it goes on"
    message = f"{given.decision}: handed to run {question.run.run_id}; {where}"
    return Taken(_document(question, given, via="prefect"), message, to_resume=False)


def _recorded(terminal: Terminal, question: Question, given: Answer) -> Taken:
    """No process waits, so the ledger keeps the decision until the run is entered again and judges it itself."""
    from tasks.decisions import take_answer

    run, asked = question.run, question.approval
    verdict = take_answer(
        terminal.home,
        asked,
        _as_judged(given),
        asked.permission,
        at=datetime.now(UTC),
        minimum_completed=_minimum(run),
    )
    if verdict.overruled:
        earlier = verdict.approval
        raise BadInputError(
            f"{earlier.reviewer} decided {earlier.decision} before you on run {run.run_id}; that stands",
            decision=earlier.decision,
        )
    if verdict.approval.decision == "invalid":  # it was not, a moment ago
        raise BadInputError(verdict.approval.note or "the answer cannot be used")
    message = f"{given.decision}: recorded; no process waits, so continue with `millrace resume {run.run_id}`"
    return Taken(_document(question, given, via="ledger"), message, to_resume=True)


def _document(question: Question, given: Answer, *, via: str) -> dict[str, object]:
    asked = question.approval
    about = {"run_id": asked.run_id, "key": asked.key, "pinned_hash": asked.pinned_hash, "via": via}
    said = {name: value for name, value in asdict(given).items() if name != "code"}
    return about | said | {"proof": "signed" if given.code else "single_user"}


def _unknown(run: Run, standing: Standing | None) -> str:
    if standing is not None:
        return f"run {run.run_id} is {standing.state} with Prefect and does not wait yet; try again in some seconds"
    return f"this Prefect API does not know run {run.run_id}: set PREFECT_API_URL to the server that holds it"
