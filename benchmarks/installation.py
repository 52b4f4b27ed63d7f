"""What a new user waits for: `make demo` in a fresh clone, and the demo again when all is installed."""

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.tables import table

_REPOSITORY = Path(__file__).parents[1]


def run() -> str:
    """Clone into an empty folder, run the README's command there twice; a Markdown table of seconds and MiB."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "main"
        subprocess.run(["git", "clone", "-q", str(_REPOSITORY), str(clone)], check=True)
        first = _seconds(clone)
        again = _seconds(clone)
        size_mib = sum(path.stat().st_size for path in (clone / ".venv").rglob("*") if path.is_file()) / 2**20
    rows = [
        ["`make demo` in a fresh clone: installation and demo", f"{first:.0f} s", "300 s"],
        ["`make demo` once more: the demo itself", f"{again:.0f} s", "90 s"],
        ["installed environment", f"{size_mib:.0f} MiB", "-"],
    ]
    return table(["what", "measured (n = 1)", "limit"], rows)


def _seconds(clone: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["make", "demo", "ARGS=--yes"], cwd=clone, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(run())
