"""Blocks of a text without markup are what blank lines and marks separate, and nothing is lost between them."""

from hypothesis import given
from hypothesis import strategies as st

from millrace.ingestion.blocks import text_blocks
from millrace.records.document import Mark

TEXT = "Head\n\nOne,\nstill one.\n\n\nx = 1\n\ny = 2\n\nOther\nTwo."


def mark_of(kind: str, words: str, level: int = 0) -> Mark:
    start = TEXT.index(words)
    return Mark.model_validate({"kind": kind, "start": start, "end": start + len(words), "level": level})


def test_paragraphs_end_at_blank_lines_and_marked_code_does_not() -> None:
    marks = [mark_of("heading", "Head", 1), mark_of("code", "x = 1\n\ny = 2"), mark_of("heading", "Other", 2)]
    assert [(block.kind, TEXT[block.start : block.end], block.headings) for block in text_blocks(TEXT, marks)] == [
        ("paragraph", "One,\nstill one.", ("Head",)),
        ("code", "x = 1\n\ny = 2", ("Head",)),
        ("paragraph", "Two.", ("Head", "Other")),
    ]


def test_a_heading_ends_the_sections_of_its_level_and_below() -> None:
    text = "A\nB\nC\nend"
    levels = {"A": 1, "B": 2, "C": 1}
    marks = [Mark(kind="heading", start=i, end=i + 1, level=levels[text[i]]) for i in (0, 2, 4)]
    (block,) = text_blocks(text, marks)
    assert block.headings == ("C",)


def test_a_heading_may_stand_in_no_text_and_has_its_title_then() -> None:
    marks = [Mark(kind="heading", start=0, end=0, level=1, title="Page 1")]
    (block,) = text_blocks("Words.", marks)
    assert (block.start, block.end, block.headings) == (0, 6, ("Page 1",))


@given(
    st.text(alphabet="ab \n\t", min_size=15, max_size=40),
    st.lists(st.tuples(st.sampled_from(["heading", "code", "table"]), st.integers(0, 50), st.integers(0, 15))),
)
def test_blocks_and_headings_together_hold_all_that_is_not_white_space_once(
    text: str, stretches: list[tuple[str, int, int]]
) -> None:
    # Marks as redaction may leave them: they overlap, and reach over the end.
    marks = [
        Mark.model_validate({"kind": kind, "start": start, "end": start + length, "level": 1})
        for kind, start, length in sorted(stretches, key=lambda stretch: stretch[1])
    ]
    covered = [0] * len(text)
    end = 0
    for block in text_blocks(text, marks):
        assert end <= block.start < block.end <= len(text)
        assert text[block.start : block.end].strip()
        end = block.end
        for place in range(block.start, block.end):
            covered[place] += 1
    headings = {place for mark in marks if mark.kind == "heading" for place in range(mark.start, mark.end)}
    lost = [i for i, times in enumerate(covered) if not times and not text[i].isspace() and i not in headings]
    assert lost == []
    assert max(covered, default=0) <= 1
