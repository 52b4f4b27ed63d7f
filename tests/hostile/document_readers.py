"""Folders of documents, and single pages, texts and PDF files."""

from functools import cache
from pathlib import Path
from unittest.mock import patch

from millrace.ingestion import document_files
from millrace.ingestion.chunks import ChunkingConfig
from millrace.ingestion.document_batches import document_batches
from millrace.ingestion.document_files import find_files
from millrace.ingestion.extracted import Owner
from millrace.ingestion.passages import passage_tables
from millrace.ingestion.pdf import PdfReader
from millrace.records.document import Chunk, Document
from millrace.records.trace import SkipRow
from tasks.sources import source_ref
from tests.hostile.cases import JSON_WORDS, MARKUP_WORDS, PDF_WORDS, ROOT, SHARED, Reader, one_file, redactor, storable
from tests.hostile.child import CPU_SECONDS, PEAK_BYTES
from tests.hostile.mutation import Files
from tests.support.pdf import pdf_of

CANARY = "kept-outside-of-every-input"
_OWNER = Owner("mill", "ann", {})


def readers() -> list[Reader]:
    """One for each format, and one for a folder of all."""
    return [
        Reader(
            "documents:markdown",
            _read,
            lambda: one_file("in.md", *_markdown()),
            MARKUP_WORDS,
            ("millrace.ingestion.markdown",),
            share=2,
        ),
        Reader(
            "documents:html",
            _read,
            lambda: one_file("in.html", *_HTML),
            MARKUP_WORDS,
            ("millrace.ingestion.html",),
            share=2,
        ),
        Reader("documents:text", _read, lambda: one_file("in.txt", *_markdown()[:1]), MARKUP_WORDS, (), share=0.5),
        Reader(
            "documents:jsonl",
            _read,
            lambda: one_file("in.jsonl", _LINES),
            JSON_WORDS,
            ("millrace.ingestion.row_objects",),
        ),
        Reader(
            "documents:pdf",
            _read_pdf,
            lambda: one_file("in.pdf", *_pdfs()),
            PDF_WORDS,
            ("millrace.ingestion.pdf", "millrace.ingestion.pdf_process", "millrace.ingestion.document_files"),
        ),
        Reader("documents:folder", _read, lambda: [_FOLDER], MARKUP_WORDS, (), is_folder=True),
    ]


def _read(folder: Path, _scratch: Path) -> None:
    files = find_files(folder)
    source_ref(str(folder))
    for batch in document_batches(files, _OWNER):
        tables = passage_tables(batch(), redactor(), ChunkingConfig(), lambda _: None)
        storable(Document, tables.documents)
        storable(Chunk, tables.chunks)
        storable(SkipRow, tables.skips)
        assert CANARY not in str(tables.documents.column("text").to_pylist()), "a link was followed out of the folder"


@cache
def _pdf_reader() -> PdfReader:
    return PdfReader(
        int(CPU_SECONDS), PEAK_BYTES + 500 * 2**20
    )  # the interpreter and its libraries reserve more than they use


def _read_pdf(folder: Path, scratch: Path) -> None:
    with patch.object(document_files, "PdfReader", _Kept):
        _read(folder, scratch)


class _Kept:
    """The child's one reader: its process is kept between inputs."""

    def __enter__(self) -> PdfReader:
        return _pdf_reader()

    def __exit__(self, *_: object) -> None:
        pass


def _markdown() -> list[bytes]:
    own = [ROOT / "docs" / "guide", ROOT / "docs"]
    found = sorted((path for folder in own for path in folder.glob("*.md")), key=lambda path: path.stat().st_size)
    shared = (
        sorted((SHARED / "prefect_docs").rglob("*.md*"), key=lambda path: path.stat().st_size)
        if SHARED.is_dir()
        else []
    )
    return [path.read_bytes()[:12_000] for path in [*found[:4], *shared[20:24]]] + [
        b"# T\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx\n```\n"
    ]


_HTML = (
    b"<!DOCTYPE html><html><head><title>T</title><meta charset='utf-8'></head><body><nav>n</nav>"
    b"<main><h1>H</h1><p>One <b>two</b>.</p><ul><li>a<li>b</ul><table><tr><th>x<td>1</table>"
    b"<pre><code>a\n  b</code></pre></main><footer>f</footer></body></html>",
    b"<html><body><div role='main'><h2>A</h2><p hidden>no</p><p>Yes &amp; &eacute;.</p></div></body></html>",
    "<meta charset='iso-8859-1'><p>Grüße".encode("latin-1"),
)
_LINES = (
    b'{"doc_id": "a", "text": "One. Two.", "title": "T", "user_id": "u", "markup": "text", "metadata": {"k": 1}}\n'
    b'{"doc_id": "b", "text": "# H\\n\\nThree.", "markup": "markdown"}\n'
)
_FOLDER: Files = {
    "a.md": b"# A\n\nOne.\n",
    "sub/b.html": _HTML[1],
    "sub/deep/c.txt": b"Two.\n",
    "d.jsonl": _LINES,
    "notes.log": b"no document",
}


def _pdfs() -> list[bytes]:
    return [pdf_of(["One", "Two"], title="T"), pdf_of(["", "Three"]), pdf_of(["x"], password="p", algorithm="RC4-128")]  # noqa: S106
