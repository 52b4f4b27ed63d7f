"""Traces in, documents in: files become datasets."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
from pydantic import AwareDatetime

from millrace.datasets.manifest import DatasetRef
from millrace.ingestion.mapping import TraceMapping, load_mapping
from millrace.ingestion.selection import Selection
from millrace.ingestion.trace_import import Imported, ImportSettings
from millrace.ingestion.trace_import import import_traces as import_batches
from millrace.ledger import catalogue
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.base import Record
from millrace.records.source import SourceRef
from millrace.records.window import Window
from tasks.effect import effect
from tasks.parts import Tables, read_dataset, write_parts
from tasks.run import current_run
from tasks.sources import table_path
from tasks.stage import stage


class SelectedTraces(Record):
    """A window's traces, and how many rows of its datasets are not among them."""

    traces: DatasetRef
    n_outside: int
    n_duplicates: int


class SourcesOfWindow(Record):
    """Trace datasets that may hold rows of a window, and what was skipped when they came in."""

    traces: list[DatasetRef]
    skips: list[DatasetRef]
    ratings: list[DatasetRef]


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
    """Map a file's rows to traces, redacted; ratings by people go apart; a row that cannot be taken is a skip."""
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
    """The datasets that bear on the window, as the catalogue stood when the run began."""
    run = current_run()
    ledger = run.home.ledger
    entries = catalogue.resolve_window(
        ledger, "traces", window.start, window.end, tenants=tenants, sequence_upto=run.sequence
    )
    traces = [entry.ref for entry in entries]
    return SourcesOfWindow(
        traces=traces,
        skips=catalogue.companions_of(ledger, traces, "skips"),
        ratings=catalogue.companions_of(ledger, traces, "human_ratings"),
    )


@stage
def select_traces(sources: list[DatasetRef], window: Window, tenants: list[str] | None) -> SelectedTraces:
    """The window's traces, each id once: where datasets share one, the dataset imported first has it."""
    selection = Selection(window.start, window.end, tenants)
    jobs: Iterator[partial[Tables]] = (
        partial(_as_tables, "selected_traces", selection.of(part))
        for source in sources
        for part in read_dataset(source).parts(measured=True)
    )
    traces = write_parts(jobs, ["selected_traces"])["selected_traces"]
    return SelectedTraces(traces=traces, n_outside=selection.n_outside, n_duplicates=selection.n_duplicates)
