"""Documents are read in a fixed order, and blocks are exactly the characters of the text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import NotFoundError
from millrace.ingestion.markdown import make_document, markdown_blocks, read_documents

PAGE = """---
title: "Retries"
tags: [a]
---

# Retrying a task

First paragraph
goes on.

<!-- a remark -->

## Delays `ms`

- one
- two

***

```python
x = 1

y = 2
```

# Limits
Last."""


def blocks_of(text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(block.kind, text[block.start : block.end], block.headings) for block in markdown_blocks(text)]


def test_blocks_are_cut_with_the_headings_above_them_and_without_front_matter_rules_and_comments() -> None:
    assert blocks_of(PAGE) == [
        ("paragraph", "First paragraph\ngoes on.", ("Retrying a task",)),
        ("bullet_list", "- one\n- two", ("Retrying a task", "Delays ms")),
        ("fence", "```python\nx = 1\n\ny = 2\n```", ("Retrying a task", "Delays ms")),
        ("paragraph", "Last.", ("Limits",)),
    ]


def test_a_rule_at_the_beginning_is_no_front_matter_unless_it_is_closed() -> None:
    assert blocks_of("---\n\ntext") == [("paragraph", "text", ())]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (PAGE, "Retries"),
        ("Some text.\n\n## First *heading*\n\n# Second", "First heading"),
        ("No heading at all.", "page"),
        ("", "page"),
    ],
)
def test_the_title_is_the_front_matters_then_the_first_headings_then_the_files(text: str, title: str) -> None:
    assert make_document(text, source="guide/page.md", tenant_id="t", user_id="u").title == title


@given(
    st.lists(st.sampled_from(["# A", "text. More", "", "- item", "```", "    code", "> q", "|a|\n|-|", "---", "\t"]))
)
def test_blocks_are_in_order_and_do_not_overlap(lines: list[str]) -> None:
    text = "\n".join(lines)
    end = 0
    for block in markdown_blocks(text):
        assert end <= block.start < block.end <= len(text)
        assert text[block.start : block.end].strip()
        end = block.end


def test_documents_are_sorted_by_relative_path_and_hidden_or_other_files_left_out(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.mdx", "a/y.txt", "c.py", ".git/x.md", ".hidden.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}")
    (tmp_path / "link.md").symlink_to(tmp_path / "b.md")
    documents, skips = read_documents(tmp_path, tenant_id="acme", user_id="ops")
    assert [document.source for document in documents] == ["a/y.txt", "a/z.mdx", "b.md"]
    assert {(document.tenant_id, document.user_id) for document in documents} == {("acme", "ops")}
    assert skips == []


def test_line_ends_and_a_byte_order_mark_do_not_change_the_document(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    (document,), _ = read_documents(tmp_path, tenant_id="t", user_id="u")
    assert document.text == "one\ntwo\n"
    assert document.content_hash == make_document("one\ntwo\n", source="x", tenant_id="", user_id="").content_hash


def test_a_file_that_is_not_utf8_is_a_skip_row_with_its_line_and_never_its_content(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"line one\nsecret \xff line two")
    (tmp_path / "good.md").write_text("fine")
    documents, (skip,) = read_documents(tmp_path, tenant_id="t", user_id="u")
    assert [document.source for document in documents] == ["good.md"]
    assert (skip.source, skip.line, skip.reason) == ("bad.md", 2, "not_utf8")
    assert "secret" not in skip.model_dump_json()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no folder"):
        read_documents(tmp_path / "absent", tenant_id="t", user_id="u")
