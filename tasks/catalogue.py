"""Enters what steps produce into the catalogue and the subject index."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.store import kind_of
from millrace.ledger import catalogue, subjects
from millrace.ledger.schema import SubjectType
from tasks.run import Run, utc_now

_SUBJECT_COLUMNS: dict[str, SubjectType] = {"user_id": "user", "rejected_user_id": "user", "tenant_id": "tenant"}


def catalogue_outputs(run: Run, inputs: list[DatasetRef], outputs: list[DatasetRef]) -> None:
    """Register new outputs with time range and tenants, and note whom they hold.

    A dataset without a user column holds whomever the step's inputs hold, and whomever its other new outputs hold:
    what is read from outside has no inputs.
    """
    new = [run.home.datasets.open(ref) for ref in outputs if not _is_known(run, ref)]
    for dataset in new:
        subjects.index_subjects(run.home.ledger, dataset.ref.content_hash, _subjects(run, dataset))
    for ref in outputs:
        if "user_id" not in kind_of(ref.kind).model.model_fields:
            siblings = [each.ref for each in new] if any(each.ref == ref for each in new) else []
            parents = [parent.content_hash for parent in (*inputs, *siblings)]
            subjects.inherit_subjects(run.home.ledger, ref.content_hash, parents)
    for dataset in new:
        _register(run, dataset)


def _is_known(run: Run, ref: DatasetRef) -> bool:
    return any(entry.ref == ref for entry in catalogue.find(run.home.ledger, ref.content_hash))


def _register(run: Run, dataset: Dataset) -> None:
    names = dataset.model.model_fields
    time_from, time_to = _time_range(dataset) if "time" in names else (None, None)
    catalogue.register(
        run.home.ledger,
        dataset.ref,
        time_from=time_from,
        time_to=time_to,
        tenants=_distinct(dataset, "tenant_id") if "tenant_id" in names else [],
        run_id=run.run_id,
        at=utc_now(),
    )


def _subjects(run: Run, dataset: Dataset) -> list[tuple[SubjectType, str]]:
    key = run.home.subject_key
    return [
        (subject_type, subjects.keyed_hash(key, subject_type, value))
        for column, subject_type in _SUBJECT_COLUMNS.items()
        if column in dataset.model.model_fields
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
