"""What a hold reaches."""

from typing import Any

import pytest

from millrace.ledger import catalogue, holds, runs
from millrace.ledger.subjects import keyed_hash
from tasks.catalogue import catalogue_outputs
from tasks.holds import held_datasets, held_runs
from tasks.home import Home
from tasks.receipts import read_receipts
from tasks.run import FlowConfig, begun_run
from tests.support.old_home import NOW, write_ratings, write_traces
from tests.tasks.turns import make_ratings, plain_turn


def hold(home: Home, on: Any, held: str) -> str:
    return holds.place(home.ledger, on, held, reason="case 7", by="eve", at=NOW).hold_id


def test_nothing_is_held_without_a_hold(home: Home) -> None:
    write_ratings(home, 1, days=1)
    assert held_datasets(home) == {}
    assert held_runs(home) == {}


def test_a_dataset_is_held_with_its_reason_until_the_release(home: Home) -> None:
    ref = write_ratings(home, 1, days=1)
    hold_id = hold(home, "dataset", ref.content_hash)
    assert held_datasets(home) == {ref.content_hash: f"legal hold {hold_id} on a dataset: case 7"}
    holds.release(home.ledger, hold_id, by="eve", at=NOW)
    assert held_datasets(home) == {}


def test_a_run_is_held_with_what_it_read_and_made_and_what_it_brought(home: Home) -> None:
    def body() -> None:
        make_ratings(2)
        make_ratings(5)

    plain_turn(body, "held")
    plain_turn(lambda: make_ratings(9), "other")
    named = {name.partition(":")[2] for each in read_receipts(home.run_folder("held")) for name in each.outputs}
    brought = write_ratings(home, 7, days=1)
    catalogue_only = catalogue.find(home.ledger, brought.content_hash)[0].run_id
    hold(home, "run", "held")
    assert held_datasets(home).keys() == named
    hold(home, "run", catalogue_only)
    assert held_datasets(home).keys() == named | {brought.content_hash}
    assert held_runs(home).keys() == {"held", catalogue_only}


@pytest.mark.parametrize(("on", "name"), [("user", "u1"), ("tenant", "x")])
def test_a_subject_is_held_wherever_the_index_knows_them(home: Home, on: Any, name: str) -> None:
    write_ratings(home, 1, days=1)
    with begun_run("toy", FlowConfig(as_of=NOW), "importing") as run:
        ref = write_traces(home, "t1", days=1)
        catalogue_outputs(run, [], [ref])
        from millrace.ledger.subjects import index_subjects

        index_subjects(home.ledger, ref.content_hash, [(on, keyed_hash(home.subject_key, on, name))])
    hold(home, on, keyed_hash(home.subject_key, on, name))
    assert held_datasets(home).keys() == {ref.content_hash}
    hold(home, on, keyed_hash(home.subject_key, on, "somebody else"))
    assert held_datasets(home).keys() == {ref.content_hash}


def test_a_run_is_held_when_it_touched_what_is_held(home: Home) -> None:
    ref = plain_turn(lambda: make_ratings(2), "made")
    plain_turn(lambda: make_ratings(2), "made-again")
    plain_turn(lambda: make_ratings(3), "other")
    hold_id = hold(home, "dataset", ref.content_hash)
    assert held_runs(home) == dict.fromkeys(["made", "made-again"], f"legal hold {hold_id} on a dataset: case 7")
    assert {run.run_id for run in runs.list_runs(home.ledger)} == {"made", "made-again", "other"}
