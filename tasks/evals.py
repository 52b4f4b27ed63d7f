"""Makes regression evals of a golden dataset, and writes them beside its version."""

import os
import shutil
from pathlib import Path

from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import sync_folder, write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.evaluation.coverage import coverage, coverage_markdown
from millrace.evaluation.selection import choose_evenly, eval_rows
from millrace.evaluation.suites import EvalsConfig, suite_files
from millrace.records.base import Identifier, Record
from millrace.records.evals import EvalCoverage
from millrace.records.golden import Semver
from millrace.records.triage import FailureType
from tasks.effect import effect
from tasks.parts import read_columns, read_dataset
from tasks.run import current_run
from tasks.stage import stage

EVALS_FOLDER = "evals"
COVERAGE_FILE = "coverage.json"


class EvalSuite(Record):
    """What the evals of a golden dataset are, and what they cover of the week."""

    rows: DatasetRef
    config: EvalsConfig
    coverage: EvalCoverage


class PublishedEvals(Record):
    """Where the suites lie; None when there is no version yet."""

    folder: str | None


@stage
def expand_evals(rows: DatasetRef, groups: DatasetRef, triage: DatasetRef, config: EvalsConfig) -> EvalSuite:
    """Count what eval rows stand for among the week's failures, and name what they do not."""
    golden = read_dataset(rows).to_arrow()
    cases = eval_rows(golden)
    found = coverage(
        golden,
        read_dataset(groups).to_arrow(),
        _failures(triage),
        n_cases_deepeval=len(cases),
        n_cases_promptfoo=len(choose_evenly(cases, config.promptfoo.n_cases)),
    )
    return EvalSuite(rows=rows, config=config, coverage=found)


@effect
def publish_evals(suite: EvalSuite, name: Identifier, version: Semver | None) -> PublishedEvals:
    """Write the suites beside the version, with what they cover of this week; earlier ones are replaced whole."""
    if version is None:
        return PublishedEvals(folder=None)
    files = {
        **suite_files(eval_rows(read_dataset(suite.rows).to_arrow()), suite.config, f"golden dataset {name} {version}"),
        COVERAGE_FILE: canonical_json(suite.coverage),
        "coverage.md": coverage_markdown(suite.coverage).encode(),
    }
    run = current_run()
    folder = run.home.root / "golden" / name / version / EVALS_FOLDER
    with run.home.ledger.write():  # two weeks that left the version as it was do not swap folders at once
        replace_folder(folder, files)
    return PublishedEvals(folder=str(folder.relative_to(run.home.root)))


def replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Put files where a folder was: written aside, then swapped in; whoever reads sees the old or the new."""
    new, old = (folder.with_name(f".{folder.name}-{state}") for state in ("new", "old"))
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    for name, content in files.items():
        path = new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    if folder.exists():
        os.rename(folder, old)
    os.rename(new, folder)
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _failures(triage: DatasetRef) -> dict[FailureType, int]:
    counted = read_columns(triage, ["failure_type"]).column("failure_type").drop_null().value_counts()
    return {each["values"]: each["counts"] for each in counted.to_pylist()}
