"""The gates of a release: commands that must end well, each run as a child with this home."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import IO

from blocks.signing_key import KEY_VARIABLE
from millrace.methods.redaction import Redactor
from millrace.records.release import GateCommand, GateResult
from tasks.effect import effect
from tasks.home import HOME_VARIABLE
from tasks.run import current_run, log
from tasks.tables import redaction_rules

PYTHON = "{python}"
_MILLRACE = [PYTHON, "-P", "-m", "apps.cli.main"]  # -P: an `apps` folder of the working directory is not ours
_N_LINES, _LINE_LENGTH, _TAIL_BYTES = 20, 400, 65_536
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_SECRET_NAME = re.compile(r"(?i)key|token|secret|passw|credential|auth")
_SHORTEST_SECRET = 6  # characters; shorter values would be found in any text


def release_gates(distill_run: str, own: list[GateCommand], tests: GateCommand | None) -> list[GateCommand]:
    """The bundled gates, the product's tests, then one's own; one's own of the same name takes another's place."""
    gates = {gate.name: gate for gate in [*_bundled(distill_run), *([tests] if tests else []), *own]}
    return list(gates.values())


def _bundled(distill_run: str) -> list[GateCommand]:
    audited = ["--set", f"distill_run={distill_run}", "--set", "acceptance=false"]  # that is a gate of its own
    return [
        GateCommand(name="acceptance", argv=[*_MILLRACE, "run", "acceptance", "--json"]),
        GateCommand(name="audit", argv=[*_MILLRACE, "run", "audit", *audited, "--json"]),
    ]


@effect
def run_gate(gate: GateCommand) -> GateResult:
    """Run the command to its end; it has passed when its exit code is 0. One that cannot be run has failed."""
    log().info("gate %s: %s", gate.name, " ".join(gate.argv))
    start = perf_counter()
    with tempfile.TemporaryFile() as output:
        exit_code, reason = _run(gate, output)
        lines = _last_lines(output)
    if exit_code not in (0, None):
        reason = f"ended with exit code {exit_code}"
    result = GateResult(
        name=gate.name,
        status="failed" if reason else "passed",
        argv=gate.argv,
        exit_code=exit_code,
        reason=reason,
        output=lines,
        duration_s=perf_counter() - start,
    )
    log().info("gate %s: %s", gate.name, result.status)
    return result


def _run(gate: GateCommand, output: IO[bytes]) -> tuple[int | None, str | None]:
    """Exit code, or why there is none."""
    command = [sys.executable if each == PYTHON else each for each in gate.argv]
    try:
        child = subprocess.Popen(
            command,
            cwd=gate.folder,
            env=_environment(current_run().home.root),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return None, f"could not be started: {error}"
    try:
        return child.wait(gate.timeout_s), None
    except subprocess.TimeoutExpired:
        return None, f"did not end within {gate.timeout_s:g} s"
    finally:
        _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """A child that is still there, and its own children; also when this process is interrupted."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _environment(home: Path) -> dict[str, str]:
    """This home, no signing key, and nothing that would make a run of the child's part of this one."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PREFECT__") and name not in (KEY_VARIABLE, "TRACEPARENT")
    }
    return kept | {HOME_VARIABLE: str(home)}


def _last_lines(output: IO[bytes]) -> list[str]:
    """The end of what a gate wrote, personal data and secrets replaced by their type or by a variable's name."""
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _TAIL_BYTES))
    text = _ESCAPES.sub("", output.read().decode("utf-8", "replace"))
    for name, value in sorted(os.environ.items(), key=lambda item: -len(item[1])):
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, f"[{name}]")
    lines = Redactor(redaction_rules()).redact(text).text.splitlines()
    return [line[:_LINE_LENGTH] for line in lines[-_N_LINES:]]
