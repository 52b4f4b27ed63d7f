"""Why something in a home stays though its time is over."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from millrace.datasets.canonical import canonical_json
from millrace.ledger import expiry
from millrace.ledger.runs import Run, list_runs
from millrace.ledger.schema import Json
from tasks.holds import held_datasets, held_runs
from tasks.home import Home
from tasks.references import SHA256, export_folders, receipt_hashes, released_hashes, released_runs

FLOW = "enforce-retention"
_UNENDED = ("running", "waiting")
_ALL = 1_000_000
_RUN_ID = re.compile(r"[\w-][\w.-]{0,159}")  # what names a folder under runs/
Reasons = dict[str, list[str]]


def dataset_reasons(home: Home) -> Reasons:
    """Why datasets stay, by content hash; the weightiest reason first. Hashes of other things may be among them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for digest, why in held_datasets(home).items():
        found[digest].append(why)
    for digest, version in released_hashes(home).items():
        found[digest].append(f"frozen release {version} rests on it")
    for name, values in expiry.pointed_values(home.ledger).items():
        for digest in _hashes(values):
            found[digest].append(f"pointer {name} names it")
    for run, values in _open_values(home):
        needed = _hashes(values).union(*(receipt_hashes(home, each) for each in _names(values)))
        for digest in needed | receipt_hashes(home, run.run_id):
            found[digest].append(f"run {run.run_id} needs it and is {run.status}")
    for digest in _hashes(expiry.open_task_values(home.ledger)):
        found[digest].append("an annotation task that nobody has answered names it")
    return dict(found)


def run_reasons(home: Home) -> Reasons:
    """Why what a run left beside its datasets stays, by run id."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for run_id, why in held_runs(home).items():
        found[run_id].append(why)
    for run in open_runs(home):
        found[run.run_id].append(f"the run is {run.status}")
    return dict(found)


def export_reasons(home: Home) -> Reasons:
    """Why exports stay, by run id."""
    found = defaultdict(list, run_reasons(home))
    for run_id, version in released_runs(home).items():
        found[run_id].append(f"frozen release {version} is made of them")
    exported = {folder.name for folder in export_folders(home)}
    for run, values in _open_values(home):
        for run_id in _names(values) & exported:
            found[run_id].append(f"run {run.run_id} works on them and is {run.status}")
    return dict(found)


def open_runs(home: Home) -> list[Run]:
    """The runs that may go on, but retention's own: what these list is what is to go."""
    return [run for run in list_runs(home.ledger, _ALL) if run.status in _UNENDED and run.flow != FLOW]


def _open_values(home: Home) -> Iterator[tuple[Run, list[Json]]]:
    """The open runs with everything that they were given, pinned or gave out."""
    for run in open_runs(home):
        yield run, [run.config, *expiry.values_of_run(home.ledger, run.run_id)]


def _hashes(values: Iterable[Json]) -> set[str]:
    return {digest for value in values for digest in SHA256.findall(canonical_json(value).decode())}


def _names(values: Iterable[Json]) -> set[str]:
    """Every text in them that could be the id of another run."""
    found: set[str] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return {each for each in found if _RUN_ID.fullmatch(each)}
