"""Finds everything of one person that a home's datasets and its queue hold, from the keyed hash of their id."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import distinct, select

from millrace.datasets.canonical import sha256_json
from millrace.datasets.dataset import MANIFEST_FILE, Dataset, read_manifest
from millrace.datasets.manifest import DatasetRef
from millrace.errors import MillraceError
from millrace.governance.erasure_marks import Marks, texts_in, words_of
from millrace.governance.erasure_rows import (
    SubjectKeys,
    learn_keys,
    learn_marks,
    leave_to_others,
    place_of,
    rows_of_subject,
    without_marks,
)
from millrace.governance.erasure_rules import RULES, RowRule
from millrace.ledger import erasures
from millrace.ledger.erasures import ErasureRequest, LedgerTask
from millrace.ledger.schema import annotations, approvals, dataset_tenants, reviewers
from millrace.ledger.subjects import keyed_hash
from millrace.records.kinds import KINDS
from tasks.home import Home

_PLACED = frozenset({"traces", "feedback", "annotations", "golden", "replays"})  # what evidence is made from
_PACKAGES = ("millrace", "tasks", "flows", "apps", "configs", "blocks")


@dataclass
class Subject:
    """One person, as a home knows them; in memory only.

    Attributes:
        rows: datasets with rows of theirs, and how many.
        tasks: annotation tasks of the ledger that are about them.
        seen: content hashes of the datasets that were looked at.
        unreadable: datasets that could not be looked at, and why.
    """

    keys: SubjectKeys
    marks: Marks = field(default_factory=Marks)
    rows: dict[DatasetRef, int] = field(default_factory=dict)
    tasks: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    unreadable: dict[str, str] = field(default_factory=dict)


def find_subject(home: Home, request: ErasureRequest, *, leave_out: Collection[str] = ()) -> Subject:
    """Everything of the person, found by looking at every dataset on disk: what the subject index missed too.

    Args:
        leave_out: content hashes of datasets that do not say what is others', as those that are being replaced.
    """
    subject = Subject(keys_of(home, request))
    datasets = list(_readable(home, subject))
    tasks = erasures.ledger_tasks(home.ledger)
    known = -1
    while known != subject.keys.size:  # until nothing further is found by what was found
        known = subject.keys.size
        _look_at_tasks(subject, tasks)
        for dataset in datasets:
            if RULES[dataset.ref.kind].drops_rows:
                _look_at_dataset(subject, dataset)
    _learn(subject, datasets, tasks)
    _leave_to_others(home, subject, [each for each in datasets if each.ref.content_hash not in leave_out], tasks)
    return subject


def keys_of(home: Home, request: ErasureRequest) -> SubjectKeys:
    """How the person's id, and their tenant's, are known without being named."""
    is_tenant = None
    if request.tenant_hash is not None:
        is_tenant = partial(_hashes_to, home.subject_key, "tenant", request.tenant_hash)
    return SubjectKeys(partial(_hashes_to, home.subject_key, "user", request.subject_hash), is_tenant)


def apart(table: pa.Table, dataset: Dataset, start: int, subject: Subject) -> tuple[pa.Table, pa.Table]:
    """A part's rows, the person's and the others'; ``start`` is the part's first row in the dataset."""
    mask = rows_of_subject(table, RULES[dataset.ref.kind], subject.keys)
    return table.filter(mask), table.filter(pc.invert(mask))


def redacted_rows(home: Home, subject: Subject) -> dict[DatasetRef, int]:
    """Datasets in which rows of others hold what is the person's, and how many rows."""
    found = {}
    for dataset in _readable(home, subject):
        rule = RULES[dataset.ref.kind]
        if rule.texts or rule.lists:
            parts = (apart(part, dataset, 0, subject)[1] for part in dataset.parts())
            n_rows = sum(without_marks(part, rule, subject.keys, subject.marks)[1] for part in parts)
            if n_rows:
                found[dataset.ref] = n_rows
    return found


def _hashes_to(key: bytes, subject_type: Any, wanted: str, value: str) -> bool:
    return keyed_hash(key, subject_type, value) == wanted


