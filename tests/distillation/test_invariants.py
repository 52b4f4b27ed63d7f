"""Each of the 22 invariants holds for the fixture, and breaks when what it guards is broken."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millrace.datasets.manifest import Origin
from millrace.datasets.schema import arrow_schema
from millrace.datasets.store import DatasetStore
from millrace.distillation.invariants import RunLeft, check_invariants
from millrace.records.acceptance import Expected, SkippedLine
from millrace.records.evidence import Quarantined
from tests.support.acceptance import distilled, expected

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunLeft, RunLeft]:
    folder = tmp_path_factory.mktemp("acceptance")
    return distilled(folder / "first"), distilled(folder / "second")


@pytest.fixture
def broken(runs: tuple[RunLeft, RunLeft], tmp_path: Path) -> tuple[RunLeft, RunLeft]:
    """Copies that a test may break."""
    for number, left in enumerate(runs):
        shutil.copytree(left.home, tmp_path / str(number))
    first, second = (RunLeft(tmp_path / str(number), left.run_id) for number, left in enumerate(runs))
    return first, second


def failing(first: RunLeft, second: RunLeft, wanted: Expected | None = None) -> dict[int, str]:
    results = check_invariants(first, second, wanted or expected())
    return {result.number: result.detail for result in results if not result.passed}


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


def edit_rows(left: RunLeft, export: str, change: Callable[[Rows], Rows]) -> None:
    path = left.home / "exports" / left.run_id / export / "train.jsonl"
    rows = change([json.loads(line) for line in path.read_text().splitlines()])
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def planted(category: str) -> Callable[[Rows], Rows]:
    """The first row once more, as if the record of that category had slipped through under its own id."""
    of = {"rejected": "rev-02", "needs_human_review": "con-02", "partially_accepted": "aud-03"}
    return lambda rows: [*rows, rows[0] | {"evidence_id": of[category]}]


def test_all_22_hold_for_the_fixture(runs):
    results = check_invariants(*runs, expected())
    assert [result.number for result in results] == list(range(1, 23))
    assert [result.detail for result in results if not result.passed] == []


@pytest.mark.parametrize(
    ("number", "name"), [(1, "receipts/export-sft.json"), (2, "summary.json"), (3, "summary.md"), (4, "drift.json")]
)
def test_a_missing_file_is_named(broken, number, name):
    (broken[0].folder / name).unlink()
    assert Path(name).stem.split(".")[0] in failing(*broken)[number]


@pytest.mark.parametrize(
    ("number", "name"), [(5, "receipts/score-evidence.json"), (6, "summary.json"), (7, "drift.json")]
)
def test_a_file_that_breaks_its_schema_is_named_with_the_field(broken, number, name):
    edit_json(broken[0].folder / name, lambda content: content.update(run_id=7))
    assert failing(*broken)[number] == f"{Path(name).name}: run_id: Input should be a valid string"


@pytest.mark.parametrize(
    ("number", "export", "category"),
    [
        (8, "sft", "rejected"),
        (9, "sft", "needs_human_review"),
        (10, "sft", "partially_accepted"),
        (11, "rag", "needs_human_review"),
        (12, "rag", "rejected"),
    ],
)
def test_a_record_that_slipped_into_an_export_is_named(broken, number, export, category):
    edit_rows(broken[0], export, planted(category))
    found = failing(*broken)
    assert category in found[number]
    assert set(found) <= {number, 11}  # a rejected record is none of the allowed categories either


def test_a_row_that_says_of_itself_that_it_was_rejected_is_found_though_its_id_is_good(broken):
    edit_rows(broken[0], "sft", lambda rows: [rows[0] | {"category": "rejected"}, *rows[1:]])
    assert set(failing(*broken)) == {8}


def test_an_export_for_retrieval_without_rows_is_broken(broken):
    edit_rows(broken[0], "rag", lambda _rows: [])
    assert failing(*broken) == {11: "no rows"}


def test_no_pair_at_all_is_broken_unless_none_was_expected(broken):
    edit_rows(broken[0], "preference", lambda _rows: [])
    assert failing(*broken) == {13: "no preference pair"}
    assert failing(*broken, expected().model_copy(update={"has_pairs": False})) == {}


def test_a_pair_of_one_record_is_broken(broken):
    edit_rows(broken[0], "preference", lambda rows: [rows[0] | {"rejected_id": rows[0]["chosen_id"]}])
    assert set(failing(*broken)) == {14}


def test_a_pair_of_equal_texts_is_broken_however_they_are_spelled(broken):
    shouted = [{"role": "assistant", "content": "  IT RENAMES  two columns "}]
    edit_rows(broken[0], "preference", lambda rows: [rows[0] | {"chosen": shouted}])
    assert set(failing(*broken)) == {15}


@pytest.mark.parametrize("forged", [None, "", "A" * 64, "0" * 63])
def test_a_row_without_a_signature_is_broken(broken, forged):
    edit_rows(broken[0], "sft", lambda rows: [rows[0] | {"provenance": {"sig_hash": forged}}, *rows[1:]])
    assert failing(*broken) == {16: "sft row 1"}


def test_a_row_without_provenance_that_was_not_skipped_is_named(runs):
    wanted = expected().model_copy(update={"without_provenance": [SkippedLine(source="reviews.jsonl", line=5)]})
    assert failing(*runs, wanted) == {17: "reviews.jsonl, line 5 is not skipped"}


def test_an_empty_quarantine_is_broken(broken):
    left = broken[0]
    origin = Origin(stage="test", code_fingerprint="", settings_hash="", inputs=[], numeric_profile="")
    empty = DatasetStore(left.home / "datasets").write(
        "quarantine", arrow_schema(Quarantined).empty_table(), origin, key="empty"
    )
    edit_json(left.folder / "distillation.json", lambda content: content["datasets"].update(sft_quarantine=empty.name))
    assert set(failing(*broken)) == {18}


def test_a_tree_that_lost_a_shard_is_named(runs):
    found = failing(*runs, expected().model_copy(update={"tree_texts": {"pad-1": "The deploy stopped."}}))
    assert list(found) == [19]
    assert "pad-1" in found[19]


def test_a_drifted_claim_that_nobody_saw_is_named(runs):
    found = failing(*runs, expected().model_copy(update={"drifted_claims": {"con-01": "needs_human_review"}}))
    assert found == {20: "con-01 is accepted"}


def test_another_output_in_the_second_run_is_named(broken):
    edit_json(
        broken[1].folder / "receipts" / "score-evidence.json",
        lambda content: content.update(outputs=[f"evidence_scores:{'0' * 64}"]),
    )
    assert failing(*broken) == {21: "score-evidence gave out something else"}


def test_another_run_hash_in_the_second_run_is_named(broken):
    edit_json(broken[1].folder / "summary.json", lambda content: content.update(run_hash="0" * 64))
    assert set(failing(*broken)) == {22}


def test_a_run_of_which_nothing_is_left_breaks_them_without_an_error(tmp_path):
    nothing = RunLeft(tmp_path, "gone")
    results = check_invariants(nothing, nothing, expected())
    assert len(results) == 22
    assert not any(result.passed for result in results)
