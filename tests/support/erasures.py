"""A home that two people with words of their own left everything in, and a whole erasure of one without Prefect."""

import json
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.distill import DistillConfig, distill
from flows.erase_user import EraseUserConfig, EraseUserResult, erase_user
from flows.import_feedback import ImportFeedbackConfig, import_feedback
from flows.ingest_documents import IngestDocumentsConfig, ingest_documents
from millrace.errors import BadInputError
from millrace.governance.erasure_marks import texts_in
from millrace.ledger import erasures, runs
from millrace.ledger.subjects import keyed_hash
from tasks.home import Home
from tests.support import days, replays, wheel
from tests.support.inputs import MONDAY, synthetic_traces, write_lines

THEM, OTHER = "person-zq81", "person-kb52"
N_STRANGERS = 6
HANDLE, ERASE = "e-1234abcd", "erase"
REQUESTED_AT = datetime(2026, 11, 18, 9, tzinfo=UTC)
_PARTS = ("question", "history", "answer", "context", "correction", "comment", "document", "output", "session")


def words_of(user: str) -> dict[str, str]:
    """One word a place that nobody else ever says, by where it was said."""
    return {part: f"{user[-4:]}{part}ing" for part in _PARTS}


def planted_traces(user: str, n: int = 6) -> list[dict[str, Any]]:
    """Traces full of the user's words; answers that no passage supports, so that people are asked."""
    own = words_of(user)
    return [
        {
            "trace_id": f"{user}-trace-{number}",
            "time": (MONDAY + timedelta(hours=5 * number)).isoformat(),
            "tenant_id": "mill",
            "user_id": user,
            "session_id": f"{own['session']}-{number}",
            "question": f"Where is the {own['question']} wheel number {number} of mine kept?",
            "history": [{"speaker": "user", "text": f"I keep a {own['history']} lathe."}],
            "contexts": [
                {"context_id": f"shelf-{user}-{number}", "text": f"The {own['context']} shelf is at the door."}
            ],
            "answer": f"Our {own['answer']} cellar holds {number} barrels of rye and nothing of the sort.",
            "output": json.dumps({"said": own["output"]}),
        }
        for number in range(n)
    ]


def planted_feedback(user: str, n: int = 6) -> list[dict[str, Any]]:
    own = words_of(user)
    return [
        {
            "trace_id": f"{user}-trace-{number}",
            "tenant_id": "mill",
            "user_id": user,
            "time": (MONDAY + timedelta(hours=5 * number + 1)).isoformat(),
            "rating": "down",
            "correction": f"It stands in the {own['correction']} loft number {number}.",
            "comment": f"A {own['comment']} reply.",
        }
        for number in range(n)
    ]


def fill(inputs: Path, home: Path) -> None:
    """Everything that a home can hold of two people, and of others: documents to distilled and replayed knowledge."""
    os.chdir(home)
    inputs.mkdir(parents=True, exist_ok=True)
    for name, user in (("one", THEM), ("two", OTHER)):
        path = write_lines(inputs / f"{name}.jsonl", [_document(user)])
        config = IngestDocumentsConfig(folder=str(path), tenant="mill", index=name, owner=user)
        ingest_documents.fn(config, run_id=f"documents-{name}")
    traces = [*synthetic_traces(N_STRANGERS), *planted_traces(THEM), *planted_traces(OTHER)]
    wheel.import_file(write_lines(inputs / "traces.jsonl", traces))
    said = write_lines(inputs / "feedback.jsonl", [*planted_feedback(THEM), *planted_feedback(OTHER)])
    import_feedback.fn(ImportFeedbackConfig(file=str(said)), run_id="feedback")
    wheel.week()
    wheel.answer_tasks()
    wheel.approve()
    wheel.week()
    days.evaluate(0)
    distilled("distil-1")
    asked = [replays.task("t-other", "Where is the wheel number 0 of mine kept?", user_id=OTHER)]
    replays.replayed(write_lines(inputs / "tasks.jsonl", asked), n_warnings=5, n_accepted=5)


def distilled(run_id: str) -> None:
    config = {"as_of": "2026-11-19T06:00:00Z", "decontamination": {"near_match": False}}
    distill.fn(DistillConfig.model_validate(config), run_id=run_id)


def requested(home: Home, user: str = THEM, handle: str = HANDLE, tenant: str | None = None) -> None:
    key = home.subject_key
    erasures.add_request(
        home.ledger,
        handle,
        subject_hash=keyed_hash(key, "user", user),
        tenant_hash=None if tenant is None else keyed_hash(key, "tenant", tenant),
        requested_by="ada",
        at=REQUESTED_AT,
    )


def entered(handle: str = HANDLE, run_id: str = ERASE, **settings: Any) -> EraseUserResult | None:
    """One entry into the flow; None when it waits for a decision."""
    try:
        result: EraseUserResult = erase_user.fn(EraseUserConfig(handle=handle, **settings), run_id=run_id)
    except BadInputError as error:
        if "waits for a decision" not in str(error):
            raise
        return None
    return result


def carried_out(handle: str = HANDLE, run_id: str = ERASE) -> EraseUserResult:
    """Asked, approved, erased; one that was carried out before is looked at again and changes nothing."""
    result = entered(handle, run_id)
    if result is None:
        wheel.approve(run_id)
        result = entered(handle, run_id)
    assert result is not None
    return result


def erased(inputs: Path, home: Path) -> None:
    """A whole life in miniature: traces come in, a week turns, one person's are erased; entered again it goes on."""
    os.chdir(home)
    traces = [*synthetic_traces(4), *planted_traces(THEM, 2), *planted_traces(OTHER, 2)]
    wheel.import_file(write_lines(inputs / "two-people.jsonl", traces))
    if not any(run.run_id == ERASE for run in runs.list_runs(Home(home).ledger)):
        wheel.week()
        wheel.answer_tasks()
        wheel.approve()
        wheel.week()
    requested(Home(home))
    carried_out()


def everything_said(root: Path) -> Iterator[tuple[str, str]]:
    """Every text under a folder with where it is: raw bytes of every file, and every value of Parquet and SQLite."""
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(root))
        raw = path.read_bytes()
        yield name, name
        yield name, raw.decode("utf-8", errors="replace")
        if path.suffix == ".parquet":
            yield from ((name, text) for text in texts_in(pq.read_table(path).to_pylist()))
        if raw.startswith(b"SQLite format 3"):
            yield from ((name, text) for text in _values(path))


def places_of(root: Path, words: list[str]) -> list[str]:
    """Where any of the words is found, with the word."""
    return sorted({f"{name}: {word}" for name, text in everything_said(root) for word in words if word in text})


def _values(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
            yield from (str(value) for value in row)
    connection.close()


def _document(user: str) -> dict[str, Any]:
    word = words_of(user)["document"]
    return {
        "doc_id": f"{user}-notes",
        "title": "Notes",
        "text": f"The {word} notes tell of the mill. They were kept for years.",
    }
