"""What a distillation comes to: its counts, its drift, and what it leaves to those after it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.compute as pc

from millrace.datasets.canonical import canonical_json, sha256_json
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.distillation.dataset_card import ExportAbout
from millrace.distillation.drift import DriftConfig, broken_promises, measure_drift
from millrace.ledger import pointers
from millrace.records.base import Record
from millrace.records.distillation import (
    Determinism,
    DistillCounts,
    DistillDrift,
    DistillSummary,
    RememberedDistillation,
    Severity,
    StageOutput,
)
from millrace.records.evidence import Export
from millrace.records.receipt import Receipt
from millrace.reports.distillation import distillation_markdown
from tasks.effect import effect
from tasks.evidence import CollectedEvidence, FileStream
from tasks.export_files import PublishedExports
from tasks.latest import publish_latest
from tasks.parts import read_dataset
from tasks.receipts import read_receipts
from tasks.recompute import recompute
from tasks.run import current_run, log
from tasks.stage import stage
from tasks.training_data import ExportedRows

SUMMARY_FILE, DRIFT_FILE = "distillation.json", "drift.json"


class Distilled(Record):
    """The datasets of a run."""

    collected: CollectedEvidence
    scores: DatasetRef
    examples: DatasetRef
    contamination: DatasetRef
    rag: ExportedRows
    sft: ExportedRows
    preference: ExportedRows

    @property
    def exports(self) -> dict[Export, ExportedRows]:
        return {"rag": self.rag, "sft": self.sft, "preference": self.preference}

    @property
    def datasets(self) -> dict[str, DatasetRef]:
        """Every dataset by what it is."""
        named = {"evidence": self.collected.evidence, "skips": self.collected.skips, "scores": self.scores}
        named |= {"eval_examples": self.examples, "contamination": self.contamination}
        for name, export in self.exports.items():
            named |= {f"{name}_rows": export.rows, f"{name}_quarantine": export.quarantine}
        return named


def about_exports(distilled: Distilled, files: Sequence[FileStream], rules: str, *, near_match: bool) -> ExportAbout:
    """What the cards of the exports say of where they come from.

    Args:
        rules: name and version of the table that scored.
        near_match: whether meanings were compared with the eval examples.
    """
    return ExportAbout(
        evidence=distilled.collected.evidence,
        scores=distilled.scores,
        contamination=distilled.contamination,
        scoring_rules=rules,
        quarantines={name: export.quarantine for name, export in distilled.exports.items()},
        quarantined={name: export.reasons for name, export in distilled.exports.items()},
        eval_examples=distilled.examples,
        near_match=near_match,
        licences={file.mapping.stream: file.mapping.licence for file in files},
    )


class Comparison(Record):
    """What a run is held against."""

    scope: str
    earlier: list[RememberedDistillation]
    determinism: Determinism
    config: DriftConfig


class PublishedDistillation(Record):
    """How a run compares, and where it says so."""

    severity: Severity
    drift: DistillDrift
    latest: str


@stage
def count_distillation(distilled: Distilled) -> DistillCounts:
    """Rows by stream, category, rule, export and reason."""
    return DistillCounts(
        evidence=distilled.collected.evidence.rows,
        streams=_counts(distilled.collected.evidence, "stream"),
        skipped=_counts(distilled.collected.skips, "reason"),
        categories=_counts(distilled.scores, "category"),
        rules=_counts(distilled.scores, "rule_id"),
        contaminated=_counts(distilled.contamination, "match"),
        exported={name: export.rows.rows for name, export in distilled.exports.items()},
        quarantined={name: export.reasons for name, export in distilled.exports.items()},
    )


@effect
def find_earlier_distillations(scope: str) -> list[RememberedDistillation]:
    """The runs with this scope before this one, oldest first."""
    run = current_run()
    values = [entry.value for entry in pointers.pointer_history_of(run.home.ledger, _pointer(scope))]
    known = [RememberedDistillation.model_validate(value) for value in values]
    return [each for each in known if each.run_id != run.run_id]


@effect
def check_determinism(earlier: list[RememberedDistillation], recomputes: bool) -> Determinism:
    """Whether equal inputs gave equal outputs, before and, where asked for, when computed again past every cache.

    A stage that a cache answered proves nothing, and is not compared with earlier runs.
    """
    run = current_run()
    receipts = [each for each in read_receipts(run.home.run_folder(run.run_id)) if each.step_type == "stage"]
    computed = _outputs([each for each in receipts if not each.cached])
    violations = broken_promises(computed, earlier)
    stages = receipts if recomputes else []
    with TemporaryDirectory(prefix="millrace-recompute-") as scratch:
        for found in recompute(run.home, stages, Path(scratch)):
            log().info("computed again: %s is %s", found.step, found.status)
            if found.status != "same":
                violations.append(f"{found.step}: {found.reason}; {found.expected}, then {found.found}")
    compared = bool(stages) or any(_shares_a_key(computed, each) for each in earlier)
    if violations:
        return Determinism(status="deterministic_violation", recomputed=len(stages), violations=violations)
    if not compared:
        reason = "no stage was computed again, and none that was computed had the inputs of an earlier run"
        return Determinism(status="not_checked", recomputed=0, reason=reason)
    return Determinism(status="same", recomputed=len(stages))


@effect
def publish_distillation(
    comparison: Comparison,
    distilled: Distilled,
    counts: DistillCounts,
    published: PublishedExports,
    folder: str,
) -> PublishedDistillation:
    """Write what the run comes to, and leave it to the runs after it."""
    run = current_run()
    drift = measure_drift(run.run_id, counts, comparison.earlier, comparison.determinism, comparison.config)
    summary = DistillSummary(
        run_id=run.run_id,
        counts=counts,
        datasets={name: ref.name for name, ref in distilled.datasets.items()},
        files={file.name: file.sha256 for file in published.files},
        severity=drift.severity,
    )
    own = run.home.run_folder(run.run_id)
    own.mkdir(parents=True, exist_ok=True)
    write_atomic(own / DRIFT_FILE, canonical_json(drift))
    write_atomic(own / SUMMARY_FILE, canonical_json(summary))
    receipts = [each for each in read_receipts(own) if each.step != "publish-distillation"]
    markdown = distillation_markdown(summary, drift, receipts)
    latest = publish_latest(folder, "distillation", markdown, f"Distillation {run.run_id}")
    remembered = RememberedDistillation(run_id=run.run_id, counts=counts, stages=_outputs(receipts))
    pointers.set_pointer(
        run.home.ledger, _pointer(comparison.scope), remembered.model_dump(mode="json"), at=run.now, run_id=run.run_id
    )
    if drift.severity != "ok":
        log().warning("drift: %s; see %s", drift.severity, latest)
    return PublishedDistillation(severity=drift.severity, drift=drift, latest=str(latest))


def distillation_scope(*settings: object) -> str:
    """Names the runs that may be compared: those over the same streams, tenants and files by name."""
    return sha256_json(list(settings))[:16]


def _pointer(scope: str) -> str:
    return f"distillations/{scope}"


def _outputs(receipts: Sequence[Receipt]) -> list[StageOutput]:
    """What the stages among them gave out, in the order of their names."""
    stages = sorted((each for each in receipts if each.step_type == "stage"), key=lambda receipt: receipt.step)
    return [StageOutput(step=each.step, key=each.key, outputs=each.outputs) for each in stages]


def _shares_a_key(stages: list[StageOutput], earlier: RememberedDistillation) -> bool:
    return bool({stage.key for stage in stages} & {stage.key for stage in earlier.stages})


def _counts(ref: DatasetRef, column: str) -> dict[Any, int]:
    """Rows by value, values in order; null counts as 'none'."""
    counts: Counter[str] = Counter()
    for part in read_dataset(ref).columns([column]):
        for each in pc.value_counts(part.column(column)).to_pylist():
            counts[each["values"] or "none"] += each["counts"]
    return dict(sorted(counts.items()))
