"""Finds which datasets of a home bear on a distillation, and takes what people answered out of the ledger."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.manifest import DatasetRef
from millrace.distillation.streams import (
    AnnotationSource,
    GoldenSource,
    GoldenVersionTime,
    MillraceStreams,
    Scope,
    SourceDataset,
    StreamName,
)
from millrace.ledger import catalogue, pointers
from millrace.ledger.catalogue import CatalogueEntry
from millrace.ledger.tasks import tasks as ledger_tasks
from tasks.annotation import Answers, snapshot_labels
from tasks.golden import pointer_name
from tasks.parts import read_dataset, write_tables
from tasks.run import Run

_BEGINNING, _END = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(days=1)  # feedback may seem older than its trace by this much
_TRACES = ("traces", "selected_traces")
_DIGITS = "0123456789abcdef"


def find_streams(run: Run, scope: Scope, names: Sequence[StreamName]) -> MillraceStreams:
    """What the streams need, and no more; a dataset registered after the run began is not seen.

    Inside an effect: what people answered is written as datasets of it.
    """
    sources = _Sources(run, scope)
    wanted = set(names)
    answers = snapshot_labels.function() if wanted & {"traces", "annotations", "golden"} else None
    return MillraceStreams(
        streams=list(names),
        **scope.model_dump(),
        traces=sources.traces() if wanted & {"traces", "annotations", "feedback"} else [],
        groundedness=sources.scores("groundedness") if "traces" in wanted else [],
        triage=[each.ref for each in sources.timed("triage")] if "traces" in wanted else [],
        metric_scores=sources.scores("metric_scores") if "traces" in wanted else [],
        human_ratings=sources.ratings() if "traces" in wanted else [],
        feedback=sources.feedback() if wanted & {"traces", "feedback"} else [],
        answers=[] if answers is None else [answers.tasks, answers.annotations],
        annotations=[] if answers is None else list(_by_run(run, answers)),
        golden=list(_golden(run)),
        replays=sources.timed("replays") if "replays" in wanted else [],
    )


class _Sources:
    """The catalogue as it was when the run began."""

    def __init__(self, run: Run, scope: Scope) -> None:
        self._run, self._scope = run, scope
        found = (entry for digit in _DIGITS for entry in catalogue.find(run.home.ledger, digit))
        seen = (each for each in found if each.sequence <= run.sequence and each.buried_reason is None)
        self._entries = sorted(seen, key=lambda entry: entry.sequence)
        self._near = {name for kind in _TRACES for name in (each.ref.name for each in self._window(kind))}

    def traces(self) -> list[SourceDataset]:
        return self.timed("traces")

    def timed(self, kind: str) -> list[SourceDataset]:
        """Datasets of a kind that may hold rows of the window."""
        return [SourceDataset(ref=each.ref, run_id=each.run_id) for each in self._window(kind)]

    def feedback(self) -> list[SourceDataset]:
        """It may come long after its trace."""
        start = _BEGINNING if self._scope.start is None else self._scope.start - _CLOCKS_DIFFER
        found = self._resolved("feedback", start, _END)
        return [SourceDataset(ref=each.ref, run_id=each.run_id) for each in found]

    def scores(self, kind: str) -> list[DatasetRef]:
        """Datasets made from traces, without those that are known to be of other traces' windows."""
        elsewhere = {each.ref.name for kind in _TRACES for each in self._of(kind)} - self._near
        found = [each.ref for each in self._of(kind) if self._run.home.datasets.exists(each.ref)]
        return [ref for ref in found if not (made_from := self._made_from(ref)) or made_from - elsewhere]

    def ratings(self) -> list[DatasetRef]:
        """Imported ratings, without those that came with traces of other windows alone."""
        near = {each.run_id for each in self._of("traces") if each.ref.name in self._near}
        elsewhere = {each.run_id for each in self._of("traces")} - near
        return [each.ref for each in self._of("human_ratings") if each.run_id not in elsewhere]

    def _of(self, kind: str) -> list[CatalogueEntry]:
        return [entry for entry in self._entries if entry.ref.kind == kind]

    def _made_from(self, ref: DatasetRef) -> set[str]:
        inputs = read_dataset(ref).manifest.origin.inputs
        return {name for name in inputs if name.partition(":")[0] in _TRACES}

    def _window(self, kind: str) -> list[CatalogueEntry]:
        return self._resolved(kind, self._scope.start or _BEGINNING, self._scope.end or _END)

    def _resolved(self, kind: str, start: datetime, end: datetime) -> list[CatalogueEntry]:
        run, tenants = self._run, self._scope.tenants
        return catalogue.resolve_window(run.home.ledger, kind, start, end, tenants=tenants, sequence_upto=run.sequence)


def _by_run(run: Run, answers: Answers) -> Iterator[AnnotationSource]:
    """The answers apart by the run that asked: it is where they come from, whichever run looks at them."""
    tasks, annotations = (read_dataset(ref).to_arrow() for ref in (answers.tasks, answers.annotations))
    run_of = {task.task_id: task.run_id for task in ledger_tasks(run.home.ledger, status="completed")}
    runs = [pa.array([run_of.get(each, "") for each in table["task_id"].to_pylist()]) for table in (tasks, annotations)]
    for run_id in sorted(set(pc.unique(runs[0]).to_pylist()) - {""}):
        own = [table.filter(pc.equal(ids, run_id)) for table, ids in zip((tasks, annotations), runs, strict=True)]
        asked, said = write_tables(annotation_tasks=own[0], annotations=own[1])
        yield AnnotationSource(tasks=asked, annotations=said, run_id=run_id)


def _golden(run: Run) -> Iterator[GoldenSource]:
    """The active version of every golden dataset, by name."""
    ledger, prefix = run.home.ledger, pointer_name("")
    for active in pointers.pointers_under(ledger, prefix):
        ref = DatasetRef.model_validate(active.value["dataset"])
        entries = [each for each in catalogue.find(ledger, ref.content_hash) if each.ref == ref]
        published: dict[str, datetime] = {}
        for value in pointers.pointer_history_of(ledger, active.name):
            published.setdefault(value.value["version"], value.at)
        yield GoldenSource(
            name=active.name.removeprefix(prefix),
            version=active.value["version"],
            ref=ref,
            run_id=entries[0].run_id if entries else active.run_id,
            published_at=active.at,
            versions=[GoldenVersionTime(version=version, published_at=at) for version, at in published.items()],
        )
