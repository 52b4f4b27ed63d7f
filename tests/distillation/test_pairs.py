"""Which records become pairs: by task, by subject, spread, bounded, and whatever the order of the rows."""

from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.distillation.candidates import Candidates, candidates, category_codes, category_names, may_pair
from millrace.distillation.config import PreferenceConfig
from millrace.distillation.pairs import choose_pairs
from millrace.distillation.texts import codes
from tests.support.judged_evidence import judged, record

Pair = tuple[str, str, str]


def side(number: int, category: str = "accepted", **fields: Any) -> dict[str, Any]:
    return record(number, category, task_id="t", text=f"Answer {number}.") | fields


def as_candidates(rows: list[dict[str, Any]]) -> Candidates:
    given_rows = judged(*rows)
    return candidates(given_rows.evidence, given_rows.scores.column("category"), np.arange(len(rows)))


def chosen(*rows: dict[str, Any], **settings_: Any) -> list[Pair]:
    """Chosen id, rejected id and basis of every pair considered, in order."""
    found = choose_pairs(as_candidates(list(rows)), PreferenceConfig(**settings_))
    ids = [row["evidence_id"] for row in rows]
    return [
        (ids[one], ids[other], "subject" if subject else "task")
        for one, other, subject in zip(found.chosen, found.rejected, found.by_subject, strict=True)
    ]


def test_accepted_is_preferred_to_rejected_and_to_partial_only_where_nothing_is_rejected() -> None:
    good, bad, half = side(0), side(1, "rejected"), side(2, "partially_accepted")
    assert chosen(good, bad, half) == [("e0", "e1", "task")]
    assert chosen(good, half) == [("e0", "e2", "task")]
    assert chosen(good, half, partial_fallback=False) == []
    assert chosen(bad, half) == []
    assert chosen(good, side(3)) == []
    assert chosen() == []


def test_a_rejected_side_that_says_the_same_is_refused_and_partial_takes_its_place() -> None:
    rows = [side(0), side(1, "rejected", text=" ANSWER 0."), side(2, "partially_accepted")]
    assert sorted(chosen(*rows)) == [("e0", "e1", "task"), ("e0", "e2", "task")]


