"""Freeing space: what goes, and above all what stays."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from apps.cli.garbage import Garbage, find_garbage, remove
from millrace.datasets.manifest import Origin
from millrace.datasets.schema import table_of
from millrace.ledger import catalogue, pins, pointers, runs
from millrace.records.trace import HumanRating, Trace
from tasks.receipts import read_receipts

NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1, hours=1)  # everything made by a test is old then
ORIGIN = Origin(stage="test", code_fingerprint="", settings_hash="", inputs=[], numeric_profile="")


def rating(home, value):
    row = HumanRating(trace_id="t", dimension="d", annotator="a", value=value)
    return home.datasets.write("human_ratings", table_of(HumanRating, [row]), ORIGIN, key=str(value))


def names(home, **options):
    return [each.name for each in find_garbage(home, TOMORROW, **options)]


def test_what_nothing_names_is_shown_and_only_yes_frees_it(cli, home):
    home.ledger  # noqa: B018  opening makes it
    ref = rating(home, 1)
    old = (NOW - timedelta(days=2)).timestamp()
    for path in [home.datasets.folder(ref), *home.datasets.folder(ref).rglob("*")]:
        os.utime(path, (old, old))
    shown = cli("gc", "--json").document
    assert [each["name"] for each in shown["items"]] == [ref.name]
    assert shown["n_bytes"] > 0
    assert home.datasets.exists(ref)
    assert cli("gc", "--yes").code == 0
    assert not home.datasets.exists(ref)
    assert cli("gc", "--json").document["items"] == []


def test_what_was_written_within_a_day_stays(home):
    home.ledger  # noqa: B018
    rating(home, 1)
    assert find_garbage(home, NOW) == []


def test_what_receipts_name_stays(home, make_run):
    make_run()
    assert names(home) == []


@pytest.mark.parametrize("by", ["pin", "pointer", "old pointer"])
def test_what_a_pin_or_any_pointer_ever_named_stays(home, by):
    ref = rating(home, 1).model_dump(mode="json")
    if by == "pin":
        pins.pin(home.ledger, "run", "start", {"deep": [ref]})
    else:
        pointers.set_pointer(home.ledger, "golden/main", {"dataset": ref}, at=NOW, run_id="one")
    if by == "old pointer":
        pointers.set_pointer(home.ledger, "golden/main", {"dataset": None}, at=NOW, run_id="two")
    assert names(home) == []


def test_catalogued_traces_stay_though_no_run_read_them_yet(home):
    rows = [Trace(trace_id="t", time=NOW, tenant_id="x", question="q")]
    ref = home.datasets.write("traces", table_of(Trace, rows), ORIGIN, key="traces")
    assert names(home) == [ref.name]
    catalogue.register(home.ledger, ref, time_from=NOW, time_to=NOW, tenants=["x"], run_id="r", at=NOW)
    assert names(home) == []


def test_keep_days_lets_go_of_what_only_long_ended_runs_name_and_can_be_made_again(home, make_run):
    make_run("ended")
    make_run("open", n_rows=7)
    runs.update_run(home.ledger, "open", status="waiting")
    runs.update_run(home.ledger, "ended", finished_at=NOW - timedelta(days=9))
    derived = read_receipts(home.run_folder("ended"))[1].outputs
    assert names(home, keep_days=20) == []
    assert names(home, keep_days=5) == derived


def test_unfinished_builds_go_unless_one_is_under_way(home):
    home.ledger  # noqa: B018
    with home.datasets.building("human_ratings", "left"):
        pass
    found = find_garbage(home, TOMORROW)
    assert [(each.type, each.name) for each in found] == [("unfinished build", "human_ratings-left")]
    with home.datasets.building("human_ratings", "left"):
        assert not remove(home, found[0])
    assert remove(home, found[0])
    assert find_garbage(home, TOMORROW) == []


def test_index_snapshots_go_when_no_pointer_names_them(home):
    pointed, forgotten = "a" * 64, "b" * 64
    for name in (pointed, forgotten):
        (home.index_root / name).mkdir(parents=True)
    pointers.set_pointer(home.ledger, "index/guide", {"snapshot": pointed}, at=NOW, run_id="run")
    assert names(home) == [forgotten]
    assert isinstance(find_garbage(home, TOMORROW)[0], Garbage)


def test_what_a_removal_that_was_killed_left_goes(home):
    home.ledger  # noqa: B018
    for folder in (home.datasets.root / "traces", home.index_root):
        (folder / ".removing-abc").mkdir(parents=True)
        (folder / ".removing-abc" / "file").write_text("half")
    found = find_garbage(home, TOMORROW)
    assert [(each.type, each.name) for each in found] == [("half deleted", ".removing-abc")] * 2
    assert all(remove(home, each) for each in found)
    assert not list(home.root.glob("**/.removing-*"))
    assert find_garbage(home, TOMORROW) == []
