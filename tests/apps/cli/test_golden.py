"""Versions of golden datasets: listing, rows, differences, going back."""

import json
from datetime import UTC, datetime

import pytest

from millrace.datasets.manifest import Origin
from millrace.datasets.schema import table_of
from millrace.golden.history import removals_in
from millrace.ledger.catalogue import find
from millrace.ledger.pointers import pointer, pointer_history_of, set_pointer
from millrace.records.golden import GoldenRow

AT = datetime(2026, 11, 20, tzinfo=UTC)
ORIGIN = Origin(stage="test", code_fingerprint="", settings_hash="", inputs=[], numeric_profile="")


def row(number, version):
    return GoldenRow(
        golden_id=f"g{number}", tenant_id="t", question=f"Question {number}?", expected_behaviour="abstain",
        category="hallucination", near_duplicate_group=f"n{number}", split="eval", source_trace_id="s",
        annotation_id=f"a{number}", added_in=version,
    )  # fmt: skip


@pytest.fixture
def versions(home):
    """1.0.0 with one row, then 1.1.0 with two, then 1.10.0 with three; the last is active."""
    for count, version in ((1, "1.0.0"), (2, "1.1.0"), (3, "1.10.0")):
        rows = table_of(GoldenRow, [row(number, version) for number in range(count)])
        ref = home.datasets.write("golden", rows, ORIGIN, key=version)
        value = {"version": version, "dataset": ref.model_dump(mode="json")}
        set_pointer(home.ledger, "golden/main", value, at=AT, run_id=f"run-{version}")
    return home


def listed(cli):
    return [(each["version"], each["active"]) for each in cli("golden", "list", "--json").document["versions"]]


def test_versions_are_listed_as_numbers_with_the_active_one_marked(cli, versions):
    assert listed(cli) == [("1.0.0", False), ("1.1.0", False), ("1.10.0", True)]
    assert "1.10.0" in cli("golden", "list").out


def test_show_gives_the_rows_of_a_version_or_of_the_active_one(cli, versions):
    assert len(cli("golden", "show", "--json").document["rows"]) == 3
    assert len(cli("golden", "show", "1.0.0", "--json").document["rows"]) == 1
    assert "Question 2?" in cli("golden", "show").out


def test_diff_names_what_was_added(cli, versions):
    diff = cli("golden", "diff", "1.0.0", "1.10.0", "--json").document["diff"]
    assert [each["golden_id"] for each in diff["added"]] == ["g1", "g2"]
    assert "1.0.0 -> 1.10.0: 2 added" in cli("golden", "diff", "1.0.0", "1.10.0").out


def test_rollback_moves_the_pointer_and_keeps_every_version(cli, versions):
    assert cli("golden", "rollback", "1.0.0", "--yes").code == 0
    assert listed(cli) == [("1.0.0", True), ("1.1.0", False), ("1.10.0", False)]
    assert cli("golden", "rollback", "1.10.0", "--yes").code == 0
    assert listed(cli)[-1] == ("1.10.0", True)
    assert len(pointer_history_of(versions.ledger, "golden/main")) == 5


def test_rollback_to_the_active_version_changes_nothing(cli, versions):
    before = pointer(versions.ledger, "golden/main")
    assert cli("golden", "rollback", "1.10.0").code == 0
    assert pointer(versions.ledger, "golden/main") == before


def test_rollback_without_anybody_to_ask_needs_yes(cli, versions):
    assert cli("golden", "rollback", "1.0.0").code == 2
    assert listed(cli)[-1] == ("1.10.0", True)


def test_unknown_names_and_versions_are_answered_with_what_there_is(cli, versions):
    assert "there are 1.0.0, 1.1.0, 1.10.0" in cli("golden", "show", "9.0.0").err
    assert "there is main" in cli("golden", "show", "--name", "other").err


def remove(cli, golden_id, *options):
    return cli("golden", "remove", golden_id, "--reason", "names a person", *options)


def test_remove_publishes_a_major_version_without_the_row(cli, versions):
    document = remove(cli, "g1", "--yes", "--json").document
    assert (document["before"], document["active"]) == ("1.10.0", "2.0.0")
    assert listed(cli) == [("1.0.0", False), ("1.1.0", False), ("1.10.0", False), ("2.0.0", True)]
    assert [row["golden_id"] for row in cli("golden", "show", "--json").document["rows"]] == ["g0", "g2"]
    assert len(cli("golden", "show", "1.10.0", "--json").document["rows"]) == 3
    removed = cli("golden", "diff", "1.10.0", "2.0.0", "--json").document["diff"]["removed"]
    assert [each["golden_id"] for each in removed] == ["g1"]


def test_a_removal_is_written_beside_its_version_and_listed(cli, versions):
    remove(cli, "g1", "--yes")
    about = cli("golden", "list", "--json").document["versions"][-1]["about"]
    assert (about["added"], about["removed"], about["parent"], about["note"]) == (0, 1, "1.10.0", "names a person")
    folder = versions.root / "golden" / "main" / "2.0.0"
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert [row["golden_id"] for row in rows] == ["g0", "g2"]
    assert "names a person" in cli("golden", "list").out


def test_a_removal_is_a_run_with_a_receipt_and_its_rows_are_catalogued(cli, versions):
    remove(cli, "g1", "--yes")
    run = cli("runs", "--json").document["runs"][0]
    assert (run["flow"], run["status"]) == ("golden-remove", "completed")
    receipt = json.loads(
        next((versions.root / "runs" / run["run_id"]).glob("receipts/*remove-golden-row*.json")).read_text()
    )
    assert receipt["step_type"] == "effect"
    entry = find(versions.ledger, pointer(versions.ledger, "golden/main").value["dataset"]["content_hash"])[0]
    assert (entry.ref.rows, entry.tenants) == (2, ["t"])


def test_what_was_removed_is_remembered_over_later_versions_and_rollbacks(cli, versions):
    remove(cli, "g1", "--yes")
    remove(cli, "g2", "--yes")
    cli("golden", "rollback", "2.0.0", "--yes")
    assert listed(cli)[-2:] == [("2.0.0", True), ("3.0.0", False)]
    history = [entry.value for entry in pointer_history_of(versions.ledger, "golden/main")]
    assert [(each.golden_id, each.reason) for each in removals_in(history)] == [
        ("g1", "names a person"),
        ("g2", "names a person"),
    ]


def test_after_a_rollback_a_removal_is_numbered_above_the_highest_version(cli, versions):
    cli("golden", "rollback", "1.0.0", "--yes")
    assert remove(cli, "g0", "--yes", "--json").document["active"] == "2.0.0"
    cli("golden", "rollback", "1.1.0", "--yes")
    assert remove(cli, "g0", "--yes", "--json").document["active"] == "3.0.0"


def test_remove_needs_a_row_a_reason_and_yes(cli, versions):
    assert "has no row g9" in remove(cli, "g9", "--yes").err
    assert cli("golden", "remove", "g1", "--yes").code == 2
    assert cli("golden", "remove", "g1", "--reason", "", "--yes").code == 2
    assert remove(cli, "g1").code == 2
    assert listed(cli)[-1] == ("1.10.0", True)
