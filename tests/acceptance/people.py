"""What people do with a home: answer a task, and look at what came of it."""

from tests.acceptance.processes import User


def answer_a_task(user: User, annotator: str) -> None:
    """Take the next task and answer it, as a script would."""
    task = user.document("annotate", "next", "--annotator", annotator)["task"]
    given = ["--verdict", "ok", "--behaviour", "answer", "--answer", "Twelve units.", "--annotator", annotator]
    user.millrace("annotate", "submit", task["task_id"], *given)


def golden_versions(user: User) -> list[tuple[str, int]]:
    """Version and number of rows of each golden dataset."""
    return [(each["version"], each["dataset"]["rows"]) for each in user.document("golden", "list")["versions"]]
