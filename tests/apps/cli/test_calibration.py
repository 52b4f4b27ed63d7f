"""A set is built from a home's documents and annotations, written once, and a detector is checked on it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from apps.cli import calibration
from apps.cli.calibration_files import read_cases, write_cases
from millrace.errors import BadInputError, NotFoundError
from tasks.home import Home
from tests.evaluation.test_calibration_set import CHUNKS
from tests.support.embedder import install

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for number, chunk in enumerate(CHUNKS):
        (folder / f"{number}.md").write_text(f"# Page {number}\n\n{chunk.text}\n")
    return folder


@pytest.fixture
def ingested(home: Home, documents: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose index ``main`` was really built."""
    import blocks.embedder
    from flows.ingest_documents import IngestDocumentsConfig, ingest_documents

    monkeypatch.setattr(blocks.embedder, "_block", blocks.embedder._block)  # put back afterwards
    install()
    monkeypatch.setenv("MILLRACE_HOME", str(home.root))
    config = IngestDocumentsConfig(folder=str(documents), tenant="acme", owner="ops")
    ingest_documents.fn(config=config, run_id="ingest-1")
    return home


@pytest.fixture
def call(home: Home) -> Call:
    app = typer.Typer()
    app.callback()(lambda: None)
    calibration.register(app)

    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["calibration", *map(str, arguments), "--home", str(home.root)])
        return result.exit_code, result.stdout if "--json" in arguments else result.output

    return run


@pytest.mark.usefixtures("ingested")
def test_a_set_of_the_active_index_is_built_and_checked(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "set.jsonl"
    code, said = call("build", "--out", out, "--size", 24, "--json")
    assert code == 0
    assert json.loads(said)["n_cases"] == 24
    assert len(read_cases(out)) == 24
    code, said = call("check", "--set", out, "--json")
    found = json.loads(said)
    assert code == (0 if found["reaches_goal"] else 1)
    assert found["scorer"].startswith("embedded-groundedness/")
    assert found["auc"]["mean"] > 0.8
    code, said = call("check", "--set", out, "--goal", 0.3)
    assert code == 0
    assert "goal 0.3 for its lower end" in said


@pytest.mark.usefixtures("ingested")
def test_the_same_seed_writes_the_same_bytes(call: Call, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert call("build", "--out", tmp_path / name, "--size", 24, "--seed", seed)[0] == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


@pytest.mark.usefixtures("ingested")
def test_a_file_that_is_there_is_left_alone(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    code, said = call("build", "--out", tmp_path / "mine", "--size", 24)
    assert (code, (tmp_path / "mine").read_text()) == (2, "x")
    assert "exists already" in said


def test_without_an_index_it_says_how_to_make_one(call: Call, home: Home, tmp_path: Path) -> None:
    home.ledger.read()
    code, said = call("build", "--out", tmp_path / "set.jsonl")
    assert code == 2
    assert "millrace run ingest-documents" in said


def test_peoples_answers_are_in_the_set(ingested: Home, call: Call, tmp_path: Path) -> None:
    from millrace.ledger import queue
    from millrace.ledger.annotations import submit
    from millrace.ledger.tasks import NewTask
    from tests.evaluation.test_calibration_set import task

    asked = task(1)
    new = NewTask(
        task_id=asked.task_id,
        question_key=asked.question_key,
        tenant_id="acme",
        position=1,
        n_annotators=1,
        payload=asked.model_dump(mode="json"),
    )
    now = datetime(2026, 11, 20, tzinfo=UTC)
    queue.enqueue(ingested.ledger, [new], "run-1", now)
    answer = {"verdict": "ok", "expected_behaviour": "abstain", "support": "none"}
    submit(ingested.ledger, asked.task_id, "ada", answer, now)
    assert call("build", "--out", tmp_path / "set.jsonl", "--size", 24)[0] == 0
    (case,) = [case for case in read_cases(tmp_path / "set.jsonl") if case.labelled_by == "people"]
    assert (case.label, case.answer) == ("unsupported", asked.answer)


def test_a_line_that_is_no_case_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"case_id": "a"}\n')
    with pytest.raises(BadInputError, match="line 1: contexts: Field required"):
        read_cases(path)
    path.write_text("nonsense\n")
    with pytest.raises(BadInputError, match="line 1: the line: Invalid JSON"):
        read_cases(path)
    with pytest.raises(NotFoundError, match="calibration build"):
        read_cases(tmp_path / "gone.jsonl")
    with pytest.raises(BadInputError, match="make it first"):
        write_cases(tmp_path / "no" / "set.jsonl", [])
