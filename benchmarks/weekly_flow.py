"""The weekly flow against a running server, beside the same functions called directly, on 10 000 traces.

Each run is a process of its own with an empty home; waiting for the person is left out of both.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.prefect_server import prefect_server
from benchmarks.tables import spread, table
from benchmarks.traces import write_traces

N_TRACES = 10_000
N_RUNS = 3
WEEK = {"week": "2026-W46", "as_of": "2026-11-16T06:00:00Z"}


def run(n_traces: int = N_TRACES, n_runs: int = N_RUNS) -> str:
    """Interleaved runs of both ways; a Markdown table with their ratio."""
    seconds: dict[str, list[float]] = {"direct": [], "server": []}
    peaks: dict[str, list[float]] = {"direct": [], "server": []}
    with tempfile.TemporaryDirectory() as folder, prefect_server(Path(folder)) as api_url:
        source = Path(folder) / "traces.jsonl"
        write_traces(source, n_traces)
        for number in range(n_runs):
            for way, url in (("direct", ""), ("server", api_url)):
                measured = _measure(way, Path(folder) / f"{way}-{number}", source, url)
                seconds[way].append(measured["seconds"])
                peaks[way].append(measured["peak_mib"])
    ratios = [server / direct for server, direct in zip(seconds["server"], seconds["direct"], strict=True)]
    rows = [
        [name, str(n_runs), spread(seconds[way]), spread([n_traces / s for s in seconds[way]]), spread(peaks[way])]
        for name, way in (("functions called directly", "direct"), ("flow against a server", "server"))
    ]
    return (
        table(["way", "n", "seconds", "traces/s", "peak memory, MiB"], rows)
        + f"\n\nRatio server / direct: {spread(ratios)} (aim: at most 1.25)."
    )


def _measure(way: str, home: Path, source: Path, api_url: str) -> dict[str, float]:
    environment = {
        **os.environ,
        "MILLRACE_HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_LOCAL_STORAGE_PATH": str(home / "results"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
    }
    (home / "prefect").mkdir(parents=True)
    if api_url:
        environment["PREFECT_API_URL"] = api_url
    command = [sys.executable, "-m", "benchmarks.weekly_flow", way, str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _one_run(way: str, source: str) -> dict[str, float]:
    """The body of one measuring process."""
    from blocks.embedder import open_embedder
    from flows.import_traces import ImportTracesConfig, import_traces
    from flows.weekly_flywheel import WeeklyFlywheelConfig, weekly_flywheel
    from millrace.ledger.approval_settings import set_single_user
    from tasks.home import Home

    open_embedder().embed(["warm"])
    import_traces.fn(ImportTracesConfig(file=source), run_id="import")
    set_single_user(Home.from_environment().ledger, True, at=datetime.now(UTC), by="bench")
    config = WeeklyFlywheelConfig.model_validate(WEEK | {"reports_folder": tempfile.mkdtemp()})
    seconds = _directly(weekly_flywheel, config) if way == "direct" else _through_server(weekly_flywheel, config)
    return {"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _directly(flow: Any, config: Any) -> float:
    from millrace.errors import BadInputError

    start = time.perf_counter()
    try:
        flow.fn(config, run_id="week")
    except BadInputError as error:
        if "waits for a decision" not in str(error):
            raise
    waiting = time.perf_counter()
    _decide()
    decided = time.perf_counter()
    flow.fn(config, run_id="week")
    return (waiting - start) + (time.perf_counter() - decided)


def _through_server(flow: Any, config: Any) -> float:
    person = threading.Thread(target=_resume_when_paused, daemon=True)
    person.start()
    start = datetime.now(UTC)
    flow(config, run_id="week")
    total = (datetime.now(UTC) - start).total_seconds()
    return total - _waited_s()


def _decide() -> None:
    from millrace.ledger import approvals
    from tasks.decisions import Answer, take_answer
    from tasks.home import Home

    home = Home.from_environment()
    (asked,) = approvals.waiting(home.ledger)
    take_answer(home, asked, Answer(decision="approve", reviewer="bench"), "approve_week", at=datetime.now(UTC))


def _resume_when_paused() -> None:
    from uuid import UUID

    from prefect.client.orchestration import get_client
    from prefect.flow_runs import resume_flow_run

    from millrace.ledger import approvals
    from tasks.home import Home

    ledger = Home.from_environment().ledger
    while not (waiting := approvals.waiting(ledger)):
        time.sleep(0.1)
    run_id = UUID(waiting[0].prefect_run_id)
    with get_client(sync_client=True) as client:
        while not client.read_flow_run(run_id).state.is_paused():
            time.sleep(0.1)
    resume_flow_run(run_id, run_input={"decision": "approve", "reviewer": "bench", "note": ""})


def _waited_s() -> float:
    from millrace.ledger import approvals
    from tasks.home import Home

    (asked,) = approvals.approvals_of(Home.from_environment().ledger, "week")
    return (asked.decided_at - asked.asked_at).total_seconds()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(_one_run(sys.argv[1], sys.argv[2])))
    else:
        print(run())