def test_there_are_so_many_pairs_a_task_and_both_sides_are_spread() -> None:
    rows = [side(n) for n in range(3)] + [side(n, "rejected") for n in range(3, 7)]
    for limit in range(1, 6):
        found = chosen(*rows, max_pairs_per_task=limit)
        assert len(set(found)) == limit
        most = [max(Counter(pair[at] for pair in found).values()) for at in (0, 1)]
        assert most == [-(-limit // 3), -(-limit // 4)]


def test_equal_texts_do_not_use_up_the_pairs() -> None:
    rows = [side(n, text="So.") for n in range(3)] + [side(n, "rejected", text="so.") for n in range(3, 6)]
    rows.append(side(9, "rejected", text="No."))
    found = chosen(*rows)
    assert {pair for pair in found if pair[1] == "e9"} == {
        ("e0", "e9", "task"),
        ("e1", "e9", "task"),
        ("e2", "e9", "task"),
    }
    assert len(found) == len(set(found)) == 12


def test_only_answers_to_one_prompt_are_compared() -> None:
    rows = [side(n, prompt=f"Why {n % 2}?") for n in range(4)] + [
        side(n, "rejected", prompt=f"why {n % 2}?") for n in (4, 5)
    ]
    found = chosen(*rows)
    assert len(found) == 4
    assert all(int(one[1:]) % 2 == int(other[1:]) % 2 for one, other, _ in found)


def test_a_side_without_a_prompt_takes_the_only_one_of_its_task() -> None:
    assert chosen(side(0), side(1, "rejected", prompt=None)) == [("e0", "e1", "task")]
    assert chosen(side(0, prompt=None), side(1, "rejected"), side(2, "rejected")) != []
    two = [side(0, prompt="Why?"), side(1, "rejected", prompt="How?"), side(2, "rejected", prompt=None)]
    assert len(chosen(*two)) == 1  # to be refused: which prompt it answers is not known


def test_a_side_whose_prompt_is_not_known_is_in_no_pair() -> None:
    assert chosen(side(0, prompt="Why?"), side(1, prompt="How?"), side(2, "rejected", prompt=None)) == []


@pytest.mark.parametrize("fields", [{"prompt": "How?"}, {"tenant_id": "other"}])
def test_a_task_whose_sides_do_not_match_gives_one_pair_to_refuse(fields: dict[str, Any]) -> None:
    rows = [side(0), side(1), side(2, "rejected", **fields), side(3, "rejected", **fields)]
    assert len(chosen(*rows)) == 1
    assert len(chosen(*(row | {"prompt": None} for row in rows[:3]))) == 1


def test_tenants_are_not_mixed_where_each_has_both_sides() -> None:
    rows = [side(0), side(1, "rejected"), side(2, tenant_id="o"), side(3, "rejected", tenant_id="o")]
    assert chosen(*rows) == [("e0", "e1", "task"), ("e2", "e3", "task")]


def about(number: int, category: str, stream: str, **fields: Any) -> dict[str, Any]:
    return side(number, category, task_id=f"t{number}", stream=stream, subject="gate") | fields


def test_streams_meet_on_a_subject_where_no_task_pairs_them() -> None:
    one, other = about(0, "accepted", "reviews"), about(1, "rejected", "audits")
    assert chosen(one, other) == [("e0", "e1", "subject")]
    assert chosen(one, other, across_streams=False) == []
    assert chosen(one, other | {"stream": "reviews"}) == []
    assert chosen(one, other | {"subject": None}) == []
    assert chosen(one, other | {"tenant_id": "o"}) == []
    assert chosen(one, other | {"category": "partially_accepted"}) == [("e0", "e1", "subject")]
    paired = side(2, "rejected", task_id="t0")
    assert chosen(one, other, paired) == [("e0", "e2", "task")]


def test_a_task_has_no_more_pairs_for_being_about_a_subject() -> None:
    rows = [side(n, task_id="t", stream="a", subject=f"s{n}", prompt="Why?") for n in range(7)]
    rows += [about(10 + n, "rejected", "b", subject=f"s{n}", prompt="Why?") for n in range(7)]
    assert len(chosen(*rows)) == 5
    rows.append(side(30, "rejected", prompt="Why?"))
    assert Counter(basis for *_, basis in chosen(*rows)) == {"task": 5}


def test_who_may_pair_shares_a_task_or_a_subject_with_another_category() -> None:
    rows = [side(0), side(1, "rejected"), side(2, task_id="u"), side(3, "needs_human_review", task_id="u")]
    rows += [about(4, "accepted", "a"), about(5, "partially_accepted", "b"), side(6, "rejected", task_id="v")]
    rows.append(side(7, "needs_human_review", task_id=rows[0]["task_id"]))
    given_rows = judged(*rows)
    task, subject = (codes(given_rows.evidence.column(name).chunks) for name in ("task_id", "subject"))
    found = may_pair(task, subject, category_codes(given_rows.scores.column("category")))
    assert found.tolist() == [True, True, False, False, True, True, False, False]


def test_categories_as_numbers_are_the_same_again_as_words() -> None:
    words = ["rejected", "accepted", "needs_human_review", "partially_accepted", "accepted"]
    found = category_names(category_codes(pa.chunked_array([words])))
    assert found.to_pylist() == [None if word == "needs_human_review" else word for word in words]


RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "category": st.sampled_from(["accepted", "rejected", "partially_accepted"]),
            "task_id": st.sampled_from(["t", "u"]),
            "tenant_id": st.sampled_from(["default", "default", "o"]),
            "stream": st.sampled_from(["a", "b"]),
            "subject": st.sampled_from([None, "gate", "wheel"]),
            "prompt": st.sampled_from([None, "Why?", "Why?", "How?"]),
            "text": st.sampled_from(["So.", "so. ", "No.", "Yes.", "Maybe."]),
        }
    ),
    max_size=24,
)


@settings(max_examples=80, deadline=None)
@given(RECORDS, st.integers(1, 5), st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_pair_and_no_task_has_too_many(
    drawn: list[dict[str, Any]], limit: int, partial: bool, draw: Random
) -> None:
    rows = [record(number) | each for number, each in enumerate(drawn)]
    shuffled = draw.sample(rows, len(rows))
    ways = {"max_pairs_per_task": limit, "partial_fallback": partial}
    found = chosen(*rows, **ways)
    assert sorted(found) == sorted(chosen(*shuffled, **ways))
    assert len(set(found)) == len(found)
    assert all(one != other for one, other, _ in found)
    by_id = {row["evidence_id"]: row for row in rows}
    good = [pair for pair in found if _good(by_id[pair[0]], by_id[pair[1]])]
    tasks = Counter((by_id[one]["tenant_id"], by_id[one]["task_id"]) for one, *_ in good)
    assert max(tasks.values(), default=0) <= limit
    in_tasks = {name for one, other, basis in good if basis == "task" for name in (one, other)}
    assert in_tasks.isdisjoint(name for one, other, basis in good if basis == "subject" for name in (one, other))


def _good(one: dict[str, Any], other: dict[str, Any]) -> bool:
    prompts = {one["prompt"], other["prompt"]} - {None}
    return (
        one["tenant_id"] == other["tenant_id"]
        and len(prompts) == 1
        and one["text"].lower().strip() != other["text"].lower().strip()
    )
