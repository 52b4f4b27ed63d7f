"""Judging leaves nothing behind: no file, no word, no setting of the working directory taken over."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.gateway import PlayedGateway
from tests.support.judge_replies import judging

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, socket, sys
from tests.support import judge_run

connect = socket.socket.connect
def local_only(self, address):
    assert self.family == socket.AF_UNIX or address[0] == "127.0.0.1", f"connects to {address}"
    return connect(self, address)
socket.socket.connect = local_only
judge_run.main(*sys.argv[1:])
assert "FROM_DOTENV" not in os.environ, ".env was loaded"
"""


def test_judging_writes_no_file_says_nothing_and_loads_no_dotenv(tmp_path: Path) -> None:
    home, working, ledger = (tmp_path / name for name in ("home", "working", "ledger"))
    for folder in (home, working, ledger):
        folder.mkdir()
    (working / ".env").write_text("FROM_DOTENV=yes\nOPENAI_API_KEY=sk-wrong\n")
    loud = {"RAGAS_DO_NOT_TRACK": "0", "DEEPEVAL_TELEMETRY_OPT_OUT": "0", "CONFIDENT_API_KEY": "confident_us_x"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DEEPEVAL", "RAGAS", "XDG"))}
    with PlayedGateway(judging) as gateway:
        command = [sys.executable, "-c", PROGRAM, gateway.url, str(ledger / "ledger.sqlite"), "2"]
        done = subprocess.run(
            command,
            cwd=working,
            env=kept | loud | {"HOME": str(home), "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(ledger)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    left = {path for path in tmp_path.rglob("*") if ledger not in path.parents}
    assert left == {home, ledger, working, working / ".env"}
    assert gateway.requests
