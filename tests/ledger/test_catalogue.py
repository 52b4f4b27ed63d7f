from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError
from millrace.ledger.catalogue import bury, find, is_buried, latest_sequence, register, resolve_window
from millrace.ledger.store import Ledger

T0 = datetime(2026, 1, 5, tzinfo=UTC)


def hours(number: int) -> datetime:
    return T0 + timedelta(hours=number)


def ref(name: str, kind: str = "traces") -> DatasetRef:
    return DatasetRef(kind=kind, content_hash=sha256(name.encode()).hexdigest(), rows=10)


def enter(
    ledger: Ledger, name: str, first: int | None, last: int | None, tenants: Iterable[str] = (), kind: str = "traces"
) -> int:
    time_from = None if first is None else hours(first)
    time_to = None if last is None else hours(last)
    return register(ledger, ref(name, kind), time_from=time_from, time_to=time_to, tenants=tenants, run_id="r1", at=T0)


def found(ledger: Ledger, first: int, last: int, **options: object) -> list[DatasetRef]:
    return [entry.ref for entry in resolve_window(ledger, "traces", hours(first), hours(last), **options)]  # type: ignore[arg-type]


def test_the_first_entry_of_a_dataset_stays(ledger: Ledger) -> None:
    first = enter(ledger, "a", 0, 5, ["t1"])
    second = enter(ledger, "b", 0, 5)
    assert 0 < first < second == latest_sequence(ledger)
    assert enter(ledger, "a", 7, 9, ["t2"]) == first
    (entry,) = find(ledger, ref("a").content_hash)
    assert (entry.time_from, entry.time_to, entry.tenants) == (hours(0), hours(5), ["t1"])


def test_the_same_content_may_be_of_two_kinds(ledger: Ledger) -> None:
    assert enter(ledger, "a", 0, 5) != enter(ledger, "a", 0, 5, kind="scores")
    assert [entry.ref.kind for entry in find(ledger, ref("a").content_hash)] == ["traces", "scores"]


@pytest.mark.parametrize(
    ("first", "last", "matches"),
    [
        (0, 9, False),  # all before
        (0, 10, True),  # the last row lies on the start, which belongs to the window
        (12, 13, True),
        (0, 30, True),
        (19, 30, True),
        (20, 30, False),  # the first row lies on the end, which does not
    ],
)
def test_a_window_takes_datasets_with_a_row_from_its_start_until_before_its_end(
    ledger: Ledger, first: int, last: int, matches: bool
) -> None:
    enter(ledger, "a", first, last)
    assert found(ledger, 10, 20) == ([ref("a")] if matches else [])


def test_a_dataset_without_times_is_in_no_window(ledger: Ledger) -> None:
    enter(ledger, "a", None, None)
    assert found(ledger, -10_000, 10_000) == []
    assert len(find(ledger, ref("a").content_hash)) == 1


def test_late_datasets_belong_to_the_next_run(ledger: Ledger) -> None:
    enter(ledger, "b", 1, 2)
    upto = enter(ledger, "a", 0, 5)
    enter(ledger, "late", 0, 1)
    assert found(ledger, 0, 9, sequence_upto=upto) == [ref("b"), ref("a")]
    assert found(ledger, 0, 9) == [ref("b"), ref("a"), ref("late")]


def test_tenants_choose_datasets_that_hold_one_of_them(ledger: Ledger) -> None:
    enter(ledger, "a", 0, 5, ["t2", "t1", "t1"])
    enter(ledger, "b", 0, 5, ["t3"])
    enter(ledger, "c", 0, 5)
    assert found(ledger, 0, 9, tenants=["t1", "t9"]) == [ref("a")]
    assert found(ledger, 0, 9, tenants=[]) == []
    assert found(ledger, 0, 9, tenants=None) == [ref("a"), ref("b"), ref("c")]


def test_buried_datasets_are_found_by_name_only(ledger: Ledger) -> None:
    enter(ledger, "a", 0, 5)
    bury(ledger, ref("a").content_hash, "erasure 17", T0)
    bury(ledger, ref("a").content_hash, "again", T0)
    assert is_buried(ledger, ref("a").content_hash)
    assert not is_buried(ledger, ref("b").content_hash)
    assert found(ledger, 0, 9) == []
    assert [entry.buried_reason for entry in find(ledger, ref("a").content_hash[:8])] == ["erasure 17"]


@pytest.mark.parametrize("prefix", ["", "xyz", "AB", "a%", "0" * 65])
def test_a_prefix_is_hex(ledger: Ledger, prefix: str) -> None:
    with pytest.raises(BadInputError, match="content hash"):
        find(ledger, prefix)


def test_a_time_range_is_whole_and_forward(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="half a time range"):
        enter(ledger, "a", 0, None)
    with pytest.raises(BadInputError, match="ends before it begins"):
        enter(ledger, "a", 5, 4)
    assert latest_sequence(ledger) == 0


spans = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 8)), max_size=8)


@settings(max_examples=25, deadline=None)
@given(spans, st.integers(0, 20), st.integers(1, 8))
def test_windows_side_by_side_miss_nothing_that_one_window_over_both_finds(
    ranges: list[tuple[int, int]], start: int, width: int
) -> None:
    with TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.sqlite") as ledger:
        for number, (first, length) in enumerate(ranges):
            enter(ledger, str(number), first, first + length)
        middle, end = start + width, start + 2 * width
        halves = {item.content_hash for item in found(ledger, start, middle) + found(ledger, middle, end)}
        assert halves == {item.content_hash for item in found(ledger, start, end)}
