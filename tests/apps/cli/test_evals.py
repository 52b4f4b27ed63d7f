"""Exporting the suites of a version."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from apps.cli import evals
from millrace.datasets.manifest import Origin
from millrace.datasets.schema import table_of
from millrace.ledger.pointers import set_pointer
from millrace.records.golden import GoldenRow
from tasks.home import Home
from tests.evaluation.conftest import golden_row

ORIGIN = Origin(stage="test", code_fingerprint="", settings_hash="", inputs=[], numeric_profile="")
Export = Callable[..., tuple[int, str]]


@pytest.fixture
def export(home: Home) -> Export:
    """``millrace evals`` on a home with the version 1.0.0: two rows of eval, one of train."""
    rows = table_of(GoldenRow, [golden_row("a"), golden_row("b"), golden_row("t", split="train")])
    ref = home.datasets.write("golden", rows, ORIGIN, key="1")
    value = {"version": "1.0.0", "dataset": ref.model_dump(mode="json")}
    set_pointer(home.ledger, "golden/main", value, at=datetime(2026, 11, 20, tzinfo=UTC), run_id="r1")
    app = typer.Typer()
    app.callback()(lambda: None)
    evals.register(app)

    def call(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["evals", *map(str, arguments), "--home", str(home.root)])
        return result.exit_code, result.output

    return call


def test_the_suites_of_the_active_version_are_written(export: Export, tmp_path: Path) -> None:
    code, said = export("--out", tmp_path / "out")
    assert code == 0
    assert "main 1.0.0: 2 eval cases" in said
    assert "no coverage" in said
    cases = json.loads((tmp_path / "out" / "deepeval" / "cases.json").read_text())
    assert [case["golden_id"] for case in cases] == ["golden-a", "golden-b"]
    assert (tmp_path / "out" / "promptfoo" / "promptfooconfig.yaml").is_file()


def test_what_a_run_published_is_copied(export: Export, home: Home, tmp_path: Path) -> None:
    published = home.root / "golden" / "main" / "1.0.0" / "evals"
    published.mkdir(parents=True)
    (published / "coverage.json").write_text("{}")
    code, said = export("main", "--version", "1.0.0", "--out", tmp_path / "out")
    assert code == 0
    assert "no coverage" not in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["coverage.json"]


def test_a_folder_with_something_in_it_is_left_alone(export: Export, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    code, said = export("--out", tmp_path / "out")
    assert code == 2
    assert "no empty folder" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_an_unknown_version_is_answered_with_what_there_is(export: Export, tmp_path: Path) -> None:
    code, said = export("--version", "9.0.0", "--out", tmp_path / "out")
    assert code == 2
    assert "there are 1.0.0" in said
