"""The first way to run: the demo, answering itself or asking at a terminal."""

import re
import shlex
import subprocess

import pytest

from tests.acceptance.keyboard import at_terminal
from tests.acceptance.people import golden_versions
from tests.acceptance.processes import User
from tests.docs import readme

pytestmark = pytest.mark.prefect
DEMO_TIMEOUT_S = 180.0


def planned_by_make(*arguments: str) -> list[str]:
    """The command that the README's demo command comes to, once everything is installed."""
    (command,) = readme.lines("demo")
    planned = subprocess.run(
        [*shlex.split(command), "-n", *arguments], cwd=readme.README.parent, capture_output=True, text=True, check=True
    )
    (line,) = [each for each in planned.stdout.splitlines() if each.startswith(".venv/bin/millrace ")]
    return shlex.split(line.removeprefix(".venv/bin/"))


def test_the_demo_turns_the_whole_wheel_and_everything_can_be_looked_at_afterwards(user: User) -> None:
    done = user.call(*planned_by_make("ARGS=--yes"), timeout_s=DEMO_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr

    (golden,) = user.document("golden", "list")["versions"]
    assert (golden["name"], golden["version"], golden["active"]) == ("main", "1.0.0", True)
    assert golden["dataset"]["rows"] > 0
    assert [run["status"] for run in user.document("runs")["runs"]] == ["completed"] * 3
    assert len(user.document("show", "latest")["receipts"]) > 10
    (report,) = user.document("report", "latest")["reports"]
    assert all((user.folder / path).is_file() for path in report.values())
    assert "<svg" in (user.folder / report["html"]).read_text() or "<img" in (user.folder / report["html"]).read_text()
    assert user.document("annotate", "status")["open"] == 0

    assert user.document("verify", "latest")["verified"]
    recomputed = user.document("verify", "latest", "--recompute")
    assert (recomputed["verified"], recomputed["recomputed"]) == (True, True)


def test_the_demo_asks_at_a_terminal(user: User) -> None:
    with at_terminal(user, *planned_by_make()) as keyboard:
        keyboard.expect("this home is set to single-user", DEMO_TIMEOUT_S)
        page = keyboard.expect("Task 1 of ", DEMO_TIMEOUT_S)
        assert "asked because:" in page
        keyboard.type("k")
        keyboard.expect("Task 2 of ")
        keyboard.type("s")
        page = keyboard.expect("Decision (approve, reject, extend)")
        assert re.search(r"\b1 of \d+ tasks of this week are answered", page)
        assert "Approve week 2026-W46?" in page
        keyboard.type("approve")
        keyboard.expect("Your name:")
        keyboard.type("Rosa Lind")
        keyboard.expect("Note")
        keyboard.type("one is a beginning")
        assert keyboard.wait() == 0

    report = user.millrace("report", "latest")
    assert "Reviewer, as claimed: Rosa Lind (single-user home, unsigned)" in report
    assert "one is a beginning" in report
    assert golden_versions(user) == [("1.0.0", 1)]
    assert user.document("annotate", "status")["open"] > 0
