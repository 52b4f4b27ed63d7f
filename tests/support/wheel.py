"""Turns the whole wheel without Prefect's engine: the same stages, effects, receipts and ledger, called directly."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.answer_questions import AnswerQuestionsConfig, answer_questions
from flows.import_traces import ImportTracesConfig, import_traces
from flows.ingest_documents import IngestDocumentsConfig, ingest_documents
from flows.weekly_flywheel import WeeklyFlywheelConfig, WeeklyFlywheelResult, weekly_flywheel
from millrace.errors import BadInputError
from millrace.ledger.annotations import submit
from millrace.ledger.schema import ApprovalDecision
from millrace.ledger.tasks import Task, tasks
from tasks.home import Home
from tests.support.approving import decide
from tests.support.inputs import AS_OF, WEEK

ANSWERED_AT = datetime(2026, 11, 16, 9, tzinfo=UTC)
DECIDED_AT = datetime(2026, 11, 16, 10, tzinfo=UTC)
RUN_ID = "week"


def turn(inputs: Path, home: Path) -> None:
    """Everything from files to the report; entered again after a crash it goes on, and a second time nothing moves."""
    bring_in(inputs, home)
    decide_week()


def decide_week() -> None:
    """The weekly flow from its start to its end, with what people answer and decide in between."""
    week()
    answer_tasks()
    approve()
    week()


def bring_in(inputs: Path, home: Path) -> None:
    """Documents into an index, questions into traces, a file of traces into a dataset."""
    os.chdir(home)
    ingest(inputs)
    answer(inputs)
    import_file(inputs / "traces.jsonl")


def ingest(inputs: Path) -> None:
    ingest_documents.fn(IngestDocumentsConfig(folder=str(inputs / "documents"), tenant="mill"), run_id="documents")


def answer(inputs: Path) -> None:
    answer_questions.fn(questions_config(inputs), run_id="questions")


def questions_config(inputs: Path) -> AnswerQuestionsConfig:
    """Every stage but routing, whose thresholds are those of other embedders than the tests'."""
    settings = {"file": str(inputs / "questions.jsonl"), "answering": {"routing": None}}
    return AnswerQuestionsConfig.model_validate(settings)


def import_file(path: Path, run_id: str = "import") -> None:
    import_traces.fn(ImportTracesConfig(file=str(path)), run_id=run_id)


def week_config(**settings: Any) -> WeeklyFlywheelConfig:
    return WeeklyFlywheelConfig.model_validate({"week": WEEK, "as_of": AS_OF} | settings)


def week(run_id: str = RUN_ID, **settings: Any) -> WeeklyFlywheelResult | None:
    """One entry into the weekly flow; None when it waits for a decision."""
    try:
        return weekly_flywheel.fn(week_config(**settings), run_id=run_id)
    except BadInputError as error:
        if "waits for a decision" not in str(error):
            raise
        return None


def answer_tasks(run_id: str = RUN_ID, *, at: datetime = ANSWERED_AT, up_to: int | None = None) -> list[str]:
    """Answer the first of a run's open tasks; ids of those answered."""
    with Home.from_environment().ledger as ledger:
        pending = tasks(ledger, run_id=run_id, status="pending")[:up_to]
        for task in pending:
            submit(ledger, task.task_id, "ada", _answer(task), at)
    return [task.task_id for task in pending]


def approve(run_id: str = RUN_ID, decision: ApprovalDecision = "approve") -> None:
    """Record the decision on whatever the run asks, as ``millrace approve`` does when no process waits."""
    home = Home.from_environment()
    with home.ledger:
        decide(home, run_id, decision, at=DECIDED_AT)


def _answer(task: Task) -> dict[str, Any]:
    verdict = task.payload["failure_type"] or "ok"
    answer = f"As the manual says of {task.payload['question']}"
    return {"verdict": verdict, "expected_behaviour": "answer", "expected_answer": answer, "note": None}
