"""Seeded stratified samples of traces and their weights."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.validation import checked
from millrace.evaluation.sampling import SampleConfig, allocate, sample_traces
from millrace.records.evaluation import SampledTrace


def window(**sizes: int) -> pa.Table:
    """Traces by tenant, as a=3; every fifth of a tenant has failed."""
    rows = [
        (f"{tenant}{i}", tenant, "failed" if i % 5 == 4 else "answered")
        for tenant, n in sizes.items()
        for i in range(n)
    ]
    return pa.table(
        {name: [row[place] for row in rows] for place, name in enumerate(("trace_id", "tenant_id", "status"))}
    )


def drawn(traces: pa.Table, size: int | None, seed: int = 0, least: int = 5) -> list[dict[str, object]]:
    config = SampleConfig(size=size, seed=seed, min_per_stratum=least)
    return checked(SampledTrace, sample_traces(traces, config)).to_pylist()


@pytest.mark.parametrize("size", [None, 20, 21])
def test_without_a_smaller_size_all_traces_are_taken(size: int | None) -> None:
    found = drawn(window(a=20), size)
    assert [row["trace_id"] for row in found] == [f"a{i}" for i in range(20)]
    assert {(row["stratum"], row["weight"]) for row in found} == {("all", 1.0)}


def test_an_empty_window_gives_an_empty_sample() -> None:
    assert drawn(window(a=0), 5) == []


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 60), min_size=1),
    st.integers(1, 80),
    st.integers(1, 12),
    st.integers(0, 3),
)
def test_sizes_weights_and_minima(sizes: dict[str, int], size: int, least: int, seed: int) -> None:
    traces = window(**sizes)
    found = drawn(traces, size, seed, least)
    ids = traces.column("trace_id").to_pylist()
    places = [ids.index(row["trace_id"]) for row in found]
    assert len(found) == min(size, len(ids))
    assert places == sorted(set(places))  # in the order of the traces, none twice
    assert sum(float(str(row["weight"])) for row in found) == pytest.approx(len(ids))
    by_stratum = Counter(row["stratum"] for row in found)
    for row in found:
        n_drawn = by_stratum[row["stratum"]]
        n_there = round(float(str(row["weight"])) * n_drawn)
        assert n_drawn >= min(least, n_there, size)


def test_a_sample_depends_on_the_seed_and_not_on_the_order_of_traces() -> None:
    traces = window(a=200, b=50)
    turned = traces.take(pa.array(range(249, -1, -1)))
    first = {row["trace_id"] for row in drawn(traces, 40, seed=1)}
    assert {row["trace_id"] for row in drawn(turned, 40, seed=1)} == first
    assert {row["trace_id"] for row in drawn(traces, 40, seed=2)} != first


def test_a_larger_sample_holds_the_smaller_one() -> None:
    traces = window(a=300, b=60)
    small, large = ({row["trace_id"] for row in drawn(traces, size)} for size in (40, 80))
    assert small < large


def test_every_trace_of_a_stratum_is_as_likely() -> None:
    # 40 of 200 with each of 400 seeds: each is drawn 80 times on average, binomial, standard deviation 8
    config = [SampleConfig(size=40, seed=seed, min_per_stratum=1) for seed in range(400)]
    traces = pa.table(
        {"trace_id": [f"t{i}" for i in range(200)], "tenant_id": ["a"] * 200, "status": ["answered"] * 200}
    )
    counts = Counter(t for each in config for t in sample_traces(traces, each).column("trace_id").to_pylist())
    assert len(counts) == 200
    assert 80 - 5 * 8 < min(counts.values()) <= max(counts.values()) < 80 + 5 * 8


def test_shares_are_in_proportion_beyond_the_minimum() -> None:
    # 100 of 1 000: c gives all 3; of the other 97 a is due 97 x 900 / 997 = 87.6, and b 9.4
    assert allocate({"a": 900, "b": 97, "c": 3}, 100, 5) == {"a": 88, "b": 9, "c": 3}
    assert allocate({"a": 90, "b": 10}, 12, 1) == {"a": 11, "b": 1}  # due are 10.8 and 1.2
    assert allocate({"a": 500, "b": 500}, 5, 1) == {"a": 3, "b": 2}
    assert allocate({"a": 2, "b": 50}, 40, 5) == {"a": 2, "b": 38}


def test_the_smallest_strata_are_drawn_from_as_one_where_minima_do_not_fit() -> None:
    found = drawn(window(a=100, b=10, c=10, d=5), 15)
    strata = Counter(row["stratum"] for row in found)
    assert strata == {"answered/a": 5, "failed/a": 5, "rest": 5}
    assert {row["weight"] for row in found if row["stratum"] == "rest"} == {25 / 5}
    assert Counter(row["stratum"] for row in drawn(window(a=100, b=10), 3)) == {"rest": 3}


def test_long_tenant_names_make_no_invalid_stratum() -> None:
    traces = pa.table({"trace_id": ["x", "y", "z"], "tenant_id": ["t" * 512] * 3, "status": ["answered"] * 3})
    assert len(drawn(traces, 2)) == 2
