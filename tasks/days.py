"""What days leave to the days after them: their figures, their searches, their questions, their scores."""

from collections.abc import Sequence

import pyarrow as pa

from millrace.datasets.canonical import sha256_json
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, table_of
from millrace.ledger import pointers
from millrace.records.base import Identifier, Record
from millrace.records.monitoring import DayFigure
from millrace.records.window import Window
from tasks.effect import effect
from tasks.parts import read_dataset
from tasks.run import current_run

_DATE = len("2026-11-20")  # a stretch of time has the date of its beginning first
N_DAYS = 60  # two months: what trends, anomalies and the canary look back on


class RememberedDay(Record):
    """One day as its last run found it; ``measured`` are figures outside any dataset, as times and costs are."""

    day: Identifier
    figures: DatasetRef
    measured: list[DayFigure]
    searches: DatasetRef
    questions: DatasetRef
    scores: list[DatasetRef]
    weights: DatasetRef


class EarlierDays(Record):
    """The last days before this one, oldest first, and the first days on record, which drift is held against."""

    last: list[RememberedDay]
    first: list[RememberedDay]


@effect
def find_earlier_days(window: Window, tenants: list[str] | None, n_first: int, first_from: str | None) -> EarlierDays:
    """What days before this one left.

    Args:
        n_first: most days that drift is held against.
        first_from: the day from which these are taken; None: from the first on record.
    """
    known = pointers.pointers_under(current_run().home.ledger, day_scope(window.time_zone, tenants))
    days = sorted((RememberedDay.model_validate(entry.value) for entry in known), key=lambda each: each.day)
    before = [each for each in days if each.day < window.name[:_DATE]]
    first = [each for each in before if first_from is None or each.day >= first_from]
    return EarlierDays(last=before[-N_DAYS:], first=first[:n_first])


@effect
def remember_day(window: Window, tenants: list[str] | None, day: RememberedDay) -> None:
    """Leave the day to those after it; a day that is run again takes the place of its earlier run."""
    run = current_run()
    name = f"{day_scope(window.time_zone, tenants)}{day.day}"
    pointers.set_pointer(run.home.ledger, name, day.model_dump(mode="json"), at=run.now, run_id=run.run_id)


def day_scope(time_zone: str, tenants: list[str] | None) -> str:
    """The beginning of the names of pointers to days that may be compared: of one time zone and the same tenants."""
    named = None if tenants is None else sorted(set(tenants))
    return f"days/{sha256_json([time_zone, named])[:16]}/"


def figures_of(days: Sequence[RememberedDay]) -> pa.Table:
    """All figures of these days as one table of DayFigure, days in the order given."""
    tables = [arrow_schema(DayFigure).empty_table()]
    for day in days:
        tables += [read_dataset(day.figures).to_arrow(), table_of(DayFigure, day.measured)]
    return pa.concat_tables(tables)
