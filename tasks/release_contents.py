"""What a release is made of, and where each file of it lies in the home."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from blocks.signing_key import open_signer
from millrace.datasets.canonical import canonical_json, sha256_json
from millrace.datasets.files import is_safe_name
from millrace.errors import BadInputError, NotFoundError
from millrace.golden.files import ROWS_FILE
from millrace.records.receipt import Receipt, RunSummary
from millrace.records.release import (
    GateResult,
    ReleaseCounts,
    ReleaseDataset,
    ReleaseGate,
    ReleaseManifest,
    ReleaseRun,
    ReleaseStep,
    RuleTable,
)
from millrace.records.yaml_file import parse_yaml
from millrace.releases.files import Content, entries, file_of
from millrace.releases.manifest import (
    EXPORTS_FOLDER,
    GATES_FILE,
    GOLDEN_FOLDER,
    PUBLIC_KEY_FILE,
    RECEIPTS_FOLDER,
    content_hash,
)
from tasks.effect import effect
from tasks.home import Home
from tasks.receipts import read_receipts, read_summary
from tasks.release_plan import ReleasePlan
from tasks.run import current_run

PUBLISHING, COLLECTING, SCORING, COMPARING = (
    "publish-exports",
    "collect-evidence",
    "score-evidence",
    "find-contamination",
)
EXPORTING = {"rag": "export-rag", "sft": "export-sft", "preference": "export-preference"}
CARD_FILE = "README.md"
RUN_FILES = ("summary.json", "distillation.json", "drift.json")
_LIBRARIES = ("millrace", "cryptography", "duckdb", "numpy", "prefect", "pyarrow", "pydantic", "torch")


@effect
def draft_manifest(plan: ReleasePlan, gates: list[GateResult]) -> ReleaseManifest:
    """The manifest as a person is shown it: everything but the approval."""
    run = current_run()
    receipts, summary = run_files(run.home, plan.distill_run)
    contents = release_contents(run.home, plan, gates)
    rows = _rows(receipts, plan)
    files = [file_of(name, content, rows.get(name)) for name, content in sorted(contents.items())]
    golden = [each.about for each in plan.golden]
    return ReleaseManifest(
        version=plan.version,
        frozen_by=run.run_id,
        run=_run_record(receipts, summary),
        counts=_counts(receipts),
        datasets=_datasets(receipts),
        scoring_rules=_scoring_rules(receipts),
        eval_examples=_eval_examples(receipts),
        golden=golden,
        licences=_licences(contents),
        versions=_versions(),
        gates=[ReleaseGate.model_validate(gate.model_dump(exclude={"output", "duration_s"})) for gate in gates],
        files=files,
        content_hash=content_hash(summary.run_hash, files, golden),
        key_id=plan.key_id,
        tag=plan.tag,
    )


def release_contents(home: Home, plan: ReleasePlan, gates: list[GateResult]) -> dict[str, Content]:
    """Every file of the release but those made of its manifest, and what it is copied from.

    Raises:
        BadInputError: a receipt names a file outside of its run's exports.
        NotFoundError: the run published none.
    """
    receipts, _ = run_files(home, plan.distill_run)
    run_folder = home.run_folder(plan.distill_run)
    contents: dict[str, Content] = {
        GATES_FILE: canonical_json(gates),
        PUBLIC_KEY_FILE: open_signer(home.root).verifier.pem,
    }
    for name, _ in exported_files(receipts):
        contents[name] = home.root / EXPORTS_FOLDER / plan.distill_run / name.removeprefix(f"{EXPORTS_FOLDER}/")
    for about in (each.about for each in plan.golden):
        folder = home.root / "golden" / about.name / about.version
        for name, _ in entries(folder):
            if not any(part.startswith(".") for part in Path(name).parts):
                contents[f"{GOLDEN_FOLDER}/{about.name}/{about.version}/{name}"] = folder / name
    written = [*sorted((run_folder / "receipts").glob("*.json")), *(run_folder / name for name in RUN_FILES)]
    contents |= {f"{RECEIPTS_FOLDER}/{plan.distill_run}/{path.name}": path for path in written if path.is_file()}
    return contents


def run_files(home: Home, run_id: str) -> tuple[list[Receipt], RunSummary]:
    """Receipts and summary of a run.

    Raises:
        NotFoundError: it left none.
    """
    folder = home.run_folder(run_id)
    summary = read_summary(folder)
    if summary is None:
        raise NotFoundError(f"run {run_id} left no summary in {folder}", run_id=run_id)
    return read_receipts(folder), summary


def exported_files(receipts: list[Receipt]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each published file by its name in the release, with what its receipt says of it.

    Raises:
        NotFoundError: the run published nothing.
        BadInputError: a name leaves the folder of its exports.
    """
    publishing = next((each for each in receipts if each.step == PUBLISHING), None)
    if publishing is None:
        raise NotFoundError(f"the run has no receipt of {PUBLISHING}: it published nothing that could be frozen")
    prefix = f"{EXPORTS_FOLDER}/{publishing.run_id}/"
    for file in publishing.output["files"]:
        if not (file["name"].startswith(prefix) and is_safe_name(file["name"])):
            raise BadInputError(f"the receipt of {PUBLISHING} names {file['name']!r}, which is no file of its exports")
        yield f"{EXPORTS_FOLDER}/{file['name'].removeprefix(prefix)}", file


