"""Scores evidence by the table of rules (D3)."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.distillation.parent_verdicts import (
    PARENT_COLUMNS,
    TASK_COLUMNS,
    ParentVerdicts,
    extraction_tasks,
    parent_verdicts,
    share_verdicts,
)
from millrace.distillation.scoring import score_part
from millrace.distillation.scoring_rules import ScoringRules
from tasks.parts import Tables, read_dataset, write_parts
from tasks.stage import stage

_ROWS_AT_ONCE = 50_000  # fewer would leave much of the time to Prefect's bookkeeping


@stage
def score_evidence(evidence: DatasetRef, rules: ScoringRules) -> DatasetRef:
    """A category with its reason for each record; row i belongs to row i of the evidence."""
    dataset = read_dataset(evidence)
    # unchecked columns: whoever scores the part reads it whole and checks it
    tasks = extraction_tasks(dataset.columns(list(TASK_COLUMNS)), rules)
    parents = parent_verdicts(dataset.columns(list(PARENT_COLUMNS)), tasks, rules)
    jobs = (partial(_scored, dataset, batch, parents, rules) for batch in _batches(dataset))
    return write_parts(jobs, ["evidence_scores"])["evidence_scores"]


def _scored(dataset: Dataset, batch: range, parents: ParentVerdicts, rules: ScoringRules) -> Tables:
    rows = pa.concat_tables([dataset.read_part(index).select(PARENT_COLUMNS) for index in batch])  # texts are long
    return {"evidence_scores": share_verdicts(rows, score_part(rows, rules), parents, rules)}


def _batches(dataset: Dataset) -> Iterator[range]:
    """Neighbouring parts with enough rows for one job, as ranges of their places."""
    start, n_rows = 0, 0
    for index, part in enumerate(dataset.manifest.parts):
        n_rows += part.rows
        if n_rows >= _ROWS_AT_ONCE or index + 1 == dataset.n_parts:
            yield range(start, index + 1)
            start, n_rows = index + 1, 0
