"""Verifying runs: every change to what a run put out is found."""

import json
import shutil

import pytest


@pytest.fixture
def run(make_run):
    return make_run()


def dataset_folders(home):
    return sorted(path.parent for path in home.datasets.root.glob("*/*/manifest.json"))


def bad_checks(outcome):
    return [each for each in outcome.document["checks"] if each["status"] == "different"]


def test_an_untouched_run_verifies(cli, run):
    outcome = cli("verify", run, "--json")
    assert outcome.code == 0
    assert outcome.document["verified"]
    assert [each["what"] for each in outcome.document["checks"]] == ["run hash", "dataset", "dataset"]


def test_a_changed_part_is_found_with_file_and_hash(cli, run, home):
    folder = dataset_folders(home)[0]
    part = next(folder.glob("part-*.parquet"))
    shutil.copy(next(dataset_folders(home)[1].glob("part-*.parquet")), part)
    outcome = cli("verify", run, "--json")
    assert outcome.code == 1
    assert [each["subject"].partition(":")[2] for each in bad_checks(outcome)] == [folder.name]
    assert str(part) in bad_checks(outcome)[0]["found"]
    assert folder.name[:12] in cli("verify", run).out


def test_a_missing_dataset_is_found(cli, run, home):
    shutil.rmtree(dataset_folders(home)[0])
    assert cli("verify", run).code == 1


def test_an_edited_receipt_breaks_the_run_hash(cli, run, home):
    path = home.run_folder(run) / "receipts" / "make-ratings.json"
    receipt = json.loads(path.read_text())
    receipt["outputs"] = []
    path.write_text(json.dumps(receipt))
    assert [each["what"] for each in bad_checks(cli("verify", run, "--json"))] == ["run hash"]


@pytest.mark.parametrize("content", ["{}", "not json"])
def test_an_unreadable_receipt_is_a_finding(cli, run, home, content):
    (home.run_folder(run) / "receipts" / "make-ratings.json").write_text(content)
    outcome = cli("verify", run, "--json")
    assert outcome.code == 1
    assert [each["what"] for each in bad_checks(outcome)] == ["receipts"]


def test_recomputing_gives_the_same_and_writes_nothing(cli, run, home):
    before = dataset_folders(home)
    outcome = cli("verify", run, "--recompute", "--json")
    assert outcome.code == 0
    recomputed = [each["subject"] for each in outcome.document["checks"] if each["what"] == "recomputed"]
    assert recomputed == ["make-ratings", "shift-ratings"]
    assert dataset_folders(home) == before
    assert not list((home.datasets.root / ".building").glob("*-0"))


def test_a_stage_that_gives_another_value_is_found_and_the_home_left_alone(cli, run, home, monkeypatch):
    import toy_flow

    before = dataset_folders(home)
    monkeypatch.setattr(toy_flow, "OFFSET", [5.0])
    outcome = cli("verify", run, "--recompute", "--json")
    assert outcome.code == 1
    assert [each["subject"] for each in bad_checks(outcome)] == ["shift-ratings"]
    assert dataset_folders(home) == before


def test_a_stage_that_is_gone_is_a_finding_and_the_others_are_computed(cli, run, home):
    path = home.run_folder(run) / "receipts" / "make-ratings.json"
    path.write_text(path.read_text().replace("toy_flow:make_ratings", "toy_flow:gone"))
    bad = bad_checks(cli("verify", run, "--recompute", "--json"))
    assert [each["subject"] for each in bad] == ["make-ratings"]
    assert "toy_flow:gone" in bad[0]["found"]
