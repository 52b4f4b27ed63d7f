"""What a calibration set is made from in a home, and the set as a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from blocks.consistency import open_consistency
from blocks.embedder import open_embedder
from millrace.annotation.answers import annotation_of, annotations_table
from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.datasets.schema import rows_of, table_of
from millrace.errors import BadInputError, NotFoundError
from millrace.evaluation.calibration_case import CalibrationCase
from millrace.ledger.annotations import annotations_for
from millrace.ledger.catalogue import is_buried
from millrace.ledger.pointers import pointer
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import tasks as all_tasks
from millrace.methods.consistency import ConsistencyScorer
from millrace.methods.groundedness import GroundednessModel
from millrace.records.annotation import AnnotationTask
from millrace.records.document import Chunk
from tasks.documents import Ingestion, ingestion_pointer
from tasks.home import Home
from tasks.scorer import POINTER, ActiveScorer
from tasks.tables import groundedness_model


def indexed_chunks(home: Home, index: str) -> Iterator[Chunk]:
    """The passages that an index was last built from, part by part.

    Raises:
        NotFoundError: no such index in this home, or its passages are not there any more.
    """
    built = pointer(home.ledger, ingestion_pointer(index))
    chunks = None if built is None else Ingestion.model_validate(built.value).chunks
    if chunks is None:
        raise NotFoundError(f"no index {index!r} in this home; make one with `millrace run ingest-documents`")
    if not home.datasets.exists(chunks) or is_buried(home.ledger, chunks.content_hash):
        raise NotFoundError(f"{chunks.name} is not in this home any more; ingest the documents again", ref=chunks.name)
    for part in home.datasets.open(chunks).parts():
        yield from rows_of(Chunk, part)


def labelled_answers(ledger: Ledger) -> tuple[pa.Table, pa.Table]:
    """All completed annotation tasks, and all current answers to them: tables of AnnotationTask and Annotation."""
    asked = {
        task.task_id: AnnotationTask.model_validate(task.payload) for task in all_tasks(ledger, status="completed")
    }
    given = annotations_for(ledger, sorted(asked))
    annotations = annotations_table(annotation_of(answer, asked[answer.task_id]) for answer in given)
    return table_of(AnnotationTask, asked.values()), annotations


def open_scorer(home: Home, name: str) -> ConsistencyScorer:
    """The detector behind a name; the embedded one with the numbers that this home's runs use."""
    return open_consistency(name, embedder=open_embedder(), model=_active_model(home))


def write_cases(path: Path, cases: Iterable[CalibrationCase]) -> None:
    """One case a line, in canonical JSON: equal sets are equal files.

    Raises:
        BadInputError: the file is there already, or its folder is not.
    """
    if path.exists():
        raise BadInputError(f"{path} exists already: name a new file", path=str(path))
    if not path.parent.is_dir():
        raise BadInputError(f"no folder {path.parent}: make it first", path=str(path))
    write_atomic(path, b"".join(canonical_json(case) + b"\n" for case in cases))


def read_cases(path: Path) -> list[CalibrationCase]:
    """The cases of a file.

    Raises:
        NotFoundError: no such file.
        BadInputError: a line is no case; the message names it.
    """
    if not path.is_file():
        raise NotFoundError(f"no file {path}; `millrace calibration build` writes one", path=str(path))
    cases = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            cases.append(CalibrationCase.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"])) or "the line"
            raise BadInputError(
                f"{path}, line {number}: {field}: {first['msg']}", path=str(path), line=number
            ) from error
    return cases


def _active_model(home: Home) -> GroundednessModel:
    if not (home.root / "ledger.sqlite").is_file():
        return groundedness_model()
    published = pointer(home.ledger, POINTER)
    return groundedness_model() if published is None else ActiveScorer.model_validate(published.value).model
