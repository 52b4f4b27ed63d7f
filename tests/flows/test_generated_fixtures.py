"""Whatever a stream holds, no invariant breaks: generated fixtures, each distilled twice from an empty home."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.distillation.invariants import check_invariants
from millrace.records.acceptance import Expected, SkippedLine
from tests.support.acceptance import BUNDLED, distilled

N_FIXTURES, N_TORTURE_FIXTURES = 6, 1_000
EVAL = "When is high water at Skerry on the first of October?"
PROMPTS = ("What does it do?", "what does it do", "Is it safe?", EVAL, EVAL.upper(), "", "\u200b", None)
TEXTS = ("It rounds.", "it  rounds.", "It waits.", "No.", "See src/tides/gone.py.", "", " \u00a0", "\ud800", EVAL, None)
DECISIONS = ("approved", "rejected", "corrected", "undecided", "", None, 3, True, [])
SEVERITIES = (None, "low", "medium", "high", "HIGH", 2)


def _rows() -> st.SearchStrategy[list[Any]]:
    small = {"run": ("r1", None, ""), "by": ("ada", "bot", None), "change": ("C1", "C2", None)}
    row = st.fixed_dictionaries(
        {
            "id": st.sampled_from(["a", "b", "c", "d", None, "x" * 600]),
            "task": st.sampled_from(["t1", "t1", "t2", None]),
            "at": st.sampled_from(["2026-09-01T06:00:00Z", "2026-09-01T06:00:00Z", "yesterday", None]),
            "asked": st.sampled_from(PROMPTS),
            "said": st.sampled_from(TEXTS),
            "decision": st.sampled_from(DECISIONS),
            "severity": st.sampled_from(SEVERITIES),
            **{name: st.sampled_from(values) for name, values in small.items()},
        }
    )
    return st.lists(st.one_of(row, row, row, st.sampled_from(["no json", "[1]", "{", '{"id": NaN}'])), max_size=12)


def _write(folder: Path, rows: list[Any]) -> Expected:
    """The bundled fixture with these reviews in the place of its own, and what they must come to."""
    shutil.copytree(BUNDLED, folder)
    mapping = (folder / "reviews.yaml").read_text() + "  severity: severity\n"
    (folder / "reviews.yaml").write_text(mapping)
    lines = [row if isinstance(row, str) else json.dumps(_without_nulls(row)) for row in rows]
    (folder / "reviews.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (folder / "fixture.yaml").write_text(
        "files: [{file: reviews.jsonl, mapping: reviews.yaml}]\neval_files: [eval_questions.jsonl]\n"
        "known_files: known_files.txt\nexpected: {without_provenance: [], tree_texts: {}, drifted_claims: {}}\n"
    )
    missing = [number for number, row in enumerate(rows, start=1) if isinstance(row, dict) and _lacks_provenance(row)]
    return Expected(
        without_provenance=[SkippedLine(source="reviews.jsonl", line=number) for number in missing],
        tree_texts={},
        drifted_claims={},
        has_pairs=False,
        fills_quarantine=False,
    )


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _lacks_provenance(row: dict[str, Any]) -> bool:
    """Nothing else is wrong with the row that would be said of it first."""
    sound = row["at"] != "yesterday" and row["said"] != "\ud800" and len(row["id"] or "") < 512
    return sound and None in (row["at"], row["task"], row["said"])


@pytest.fixture(scope="module")
def n_fixtures(pytestconfig: pytest.Config) -> int:
    return N_TORTURE_FIXTURES if pytestconfig.getoption("--torture") else N_FIXTURES


def test_no_generated_fixture_breaks_an_invariant(n_fixtures: int) -> None:
    @settings(max_examples=n_fixtures, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(_rows())
    def holds(rows: list[Any]) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            expected = _write(folder / "fixture", rows)
            first, second = (distilled(folder / each, folder / "fixture") for each in ("first", "second"))
            broken = [each for each in check_invariants(first, second, expected) if not each.passed]
            assert broken == []

    holds()
