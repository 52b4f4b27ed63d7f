"""The files of a run."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.records.receipt import Receipt, RunSummary
from tasks.home import Home
from tasks.receipts import read_receipts, read_summary, receipt_markdown, run_hash, write_receipt
from tasks.run import current_run
from tests.tasks.turns import Turn, make_ratings

Receipts = Callable[[str], dict[str, Receipt]]


@pytest.fixture
def receipt(plain: Turn, receipts: Receipts) -> Receipt:
    plain(lambda: make_ratings(3))
    return receipts("run")["make-ratings"]


def files_of(home: Home, run_id: str = "run") -> list[Path]:
    return sorted((home.run_folder(run_id) / "receipts").iterdir())


def test_receipts_and_summary_follow_their_json_schema(turn: Turn, home: Home) -> None:
    turn(lambda: [make_ratings(3), make_ratings(2)])
    assert [path.name for path in files_of(home)] == ["make-ratings-2.json", "make-ratings.json"]
    for path in files_of(home):
        jsonschema.validate(json.loads(path.read_text()), Receipt.model_json_schema())
    jsonschema.validate(
        json.loads((home.run_folder("run") / "summary.json").read_text()), RunSummary.model_json_schema()
    )


@pytest.mark.parametrize("change", [{"attempts": 0}, {"colour": "blue"}, {"duration_s": -1.0}, {"step_type": "other"}])
def test_the_schema_refuses_what_no_receipt_says(receipt: Receipt, change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(receipt.model_dump(mode="json") | change, Receipt.model_json_schema())


def rewritten(receipt: Receipt, **changes: Any) -> Callable[[], None]:
    return lambda: write_receipt(current_run(), receipt.model_copy(update=changes))


def test_an_equal_step_keeps_its_receipt_with_the_first_times(
    plain: Turn, receipt: Receipt, receipts: Receipts
) -> None:
    plain(rewritten(receipt, duration_s=99.0, cached=True, attempts=3))
    assert receipts("run")["make-ratings"] == receipt


@pytest.mark.parametrize("change", [{"key": "another"}, {"outputs": ["human_ratings:other"]}, {"output": 3}])
def test_a_step_with_another_key_or_output_gets_a_new_receipt(
    plain: Turn, receipt: Receipt, receipts: Receipts, change: dict[str, Any]
) -> None:
    plain(rewritten(receipt, **change))
    assert receipts("run")["make-ratings"] == receipt.model_copy(update=change)


def test_the_run_hash_does_not_depend_on_the_order_of_receipts(receipt: Receipt) -> None:
    made = [receipt.model_copy(update={"step": f"s{number}", "outputs": [f"k:{number % 3}"]}) for number in range(6)]
    shuffled = random.Random(5).sample(made, len(made))
    assert run_hash(shuffled) == run_hash(made)
    exchanged = [each.model_copy(update={"outputs": made[-1 - index].outputs}) for index, each in enumerate(made)]
    assert run_hash(exchanged) != run_hash(made)


@pytest.mark.parametrize(
    "change", [{"key": "k"}, {"cached": True}, {"duration_s": 9.0}, {"git_sha": "0"}, {"run_id": "r"}]
)
def test_the_run_hash_leaves_out_how_and_when(receipt: Receipt, change: dict[str, Any]) -> None:
    assert run_hash([receipt.model_copy(update=change)]) == run_hash([receipt])


def test_receipts_are_read_by_time_of_start(plain: Turn, home: Home, receipt: Receipt) -> None:
    plain(lambda: [make_ratings(n_rows) for n_rows in (3, 2, 1)], "three")
    read = [each.step for each in read_receipts(home.run_folder("three"))]
    assert read == ["make-ratings", "make-ratings-2", "make-ratings-3"]


def test_a_run_without_receipts_is_said_and_one_without_summary_has_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no receipts under"):
        read_receipts(tmp_path)
    assert read_summary(tmp_path) is None


def test_a_receipt_shows_as_a_table(receipt: Receipt) -> None:
    shown = receipt_markdown(receipt)
    assert "| rows in / out / skipped / quarantined | 0 / 3 / 0 / 0 |" in shown
    assert f"| outputs | {receipt.outputs[0]} |" in shown
    assert "| inputs | none |" in shown


@pytest.mark.parametrize("content", [b"", b"[", b"{}", b"[" * 100_000, b"\xff"])
def test_a_damaged_receipt_or_summary_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "receipts").mkdir()
    (tmp_path / "receipts" / "step.json").write_bytes(content)
    (tmp_path / "summary.json").write_bytes(content)
    with pytest.raises(BadInputError, match=r"step\.json is damaged"):
        read_receipts(tmp_path)
    with pytest.raises(BadInputError, match=r"summary\.json is damaged"):
        read_summary(tmp_path)
