from typing import Any

import pyarrow as pa

from millrace.datasets.schema import table_of
from millrace.golden.diff import diff_golden, diff_text
from millrace.records.golden import GoldenRow


def table(**questions: str | dict[str, Any]) -> pa.Table:
    known: dict[str, Any] = {
        "tenant_id": "a",
        "expected_behaviour": "abstain",
        "category": "ok",
        "near_duplicate_group": "g",
        "split": "eval",
        "source_trace_id": "t0",
        "annotation_id": "n0",
        "added_in": "1.0.0",
    }
    rows = [
        known | {"golden_id": name} | ({"question": given} if isinstance(given, str) else given)
        for name, given in questions.items()
    ]
    return table_of(GoldenRow, [GoldenRow(**row) for row in rows])


OLD = table(a="stays", b="goes", c="changes")
NEW = table(d="comes", c={"question": "changes", "category": "hallucination", "split": "train"}, a="stays")


def test_rows_are_compared_by_id_whatever_their_order() -> None:
    diff = diff_golden(OLD, NEW)
    assert [entry.golden_id for entry in diff.added] == ["d"]
    assert [entry.golden_id for entry in diff.removed] == ["b"]
    assert [(entry.golden_id, entry.fields) for entry in diff.changed] == [("c", ["category", "split"])]


def test_the_way_back_swaps_added_and_removed() -> None:
    there, back = diff_golden(OLD, NEW), diff_golden(NEW, OLD)
    assert (there.added, there.removed) == (back.removed, back.added)


def test_a_version_does_not_differ_from_itself() -> None:
    diff = diff_golden(OLD, OLD)
    assert diff.added == diff.removed == diff.changed == []
    assert diff_text(diff, old_version="1.0.0", new_version="1.0.0") == "1.0.0 -> 1.0.0: 0 added, 0 removed, 0 changed"


def test_the_text_has_a_line_per_row() -> None:
    assert diff_text(diff_golden(OLD, NEW), old_version="1.0.0", new_version="2.0.0").splitlines() == [
        "1.0.0 -> 2.0.0: 1 added, 1 removed, 1 changed",
        "+ [eval] comes",
        "- [eval] goes",
        "~ [train] changes (category, split)",
    ]


def test_a_long_question_is_shown_on_one_line_of_80_characters() -> None:
    diff = diff_golden(table(), table(a="word\n" * 50))
    line = diff_text(diff, old_version="1.0.0", new_version="1.1.0").splitlines()[1]
    assert line == "+ [eval] " + ("word " * 16)[:79] + "…"
