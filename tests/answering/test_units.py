"""What stays together: sentences; code, tables and lists as wholes; headings with what follows them."""

import random
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.answering.units import budget_units, compression_units, find_regions, joined_units

FENCED = "Run it. Then wait.\n\n```bash\nmillrace run. Now\n\n| no | table |\n```\nDone. Go on."
LISTED = (
    "First a word. These are kept:\n\n- one thing. And more\n  of it\n- two\n\n  ```\n  code. Here\n  ```\n\nAfter it."
)
TABLE = "Before. All of them:\n| a | b |\n|---|---|\n| 1. | 2 |\nAfter."


def pieces(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in compression_units(text)]


def test_plain_text_is_cut_into_sentences() -> None:
    assert pieces("One here. Two there.\n\nThree.") == ["One here.", "Two there.", "Three."]


def test_a_code_block_stays_whole() -> None:
    assert pieces(FENCED) == [
        "Run it.",
        "Then wait.",
        "```bash\nmillrace run. Now\n\n| no | table |\n```",
        "Done.",
        "Go on.",
    ]


def test_a_code_block_without_end_reaches_to_the_end() -> None:
    assert pieces("See.\n~~~\na. b\n\nc. d") == ["See.", "~~~\na. b\n\nc. d"]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    assert pieces("````\n```\na. b\n```\n````\nEnd.") == ["````\n```\na. b\n```\n````", "End."]


def test_a_list_stays_whole_with_the_sentence_that_announces_it() -> None:
    announced = "These are kept:\n\n- one thing. And more\n  of it\n- two\n\n  ```\n  code. Here\n  ```"
    assert pieces(LISTED) == ["First a word.", announced, "After it."]


def test_a_table_stays_whole() -> None:
    assert pieces(TABLE) == ["Before.", "All of them:\n| a | b |\n|---|---|\n| 1. | 2 |", "After."]


def test_indented_code_after_a_blank_line_stays_whole_and_a_wrapped_line_is_prose() -> None:
    assert pieces("So it is.\n\n    a = 1. \n\n    b = 2.\n\nEnd.") == ["So it is.", "a = 1. \n\n    b = 2.", "End."]
    assert find_regions("A sentence that goes\n    on here.") == []


def test_a_heading_belongs_to_what_follows_it() -> None:
    assert pieces("# Top\n## Retries\nThree times. Then no more.\n## End") == [
        "# Top\n## Retries\nThree times.",
        "Then no more.",
        "## End",
    ]


def test_a_comment_in_code_is_no_heading() -> None:
    assert pieces("Look.\n\n    # comment\n\nThen. More.") == ["Look.", "# comment", "Then.", "More."]


def test_text_directly_after_a_list_is_prose_unless_it_goes_on_in_lower_case() -> None:
    assert pieces("- one\nand more\nNext. Last.") == ["- one\nand more", "Next.", "Last."]


@pytest.mark.parametrize("blank", ["", " \n\t\n"])
def test_a_blank_text_has_no_units(blank: str) -> None:
    assert compression_units(blank) == budget_units(blank) == []


def test_a_budget_may_end_inside_a_list_or_table_and_never_inside_code() -> None:
    assert [TABLE[unit.start : unit.end] for unit in budget_units(TABLE)][2:] == [
        "| a | b |",
        "|---|---|",
        "| 1. | 2 |",
        "After.",
    ]
    units = [FENCED[unit.start : unit.end] for unit in budget_units(FENCED)]
    assert units[2].startswith("```bash")
    assert units[2].endswith("```")
    assert any(
        "code. Here" in LISTED[unit.start : unit.end] and "- one" in LISTED[unit.start : unit.end]
        for unit in budget_units(LISTED)
    )


def test_joined_units_keep_the_white_space_before_them() -> None:
    text = "One. Two.\n\nThree. Four."
    units = compression_units(text)
    assert joined_units(text, units, [0, 2, 3]) == "One.\n\nThree. Four."
    assert joined_units(text, units, [2]) == "Three."
    assert joined_units(text, units, []) == ""


LINES = [
    "# Head",
    "Word one. Word two.",
    "- item. more",
    "  continued",
    "1. first",
    "| a | b |",
    "```",
    "~~~py",
    "    x = 1",
    "",
    "lower case",
    "Ends with:",
    "\tindented",
]


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(st.sampled_from(LINES), max_size=14))
def test_units_do_not_overlap_and_hold_every_character_that_is_not_white_space(lines: list[str]) -> None:
    text = "\n".join(lines)
    for units in (compression_units(text), budget_units(text)):
        assert all(first.end <= second.start for first, second in pairwise(units))
        assert all(text[unit.start : unit.end].strip() == text[unit.start : unit.end] != "" for unit in units)
        assert "".join("".join(text[unit.start : unit.end].split()) for unit in units) == "".join(text.split())
        assert joined_units(text, units, range(len(units))) == text.strip()


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(st.sampled_from(LINES), max_size=14))
def test_no_unit_ends_inside_code(lines: list[str]) -> None:
    text = "\n".join(lines)
    code = [region for region in find_regions(text) if region.kind == "code"]
    for units in (compression_units(text), budget_units(text)):
        ends = {unit.end for unit in units}
        assert not any(region.start < end < len(text[: region.end].rstrip()) for region in code for end in ends)


def test_time_grows_no_faster_than_the_text() -> None:
    # Counted in steps of the interpreter, not in time: lines of every kind, in random order, four times as many.
    def steps(n_lines: int) -> int:
        draw = random.Random(1)
        text = "\n".join(draw.choice(LINES) for _ in range(n_lines))
        counted = 0

        def trace(*_: object) -> object:
            nonlocal counted
            counted += 1
            return trace

        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            compression_units(text)
        finally:
            sys.settrace(None)
        return counted

    assert steps(4000) < 5 * steps(1000)
