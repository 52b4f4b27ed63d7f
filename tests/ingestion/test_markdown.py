"""Blocks of Markdown are exactly the characters of the text, with the headings above them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.ingestion.markdown import make_document, markdown_blocks

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
        ("# See [the *mill*][m] \\# `code`\n\n[m]: /mill", "See the mill # code"),
        ("---\ntitle: ''\n---\n# Heading", "Heading"),
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
