"""The newest report of a subject: one file that always has the same name, and an artifact of the run."""

from pathlib import Path

from prefect.artifacts import create_markdown_artifact

from millrace.datasets.files import write_atomic
from millrace.methods.markdown import plain
from tasks.run import in_prefect


def publish_latest(reports_folder: str, subject: str, markdown: str, description: str) -> Path:
    """Write ``<subject>/latest.md``; the subject is also the artifact's key."""
    latest = Path(reports_folder) / subject / "latest.md"
    latest.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(latest, markdown.encode())
    if in_prefect():
        create_markdown_artifact(markdown, key=subject, description=plain(description))
    return latest
