"""Publishing exports in a run: under its id, once, equal every time, and not at all when something leaks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.distillation.config import ExportConfig
from millrace.distillation.dataset_card import ExportAbout
from millrace.errors import LeakError
from millrace.records.receipt import Receipt
from tasks.export_files import PublishedExports, publish_exports
from tasks.home import Home
from tasks.parts import read_dataset, write_dataset
from tasks.receipts import read_receipts
from tasks.stage import stage
from tests.support import traced_runs
from tests.support.traced_runs import DISTILL
from tests.tasks.turns import Turn

Receipts = Callable[[str], dict[str, Receipt]]


@pytest.fixture
def published(home: Home, tmp_path: Path) -> PublishedExports:
    """What a distillation published."""
    traced_runs.write_sources(tmp_path)
    traced_runs.import_file(tmp_path)
    traced_runs.distil(tmp_path)
    return output(home)


def output(home: Home) -> PublishedExports:
    receipts = {each.step: each for each in read_receipts(home.run_folder(DISTILL))}
    return PublishedExports.model_validate(receipts["publish-exports"].output)


def contents(home: Home, run_id: str = DISTILL) -> dict[str, bytes]:
    folder = home.root / "exports" / run_id
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def arguments(receipt: Receipt, **changes: DatasetRef) -> dict[str, Any]:
    given = {name: DatasetRef.model_validate(receipt.arguments[name]) for name in ("rag", "sft", "preference")}
    about = ExportAbout.model_validate(receipt.arguments["about"])
    return given | {"about": about, "config": ExportConfig(), "known_files": None} | changes


def test_the_receipt_lists_what_lies_under_the_runs_name(
    home: Home, published: PublishedExports, receipts: Receipts
) -> None:
    receipt = receipts(DISTILL)["publish-exports"]
    assert published.folder == f"exports/{DISTILL}"
    assert [file.name for file in published.files] == sorted(f"exports/{DISTILL}/{name}" for name in contents(home))
    assert all((home.root / file.name).stat().st_size == file.n_bytes for file in published.files)
    about = ExportAbout.model_validate(receipt.arguments["about"])
    named = {ref.name for ref in (about.evidence, about.scores, about.contamination, *about.quarantines.values())}
    assert named <= set(receipt.inputs)


def test_another_run_over_the_same_evidence_publishes_equal_bytes(
    home: Home, published: PublishedExports, tmp_path: Path
) -> None:
    traced_runs.distil(tmp_path, "distill-2")
    assert contents(home, "distill-2") == contents(home)
    assert b"distill-1" not in b"".join(contents(home).values())


def test_a_run_that_is_entered_again_publishes_nothing_anew(
    home: Home, published: PublishedExports, tmp_path: Path
) -> None:
    marked = home.root / "exports" / DISTILL / "mine.txt"
    marked.write_text("kept")
    traced_runs.distil(tmp_path)
    assert output(home) == published
    assert marked.read_text() == "kept"


def test_the_card_tells_what_the_exports_were_made_from(home: Home, published: PublishedExports) -> None:
    card = contents(home)["sft/README.md"].decode()
    assert "| unsafe_for_sft | 3 |" in card
    assert "| evidence | not known |" in card
    assert "toy 3." in card
    assert "toy.yaml" not in card  # a path is nobody's business


@stage
def relabel(rows: DatasetRef, evidence_id: str) -> DatasetRef:
    """Give the last row the id of another record: what a faulty exporter would do."""
    table = read_dataset(rows).to_arrow()
    ids = [*table.column("evidence_id").to_pylist()[:-1], evidence_id]
    place = table.schema.get_field_index("evidence_id")
    return write_dataset(rows.kind, table.set_column(place, table.schema.field(place), pa.array(ids)))


@pytest.mark.parametrize("export", ["rag", "sft"])
def test_a_leak_fails_the_run_and_publishes_nothing(
    plain: Turn, home: Home, published: PublishedExports, receipts: Receipts, export: str
) -> None:
    receipt = receipts(DISTILL)["publish-exports"]

    def leak() -> PublishedExports:
        given = arguments(receipt)
        return publish_exports(**given | {export: relabel(given[export], "review-1")})

    with pytest.raises(LeakError, match=r"train\.jsonl line \d+, record review-1"):
        plain(leak, "leaking")
    assert [path.name for path in (home.root / "exports").iterdir()] == [DISTILL]
    plain(lambda: publish_exports(**arguments(receipt)), "leaking-not")
    assert contents(home, "leaking-not") == contents(home)


def test_no_user_id_leaves(home: Home, tmp_path: Path) -> None:
    traced_runs.write_sources(tmp_path)
    traced_runs.import_file(tmp_path)
    file = tmp_path / "reviews.jsonl"
    rows = [json.loads(line) | {"user_id": "uma-the-user"} for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    traced_runs.distil(tmp_path)
    stored = [home.datasets.open(ref).to_arrow().to_pylist() for ref in home.datasets.refs() if ref.kind == "rag_rows"]
    assert "uma-the-user" in str(stored)
    assert b"uma-the-user" not in b"".join(contents(home).values())
