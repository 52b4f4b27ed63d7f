"""Successors of datasets without a person's rows, and the swap by which they take the places of the old ones."""

from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter

import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef, Origin
from millrace.governance.erasure_rows import without_marks
from millrace.governance.erasure_rules import RULES
from millrace.ledger.subjects import keyed_hash
from millrace.records.base import Record, Sha256
from tasks.erasure_subject import Subject, apart, successor_key
from tasks.home import Home


class Successor(Record):
    """A dataset that takes another's place. Hashes, not refs: it is catalogued by the swap, not as an output."""

    kind: str
    old: Sha256
    new: Sha256
    rows_old: int = Field(ge=0)
    rows_new: int = Field(ge=0)
    n_erased: int = Field(ge=0)
    n_redacted: int = Field(ge=0, description="Rows of others that lost what quoted the person")

    @property
    def old_ref(self) -> DatasetRef:
        return DatasetRef(kind=self.kind, content_hash=self.old, rows=self.rows_old)

    @property
    def new_ref(self) -> DatasetRef:
        return DatasetRef(kind=self.kind, content_hash=self.new, rows=self.rows_new)


def write_all_successors(home: Home, handle: str, subject: Subject, refs: Sequence[DatasetRef]) -> list[Successor]:
    """A successor for each dataset, those first that others of them were made from: origins name what is there."""
    names = {ref.name: ref for ref in refs}
    datasets = {name: home.datasets.open(ref) for name, ref in names.items()}
    graph = {name: [each for each in of.manifest.origin.inputs if each in names] for name, of in datasets.items()}
    written: dict[str, Successor] = {}
    for name in TopologicalSorter(graph).static_order():
        renamed = {old: each.new_ref.name for old, each in written.items()}
        written[name] = _written(home, handle, subject, datasets[name], renamed)
    return [written[name] for name in sorted(written)]


def _written(home: Home, handle: str, subject: Subject, old: Dataset, renamed: dict[str, str]) -> Successor:
    rule, n_redacted, n_erased = RULES[old.ref.kind], 0, 0
    origin = old.manifest.origin
    origin = Origin(**{**dict(origin), "inputs": [renamed.get(name, name) for name in origin.inputs]})
    with home.datasets.building(old.ref.kind, successor_key(handle, old.ref)) as builder:
        for index, part in enumerate(old.parts(measured=True)):
            gone, kept = apart(part, old, old.first_row(index), subject)
            table, n_changed = without_marks(kept, rule, subject.keys, subject.marks)
            n_erased, n_redacted = n_erased + gone.num_rows, n_redacted + n_changed
            builder.commit(index, table)
        new = builder.publish(old.n_parts, origin)
    return Successor(
        kind=old.ref.kind,
        old=old.ref.content_hash,
        new=new.content_hash,
        rows_old=old.ref.rows,
        rows_new=new.rows,
        n_erased=n_erased,
        n_redacted=n_redacted,
    )


def tenants_of(home: Home, successor: Successor) -> set[str] | None:
    """Tenants of the rows that are left; None where the kind has no tenants."""
    dataset = home.datasets.open(successor.new_ref)
    if "tenant_id" not in dataset.model.model_fields:
        return None
    return {each for values in _values(dataset, ["tenant_id"]) for each in values}


def still_holds(home: Home, successor: Successor, subject_hash: str) -> bool:
    """Whether rows of the same user id are left, which is so when only one tenant's were to be erased."""
    dataset = home.datasets.open(successor.new_ref)
    key = home.subject_key
    names = list(RULES[successor.kind].persons)
    return any(keyed_hash(key, "user", value) == subject_hash for values in _values(dataset, names) for value in values)


def _values(dataset: Dataset, names: list[str]) -> Iterator[list[str]]:
    for part in dataset.columns(names) if names else ():
        for name in names:
            yield pc.unique(part.column(name)).drop_null().to_pylist()
