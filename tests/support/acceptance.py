"""The acceptance fixture, distilled without Prefect into homes of a test's own."""

import os
from pathlib import Path

from flows.distill import DistillConfig, StreamFile, distil
from millrace.distillation.config import DecontaminationConfig
from millrace.distillation.invariants import RunLeft
from millrace.records.acceptance import Expected
from tasks.acceptance import APART, fixture_folder, read_fixture
from tasks.home import Home
from tasks.run import run_apart

AT = "2026-10-01T06:00:00Z"
BUNDLED = fixture_folder(None)


def expected() -> Expected:
    return read_fixture(BUNDLED).expected


def settings(reports: Path, folder: Path = BUNDLED, **more: object) -> DistillConfig:
    """Without comparing meanings: no model is loaded."""
    fixture = read_fixture(folder)
    given: dict[str, object] = {
        "as_of": AT,
        "streams": [],
        "files": [StreamFile(file=str(folder / f.file), mapping=str(folder / f.mapping)) for f in fixture.files],
        "eval_files": [str(folder / name) for name in fixture.eval_files],
        "known_files": str(folder / fixture.known_files) if fixture.known_files else None,
        "decontamination": DecontaminationConfig(near_match=False),
        "reports_folder": str(reports),
    }
    return DistillConfig.model_validate(given | more)


def distilled(root: Path, folder: Path = BUNDLED, **more: object) -> RunLeft:
    """One run over the fixture in the home at ``root``."""
    root.mkdir(parents=True, exist_ok=True)
    run_apart("distill", distil, settings(root / "reports", folder, **more), run_id=APART, home=Home(root))
    return RunLeft(root, APART)


def distilled_in(home: Path) -> None:
    """In that home as the working directory, with nothing in the settings that says where it lies."""
    os.chdir(home)
    run_apart("distill", distil, settings(Path("reports")), run_id=APART, home=Home(home))
