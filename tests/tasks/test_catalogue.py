"""What steps put out is entered with its times, tenants and subjects."""

from typing import Any

import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.ledger import catalogue, subjects
from millrace.ledger.catalogue import CatalogueEntry
from millrace.ledger.schema import SubjectType
from millrace.records.trace import HumanRating, Trace, utc
from tasks.effect import effect
from tasks.home import Home
from tasks.parts import write_dataset, write_tables
from tasks.stage import stage
from tests.tasks.turns import Turn

NAMED: list[DatasetRef] = []
TRACES: list[dict[str, Any]] = [
    {"trace_id": "1", "time": utc(2026, 11, 10), "tenant_id": "b", "user_id": "ann@mill"},
    {"trace_id": "2", "time": utc(2026, 11, 9), "tenant_id": "a", "user_id": "bob"},
    {"trace_id": "3", "time": utc(2026, 11, 12), "tenant_id": "b", "user_id": None},
]


@effect
def take_traces(n: int) -> DatasetRef:
    return write_dataset("traces", table_of(Trace, [Trace(question="q", **row) for row in TRACES[:n]]))


@effect
def take_rated_traces() -> list[DatasetRef]:
    rating = HumanRating(trace_id="1", dimension="d", annotator="b", value=5.0)
    trace = Trace(question="other", **TRACES[0])
    return write_tables(traces=table_of(Trace, [trace]), human_ratings=table_of(HumanRating, [rating]))


@effect
def name_again() -> list[DatasetRef]:
    return NAMED


@stage
def rate_traces(traces: list[DatasetRef]) -> DatasetRef:
    rating = HumanRating(trace_id="1", dimension="d", annotator="a", value=float(len(traces)))
    return write_dataset("human_ratings", table_of(HumanRating, [rating]))


def entry_of(home: Home, ref: DatasetRef) -> CatalogueEntry:
    (entry,) = catalogue.find(home.ledger, ref.content_hash)
    return entry


def holding(home: Home, subject_type: SubjectType, subject: str) -> set[str]:
    key = subjects.keyed_hash(home.subject_key, subject_type, subject)
    return set(subjects.datasets_of_subject(home.ledger, subject_type, key))


def test_a_dataset_is_entered_with_its_time_range_and_tenants(plain: Turn, home: Home) -> None:
    ref = plain(lambda: take_traces(3))
    entry = entry_of(home, ref)
    assert (entry.ref, entry.run_id, entry.tenants) == (ref, "run", ["a", "b"])
    assert (entry.time_from, entry.time_to) == (utc(2026, 11, 9), utc(2026, 11, 12))


def test_an_empty_dataset_has_neither_and_no_window_finds_it(plain: Turn, home: Home) -> None:
    ref = plain(lambda: take_traces(0))
    entry = entry_of(home, ref)
    assert (entry.time_from, entry.time_to, entry.tenants) == (None, None, [])
    assert catalogue.resolve_window(home.ledger, "traces", utc(1970, 1, 1), utc(2100, 1, 1)) == []


def test_the_first_entry_of_a_content_stays(plain: Turn, home: Home) -> None:
    first = plain(lambda: take_traces(3), "one")
    assert plain(lambda: take_traces(3), "two") == first
    assert entry_of(home, first).run_id == "one"


def test_users_and_tenants_are_found_by_keyed_hash_and_named_nowhere(plain: Turn, home: Home) -> None:
    ref = plain(lambda: take_traces(2))
    assert holding(home, "user", "ann@mill") == holding(home, "tenant", "a") == {ref.content_hash}
    assert holding(home, "user", "a") == holding(home, "tenant", "ann@mill") == holding(home, "user", "eve") == set()
    stored = b"".join(path.read_bytes() for path in home.root.glob("ledger.sqlite*"))
    assert ref.content_hash.encode() in stored
    assert b"ann@mill" not in stored


def test_another_homes_key_finds_nobody(plain: Turn, home: Home) -> None:
    plain(lambda: take_traces(2))
    key = subjects.keyed_hash(b"another key", "user", "ann@mill")
    assert subjects.datasets_of_subject(home.ledger, "user", key) == []


def test_a_derived_dataset_holds_whomever_its_inputs_hold(plain: Turn, home: Home) -> None:
    def body() -> tuple[DatasetRef, DatasetRef]:
        traces = take_traces(2)
        return traces, rate_traces([traces])

    traces, ratings = plain(body)
    for user in ("ann@mill", "bob"):
        assert holding(home, "user", user) == {traces.content_hash, ratings.content_hash}
    for tenant in ("a", "b"):
        assert holding(home, "tenant", tenant) == {traces.content_hash, ratings.content_hash}


def test_what_came_in_beside_traces_holds_their_users(plain: Turn, home: Home) -> None:
    traces, ratings = plain(take_rated_traces)
    assert holding(home, "user", "ann@mill") == {traces.content_hash, ratings.content_hash}


def test_naming_datasets_together_does_not_make_one_hold_the_others_users(plain: Turn, home: Home) -> None:
    def body() -> DatasetRef:
        others, ratings = take_rated_traces()
        NAMED[:] = [take_traces(2), others, ratings]
        name_again()
        return ratings

    ratings = plain(body)
    assert ratings.content_hash in holding(home, "user", "ann@mill")
    assert ratings.content_hash not in holding(home, "user", "bob")


def test_equal_content_from_other_inputs_holds_their_users_too(plain: Turn, home: Home) -> None:
    ratings = plain(lambda: rate_traces([take_traces(1)]), "one")
    assert ratings.content_hash not in holding(home, "user", "bob")
    assert plain(lambda: rate_traces([take_traces(2)]), "two") == ratings
    assert ratings.content_hash in holding(home, "user", "bob")


@pytest.mark.parametrize("n", [1, 2])
def test_who_is_in_one_of_several_inputs_is_in_the_output(plain: Turn, home: Home, n: int) -> None:
    first, ratings = plain(lambda: (take_traces(1), rate_traces([take_traces(2), take_traces(n)])))
    assert ratings.content_hash in holding(home, "user", "ann@mill") & holding(home, "user", "bob")
    assert first.content_hash not in holding(home, "user", "bob")
