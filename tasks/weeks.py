"""What weeks leave to the weeks after them: their numbers and their groups of failures."""

import pyarrow as pa

from millrace.datasets.canonical import sha256_json
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, table_of
from millrace.ledger import pointers
from millrace.records.base import Identifier, Record
from millrace.records.week import WeekFacts
from millrace.records.window import Window
from millrace.reports.weeks import week_facts
from tasks.effect import effect
from tasks.parts import read_columns, read_dataset, write_dataset
from tasks.run import current_run
from tasks.stage import stage

N_WEEKS = 12  # a quarter: what a trend shows


class RememberedWeek(Record):
    """One week: its numbers, and its groups of failures."""

    week: Identifier
    facts: DatasetRef
    groups: DatasetRef


@effect
def find_earlier_weeks(window: Window, tenants: list[str] | None) -> list[RememberedWeek]:
    """What the last weeks before this one left, approved or not, oldest first."""
    known = pointers.pointers_under(current_run().home.ledger, week_scope(window, tenants))
    weeks = sorted((RememberedWeek.model_validate(entry.value) for entry in known), key=lambda each: each.week)
    return [each for each in weeks if each.week < window.name][-N_WEEKS:]


@stage
def measure_week(window: Window, triage: DatasetRef, scores: DatasetRef, n_traces: int) -> DatasetRef:
    """The week in numbers, one row."""
    decisions = read_columns(triage, ["verdict", "failure_type"])
    facts = week_facts(window, decisions, read_columns(scores, ["score"]), n_traces)
    return write_dataset("week_facts", table_of(WeekFacts, [facts]))


@effect
def remember_week(window: Window, tenants: list[str] | None, facts: DatasetRef, groups: DatasetRef) -> None:
    """Leave the week to those after it; a week that is run again takes the place of its earlier run."""
    run = current_run()
    week = RememberedWeek(week=window.name, facts=facts, groups=groups)
    name = f"{week_scope(window, tenants)}{window.name}"
    pointers.set_pointer(run.home.ledger, name, week.model_dump(mode="json"), at=run.now, run_id=run.run_id)


def facts_of(weeks: list[RememberedWeek]) -> pa.Table:
    """The weeks' numbers as one table of WeekFacts, in the order given."""
    return pa.concat_tables([arrow_schema(WeekFacts).empty_table(), *(read_dataset(w.facts).to_arrow() for w in weeks)])


def week_scope(window: Window, tenants: list[str] | None) -> str:
    """The beginning of the names of pointers to weeks that may be compared: of one time zone and the same tenants."""
    named = None if tenants is None else sorted(set(tenants))
    return f"weeks/{sha256_json([window.time_zone, named])[:16]}/"
