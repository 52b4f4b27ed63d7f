"""Users' feedback in, and the feedback on a window's traces out of all that came."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
from pydantic import AwareDatetime, Field

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.evaluation.feedback_rates import feedback_rates
from millrace.ingestion.feedback import FeedbackForm, FeedbackImport, FeedbackSettings, ImportedFeedback
from millrace.ingestion.feedback_selection import FeedbackSelection, selected_range
from millrace.ledger import catalogue
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.base import Record
from millrace.records.monitoring import FeedbackRates
from millrace.records.source import SourceRef
from tasks.effect import effect
from tasks.parts import Tables, read_columns, read_dataset, write_parts
from tasks.run import current_run, log
from tasks.stage import stage

_CLOCKS_DIFFER = timedelta(days=1)  # feedback may seem older than its trace by this much
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


class FeedbackImportResult(Record):
    """What became of a file's rows."""

    feedback: DatasetRef
    skips: DatasetRef
    n_ratings: int = Field(ge=0)
    n_corrections: int = Field(ge=0)
    n_comments: int = Field(ge=0)
    n_duplicates: int = Field(ge=0, description="Skipped rows that said what an earlier row had said")
    n_revised: int = Field(ge=0, description="Rows taken that change what their user said earlier in the file")


class SelectedFeedback(Record):
    """The last word of each user on each of the traces, and how many rows are not among them."""

    feedback: DatasetRef
    n_superseded: int = Field(ge=0, description="Rows on the traces that a later one of the same user replaced")
    n_other_tenant: int = Field(ge=0, description="Rows about a trace of another tenant; left out")
    n_elsewhere: int = Field(ge=0, description="Rows about traces of other windows, or of none that is known")


@stage
def read_feedback(
    source: SourceRef,
    form: FeedbackForm,
    redaction: list[RedactionRule],
    default_time: AwareDatetime | None,
    tenant_id: str | None,
) -> FeedbackImportResult:
    """Take a file's feedback in, redacted; a row that cannot be taken, or says nothing new, is a skip."""
    settings = FeedbackSettings(form, Redactor(redaction), default_time, tenant_id)
    reading = FeedbackImport(settings, Path(source.path).name)
    jobs = (partial(_tables, batch) for batch in reading.batches(Path(source.path)))
    parts = write_parts(jobs, ["feedback", "skips"])
    log().info(
        "%d ratings, %d corrections, %d comments; %d rows say what was said before",
        *(reading.n_ratings, reading.n_corrections, reading.n_comments, reading.n_duplicates),
    )
    return FeedbackImportResult(
        feedback=parts["feedback"],
        skips=parts["skips"],
        n_ratings=reading.n_ratings,
        n_corrections=reading.n_corrections,
        n_comments=reading.n_comments,
        n_duplicates=reading.n_duplicates,
        n_revised=reading.n_revised,
    )


def _tables(batch: ImportedFeedback) -> Tables:
    return {"feedback": batch.feedback, "skips": batch.skips}


@effect
def resolve_feedback(traces: DatasetRef) -> list[DatasetRef]:
    """The imported feedback that may be about these traces, as known when the run began, in the order it came."""
    run = current_run()
    known = [entry for entry in catalogue.find(run.home.ledger, traces.content_hash) if entry.ref == traces]
    if not known or known[0].time_from is None:
        return []
    found = catalogue.resolve_window(
        run.home.ledger,
        "feedback",
        known[0].time_from - _CLOCKS_DIFFER,
        _END_OF_TIME,
        tenants=known[0].tenants,
        sequence_upto=run.sequence,
    )
    return [entry.ref for entry in found]


@stage
def select_feedback(traces: DatasetRef, sources: list[DatasetRef]) -> SelectedFeedback:
    """The last word of each user on each of the traces, whenever it came; sorted by trace."""
    selection = FeedbackSelection(read_columns(traces, ["trace_id", "tenant_id"]))
    datasets = [read_dataset(source) for source in sources]
    selection.count(_parts(datasets))
    jobs = (partial(_selected, selection, datasets, places) for places in selection.ranges())
    feedback = write_parts(jobs, ["selected_feedback"])["selected_feedback"]
    return SelectedFeedback(
        feedback=feedback,
        n_superseded=selection.n_rows - feedback.rows,
        n_other_tenant=selection.n_other_tenant,
        n_elsewhere=selection.n_elsewhere,
    )


@stage
def measure_feedback(traces: DatasetRef, feedback: DatasetRef) -> FeedbackRates:
    """How users rate the traces; feedback is what :func:`select_feedback` gave."""
    said = read_columns(feedback, ["trace_id", "rating", "correction", "comment"])
    return feedback_rates(read_columns(traces, ["trace_id"]), said)


def _selected(selection: FeedbackSelection, datasets: list[Dataset], places: range) -> Tables:
    return {"selected_feedback": selected_range(selection, _parts(datasets), places)}


def _parts(datasets: list[Dataset]) -> Iterator[pa.Table]:
    return (part for dataset in datasets for part in dataset.parts())
