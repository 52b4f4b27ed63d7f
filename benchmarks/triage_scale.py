"""Triage of 10 000 and of 100 000 traces: seconds by stage, peak memory, and how both grow.

Importing and measuring are processes of their own, each size with an empty home, no Prefect in between.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.tables import table
from benchmarks.traces import write_traces

SIZES = (10_000, 100_000)
LIMIT_MIB = 1_536
WEEK = {"week": "2026-W46", "as_of": "2026-11-16T06:00:00Z"}
STAGES = (
    "select-traces",
    "score-groundedness",
    "triage-traces",
    "group-failures",
    "measure-week",
    "propose-annotations",
    "enqueue-annotations",
)


def run(sizes: tuple[int, ...] = SIZES) -> str:
    """A Markdown table with one column a size."""
    measured = []
    for n_traces in sizes:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "traces.jsonl"
            write_traces(source, n_traces)
            _process(folder, "import", str(source))
            measured.append(_process(folder, "triage"))
    rows = [
        [name, *(f"{found['seconds'][name]:.1f}" for found in measured), _growth(measured, name)] for name in STAGES
    ]
    totals = [sum(found["seconds"].values()) for found in measured]
    rows.append(
        ["**all stages until the pause**", *(f"**{total:.1f}**" for total in totals), f"{totals[-1] / totals[0]:.1f}"]
    )
    peaks = [found["peak_mib"] for found in measured]
    rows.append(["peak memory, MiB", *(f"{peak:.0f}" for peak in peaks), f"{peaks[-1] / peaks[0]:.2f}"])
    rows.append(["failures", *(f"{found['failures']:,}" for found in measured), ""])
    rows.append(["groups", *(f"{found['groups']:,}" for found in measured), ""])
    aims = f"Aims: memory under {LIMIT_MIB:,} MiB, time close to {sizes[-1] // sizes[0]} times."
    header = ["stage, seconds", *(f"{n:,} traces" for n in sizes), "ratio"]
    return f"{table(header, rows)}\n\nOne run a size (n = 1). {aims}"


def _growth(measured: list[dict[str, Any]], name: str) -> str:
    first, last = measured[0]["seconds"][name], measured[-1]["seconds"][name]
    return f"{last / first:.1f}" if first > 0.05 else ""


def _process(folder: str, *command: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "MILLRACE_HOME": str(Path(folder) / "home"),
        "PREFECT_HOME": str(Path(folder) / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
    }
    Path(environment["PREFECT_HOME"]).mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.triage_scale", *command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _import(source: str) -> dict[str, Any]:
    from flows.import_traces import ImportTracesConfig, import_traces

    import_traces.fn(ImportTracesConfig(file=source), run_id="import")
    return {}


def _triage() -> dict[str, Any]:
    from flows.weekly_flywheel import WeeklyFlywheelConfig, weekly_flywheel
    from millrace.errors import BadInputError
    from tasks.home import Home
    from tasks.receipts import read_receipts

    try:
        weekly_flywheel.fn(WeeklyFlywheelConfig.model_validate(WEEK), run_id="week")
    except BadInputError as error:
        if "waits for a decision" not in str(error):
            raise
    receipts = {each.step: each for each in read_receipts(Home.from_environment().run_folder("week"))}
    groups = receipts["group-failures"].output["groups"]["rows"]
    (facts,) = _facts(receipts["measure-week"].output)
    return {
        "seconds": {name: receipts[name].duration_s for name in STAGES},
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "failures": sum(kind["n"] for kind in facts["failures"]),
        "groups": groups,
    }


def _facts(ref: dict[str, Any]) -> list[dict[str, Any]]:
    from millrace.datasets.manifest import DatasetRef
    from tasks.home import Home

    rows: list[dict[str, Any]] = (
        Home.from_environment().datasets.open(DatasetRef.model_validate(ref)).to_arrow().to_pylist()
    )
    return rows


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["import", source]:
            print(json.dumps(_import(source)))
        case ["triage"]:
            print(json.dumps(_triage()))
        case _:
            print(run())
