"""A home of schema version 1 is opened by today's code: nothing is lost, and the next week turns on it."""

import json
from pathlib import Path

import pytest

from millrace.datasets.schema import rows_of
from millrace.datasets.store import DatasetStore
from millrace.errors import NewerHomeError
from millrace.ledger import pointers
from millrace.ledger.pins import pins_of
from millrace.ledger.schema import SCHEMA_VERSION
from millrace.ledger.store import Ledger
from millrace.records.golden import GoldenRow
from millrace.records.kinds import KINDS
from tasks.golden import pointer_name
from tasks.home import Home
from tests.support import embedder, wheel
from tests.support.ledger_tables import rows_of_tables
from tests.support.older_homes import VERSION_1, version_1_home
from tests.support.state import check_whole

REFS = DatasetStore(VERSION_1 / "datasets").refs()


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    root = version_1_home(tmp_path / "home")
    monkeypatch.setattr("blocks.embedder._block", embedder.stand_in)
    monkeypatch.setenv("MILLRACE_HOME", str(root))
    monkeypatch.chdir(tmp_path)
    return Home(root)


def test_there_are_datasets_of_every_kind_that_a_week_makes_in_their_first_version() -> None:
    manifests = [json.loads(path.read_text()) for path in VERSION_1.glob("datasets/*/*/manifest.json")]
    assert {each["schema_version"] for each in manifests} == {1}
    raised = {kind.name for kind in KINDS.values() if kind.version > 1}
    assert len(raised & {each["kind"] for each in manifests}) >= 7
    assert any(each["rows"] for each in manifests if each["kind"] == "triage")


def test_every_dataset_is_read_back_row_by_row(old: Home) -> None:
    assert old.datasets.refs() == REFS
    for ref in REFS:
        dataset = old.datasets.open(ref)
        dataset.verify()
        rows = rows_of(dataset.model, dataset.to_arrow(measured=True))
        assert len(rows) == dataset.manifest.rows


def test_the_next_week_turns_on_it_and_keeps_what_people_said(old: Home) -> None:
    before = rows_of_tables(old.root / "ledger.sqlite")
    assert wheel.week("third") is None
    assert wheel.answer_tasks("first")  # of questions that version 1 asked
    wheel.answer_tasks("third")
    wheel.approve("third")
    result = wheel.week("third")
    assert result is not None
    assert (result.status, result.golden_version) == ("completed", "2.0.0")  # rows of a newer schema
    after = rows_of_tables(old.root / "ledger.sqlite")
    assert after["meta"][0]["value"] == str(SCHEMA_VERSION)
    assert (old.root / "ledger.sqlite.v1.bak").is_file()
    for table, key in (("runs", "run_id"), ("effects", "key"), ("annotations", "annotation_id")):
        assert {row[key] for row in before[table]} < {row[key] for row in after[table]}
    assert all(old.datasets.exists(ref) for ref in REFS)
    with old.ledger as ledger:
        assert pins_of(ledger, "first")
        active = pointers.pointer(ledger, pointer_name("main"))
    assert active is not None
    (golden,) = [ref for ref in old.datasets.refs() if ref.content_hash == active.value["dataset"]["content_hash"]]
    rows = [GoldenRow.model_validate(row) for row in old.datasets.open(golden).to_arrow().to_pylist()]
    assert "Corrected." in {row.expected_answer for row in rows}
    assert len(rows) > 1
    check_whole(old.root)


def test_a_newer_home_is_refused_and_left_as_it_is(old: Home) -> None:
    with Ledger.open(old.root / "ledger.sqlite") as ledger, ledger.write() as connection:
        connection.exec_driver_sql(f"UPDATE meta SET value = '{SCHEMA_VERSION + 1}'")  # noqa: S608
    before = rows_of_tables(old.root / "ledger.sqlite")
    with pytest.raises(NewerHomeError, match="upgrade Millrace"):
        wheel.week("third")
    assert rows_of_tables(old.root / "ledger.sqlite") == before
