"""Every flow disturbed at many of its operations: the torture run of the tests, as a table."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_EXPLAINED = """Each number is so many runs of the flow that were disturbed once and then entered again. All of them
went on to the state of an undisturbed run (every dataset by content hash, every published file byte for byte, every
step, the tables of the ledger) unless the cell says otherwise. A full disk stays full until the process ends.
Two processes on one run may end with a clear error; nothing is lost, and the run goes on."""


def run() -> str:
    """The table of flows and kinds of faults.

    Raises:
        SystemExit: the run wrote none.
    """
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.md"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "faults", "tests", "--torture"]
        done = subprocess.run([*command, "--torture-table", str(table)], cwd=ROOT, env=os.environ, check=False)
        if not table.is_file():
            sys.exit("the torture run wrote no table")
        end = "All tests passed." if done.returncode == 0 else "**Some tests failed.**"
        return f"{table.read_text(encoding='utf-8')}\n{end} {_EXPLAINED}"
