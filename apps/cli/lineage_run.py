"""What a run of ``distill`` says of itself in its receipts: datasets, files and sources, by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from apps.cli.lineage_hops import Hop, compared
from apps.cli.run_names import find_run
from millrace.datasets.dataset import Dataset
from millrace.datasets.files import is_safe_name
from millrace.datasets.manifest import DatasetRef
from millrace.distillation.export_files import ExportedFile
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.runs import list_runs
from millrace.records.evidence import Export
from millrace.records.receipt import Receipt
from tasks.evidence import FileStream
from tasks.home import Home
from tasks.receipts import read_receipts, read_summary, run_hash

COLLECTING, SCORING, PUBLISHING = "collect-evidence", "score-evidence", "publish-exports"
_EXPORTS: tuple[Export, ...] = ("rag", "sft", "preference")
_ALL_RUNS = 1_000_000


@dataclass(frozen=True)
class DistillRun:
    """The steps of one run of ``distill``, by name."""

    home: Home
    run_id: str
    steps: dict[str, Receipt]

    @property
    def evidence(self) -> Dataset:
        return self._open(COLLECTING, "evidence")

    @property
    def scores(self) -> Dataset:
        return self._open(SCORING)

    @property
    def exports(self) -> list[Export]:
        """The exports that the run came to."""
        return [export for export in _EXPORTS if f"export-{export}" in self.steps]

    def rows(self, export: Export) -> Dataset:
        """The rows of an export."""
        return self._open(f"export-{export}", "rows")

    @property
    def files(self) -> list[ExportedFile]:
        """What was published, as the receipt says; nothing before that."""
        return published_files(self.steps.get(PUBLISHING))

    @property
    def file_streams(self) -> list[FileStream]:
        """The files that evidence was collected from.

        Raises:
            BadInputError: another version of Millrace wrote them, in a form that this one does not read.
        """
        try:
            given = self.steps[COLLECTING].arguments.get("files", [])
            return TypeAdapter(list[FileStream]).validate_python(given)
        except ValidationError as error:
            raise BadInputError(
                f"how run {self.run_id} read its files is not in a form that this Millrace reads", run_id=self.run_id
            ) from error

    def check_receipts(self) -> Iterator[Hop]:
        """Whether the receipts make the run hash of the summary, once the run has one."""
        summary = read_summary(self.home.run_folder(self.run_id))
        if summary is not None:
            yield compared(
                f"run {self.run_id}", "run hash over its receipts", summary.run_hash, run_hash([*self.steps.values()])
            )

    def _open(self, step: str, name: str | None = None) -> Dataset:
        output: Any = self.steps[step].output if step in self.steps else None
        if output is None:
            raise NotFoundError(f"run {self.run_id} did not come to {step}", run_id=self.run_id)
        return self.home.datasets.open(DatasetRef.model_validate(output[name] if name else output))


def distill_runs(home: Home, run: str | None) -> Iterator[DistillRun]:
    """The run of that name, or every run that collected evidence, the newest first.

    Raises:
        NotFoundError: the run named collected nothing.
    """
    names = [find_run(home.ledger, run)] if run is not None else list_runs(home.ledger, limit=_ALL_RUNS)
    for known in names:
        found = DistillRun(home, known.run_id, _steps(home, known.run_id))
        if COLLECTING in found.steps:
            yield found
        elif run is not None:
            raise NotFoundError(f"run {known.run_id} collected no evidence; name a run of distill", run_id=known.run_id)


def published_files(receipt: Receipt | None) -> list[ExportedFile]:
    """The files in the output of ``publish-exports``.

    Raises:
        BadInputError: the receipt names a file outside of the home.
    """
    files = [ExportedFile.model_validate(file) for file in receipt.output["files"]] if receipt is not None else []
    for file in files:
        if not is_safe_name(file.name):
            message = f"the receipt of {PUBLISHING} names {file.name[:200]!r}, which is no file of its exports"
            raise BadInputError(message, file=file.name)
    return files


def rows_where(dataset: Dataset, columns: list[str], value: str) -> list[int]:
    """Numbers of the rows, from 0, that hold the value in one of the columns."""
    found, first = [], 0
    for part in dataset.columns(columns):
        masks = [pc.equal(part.column(name), value).to_numpy(zero_copy_only=False) for name in columns]
        found += (first + np.flatnonzero(np.logical_or.reduce(masks))).tolist()
        first += part.num_rows
    return found


def _steps(home: Home, run_id: str) -> dict[str, Receipt]:
    try:
        return {receipt.step: receipt for receipt in read_receipts(home.run_folder(run_id))}
    except NotFoundError:
        return {}
