"""Which golden rows are eval cases, and a few that stand for all (A33)."""

from collections import defaultdict
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import rows_of
from millrace.records.golden import GoldenRow


def eval_rows(golden: pa.Table) -> list[GoldenRow]:
    """Rows of the split ``eval`` by ``golden_id``; rows of ``train`` never become cases."""
    rows = rows_of(GoldenRow, golden.filter(pc.equal(golden.column("split"), "eval")))
    return sorted(rows, key=lambda row: row.golden_id)


def choose_evenly(rows: Sequence[GoldenRow], n_cases: int) -> list[GoldenRow]:
    """At most ``n_cases`` rows, spread over expected behaviours with categories, then over groups of failures.

    Of each stratum in turn one row is taken, of the group that has given fewest so far. Ties are drawn by a hash of
    the row's id, so that the choice depends on nothing but the rows, and a new row moves few others.

    Returns:
        By ``golden_id``; all rows when there are no more than ``n_cases``.
    """
    waiting: dict[tuple[str, str], list[GoldenRow]] = defaultdict(list)
    for row in sorted(rows, key=_drawn):
        waiting[row.expected_behaviour, row.category].append(row)
    given: dict[str, int] = defaultdict(int)
    chosen: list[GoldenRow] = []
    while len(chosen) < n_cases and waiting:
        for stratum in sorted(waiting)[: n_cases - len(chosen)]:
            row = min(waiting[stratum], key=lambda each: given[_group(each)])
            waiting[stratum].remove(row)
            given[_group(row)] += 1
            chosen.append(row)
            if not waiting[stratum]:
                del waiting[stratum]
    return sorted(chosen, key=lambda row: row.golden_id)


def _group(row: GoldenRow) -> str:
    """The group of failures the row stands for; a row of none stands for itself."""
    return row.group_id or row.near_duplicate_group


def _drawn(row: GoldenRow) -> str:
    return sha256_json(["eval_case", row.golden_id])
