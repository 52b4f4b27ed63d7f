"""An erasure through Prefect: a person answers on its page, and Prefect's own pages and results forget too."""

from pathlib import Path

import pytest
from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

import tasks.approval
import tasks.erasure_prefect
from flows.erase_user import EraseUserConfig, erase_user
from flows.import_traces import ImportTracesConfig, import_traces
from millrace.governance.erasure_marks import Marks
from tasks.home import Home
from tests.support.erasures import ERASE, HANDLE, OTHER, THEM, places_of, planted_traces, requested, words_of
from tests.support.inputs import write_lines
from tests.support.reviewer import Reviewer


@flow(name="tells", persist_result=True, result_serializer="json")
def tells(word: str) -> list[str]:
    """Leaves a word in a parameter, a log, an artifact, and a result."""
    get_run_logger().info("it was %s", word)
    create_markdown_artifact(f"It was {word}.", key="tells")
    return [f"first\n{word}"]


@pytest.mark.prefect
def test_prefect_forgets_too(home: Home, prefect_server: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tasks.approval, "POLL_INTERVAL_S", 0.2)
    monkeypatch.setattr(tasks.approval, "THIRTY_DAYS_S", 60)
    path = write_lines(tmp_path / "two.jsonl", [*planted_traces(THEM, 2), *planted_traces(OTHER, 2)])
    import_traces(ImportTracesConfig(file=str(path)))
    words, others = words_of(THEM), words_of(OTHER)
    for word in (words["question"], others["question"]):
        tells(word)
    requested(home)
    with Reviewer(home, [{"reviewer": "Rae", "note": "go"}], run_id=ERASE) as reviewer:
        result = erase_user(EraseUserConfig(handle=HANDLE), run_id=ERASE)
    assert THEM not in reviewer.asked[0].markdown
    assert (result.outcome, result.remaining) == ("completed", [])
    database, _ = tasks.erasure_prefect._database()
    assert database is not None
    for place in (database.parent, Path(str(PREFECT_LOCAL_STORAGE_PATH.value())), home.root):
        assert places_of(place, [THEM, *words.values()]) == []
    assert places_of(database.parent, [others["question"]])


def test_a_database_elsewhere_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Elsewhere:
        def value(self) -> str:
            return "postgresql+asyncpg://prefect@db/prefect"

    monkeypatch.setattr(tasks.erasure_prefect, "PREFECT_API_DATABASE_CONNECTION_URL", Elsewhere())
    monkeypatch.setattr(tasks.erasure_prefect, "_results", list)
    marks = Marks()
    marks.add_text("zanzibar")
    (problem,) = tasks.erasure_prefect.erase_from_prefect_now(tmp_path, marks, set()).problems
    assert "no local file" in problem
