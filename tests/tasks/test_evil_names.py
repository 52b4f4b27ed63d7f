"""Names that come with data or settings and become paths: none leads out of its place."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import TypeAdapter, ValidationError

from apps.cli.lineage_run import published_files
from flows.daily_eval import DailyEvalConfig
from flows.weekly_flywheel import WeeklyFlywheelConfig
from millrace.adapters.qdrant_points import check_name
from millrace.adapters.snapshot_files import copy_verified, list_files
from millrace.datasets.files import is_safe_name
from millrace.datasets.manifest import DatasetRef, Part
from millrace.errors import BadInputError, DamagedDatasetError
from millrace.ingestion.document_files import find_files
from millrace.records.base import FileName, name_problem
from millrace.records.golden import GoldenVersion
from millrace.records.window import iso_week
from tasks.approval import _explain
from tasks.golden import ActiveGolden
from tasks.golden_removal import GoldenRemovalConfig
from tasks.home import Home
from tasks.release_plan import ReleaseSettings
from tasks.run import utc_now
from tests.reports import test_runs
from tests.support.hostile import Hostile
from tests.tasks.turns import Turn

EVIL = [
    "..",
    ".",
    "",
    "../out",
    "../../../../etc/passwd",
    "/etc/passwd",
    "a/../../out",
    "a/b",
    "a//b",
    "a\\b",
    "..\\out",
    "a\x00b",
    "a\nb",
    "a\x1bb",
    ".hidden",
    "~/x/y",
    "file:///etc/passwd",
    "C:\\out",
    "a" * 300,
    "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 100,
]
HASH = "ab" * 32
NAMED: dict[str, Callable[[str], Any]] = {
    "golden of a week": lambda name: WeeklyFlywheelConfig(golden=name),
    "golden of a day": lambda name: DailyEvalConfig(golden=name),
    "golden of a removal": lambda name: GoldenRemovalConfig(golden=name, golden_id="g", reason="r"),
    "golden of a release": lambda name: ReleaseSettings(version="1.0.0", golden=[name]),
    "golden that is active": lambda name: ActiveGolden(name=name),
    "golden version": lambda name: GoldenVersion(
        name=name, version="1.0.0", content_hash=HASH, added=0, removed=0, created_at=utc_now()
    ),
    "version of a release": lambda name: ReleaseSettings(version=name),
    "week": lambda name: iso_week(name, "UTC", utc_now()),
    "day": lambda name: DailyEvalConfig(day=name),
    "part of a dataset": lambda name: Part(file=name, rows=1, hash=HASH),
    "measured part": lambda name: Part(file="a.parquet", rows=1, hash=HASH, measured_file=name),
    "dataset": lambda name: DatasetRef(kind="traces", content_hash=name, rows=1),
    "index snapshot": check_name,
    "run": lambda name: Home(Path("home")).run_folder(name),
    "file name": TypeAdapter(FileName).validate_python,
    "time zone": lambda name: iso_week(None, name, utc_now()),
}


@pytest.mark.parametrize("named", list(NAMED))
@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_no_name_that_becomes_a_path_can_lead_elsewhere(named: str, evil: str) -> None:
    with pytest.raises((BadInputError, ValidationError)):
        NAMED[named](evil)


@pytest.mark.parametrize("name", ["main", "Größe 3", "a..b", "2026-W47", "weekly-1", "a.b-c_d+e@f", "a" * 160])
def test_plain_names_are_taken(name: str) -> None:
    assert name_problem(name) is None
    assert TypeAdapter(FileName).validate_python(name) == name
    assert Home(Path("home")).run_folder(name) == Path("home/runs") / name


@given(st.text(max_size=40))
def test_what_is_taken_stays_in_its_folder_and_the_schema_says_the_same(name: str) -> None:
    if name_problem(name) is None:
        folder = Path("/somewhere/runs")
        assert (folder / name).resolve().parent == folder
        assert is_safe_name(name)


@pytest.mark.parametrize("evil", [each for each in EVIL if each], ids=repr)
def test_a_run_of_an_evil_name_leaves_nothing_anywhere(plain: Turn, home: Home, evil: str) -> None:
    before = sorted(home.root.parent.rglob("*"))
    with pytest.raises(BadInputError, match="run id"):
        plain(lambda: 1, evil)
    assert sorted(home.root.parent.rglob("*")) == before


@pytest.mark.parametrize("evil", ["/etc/passwd", "../secret", "a/../../secret", "exports/../../secret"])
def test_a_receipt_cannot_make_verify_read_another_file(evil: str) -> None:
    file = {"name": evil, "sha256": HASH, "n_bytes": 1, "rows": None}
    receipt = test_runs.receipt("publish-exports", 1, output={"folder": "exports/r", "files": [file]})
    with pytest.raises(BadInputError, match="which is no file of its exports"):
        published_files(receipt)


def test_a_snapshot_cannot_make_a_copy_read_or_write_elsewhere(tmp_path: Path) -> None:
    source, target, secret = tmp_path / "source", tmp_path / "target", tmp_path / "secret"
    source.mkdir()
    secret.write_text("secret")
    digest = next(iter(list_files(tmp_path).values()))
    for name in (str(secret), "../secret", "a/../../secret"):
        with pytest.raises(DamagedDatasetError):
            copy_verified(source, target, {name: digest})
    assert secret.read_text() == "secret"
    assert not target.exists()


def test_links_out_of_a_folder_of_documents_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "documents"
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    folder.mkdir()
    (folder / "own.md").write_text("own")
    (folder / "link.md").symlink_to(outside / "secret.md")
    (folder / "dir").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "gone.md").symlink_to(outside / "none.md")
    assert [file.source for file in find_files(folder)] == ["own.md"]


def test_a_manifest_that_names_another_file_is_no_manifest(home: Home, plain: Turn, tmp_path: Path) -> None:
    from tests.tasks.turns import make_ratings

    ref = plain(lambda: make_ratings(2), "run")
    manifest = home.datasets.folder(ref) / "manifest.json"
    content = json.loads(manifest.read_bytes())
    part = home.datasets.folder(ref) / content["parts"][0]["file"]
    (tmp_path / "elsewhere.parquet").write_bytes(part.read_bytes())  # of equal content: no hash would tell
    content["parts"][0]["file"] = str(tmp_path / "elsewhere.parquet")
    manifest.write_text(json.dumps(content))
    with pytest.raises(DamagedDatasetError):
        home.datasets.open(ref)


@pytest.mark.parametrize("text", Hostile("http://127.0.0.1:9").texts)
def test_what_a_reviewer_typed_is_text_when_the_question_is_asked_again(home: Home, text: str) -> None:
    answer: Any = SimpleNamespace(decision="invalid", note=text, reviewer=text)
    said = _explain(home, answer, "approve_week")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(said)
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or []}
    expected = {"blockquote_open", "paragraph_open", "inline", "paragraph_close", "blockquote_close", "text"}
    assert kinds <= {*expected, "text_special"}
