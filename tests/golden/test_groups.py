"""Groups of near-duplicates, and their side for good."""

from typing import Any

import pytest

from millrace.errors import BadInputError
from millrace.golden.groups import Membership, assign_groups, new_group
from millrace.golden.similarity import QuestionVectors
from millrace.records.golden import GoldenRow, Split


def row(question: str, group: str, split: Split, added_in: str = "1.0.0") -> GoldenRow:
    return GoldenRow(
        golden_id=f"golden-{question}",
        tenant_id="a",
        question=question,
        expected_behaviour="abstain",
        category="ok",
        near_duplicate_group=group,
        split=split,
        source_trace_id="t0",
        annotation_id=f"annotation-{question}",
        added_in=added_in,
    )


def assign(old: list[GoldenRow], questions: list[str], embedder: Any) -> tuple[list[Membership], list[str]]:
    fresh = [row(question, "unset", "eval") for question in questions]
    vectors = QuestionVectors([*old, *fresh], embedder)
    places = range(len(old), len(old) + len(fresh))
    found = assign_groups(old, dict(zip(places, questions, strict=True)), vectors, 0.9, 0.5)
    return [found.of[place] for place in places], found.warnings


def test_a_question_near_to_an_old_row_inherits_its_group_and_side(embedder: Any) -> None:
    for side in ("eval", "train"):
        assert assign([row("q0", "g", side)], ["q25"], embedder) == ([Membership("g", side)], [])


def test_a_question_near_to_nothing_begins_a_group(embedder: Any) -> None:
    # cos 26 = .899
    assert assign([row("q0", "g", "eval")], ["q26"], embedder)[0] == [new_group("q26", 0.5)]


def test_new_questions_linked_through_others_are_one_group(embedder: Any) -> None:
    memberships, _ = assign([], ["q40", "q0", "q20", "q90"], embedder)
    assert memberships == [new_group("q0", 0.5)] * 3 + [new_group("q90", 0.5)]


def test_they_all_follow_the_one_that_is_near_to_an_old_row(embedder: Any) -> None:
    assert assign([row("q0", "g", "train")], ["q40", "q20"], embedder)[0] == [Membership("g", "train")] * 2


def test_between_two_groups_the_older_one_takes_it_and_a_warning_says_so(embedder: Any) -> None:
    old = [row("q0", "younger", "eval", "1.10.0"), row("q40", "older", "train", "1.9.0")]
    memberships, warnings = assign(old, ["q20"], embedder)
    assert memberships == [Membership("older", "train")]
    assert warnings == ["'q20' joins older (train) and is also near to younger"]


def test_between_two_groups_of_one_side_there_is_nothing_to_warn_of(embedder: Any) -> None:
    old = [row("q0", "first", "eval"), row("q40", "second", "eval")]
    assert assign(old, ["q20"], embedder) == ([Membership("first", "eval")], [])


def test_a_group_on_both_sides_is_refused(embedder: Any) -> None:
    with pytest.raises(BadInputError, match="group g"):
        assign([row("q0", "g", "eval"), row("q90", "g", "train")], [], embedder)


def test_the_share_of_eval_follows_the_fraction() -> None:
    # 2000 groups at 0.3: standard deviation sqrt(.3 * .7 / 2000) = .0102; four of them
    sides = [new_group(f"question {i}", 0.3).split for i in range(2000)]
    assert sides.count("eval") / 2000 == pytest.approx(0.3, abs=0.041)
    assert {new_group(f"question {i}", 0.0).split for i in range(50)} == {"train"}
    assert {new_group(f"question {i}", 1.0).split for i in range(50)} == {"eval"}
