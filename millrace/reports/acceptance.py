"""The acceptance run as Markdown."""

from collections.abc import Sequence

from millrace.methods.markdown import plain
from millrace.records.acceptance import InvariantResult
from millrace.reports.markdown import markdown_table


def acceptance_markdown(run_id: str, results: Sequence[InvariantResult]) -> str:
    """How many invariants hold, and each with what was found."""
    n_passed = sum(result.passed for result in results)
    rows = [(str(each.number), each.name, "holds" if each.passed else "BROKEN", each.detail) for each in results]
    table = markdown_table(("", "Invariant", "", "Found"), rows, first_number=4)
    return f"# Acceptance {n_passed}/{len(results)}\n\nRun {plain(run_id)}\n\n{table}\n"
