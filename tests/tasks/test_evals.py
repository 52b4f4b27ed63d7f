"""Evals of a golden version: counted in a stage, written by an effect."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.evaluation.suites import EvalsConfig
from millrace.records.golden import GoldenRow
from millrace.records.triage import FailureGroup, TriageRow
from tasks.evals import EvalSuite, PublishedEvals, expand_evals, publish_evals, replace_folder
from tasks.home import Home
from tasks.parts import write_tables
from tasks.stage import stage
from tests.evaluation.conftest import golden_row
from tests.tasks.turns import Turn

AT = datetime(2026, 11, 9, tzinfo=UTC)


@stage
def make_week(n_rows: int) -> list[DatasetRef]:
    """Golden rows, groups and triage: three hallucinations, two of them in a cluster."""
    golden = [golden_row(str(place), group_id="g1") for place in range(n_rows)]
    group = FailureGroup(
        group_id="g1", failure_type="hallucination", size=2, label="tyres", example_trace_ids=[], tenants=["a"]
    )
    triage = [
        TriageRow(
            trace_id=f"t{place}", time=AT, tenant_id="a", reason="", verdict="failure" if failed else "ok",
            failure_type="hallucination" if failed else None,
        )
        for place, failed in enumerate((True, True, True, False))
    ]  # fmt: skip
    return write_tables(
        golden=table_of(GoldenRow, golden),
        failure_groups=table_of(FailureGroup, [group]),
        triage=table_of(TriageRow, triage),
    )


def week(n_rows: int, version: str | None = "1.0.0") -> Callable[[], tuple[EvalSuite, PublishedEvals]]:
    def body() -> tuple[EvalSuite, PublishedEvals]:
        suite = expand_evals(*make_week(n_rows), EvalsConfig())
        return suite, publish_evals(suite, "main", version)

    return body


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_suites_lie_beside_their_version_with_what_they_cover(turn: Turn, home: Home) -> None:
    suite, published = turn(week(2))
    assert published.folder == "golden/main/1.0.0/evals"
    folder = home.root / published.folder
    names = files_of(folder).keys()
    assert {"README.md", "coverage.md", "deepeval/test_golden.py", "promptfoo/promptfooconfig.yaml"} <= names
    assert json.loads((folder / "coverage.json").read_text()) == suite.coverage.model_dump(mode="json")
    assert (suite.coverage.n_cases_deepeval, suite.coverage.gaps) == (2, [])


def test_gaps_are_failures_of_the_week(plain: Turn) -> None:
    suite, _ = plain(week(0))
    assert [(gap.kind, gap.name, gap.n_failures) for gap in suite.coverage.gaps] == [
        ("failure_type", "hallucination", 3),
        ("group", "g1", 2),
    ]


def test_without_a_version_nothing_is_written(plain: Turn, home: Home) -> None:
    _, published = plain(week(0, None))
    assert published.folder is None
    assert not (home.root / "golden").exists()


def test_written_again_the_bytes_are_the_same_and_what_is_old_goes(plain: Turn, home: Home) -> None:
    plain(week(2), "first")
    folder = home.root / "golden" / "main" / "1.0.0" / "evals"
    before = files_of(folder)
    (folder / "stale.json").write_text("{}")
    plain(week(2), "second")
    assert files_of(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["evals"]


@pytest.mark.parametrize("leftover", [".evals-new", ".evals-old"])
def test_a_swap_that_was_interrupted_is_done_again(tmp_path: Path, leftover: str) -> None:
    (tmp_path / leftover).mkdir()
    (tmp_path / leftover / "half").write_text("x")
    if leftover == ".evals-new":
        (tmp_path / "evals").mkdir()
    replace_folder(tmp_path / "evals", {"a/b.txt": b"new"})
    assert files_of(tmp_path) == {"evals/a/b.txt": b"new"}
