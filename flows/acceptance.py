"""Proves a distillation: a fixture that holds every case, twice from nothing, and 22 invariants."""

from pathlib import Path
from typing import Literal

from prefect import flow
from pydantic import Field

from flows.distill import DistillConfig, StreamFile, distil
from millrace.distillation.config import DecontaminationConfig
from millrace.records.base import Record
from tasks.acceptance import APART, AcceptanceOutcome, Fixture, empty_homes, fixture_folder, judge_runs, read_fixture
from tasks.home import Home
from tasks.run import FlowConfig, current_run, recorded, run_apart


class AcceptanceConfig(FlowConfig):
    """Which fixture is distilled."""

    fixture: str | None = Field(None, description="Folder with a fixture.yaml; by default the bundled fixture")
    near_match: bool = Field(False, description="Compare meanings with the eval examples too; loads the embedder")
    reports_folder: str = "eval_reports"


class AcceptanceResult(Record):
    """22 of 22, or what is broken."""

    status: Literal["completed", "failed"]
    reason: str | None
    outcome: AcceptanceOutcome

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the command line says of it."""
        return [("invariants", f"{self.outcome.n_passed}/{len(self.outcome.results)}")]


@flow(name="acceptance", persist_result=True, result_serializer="json")
@recorded("acceptance")
def acceptance(config: AcceptanceConfig, run_id: str | None = None) -> AcceptanceResult:
    """Distil the fixture twice, each time from an empty home, and check the 22 invariants."""
    folder = fixture_folder(config.fixture)
    fixture = read_fixture(folder)
    for home in empty_homes():
        run_apart("distill", distil, _settings(config, folder, fixture, home), run_id=APART, home=home)
    outcome = judge_runs(fixture.expected, config.reports_folder)
    return AcceptanceResult(
        status="completed" if outcome.passed else "failed",
        reason=None if outcome.passed else "; ".join(outcome.failures),
        outcome=outcome,
    )


def _settings(config: AcceptanceConfig, folder: Path, fixture: Fixture, home: Home) -> DistillConfig:
    """The fixture and nothing else, with the clock of this run."""
    return DistillConfig(
        as_of=current_run().now,
        streams=[],
        files=[StreamFile(file=str(folder / each.file), mapping=str(folder / each.mapping)) for each in fixture.files],
        eval_files=[str(folder / name) for name in fixture.eval_files],
        known_files=str(folder / fixture.known_files) if fixture.known_files else None,
        decontamination=DecontaminationConfig(near_match=config.near_match),
        reports_folder=str(home.root / "reports"),
    )
