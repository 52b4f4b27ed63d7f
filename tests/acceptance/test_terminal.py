"""The first way to run, one flow at a time: traces of one's own, answered and approved, and evaluated by day."""

import shlex
from pathlib import Path

import pytest

from tests.acceptance.keyboard import at_terminal
from tests.acceptance.people import golden_versions
from tests.acceptance.processes import User, wait_for
from tests.docs import readme
from tests.support.inputs import write_lines

pytestmark = pytest.mark.prefect
MTRAG = readme.README.parents[1] / "shared" / "data" / "mtrag" / "responses_human.jsonl"


@pytest.fixture
def file(user: User) -> Path:
    """MTRAG's rated responses; where they are not, one answer in their form that its passage does not support."""
    if MTRAG.exists():
        return MTRAG
    row = {
        "task_id": "1",
        "model": "reference",
        "conversation": [{"speaker": "user", "text": "How wide is the sluice of the north mill?"}],
        "contexts": [{"id": "sluice", "title": "Sluice", "text": "The sluice of the north mill is nine feet wide."}],
        "response": "Our office in Norway ships 400 crates every winter.",
        "human": {"faithfulness": {"ada": 1}},
    }
    return write_lines(user.folder / "responses.jsonl", [row])


def test_imported_traces_become_a_golden_dataset(user: User, file: Path) -> None:
    bring_in, turn = readme.lines("import")
    done = user.call(*shlex.split(bring_in.replace(" FILE ", f" {shlex.quote(str(file))} ")))
    assert done.returncode == 0, done.stderr

    with user.started(f"exec {turn}", "turn.log") as turning:
        wait_for(
            "a question", lambda: "waits for a person" in user.read("turn.log"), 120, lambda: user.read("turn.log")
        )
        answer_at_terminal(user)
        approve_at_terminal(user)
        assert turning.wait(timeout=60) == 0, user.read("turn.log")

    assert golden_versions(user) == [("1.0.0", 1)]
    report = user.millrace("report", "latest")
    assert "Reviewer, as claimed: Rosa Lind" in report
    assert user.document("verify", "latest")["verified"]

    evaluate, show = readme.lines("daily")
    assert user.call(*shlex.split(evaluate)).returncode == 0
    assert user.millrace(*shlex.split(show)[1:]).lstrip().startswith("Daily report 2026-11-12")
    assert "millrace_pipeline_traces" in (user.folder / "eval_reports" / "millrace.prom").read_text()


def answer_at_terminal(user: User) -> None:
    with at_terminal(user, "millrace", "annotate", "next", "--all", "--plain") as keyboard:
        assert "asked because:" in keyboard.expect("Verdict (")
        keyboard.type("nonsense")
        keyboard.expect("Verdict (")
        keyboard.type("hall")  # the beginning is enough
        keyboard.expect("The application should have (")
        keyboard.type("answer")
        keyboard.expect("Expected answer")
        keyboard.type("It is not known.")
        keyboard.expect("Note")
        keyboard.type("")
        if "Verdict (" in keyboard.expect_either("Verdict (", "no task is waiting"):
            keyboard.type("stop")
        assert keyboard.wait() == 0


def approve_at_terminal(user: User) -> None:
    with at_terminal(user, "millrace", "approve", "latest") as keyboard:
        assert "Approve week 2026-W46?" in keyboard.expect("Decision (")
        keyboard.type("approve")
        keyboard.expect("Your name")
        keyboard.type("Rosa Lind")
        keyboard.expect("Note")
        keyboard.type("")
        assert keyboard.wait() == 0
