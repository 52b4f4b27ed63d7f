"""A folder's documents in batches of bounded size, which may be read in parallel."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from millrace.ingestion.document_files import JSONL, FoundFile, find_files, name_problem, read_files, refused_file
from millrace.ingestion.extracted import Owner, duplicate
from millrace.ingestion.jsonl import read_jsonl
from millrace.records.document import Document
from millrace.records.trace import SkipRow

BATCH_DOCUMENTS = 500
BATCH_BYTES = 8 * 2**20

ReadItem = Document | SkipRow
ReadBatch = Callable[[], Iterable[ReadItem]]


def read_documents(root: Path, *, tenant_id: str, user_id: str) -> tuple[list[Document], list[SkipRow]]:
    """Everything at once, for small folders: documents, and skip rows for what could not be taken.

    Raises:
        NotFoundError: nothing there.
    """
    batches = document_batches(find_files(root), Owner(tenant_id, user_id, {}))
    items = [item for batch in batches for item in batch()]
    return [item for item in items if isinstance(item, Document)], [item for item in items if isinstance(item, SkipRow)]


def document_batches(files: Iterable[FoundFile], owner: Owner) -> Iterator[ReadBatch]:
    """Functions that read the next documents and give them in order, with a skip row for what cannot be taken.

    They may be called in any order and in parallel. Of documents with one tenant and id the first is taken.
    """
    seen = _SeenIds()
    waiting = _WaitingFiles(owner)
    for file in files:
        problem = name_problem(file)
        if problem is None and file.suffix == JSONL:
            yield from waiting.take()
            for batch in _sliced(read_jsonl(file.path, file.source, owner, seen.is_new)):
                yield partial(iter, batch)
        elif problem is None and seen.is_new(owner.tenant_id, file.source):
            waiting.add(file)
            if waiting.enough:
                yield from waiting.take()
        else:
            yield from waiting.take()
            yield partial(iter, [refused_file(file, problem or duplicate())])
    yield from waiting.take()


class _SeenIds:
    """Which documents came before."""

    def __init__(self) -> None:
        self._ids: set[tuple[str, str]] = set()

    def is_new(self, tenant_id: str, doc_id: str) -> bool:
        """Whether it is the first of its id; a blank id is refused later, each time."""
        known = (tenant_id, doc_id) in self._ids
        if doc_id.strip():
            self._ids.add((tenant_id, doc_id))
        return not known


class _WaitingFiles:
    """Files that wait until there are enough for a batch."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._files: list[FoundFile] = []
        self._n_bytes = 0

    @property
    def enough(self) -> bool:
        return len(self._files) == BATCH_DOCUMENTS or self._n_bytes >= BATCH_BYTES

    def add(self, file: FoundFile) -> None:
        self._files.append(file)
        self._n_bytes += file.path.stat().st_size

    def take(self) -> Iterator[ReadBatch]:
        """What waits, as one batch; nothing when nothing waits."""
        if self._files:
            yield partial(read_files, self._files, self._owner)
        self._files, self._n_bytes = [], 0


def _sliced(items: Iterable[ReadItem]) -> Iterator[list[ReadItem]]:
    batch: list[ReadItem] = []
    n_characters = 0
    for item in items:
        batch.append(item)
        n_characters += len(item.text) if isinstance(item, Document) else 0
        if len(batch) == BATCH_DOCUMENTS or n_characters >= BATCH_BYTES:
            yield batch
            batch, n_characters = [], 0
    if batch:
        yield batch
