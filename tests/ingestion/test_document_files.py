"""Files are read in a fixed order, each by its format; what cannot be taken is a skip row that never shows it."""

from pathlib import Path

import pytest

from millrace.errors import NotFoundError
from millrace.ingestion import document_batches as batches
from millrace.ingestion import document_files
from millrace.ingestion.document_batches import read_documents
from millrace.ingestion.extracted import Owner
from millrace.records.document import Document
from millrace.records.trace import SkipRow
from tests.support.pdf import pdf_of


def read(root: Path) -> tuple[list[Document], list[SkipRow]]:
    return read_documents(root, tenant_id="acme", user_id="ops")


def test_documents_are_sorted_by_relative_path_and_hidden_or_other_files_left_out(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.mdx", "a/y.txt", "c.py", ".git/x.md", ".hidden.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}")
    (tmp_path / "link.md").symlink_to(tmp_path / "b.md")
    documents, skips = read(tmp_path)
    assert [document.source for document in documents] == ["a/y.txt", "a/z.mdx", "b.md"]
    assert {(document.tenant_id, document.user_id) for document in documents} == {("acme", "ops")}
    assert skips == []


def test_every_format_is_read_by_its_own_parser(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Head\ntext")
    (tmp_path / "b.HTML").write_text("<h1>Head</h1><p>text")
    (tmp_path / "c.pdf").write_bytes(pdf_of(["text", ""]))
    (tmp_path / "d.txt").write_text("# no head")
    (tmp_path / "e.jsonl").write_text('{"doc_id": "x", "text": "text"}\n{"doc_id": 1}\n')
    documents, skips = read(tmp_path)
    found = [(document.doc_id, document.title, document.text, document.markup) for document in documents]
    assert found == [
        ("a.md", "Head", "# Head\ntext", "markdown"),
        ("b.HTML", "Head", "Head\n\ntext", "text"),
        ("c.pdf", "c", "text", "text"),
        ("d.txt", "d", "# no head", "text"),
        ("x", "x", "text", "text"),
    ]
    assert [(skip.source, skip.line, skip.reason) for skip in skips] == [
        ("c.pdf", 2, "page_without_text"),
        ("e.jsonl", 2, "wrong_type"),
    ]


def test_one_file_can_be_named_instead_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "b.md").write_text("other")
    documents, _ = read(tmp_path / "b.md")
    assert [document.doc_id for document in documents] == ["b.md"]


def test_line_ends_and_a_byte_order_mark_do_not_change_the_document(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    (tmp_path / "b.md").write_bytes(b"one\ntwo\n")
    (first, second), _ = read(tmp_path)
    assert first.text == "one\ntwo\n"
    assert first.content_hash == second.content_hash


def test_a_file_that_is_not_utf8_is_a_skip_row_with_its_line_and_never_its_content(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"line one\nsecret \xff line two")
    (tmp_path / "good.md").write_text("fine")
    documents, (skip,) = read(tmp_path)
    assert [document.source for document in documents] == ["good.md"]
    assert (skip.source, skip.line, skip.reason) == ("bad.md", 2, "not_utf8")
    assert "secret" not in skip.model_dump_json()


def test_a_name_that_is_not_utf8_or_too_long_cannot_be_an_id(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.md").write_text("text")
    deep = tmp_path / ("d" * 250) / ("e" * 250) / ("f" * 50)
    deep.mkdir(parents=True)
    (deep / "a.jsonl").write_text("{}")
    _, skips = read(tmp_path)
    assert sorted(skip.reason for skip in skips) == ["not_utf8", "too_long"]


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_files, "MAX_FILE_BYTES", 10)
    (tmp_path / "a.md").write_text("x" * 11)
    _, (skip,) = read(tmp_path)
    assert skip.reason == "too_large"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no folder"):
        read(tmp_path / "absent")


def test_of_documents_with_one_id_the_first_is_taken(tmp_path: Path) -> None:
    lines = ['{"doc_id": "z.md", "text": "from a line"}', "", '{"doc_id": "z.md", "text": "again"}']
    lines.append('{"doc_id": "z.md", "tenant_id": "other", "text": "of another tenant"}')
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "z.md").write_text("from a file")
    documents, skips = read(tmp_path)
    assert [(each.tenant_id, each.text) for each in documents] == [
        ("acme", "from a line"),
        ("other", "of another tenant"),
    ]
    assert [(skip.source, skip.line, skip.reason) for skip in skips] == [
        ("a.jsonl", 3, "duplicate_id"),
        ("z.md", 1, "duplicate_id"),
    ]


def test_batches_are_bounded_by_number_and_size_and_together_hold_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_DOCUMENTS", 3)
    monkeypatch.setattr(batches, "BATCH_BYTES", 100)
    for number in range(7):
        (tmp_path / f"{number}.md").write_text("x" * (90 if number == 4 else 20))
    lines = [f'{{"doc_id": "{number}", "text": "{"y" * 60}"}}' for number in range(5)]
    (tmp_path / "9.jsonl").write_text("\n".join(lines))
    found = list(batches.document_batches(document_files.find_files(tmp_path), Owner("t", "u", {})))
    sizes = [len(list(batch())) for batch in found]
    assert sizes == [3, 2, 2, 2, 2, 1]  # 0 to 2 by number; 3 and 4 by size; the rest; lines two by two


def test_what_the_folder_says_of_every_document_is_noted(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "b.jsonl").write_text('{"doc_id": "b", "text": "t", "metadata": {"version": 3, "draft": true}}')
    owner = Owner("t", "u", {"version": "2", "team": "mill"})
    documents = [
        item
        for batch in batches.document_batches(document_files.find_files(tmp_path), owner)
        for item in batch()
        if isinstance(item, Document)
    ]
    assert [{field.name: field.value for field in document.metadata} for document in documents] == [
        {"team": "mill", "version": "2"},
        {"draft": "true", "team": "mill", "version": "3"},
    ]
