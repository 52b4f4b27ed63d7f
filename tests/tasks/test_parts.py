"""Parts: computed in parallel in bounded memory, committed one by one, the same bytes whatever the order."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from millrace.datasets import parts as cutting
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.records.receipt import Receipt
from millrace.records.trace import SkipRow
from tasks.home import Home
from tasks.parts import Tables, map_parts, write_parts, write_tables
from tasks.stage import stage
from tests.tasks.turns import Turn, make_ratings, ratings_table

Values = Callable[[DatasetRef], list[float]]
Receipts = Callable[[str], dict[str, Receipt]]
PART_ROWS = 4
STATE: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows a part; a fresh note of what happened."""
    monkeypatch.setattr(cutting.cut, "__kwdefaults__", {"max_rows": PART_ROWS, "max_bytes": cutting.PART_BYTES})
    STATE.clear()
    STATE.update(computed=[], fails=set(), drawn=0, running=0, most=0, delays={}, lock=threading.Lock())


def doubled(table: pa.Table) -> pa.Table:
    """Twice each value; notes which part it was, waits and fails as the test says."""
    first = int(table.column("value")[0].as_py()) // PART_ROWS
    with STATE["lock"]:
        STATE["running"] += 1
        STATE["most"] = max(STATE["most"], STATE["running"])
    time.sleep(STATE["delays"].get(first, 0.0))
    with STATE["lock"]:
        STATE["running"] -= 1
    if first in STATE["fails"]:
        raise BadInputError(f"part {first} cannot be doubled")
    STATE["computed"].append(first)
    return table.set_column(3, table.schema.field("value"), pc.multiply(table.column("value"), 2.0))


@stage
def double_ratings(ratings: DatasetRef) -> DatasetRef:
    return map_parts(ratings, doubled, kind="human_ratings")


@stage
def split_rows(n_jobs: int) -> list[DatasetRef]:
    def jobs() -> Iterator[partial[Tables]]:
        for number in range(n_jobs):
            STATE["drawn"] += 1
            with STATE["lock"]:
                ahead = STATE["drawn"] - len(STATE["computed"])
                STATE["most"] = max(STATE["most"], ahead)
            yield partial(both, number)

    written = write_parts(jobs(), ["human_ratings", "skips"])
    return [written["human_ratings"], written["skips"]]


def both(number: int) -> Tables:
    time.sleep(0.005)
    if number in STATE["fails"]:
        raise BadInputError(f"job {number} failed")
    STATE["computed"].append(number)
    skips = [SkipRow(source="s", line=number + 1, reason="r", message="m", row_hash="h")] * (number % 2)
    return {"human_ratings": ratings_table(2, first=2 * number), "skips": table_of(SkipRow, skips)}


def test_each_part_gives_one_run_of_parts_in_order(turn: Turn, values: Values, home: Home) -> None:
    result = turn(lambda: double_ratings(make_ratings(10)))
    assert values(result) == [2.0 * number for number in range(10)]
    assert [part.rows for part in home.datasets.open(result).manifest.parts] == [4, 4, 2]
    assert sorted(STATE["computed"]) == [0, 1, 2]


def test_parts_finished_before_a_failure_are_not_computed_again(turn: Turn, values: Values) -> None:
    STATE["fails"] = {2}
    with pytest.raises(BadInputError, match="part 2 cannot be doubled"):
        turn(lambda: double_ratings(make_ratings(18)))
    finished = sorted(STATE["computed"])
    assert finished
    assert 2 not in finished

    STATE["fails"] = set()
    STATE["computed"] = []
    result = turn(lambda: double_ratings(make_ratings(18)))
    assert sorted(STATE["computed"] + finished) == [0, 1, 2, 3, 4]
    assert values(result) == [2.0 * number for number in range(18)]