def _readable(home: Home, subject: Subject) -> Iterator[Dataset]:
    """Every dataset on disk in the order of the rules, whether the catalogue knows it or not."""
    for kind in RULES:
        for path in sorted((home.datasets.root / kind).glob(f"*/{MANIFEST_FILE}")):
            try:
                manifest = read_manifest(path.parent, path.parent.name)
                dataset = home.datasets.open(manifest.ref)
                dataset.verify()
            except MillraceError as error:
                subject.unreadable[f"{kind}:{path.parent.name}"] = str(error)
            else:
                subject.seen.add(manifest.content_hash)
                yield dataset


def _look_at_dataset(subject: Subject, dataset: Dataset) -> None:
    rule, n_rows = RULES[dataset.ref.kind], 0
    for index, part in enumerate(dataset.parts()):
        mask = rows_of_subject(part, rule, subject.keys)
        rows = part.filter(mask)
        n_rows += rows.num_rows
        learn_keys(rows, rule, subject.keys)
        if rows.num_rows and dataset.ref.kind in _PLACED:
            start = dataset.first_row(index)
            places = (place_of(dataset.ref.name, start + row) for row, own in enumerate(mask.to_pylist()) if own)
            subject.keys.families["place"].update(places)
    if n_rows:
        subject.rows[dataset.ref] = n_rows


def _look_at_tasks(subject: Subject, tasks: list[LedgerTask]) -> None:
    keys = subject.keys
    for task in tasks:
        user, tenant = task.payload.get("user_id"), task.payload.get("tenant_id")
        theirs = task.task_id in keys.families["task"] or task.payload.get("trace_id") in keys.families["trace"]
        theirs = theirs or (isinstance(user, str) and keys.is_user(user))
        if theirs and (keys.is_tenant is None or (isinstance(tenant, str) and keys.is_tenant(tenant))):
            subject.tasks.add(task.task_id)
            keys.families["task"].add(task.task_id)
            if isinstance(task.payload.get("question_key"), str):
                keys.families["asked"].add(task.payload["question_key"])


def _learn(subject: Subject, datasets: list[Dataset], tasks: list[LedgerTask]) -> None:
    for dataset in datasets:
        if dataset.ref in subject.rows:
            for part in dataset.parts():
                learn_marks(apart(part, dataset, 0, subject)[0], RULES[dataset.ref.kind], subject.marks)
    rule = RULES["annotation_tasks"]
    for task in tasks:
        if task.task_id in subject.tasks:
            subject.marks.add_id(task.task_id)
            for text in texts_in([task.payload.get(name) for name in rule.says] + task.answers):
                subject.marks.add_text(text)


def _leave_to_others(home: Home, subject: Subject, datasets: list[Dataset], tasks: list[LedgerTask]) -> None:
    marks = subject.marks
    if not marks:
        return
    marks.leave_words(_house_words())
    for text in _names_in_use(home):
        marks.leave_words(words_of(text))
    for task in tasks:
        if task.task_id not in subject.tasks:
            for text in texts_in(task.answers):
                marks.leave_to_others(text)
    for dataset in datasets:
        rule: RowRule = RULES[dataset.ref.kind]
        if rule.speaks_for_others:
            for part in dataset.parts():
                leave_to_others(apart(part, dataset, 0, subject)[1], rule, subject.keys, marks)


@cache
def _house_words() -> frozenset[str]:
    """What Millrace's own pages and settings say: of its sources, a superset, and of the names of dataset kinds."""
    found: set[str] = set(KINDS)
    for package in _PACKAGES:
        for path in sorted(Path(str(files(package))).rglob("*")):
            if path.suffix in (".py", ".yaml", ".html", ".j2"):
                found |= words_of(path.read_text(encoding="utf-8"))
    return frozenset(found)


def _names_in_use(home: Home) -> list[str]:
    """Tenants, annotators and reviewers: they are named in pages about anybody."""
    columns = (dataset_tenants.c.tenant_id, annotations.c.annotator, approvals.c.reviewer, reviewers.c.name)
    with home.ledger.read() as connection:
        return [name for each in columns for name in connection.execute(select(distinct(each))).scalars() if name]


def successor_key(handle: str, ref: DatasetRef) -> str:
    """Names the build of a successor, the same on re-entry."""
    return f"erase-{sha256_json([handle, ref.name])[:32]}"
