"""The torture runs of the tests as tables: every flow disturbed, every reader given hostile input."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_EXPLAINED = """Each number is so many runs of the flow that were disturbed once and then entered again. All of them
went on to the state of an undisturbed run (every dataset by content hash, every published file byte for byte, every
step, the tables of the ledger) unless the cell says otherwise. A full disk stays full until the process ends.
Of two processes on one run one may end with a clear error; nothing is lost."""
_N_INPUTS = 10_000


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


def hostile() -> str:
    """The table of readers and mutated inputs.

    Raises:
        SystemExit: the run wrote none.
    """
    command = [sys.executable, "-m", "tests.hostile.campaign", "--inputs", str(_N_INPUTS)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if "|" not in done.stdout:
        sys.exit("the campaign wrote no table")
    return f"{done.stdout.strip()}\n\nResults are results and typed skip rows; the other inputs ended in a typed error."