def test_another_run_goes_on_where_a_failed_one_stopped(plain: Turn) -> None:
    STATE["fails"] = {4}
    with pytest.raises(BadInputError):
        plain(lambda: double_ratings(make_ratings(18)), "first")
    STATE["fails"] = set()
    plain(lambda: double_ratings(make_ratings(18)), "second")
    assert sorted(STATE["computed"]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_bytes_do_not_depend_on_workers_or_order(plain: Turn, workers: int, home: Home) -> None:
    STATE["delays"] = {0: 0.05, 1: 0.02}  # the first parts finish last
    result = plain(lambda: double_ratings(make_ratings(18)), workers=workers)
    if workers > 1:
        assert STATE["computed"][0] != 0
    STATE["delays"] = {}
    origin = home.datasets.open(result).manifest.origin
    whole = ratings_table(18).set_column(
        3, ratings_table(1).schema.field("value"), pa.array([2.0 * i for i in range(18)])
    )
    assert home.datasets.write("human_ratings", whole, origin, key="by-hand") == result


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_as_many_parts_are_under_way_as_there_are_workers(plain: Turn, workers: int) -> None:
    STATE["delays"] = dict.fromkeys(range(8), 0.02)
    plain(lambda: double_ratings(make_ratings(32)), workers=workers)
    assert STATE["most"] == workers


def test_jobs_are_drawn_as_workers_become_free(turn: Turn) -> None:
    turn(lambda: split_rows(20), workers=2)
    assert sorted(STATE["computed"]) == list(range(20))
    # two being computed, one waiting, one in hand, and one whose result was not yet fetched
    assert STATE["most"] <= 2 + 3


def test_one_job_fills_several_datasets(turn: Turn, values: Values, home: Home) -> None:
    ratings, skips = turn(lambda: split_rows(5))
    assert values(ratings) == [float(number) for number in range(10)]
    assert home.datasets.open(skips).to_arrow().column("line").to_pylist() == [2, 4]


def test_a_job_that_failed_is_computed_again_for_every_dataset_of_it(turn: Turn) -> None:
    STATE["fails"] = {3}
    with pytest.raises(BadInputError, match="job 3 failed"):
        turn(lambda: split_rows(6))
    STATE["fails"] = set()
    turn(lambda: split_rows(6))
    assert sorted(STATE["computed"]) == [0, 1, 2, 3, 4, 5]


def test_no_jobs_give_empty_datasets(turn: Turn, home: Home) -> None:
    ratings, skips = turn(lambda: split_rows(0))
    assert (ratings.rows, skips.rows) == (0, 0)
    assert home.datasets.open(ratings).n_parts == 0


def test_an_empty_dataset_maps_to_an_empty_one(plain: Turn) -> None:
    assert plain(lambda: double_ratings(make_ratings(0))).rows == 0


@stage
def write_two_of_a_kind() -> list[DatasetRef]:
    return [*write_tables(human_ratings=ratings_table(1)), *write_tables(human_ratings=ratings_table(2))]


def test_a_stage_may_write_one_kind_twice(plain: Turn, values: Values) -> None:
    first, second = plain(write_two_of_a_kind)
    assert (values(first), values(second)) == ([0.0], [0.0, 1.0])


def test_nothing_of_a_finished_build_is_left_behind(turn: Turn, home: Home, receipts: Receipts) -> None:
    turn(lambda: split_rows(3))
    left = [path.name for path in (home.root / "datasets" / ".building").iterdir() if path.is_dir()]
    assert left == []
    assert receipts("run")["split-rows"].counts.rows_skipped == 1


def summed(part: pa.Table, other: pa.Table) -> pa.Table:
    total = pc.add(part.column("value"), other.column("value"))
    return part.set_column(3, part.schema.field("value"), total)


@stage
def sum_ratings(ratings: DatasetRef, others: DatasetRef) -> DatasetRef:
    return map_parts(ratings, summed, kind="human_ratings", beside=[others])


@stage
def cut_otherwise(first: int, last: int) -> DatasetRef:
    """Values 0 to last - 1 again, in parts that begin elsewhere."""
    jobs = [partial(lambda n, at: {"human_ratings": ratings_table(n, at)}, first, 0)]
    jobs.append(partial(lambda n, at: {"human_ratings": ratings_table(n, at)}, last - first, first))
    return write_parts(jobs, ["human_ratings"])["human_ratings"]


@pytest.mark.parametrize("first", [0, 1, 3, 4, 9, 10])
def test_rows_beside_are_the_same_rows_however_both_are_cut(plain: Turn, values: Values, first: int) -> None:
    result = plain(lambda: sum_ratings(make_ratings(10), cut_otherwise(first, 10)))
    assert values(result) == [2.0 * number for number in range(10)]


def test_datasets_of_unlike_length_are_not_laid_beside_each_other(plain: Turn) -> None:
    with pytest.raises(BadInputError, match="not one row for each of the 10"):
        plain(lambda: sum_ratings(make_ratings(10), make_ratings(9)))
