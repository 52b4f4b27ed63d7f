"""What a run did, step by step, as Markdown for a terminal, an artifact or a file."""

from collections.abc import Sequence

from millrace.methods.markdown import plain
from millrace.records.receipt import Receipt, RunSummary, StepCounts
from millrace.reports.markdown import markdown_table
from millrace.reports.wording import NOTHING, counted, number, short_hash, utc_text

_HEADER = ("Step", "Kind", "Output", "Rows in", "Rows out", "Skipped", "Quarantined", "Cached", "Attempts", "Seconds")


def run_summary_markdown(summary: RunSummary, receipts: Sequence[Receipt]) -> str:
    """A run with one row a step, in the order of their start, equal times by name.

    Steps that gave out several datasets name each; an effect gives out none.
    """
    steps = sorted(receipts, key=lambda receipt: (receipt.started_at, receipt.step))
    parts = [f"# Run {plain(summary.run_id)}", _facts(summary)]
    if steps:
        rows = [_step(receipt) for receipt in steps]
        parts.append(markdown_table(_HEADER, [*rows, _total(summary)], first_number=3))
    else:
        parts.append("No step was run.")
    return "\n\n".join(parts) + "\n"


def _facts(summary: RunSummary) -> str:
    rows = [
        ("Flow", summary.flow),
        ("Status", summary.status if summary.reason is None else f"{summary.status}: {summary.reason}"),
        ("Checks", "all passed" if summary.overall_passed else "not all passed"),
        ("Started", utc_text(summary.started_at)),
        ("Finished", utc_text(summary.finished_at)),
        ("Steps", _step_counts(summary)),
        ("Hash of the stages' outputs", summary.run_hash),
    ]
    return "\n".join(f"- **{name}:** {plain(value)}" for name, value in rows)


def _step_counts(summary: RunSummary) -> str:
    stages, effects = counted(summary.n_stages, "stage"), counted(summary.n_effects, "effect")
    return f"{stages} and {effects}, {number(summary.n_cached)} from the cache"


def _step(receipt: Receipt) -> tuple[str, ...]:
    return (
        receipt.step,
        receipt.step_type,
        ", ".join(short_hash(output) for output in receipt.outputs) or NOTHING,
        *_rows(receipt.counts),
        "yes" if receipt.cached else "no",
        number(receipt.attempts),
        f"{receipt.duration_s:.2f}",
    )


def _total(summary: RunSummary) -> tuple[str, ...]:
    return ("all", "", short_hash(summary.run_hash), *_rows(summary.counts), "", "", f"{summary.duration_s:.2f}")


def _rows(counts: StepCounts) -> tuple[str, str, str, str]:
    given = (counts.rows_in, counts.rows_out, counts.rows_skipped, counts.rows_quarantined)
    n_in, n_out, n_skipped, n_quarantined = map(number, given)
    return n_in, n_out, n_skipped, n_quarantined
