"""The newest report of a subject: one file that always has the same name, and an artifact of the run."""

from pathlib import Path

from millrace.datasets.files import write_atomic
from millrace.methods.markdown import plain
from tasks.run import show_in_prefect


def publish_latest(reports_folder: str, subject: str, markdown: str, description: str) -> Path:
    """Write ``<subject>/latest.md``; the subject is also the artifact's key."""
    latest = Path(reports_folder) / subject / "latest.md"
    latest.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(latest, markdown.encode())
    show_in_prefect(markdown, subject, plain(description))
    return latest
