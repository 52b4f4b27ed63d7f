"""What people do with a home: become its reviewer, answer a task, and look at what came of it."""

import shlex

from tests.acceptance.processes import User
from tests.docs import readme

REVIEWER = "Ada Park"


def become_reviewer(user: User) -> None:
    """As the README says."""
    (command,) = readme.lines("reviewer")
    assert REVIEWER in command
    assert user.call(*shlex.split(command)).returncode == 0
    assert (user.folder / ".config" / "millrace" / "keys" / f"{REVIEWER}.pem").stat().st_mode & 0o077 == 0


def answer_a_task(user: User, annotator: str) -> None:
    """Take the next task and answer it, as a script would."""
    task = user.document("annotate", "next", "--annotator", annotator)["task"]
    given = ["--verdict", "ok", "--behaviour", "answer", "--answer", "Twelve units.", "--annotator", annotator]
    user.millrace("annotate", "submit", task["task_id"], *given)


def golden_versions(user: User) -> list[tuple[str, int]]:
    """Version and number of rows of each golden dataset."""
    return [(each["version"], each["dataset"]["rows"]) for each in user.document("golden", "list")["versions"]]
