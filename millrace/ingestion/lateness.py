"""Late traces: rows of an earlier week that came after that week's run had begun. They belong to the next run.

A row is known by its week and by when it came, the sequence of its dataset in the catalogue. The run of a week takes
all that has come of its own week; of each earlier week that was run it takes what no run has taken. So a row that comes
after its week's first run is late for the runs of one week only, however many runs there are and in whatever order. A
week that never had a run keeps its rows until it is run: an import of last year's traces makes nobody late.
"""

from collections.abc import Iterator, Sequence

from millrace.records.base import Record
from millrace.records.window import Window


class WeekRun(Record):
    """A run of a week, and the last sequence it saw."""

    window: Window
    sequence: int


class LateStretch(Record):
    """Rows of ``window`` in datasets with ``after < sequence <= upto``."""

    window: Window
    after: int
    upto: int


def late_stretches(earlier: Sequence[WeekRun], window: Window, sequence: int) -> list[LateStretch]:
    """What the run of a week takes of the weeks before it, by week and sequence.

    A week that is run again takes again what its first run took, and what came since.

    Args:
        earlier: runs over the same traffic (tenants, time zone) that began before this one, in the order in which they
            began; of later weeks too.
        sequence: the last one that this run sees.
    """
    weeks = {run.window.name: run.window for run in earlier if run.window.start < window.start}
    return [
        stretch
        for week in sorted(weeks.values(), key=lambda each: each.start)
        for taker, stretch in _taken(earlier, week, WeekRun(window=window, sequence=sequence))
        if taker == window.name
    ]


def _taken(earlier: Sequence[WeekRun], week: Window, last: WeekRun) -> Iterator[tuple[str, LateStretch]]:
    """Who took which stretch of a week's rows that came after its first run began."""
    upto = None
    for run in (*earlier, last):
        if upto is None:
            upto = run.sequence if run.window.name == week.name else None
        elif run.window.start >= week.start and run.sequence > upto:
            yield run.window.name, LateStretch(window=week, after=upto, upto=run.sequence)
            upto = run.sequence
