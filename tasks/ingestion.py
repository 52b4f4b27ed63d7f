"""Traces in, documents in: files become datasets."""

from collections.abc import Iterator
from functools import partial
from itertools import chain, groupby
from pathlib import Path

import pyarrow as pa
from pydantic import AwareDatetime, Field

from millrace.datasets.manifest import DatasetRef
from millrace.ingestion.lateness import late_stretches
from millrace.ingestion.mapping import TraceMapping, load_mapping
from millrace.ingestion.selection import Selection
from millrace.ingestion.trace_import import Imported, ImportSettings
from millrace.ingestion.trace_import import import_traces as import_batches
from millrace.ledger import catalogue
from millrace.ledger.catalogue import CatalogueEntry
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.base import Record
from millrace.records.source import SourceRef
from millrace.records.window import Window
from tasks.earlier_runs import earlier_week_runs
from tasks.effect import effect
from tasks.parts import Tables, read_dataset, write_parts
from tasks.run import Run, current_run
from tasks.sources import table_path
from tasks.stage import stage


class SelectedTraces(Record):
    """A window's traces and late ones of earlier weeks, and how many rows of its datasets are not among them."""

    traces: DatasetRef
    n_outside: int
    n_duplicates: int
    n_late: int = 0


class EarlierWeekTraces(Record):
    """A dataset with rows of an earlier week; those of ``known`` ones were taken by the runs of another week."""

    dataset: DatasetRef
    week: Window
    known: bool


class SourcesOfWindow(Record):
    """Trace datasets that may hold rows of a window, and what was skipped when they came in.

    ``late`` is empty unless rows of an earlier week came after that week's run had begun; then it holds all datasets
    of that week, in the order in which they came.
    """

    traces: list[DatasetRef]
    skips: list[DatasetRef]
    ratings: list[DatasetRef]
    late: list[EarlierWeekTraces] = Field(default=[])


class ImportResult(Record):
    """What became of a file's rows."""

    traces: DatasetRef
    labels: DatasetRef
    skips: DatasetRef


@stage
def read_traces(
    source: SourceRef,
    mapping: TraceMapping,
    redaction: list[RedactionRule],
    default_time: AwareDatetime | None,
    tenant_id: str | None,
) -> ImportResult:
    """Map a file's rows to traces, redacted; ratings by people go apart; a row that cannot be taken is a skip.

    A mapping of a published form may put several rows of the file together to one trace.
    """
    settings = ImportSettings(mapping, Redactor(redaction), default_time, tenant_id)
    batches = import_batches(Path(source.path), settings)
    parts = write_parts(_jobs(batches), ["traces", "human_ratings", "skips"])
    return ImportResult(traces=parts["traces"], labels=parts["human_ratings"], skips=parts["skips"])


def _jobs(batches: Iterator[Imported]) -> Iterator[partial[Tables]]:
    for batch in batches:
        yield partial(_tables, batch)


def _tables(batch: Imported) -> Tables:
    return {"traces": batch.traces, "human_ratings": batch.labels, "skips": batch.skips}


def _as_tables(kind: str, table: pa.Table) -> Tables:
    return {kind: table}


def bundled_mapping(name: str) -> TraceMapping:
    """A mapping of ``configs/mappings`` by name, or one's own by path."""
    return load_mapping(table_path(name, "mappings"))


@effect
def resolve_sources(window: Window, tenants: list[str] | None) -> SourcesOfWindow:
    """The datasets that bear on the window, and those that came too late for an earlier one, when the run began."""
    run = current_run()
    traces = [entry.ref for entry in _entries(run, window, tenants, run.sequence)]
    late = list(_late_traces(run, window, tenants))
    brought = [*traces, *(each.dataset for each in late if not each.known and each.dataset not in traces)]
    return SourcesOfWindow(
        traces=traces,
        skips=catalogue.companions_of(run.home.ledger, brought, "skips"),
        ratings=catalogue.companions_of(run.home.ledger, brought, "human_ratings"),
        late=late,
    )


@stage
def select_traces(
    sources: list[DatasetRef],
    window: Window,
    tenants: list[str] | None,
    late: list[EarlierWeekTraces] | None = None,
) -> SelectedTraces:
    """The window's traces and late ones, each id once: where datasets share one, the dataset imported first has it."""
    selection = Selection(window.start, window.end, tenants)
    parts = chain(_window_parts(selection, sources), _late_parts(selection, late or []))
    jobs = (partial(_as_tables, "selected_traces", part) for part in parts)
    return SelectedTraces(
        traces=write_parts(jobs, ["selected_traces"])["selected_traces"],
        n_outside=selection.n_outside,
        n_duplicates=selection.n_duplicates,
        n_late=selection.n_late,
    )


def _entries(run: Run, window: Window, tenants: list[str] | None, upto: int) -> list[CatalogueEntry]:
    return catalogue.resolve_window(
        run.home.ledger, "traces", window.start, window.end, tenants=tenants, sequence_upto=upto
    )


def _late_traces(run: Run, window: Window, tenants: list[str] | None) -> Iterator[EarlierWeekTraces]:
    stretches = late_stretches(earlier_week_runs(run, window, tenants), window, run.sequence)
    for week, own in groupby(stretches, key=lambda stretch: stretch.window):
        taken = list(own)
        entries = _entries(run, week, tenants, taken[-1].upto)
        late = [any(each.after < entry.sequence <= each.upto for each in taken) for entry in entries]
        if any(late):
            for entry, is_late in zip(entries, late, strict=True):
                yield EarlierWeekTraces(dataset=entry.ref, week=week, known=not is_late)


def _window_parts(selection: Selection, sources: list[DatasetRef]) -> Iterator[pa.Table]:
    for source in sources:
        for part in read_dataset(source).parts(measured=True):
            yield selection.of(part)


def _late_parts(selection: Selection, late: list[EarlierWeekTraces]) -> Iterator[pa.Table]:
    for each in late:
        dataset, week = read_dataset(each.dataset), each.week
        if each.known:
            for part in dataset.columns(["trace_id", "time", "tenant_id"]):
                selection.know(part, week.start, week.end)
        else:
            for part in dataset.parts(measured=True):
                yield selection.late(part, week.start, week.end)
