"""What the arguments of ``millrace gate`` name: runs and files."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from apps.cli.row_selection import Outputs, outputs_of
from apps.cli.run_names import find_run
from apps.cli.runs import receipts_of
from apps.cli.terminal import Terminal
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.catalogue import is_buried
from millrace.monitoring.eval_results import EvalResult, read_result_file, result_of_scores, together
from tasks.home import Home

_KIND = "metric_scores"
_LIKE_A_PATH = re.compile(r"[/\\]|\.(?:jsonl?|ya?ml|csv|html|xml)$")


def named_result(terminal: Terminal, name: str) -> EvalResult:
    """The result of a file, where there is one or the name looks like one; otherwise of a run of this home.

    Raises:
        NotFoundError: neither; or a run without metric scores.
    """
    if Path(name).is_file() or _LIKE_A_PATH.search(name):
        return read_result_file(Path(name))
    return _result_of_run(terminal, name)


def candidate_of(terminal: Terminal, names: Sequence[str], promptfoo: Path | None) -> EvalResult:
    """All that was named of the candidate.

    Raises:
        BadInputError: nothing was, or the file after ``--promptfoo`` is of another kind.
    """
    results = [named_result(terminal, name) for name in names]
    if promptfoo is not None:
        found = read_result_file(promptfoo)
        if not found.kind.startswith("promptfoo"):
            raise BadInputError(f"{promptfoo} is a {found.kind}, not a promptfoo file; name it with --candidate")
        results.append(found)
    if not results:
        raise BadInputError("nothing to compare: give --candidate, --promptfoo or both")
    return together(results)


def _result_of_run(terminal: Terminal, name: str) -> EvalResult:
    home = terminal.existing_home()
    run = find_run(home.ledger, name)
    outputs = [each for each in outputs_of(receipts_of(terminal, run.run_id)) if each.kind == _KIND]
    if not outputs:
        raise NotFoundError(
            f"run {run.run_id} of {run.flow} ({run.status}) put out no {_KIND}; expected a run of daily-eval",
            run_id=run.run_id,
        )
    for ref in (ref for each in outputs for ref in each.refs):
        if is_buried(home.ledger, ref.content_hash):
            raise NotFoundError(f"{ref.name} was erased; its tombstone is left", ref=ref.name)
    return result_of_scores(run.run_id, f"run of {run.flow}", (_parts(home, each) for each in outputs))


def _parts(home: Home, outputs: Outputs) -> Iterator[pa.Table]:
    for ref in outputs.refs:
        yield from home.datasets.open(ref).parts()