def _rows(receipts: list[Receipt], plan: ReleasePlan) -> dict[str, int]:
    rows = {name: file["rows"] for name, file in exported_files(receipts) if file.get("rows") is not None}
    rows |= {f"{GOLDEN_FOLDER}/{g.about.name}/{g.about.version}/{ROWS_FILE}": g.dataset.rows for g in plan.golden}
    return rows


def _run_record(receipts: list[Receipt], summary: RunSummary) -> ReleaseRun:
    steps = [
        ReleaseStep(step=each.step, **each.counts.model_dump()) for each in sorted(receipts, key=lambda each: each.step)
    ]
    commits = sorted({each.git_sha for each in receipts if each.git_sha is not None})
    return ReleaseRun(run_id=summary.run_id, flow=summary.flow, run_hash=summary.run_hash, commits=commits, steps=steps)


def _counts(receipts: list[Receipt]) -> ReleaseCounts:
    counts = {each.step: each.counts for each in receipts}
    collected = counts.get(COLLECTING)
    exports = {name: counts[step] for name, step in EXPORTING.items() if step in counts}
    return ReleaseCounts(
        evidence=collected.rows_out if collected else 0,
        skipped=collected.rows_skipped if collected else 0,
        exported={name: each.rows_out for name, each in exports.items()},
        quarantined={name: each.rows_quarantined for name, each in exports.items()},
    )


def _datasets(receipts: list[Receipt]) -> list[ReleaseDataset]:
    made = {name: each.step for each in reversed(receipts) for name in each.outputs}
    names = sorted({name for each in receipts for name in (*each.inputs, *each.outputs)})
    split = [(name, *name.split(":", 1)) for name in names]
    return [ReleaseDataset(kind=kind, content_hash=digest, made_by=made.get(name)) for name, kind, digest in split]


def _scoring_rules(receipts: list[Receipt]) -> RuleTable | None:
    rules = next((each.arguments.get("rules") for each in receipts if each.step == SCORING), None)
    if rules is None:
        return None
    named = rules.get("version") if isinstance(rules, dict) else None
    return RuleTable(version=None if named is None else str(named), sha256=sha256_json(rules))


def _eval_examples(receipts: list[Receipt]) -> str | None:
    inputs = [name for each in receipts if each.step == COMPARING for name in each.inputs]
    return next((name.partition(":")[2] for name in inputs if name.startswith("eval_examples:")), None)


def _licences(contents: Mapping[str, Content]) -> dict[str, str | None]:
    """What the head of each export's card says."""
    cards = {Path(name).parent.name: path for name, path in contents.items() if Path(name).name == CARD_FILE}
    return {
        name: card_licence(path)
        for name, path in sorted(cards.items())
        if isinstance(path, Path) and f"{EXPORTS_FOLDER}/{name}/{CARD_FILE}" in contents
    }


def card_licence(card: Path) -> str | None:
    """The licence that the head of a dataset card names; None where it names none that is known."""
    try:
        begin, _, rest = card.read_text(encoding="utf-8", errors="replace").partition("---\n")
    except OSError:
        return None
    head, found, _ = rest.partition("\n---")
    if begin or not found:
        return None
    try:
        said = parse_yaml(head, card.name)
    except BadInputError:
        return None
    if not isinstance(said, dict):
        return None
    licence = said.get("license")
    if licence == "other":
        licence = said.get("license_name")
    return None if licence in (None, "unknown") else str(licence)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
