"""Finds the training records that the application is evaluated on."""

from collections.abc import Callable, Iterator
from functools import partial

import pyarrow as pa

from blocks.embedder import open_embedder, open_word_vectors
from blocks.names import EmbedderName
from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import DatasetRef
from millrace.distillation.config import DecontaminationConfig
from millrace.distillation.decontamination import COLUMNS, Decontaminator
from tasks.parts import Tables, read_dataset, write_parts
from tasks.progress import Progress
from tasks.run import log
from tasks.stage import stage

_PARTS_AT_ONCE = 5  # full batches for the embedder, and less of Prefect's overhead for each task


@stage
def find_contamination(
    evidence: DatasetRef, examples: DatasetRef, embedder: EmbedderName, config: DecontaminationConfig
) -> DatasetRef:
    """Every record that is, or nearly is, an eval example, with the example; no model is loaded without need."""
    near = config.near_match and examples.rows > 0 and evidence.rows > 0
    words = open_word_vectors(embedder.name) if near else None
    opened = open_embedder(embedder.name) if near else None
    if near and words is None:
        log().info("the embedder %s has no word vectors: every different prompt is embedded", embedder.name)
    settings = config.model_copy(update={"near_match": near})
    decontaminator = Decontaminator(read_dataset(examples).to_arrow(), settings, opened, words)
    tell = Progress("comparing records with eval examples", total=evidence.rows).advance
    jobs = _jobs(read_dataset(evidence), partial(_found, decontaminator, tell))
    found = write_parts(jobs, ["contamination"])["contamination"]
    if near:
        log().info("%d of %d different prompts were embedded", *decontaminator.embedded)
    return found


def _jobs(evidence: Dataset, find: Callable[[pa.Table], Tables]) -> Iterator[Callable[[], Tables]]:
    for start in range(0, evidence.n_parts, _PARTS_AT_ONCE):
        parts = range(start, min(start + _PARTS_AT_ONCE, evidence.n_parts))
        yield partial(_of_parts, evidence, parts, find)


def _of_parts(evidence: Dataset, parts: range, find: Callable[[pa.Table], Tables]) -> Tables:
    return find(pa.concat_tables([evidence.read_part(index).select(list(COLUMNS)) for index in parts]))


def _found(decontaminator: Decontaminator, tell: Callable[[int], None], rows: pa.Table) -> Tables:
    found = decontaminator.part(rows)
    tell(rows.num_rows)
    return {"contamination": found}
