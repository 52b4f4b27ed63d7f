"""Finds datasets of traces, and writes them as files in one of the forms that traces have."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from apps.cli.row_selection import outputs_of
from apps.cli.run_names import find_run
from millrace.datasets.files import sync_folder
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of
from millrace.errors import BadInputError, NotFoundError
from millrace.exports.langfuse import langfuse_line
from millrace.exports.otlp import otlp_line
from millrace.ledger.catalogue import is_buried
from millrace.records.kinds import KINDS
from millrace.records.trace import Trace
from tasks.home import Home
from tasks.receipts import read_receipts

LINES: dict[str, Callable[[Trace], bytes]] = {
    "otlp": otlp_line,
    "langfuse": langfuse_line,
    "jsonl": lambda trace: trace.model_dump_json().encode(),
}

_KINDS = [name for name, kind in KINDS.items() if kind.model is Trace]
_ROWS_AT_A_TIME = 1000


def traces_of_run(home: Home, name: str) -> list[DatasetRef]:
    """The traces that a run put out, of its last step that did; those it made or imported before those it selected.

    Raises:
        NotFoundError: no such run, or it put out none.
    """
    run_id = find_run(home.ledger, name).run_id
    folder = home.run_folder(run_id)
    outputs = outputs_of(read_receipts(folder)) if any((folder / "receipts").glob("*.json")) else []
    for kind in _KINDS:
        found = [each.refs for each in outputs if each.kind == kind]
        if found:
            return list(found[-1])
    raise NotFoundError(f"run {run_id} put out no traces; `millrace rows {run_id}` lists what it did", run_id=run_id)


def find_dataset(home: Home, name: str) -> DatasetRef:
    """The dataset of traces of that name, ``kind:hash``, or of a hash that begins so.

    Raises:
        NotFoundError: none.
        BadInputError: several begin so.
    """
    known = [ref for ref in home.datasets.refs() if ref.kind in _KINDS]
    found = [ref for ref in known if ref.name.startswith(name) or ref.content_hash.startswith(name)]
    if not name or not found:
        raise NotFoundError(f"no dataset of traces {name!r}; `millrace rows RUN` lists those of a run", dataset=name)
    if len(found) > 1:
        shown = ", ".join(ref.name for ref in found[:5])
        raise BadInputError(f"{len(found)} datasets of traces begin with {name!r}: {shown}", dataset=name)
    return found[0]


def write_traces(home: Home, refs: Sequence[DatasetRef], form: str, out: Path) -> int:
    """Write the traces of datasets, one a line; the file is there whole or not at all.

    Returns:
        How many there were.

    Raises:
        BadInputError: the file exists, or its folder does not.
        NotFoundError: a dataset was erased, or is not in this home.
    """
    if out.exists() or not out.parent.is_dir():
        fault = "exists already: name a new file" if out.exists() else "cannot be made: its folder does not exist"
        raise BadInputError(f"{out} {fault}", file=str(out))
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        n_traces = 0
        with temporary.open("wb") as stream:
            for trace in _traces(home, refs):
                stream.write(LINES[form](trace) + b"\n")
                n_traces += 1
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(out.parent)
    return n_traces


def _traces(home: Home, refs: Sequence[DatasetRef]) -> Iterator[Trace]:
    for ref in refs:
        if is_buried(home.ledger, ref.content_hash):
            raise NotFoundError(f"{ref.name} was erased; its tombstone is left", ref=ref.name)
        for part in home.datasets.open(ref).parts(measured=True):
            for start in range(0, part.num_rows, _ROWS_AT_A_TIME):
                yield from rows_of(Trace, part.slice(start, _ROWS_AT_A_TIME))
