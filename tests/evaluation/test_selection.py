"""Which rows become cases."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import table_of
from millrace.evaluation.selection import choose_evenly, eval_rows
from millrace.records.golden import GoldenRow
from tests.evaluation.conftest import golden_row


def test_rows_of_train_never_become_cases() -> None:
    rows = [golden_row("b"), golden_row("t", split="train"), golden_row("a")]
    assert [row.golden_id for row in eval_rows(table_of(GoldenRow, rows))] == ["golden-a", "golden-b"]


def test_categories_share_the_places_before_one_takes_the_rest() -> None:
    rows = [golden_row(f"h{i}") for i in range(30)]
    rows += [golden_row(f"o{i}", category="ok") for i in range(3)]
    rows += [golden_row(f"s{i}", category="safety_violation", expected_behaviour="block") for i in range(10)]
    chosen = Counter(row.category for row in choose_evenly(rows, 20))
    assert chosen == {"hallucination": 9, "ok": 3, "safety_violation": 8}


def test_within_a_category_groups_of_failures_share_the_places() -> None:
    rows = [golden_row(f"a{i}", group_id="large") for i in range(50)]
    rows += [golden_row(f"b{i}", group_id="small") for i in range(4)]
    chosen = Counter(row.group_id for row in choose_evenly(rows, 8))
    assert chosen == {"large": 4, "small": 4}


def test_all_rows_are_chosen_when_there_are_few() -> None:
    rows = [golden_row(name) for name in "cab"]
    assert [row.golden_id for row in choose_evenly(rows, 20)] == ["golden-a", "golden-b", "golden-c"]
    assert choose_evenly([], 20) == []


drawn = st.lists(
    st.tuples(
        st.sampled_from(["ok", "hallucination", "system_error"]),
        st.sampled_from(["answer", "abstain"]),
        st.sampled_from([None, "g1", "g2"]),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=50)
@given(kinds=drawn, n=st.integers(1, 14), data=st.data())
def test_the_choice_does_not_depend_on_the_order(
    kinds: list[tuple[str, str, str | None]], n: int, data: st.DataObject
) -> None:
    rows = [
        golden_row(str(place), category=category, expected_behaviour=behaviour, group_id=group)
        for place, (category, behaviour, group) in enumerate(kinds)
    ]
    chosen = choose_evenly(rows, n)
    assert chosen == choose_evenly(data.draw(st.permutations(rows)), n)
    assert len(chosen) == min(n, len(rows))
    assert len({row.golden_id for row in chosen}) == len(chosen)


@pytest.mark.parametrize("n", range(1, 6))
def test_more_places_only_add_cases(n: int) -> None:
    rows = [golden_row(str(i), category="ok" if i % 3 else "hallucination", group_id=f"g{i % 2}") for i in range(10)]
    fewer, more = ({row.golden_id for row in choose_evenly(rows, size)} for size in (n, n + 1))
    assert fewer < more
