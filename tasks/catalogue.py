"""Enters what steps produce into the catalogue and the subject index."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.ledger import catalogue, subjects
from millrace.ledger.schema import SubjectType
from tasks.run import Run, utc_now

_SUBJECT_COLUMNS: dict[str, SubjectType] = {"user_id": "user", "tenant_id": "tenant"}


def catalogue_outputs(run: Run, inputs: list[DatasetRef], outputs: list[DatasetRef]) -> None:
    """Register new outputs with time range and tenants, and note whom they hold.

    A dataset without a user column holds whomever its inputs hold.
    """
    for ref in outputs:
        if not any(entry.ref == ref for entry in catalogue.find(run.home.ledger, ref.content_hash)):
            _register(run, inputs, run.home.datasets.open(ref))


def _register(run: Run, inputs: list[DatasetRef], dataset: Dataset) -> None:
    names = set(arrow_schema(dataset.model).names)
    held = _subjects(run, dataset, sorted(names & set(_SUBJECT_COLUMNS)))
    time_from, time_to = _time_range(dataset) if "time" in names else (None, None)
    ledger, content_hash = run.home.ledger, dataset.ref.content_hash
    with ledger.write():
        subjects.index_subjects(ledger, content_hash, held)
        if "user_id" not in names:
            subjects.inherit_subjects(ledger, content_hash, [ref.content_hash for ref in inputs])
        catalogue.register(
            ledger,
            dataset.ref,
            time_from=time_from,
            time_to=time_to,
            tenants=_distinct(dataset, "tenant_id") if "tenant_id" in names else [],
            run_id=run.run_id,
            at=utc_now(),
        )


def _subjects(run: Run, dataset: Dataset, columns: list[str]) -> list[tuple[SubjectType, str]]:
    key = run.home.subject_key
    return [
        (subject_type, subjects.keyed_hash(key, subject_type, value))
        for column in columns
        for subject_type in (_SUBJECT_COLUMNS[column],)
        for value in _distinct(dataset, column)
    ]


def _distinct(dataset: Dataset, column: str) -> list[str]:
    values: set[str] = set()
    for part in dataset.columns([column]):
        values.update(pc.unique(part.column(column)).drop_null().to_pylist())
    return sorted(values)


def _time_range(dataset: Dataset) -> tuple[datetime | None, datetime | None]:
    ends = [pc.min_max(part.column("time")) for part in dataset.columns(["time"]) if part.num_rows]
    if not ends:
        return None, None
    bounds = pa.array([end[name].as_py() for end in ends for name in ("min", "max")])
    return pc.min(bounds).as_py(), pc.max(bounds).as_py()
