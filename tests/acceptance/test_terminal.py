"""The first way to run, one flow at a time: traces of one's own, answered and approved, and evaluated by day."""

import shlex
import shutil
from pathlib import Path

import pytest

from tests.acceptance.keyboard import at_terminal
from tests.acceptance.people import REVIEWER, become_reviewer, golden_versions
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
    become_reviewer(user)
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
    assert f"Reviewer: {REVIEWER} (security_admin, signature checked)" in report
    assert user.document("verify", "latest")["verified"]

    evaluate, show = readme.lines("daily")
    assert user.call(*shlex.split(evaluate)).returncode == 0
    assert user.millrace(*shlex.split(show)[1:]).lstrip().startswith("Daily report 2026-11-12")
    assert "millrace_pipeline_traces" in (user.folder / "eval_reports" / "millrace.prom").read_text()

    distil(user)
    freeze_at_terminal(user)


def distil(user: User) -> None:
    """Evidence to training data, and back from a row of it to the file that was imported."""
    run, check, trace_back = readme.lines("distill")
    assert user.call(*shlex.split(run)).returncode == 0
    distilled = user.document("runs")["runs"][0]["run_id"]
    done = user.call(*shlex.split(check))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "required checks" in done.stdout
    row = user.home / "exports" / distilled / "rag" / "train.jsonl"
    done = user.call(*shlex.split(trace_back.replace("ROW", shlex.quote(f"{row}:1"))))
    assert done.returncode == 0, done.stdout + done.stderr


def freeze_at_terminal(user: User) -> None:
    """A release, approved, and verified by somebody who has the folder and the key, and no home."""
    make_key, freeze, approve, verify = readme.lines("release")
    assert user.call(*shlex.split(make_key.replace(" KEY", " key.pem"))).returncode == 0
    with user.started(f"exec {freeze}", "freeze.log") as freezing:
        log = lambda: user.read("freeze.log")  # noqa: E731
        wait_for("a question", lambda: "waits for a person" in log(), 240, log)
        with at_terminal(user, *shlex.split(approve)) as keyboard:
            keyboard.expect("Freeze release 1.0.0?")
            keyboard.expect("Decision (")
            keyboard.type("approve")
            keyboard.expect(f"signing as {REVIEWER}")
            keyboard.expect("Note")
            keyboard.type("")
            assert keyboard.wait() == 0
        assert freezing.wait(timeout=60) == 0, log()
    shutil.copytree(user.home / "releases" / "1.0.0", user.folder / "received")
    user.home.rename(user.folder / "elsewhere")
    command = verify.replace("RELEASE", "received").replace("KEY", "key.pem")
    done = user.call(*shlex.split(command))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"approved by {REVIEWER} (security_admin, signature checked)" in done.stdout
    (user.folder / "received" / "release-manifest.md").write_text("# Nothing to see\n")
    tampered = user.call(*shlex.split(command))
    assert tampered.returncode == 1
    assert "release-manifest.md" in tampered.stdout


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
        keyboard.expect(f"signing as {REVIEWER}")
        keyboard.expect("Note")
        keyboard.type("")
        assert keyboard.wait() == 0
