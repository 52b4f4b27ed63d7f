"""Mapping functions over parts: in parallel, in bounded memory, every finished part committed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.datasets.store import DatasetBuilder
from millrace.errors import BadInputError
from tasks.run import in_prefect
from tasks.steps import step_context

Tables = Mapping[str, pa.Table]
Job = Callable[[], Tables]


def read_dataset(ref: DatasetRef) -> Dataset:
    """Open a dataset of the current run's home."""
    return step_context().run.home.datasets.open(ref)


def read_columns(ref: DatasetRef, names: list[str], ids: pa.Array | None = None) -> pa.Table:
    """Some columns of a dataset, of all rows or of the traces with these ids; one part more is held in memory."""
    dataset = read_dataset(ref)
    found = [arrow_schema(dataset.model).empty_table().select(names)]
    for part in dataset.parts():
        rows = part if ids is None else part.filter(pc.is_in(part.column("trace_id"), ids))
        found.append(rows.select(names))
    return pa.concat_tables(found)


def write_dataset(kind: str, table: pa.Table) -> DatasetRef:
    """Store one table as a dataset of the running step."""
    return write_tables(**{kind: table})[0]


def write_tables(**tables: pa.Table) -> list[DatasetRef]:
    """Store tables, named by kind, as datasets of the running step; refs in the order given."""
    return list(write_parts([lambda: tables], list(tables)).values())


def map_parts(
    source: DatasetRef, function: Callable[..., pa.Table], *, kind: str, beside: Sequence[DatasetRef] = ()
) -> DatasetRef:
    """One dataset whose i-th run of parts is the function of the source's i-th part.

    Parts that an interrupted run committed are not computed again. The bytes do not depend on workers or order.

    Args:
        function: takes a part, and the same rows of each dataset of ``beside``.
        beside: datasets mapped from the source, or from its like: row i of each belongs to row i of the source.

    Raises:
        BadInputError: a dataset beside the source has another number of rows.
    """
    dataset, others = read_dataset(source), [read_dataset(ref) for ref in beside]
    unlike = [ref.name for ref in beside if ref.rows != source.rows]
    if unlike:
        raise BadInputError(f"not one row for each of the {source.rows} of {source.name}: {', '.join(unlike)}")

    def job(index: int) -> Tables:
        start = dataset.first_row(index)
        part = dataset.read_part(index)
        return {kind: function(part, *(other.read_rows(start, start + part.num_rows) for other in others))}

    return write_parts([partial(job, index) for index in range(dataset.n_parts)], [kind])[kind]


def write_parts(jobs: Iterable[Job], kinds: list[str]) -> dict[str, DatasetRef]:
    """Run the jobs, each giving one table a kind, and publish one dataset a kind.

    Jobs are drawn as workers become free, so an iterator that reads a large file stays in bounded memory.
    """
    context = step_context()
    build, datasets = context.next_build(), context.run.home.datasets
    with ExitStack() as stack:
        builders = {kind: stack.enter_context(datasets.building(kind, build)) for kind in sorted(kinds)}
        n_slots = _run_all(jobs, builders, context.run.workers)
        return {kind: builders[kind].publish(n_slots, context.origin) for kind in kinds}


def _run_all(jobs: Iterable[Job], builders: Mapping[str, DatasetBuilder], workers: int) -> int:
    n_slots = 0
    with _runner(workers) as submit:
        under_way: deque[Waitable] = deque()
        for slot, job in enumerate(jobs):
            n_slots = slot + 1
            if all(builder.committed(slot) for builder in builders.values()):
                continue
            under_way.append(submit(job, builders, slot))
            if len(under_way) > workers:
                under_way.popleft().result()
        for waitable in under_way:
            waitable.result()
    return n_slots


def commit_part(job: Job, builders: Mapping[str, DatasetBuilder], slot: int) -> None:
    """Compute one slot and make it durable in every dataset it belongs to."""
    tables = job()
    for kind, builder in builders.items():
        builder.commit(slot, tables[kind])


class Waitable(Protocol):
    """What both kinds of futures offer."""

    def result(self) -> Any: ...


Submit = Callable[[Job, Mapping[str, DatasetBuilder], int], Waitable]

_part_task: Task[..., Any] = Task(
    fn=commit_part, name="part", task_run_name="part-{slot}", cache_policy=NO_CACHE, persist_result=False
)


def _runner(workers: int) -> AbstractContextManager[Submit]:
    return _prefect_runner(workers) if in_prefect() else _thread_runner(workers)


@contextmanager
def _prefect_runner(workers: int) -> Iterator[Submit]:
    runner: ThreadPoolTaskRunner[None]
    with ThreadPoolTaskRunner(max_workers=workers) as runner:

        def submit(job: Job, builders: Mapping[str, DatasetBuilder], slot: int) -> Waitable:
            return runner.submit(_part_task, {"job": job, "builders": builders, "slot": slot})

        yield submit


@contextmanager
def _thread_runner(workers: int) -> Iterator[Submit]:
    with ThreadPoolExecutor(max_workers=workers) as pool:

        def submit(job: Job, builders: Mapping[str, DatasetBuilder], slot: int) -> "Future[None]":
            return pool.submit(commit_part, job, builders, slot)

        yield submit
