"""Files of documents: which there are in a folder, and how each is read by its format."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import BadInputError, NotFoundError
from millrace.ingestion.extracted import Extracted, Owner, document_of, file_skip
from millrace.ingestion.html import read_html
from millrace.ingestion.markdown import read_markdown
from millrace.ingestion.pdf import PdfReader
from millrace.ingestion.plain_text import read_plain_text
from millrace.records.document import Document
from millrace.records.trace import SkipRow

MAX_FILE_BYTES = 64 * 2**20  # of a file that is one document; PDF and JSONL files may be of any size
_MAX_ID = 512  # characters of a document id
_PDF, JSONL = ".pdf", ".jsonl"
_PARSERS: dict[str, Callable[[bytes], Extracted]] = {
    ".md": read_markdown,
    ".mdx": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_plain_text,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
}
SUFFIXES = (*_PARSERS, _PDF, JSONL)


@dataclass(frozen=True)
class FoundFile:
    """A file to read; ``source`` is its path relative to the folder, with forward slashes."""

    source: str
    path: Path

    @property
    def suffix(self) -> str:
        """What its format is told by."""
        return self.path.suffix.lower()


def find_files(root: Path) -> list[FoundFile]:
    """Files of a known format under a folder, sorted by relative path, or the one file that was named.

    Hidden files, files in hidden folders and symbolic links are left out.

    Raises:
        NotFoundError: nothing there.
    """
    if root.is_file() and root.suffix.lower() in SUFFIXES:
        return [FoundFile(root.name, root)]
    if not root.is_dir():
        raise NotFoundError(f"no folder {root} to read documents from", path=str(root))
    found = (FoundFile(path.relative_to(root).as_posix(), path) for path in root.rglob("*"))
    return sorted((file for file in found if _is_document(file)), key=lambda file: file.source)


def read_files(files: Sequence[FoundFile], owner: Owner) -> Iterator[Document | SkipRow]:
    """One document a file, in order; a file or page that cannot be taken is a skip row."""
    with PdfReader() as pdf_reader:
        for file in files:
            yield from _read(file, owner, pdf_reader)


def name_problem(file: FoundFile) -> BadInputError | None:
    """Why the file's path cannot be a document's id; None when it can."""
    try:
        file.source.encode()
    except UnicodeEncodeError:
        return BadInputError("the file's name is not UTF-8; rename it", reason="not_utf8")
    if len(file.source) > _MAX_ID:
        return BadInputError(f"the file's path is longer than {_MAX_ID} characters; shorten it", reason="too_long")
    return None


def refused_file(file: FoundFile, error: BadInputError) -> SkipRow:
    """The skip row of a whole file."""
    return file_skip(file.source, _hash(file.path), error)


def _read(file: FoundFile, owner: Owner, pdf_reader: PdfReader) -> Iterator[Document | SkipRow]:
    try:
        extracted = pdf_reader.read(file.path) if file.suffix == _PDF else _PARSERS[file.suffix](_content(file.path))
        yield document_of(extracted, source=file.source, owner=owner)
    except BadInputError as error:
        yield refused_file(file, error)
        return
    if extracted.skips:
        digest = _hash(file.path)
        yield from (file_skip(file.source, digest, skipped) for skipped in extracted.skips)


def _content(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise BadInputError(f"{size} bytes; at most {MAX_FILE_BYTES} are read", reason="too_large")
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"the file cannot be read: {error.strerror}", reason="unreadable") from error


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return hashlib.sha256(b"").hexdigest()


def _is_document(file: FoundFile) -> bool:
    hidden = any(part.startswith(".") for part in file.source.split("/"))
    return file.suffix in SUFFIXES and not hidden and file.path.is_file() and not file.path.is_symlink()
