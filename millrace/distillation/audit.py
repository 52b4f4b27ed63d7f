"""What an audit checks of a distillation as it lies on disk, and its figures beside those of earlier audits (D13)."""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.store import DatasetStore
from millrace.distillation.evidence import sig_hashes
from millrace.distillation.invariants import RunLeft, check_invariants
from millrace.errors import MillraceError
from millrace.records.acceptance import AuditBaseline, AuditCheck, BaselineFigure, Expected
from millrace.records.receipt import RunSummary

_NOTHING_EXPECTED = Expected(
    without_provenance=[], tree_texts={}, drifted_claims={}, has_pairs=False, fills_quarantine=False
)
# The invariants that need one run only, by the audit's phase; what a fixture promises is left out.
_PHASES = {"receipts": range(1, 8), "exports": (*range(8, 13), 14, 15, 16)}


def audit_run(left: RunLeft, first_tier: Sequence[str], run_hash: str) -> list[AuditCheck]:
    """Every check that reading alone allows, by phase.

    Args:
        run_hash: as it follows from the run's receipts.
        first_tier: streams that must have given records; empty: some stream must.
    """
    named: list[tuple[str, str, Callable[[], str | None]]] = [
        ("recon", "first-tier streams gave records", lambda: _streams(left, first_tier)),
        ("recon", "every record has a stream and a place", lambda: _places(left)),
        *(("schema", f"{name} is whole and valid", _valid(left, name)) for name in _dataset_names(left)),
        ("evidence", "every signature recomputes", lambda: _signatures(left)),
        ("scoring", "each record has one score", lambda: _scores(left)),
        ("exports", "every record left or was quarantined", lambda: _conserved(left)),
        ("exports", "nothing near to an eval example left", lambda: _uncontaminated(left)),
        ("exports", "published files are as they were written", lambda: _files(left)),
        ("receipts", "the run hash recomputes", lambda: _same_run_hash(left, run_hash)),
    ]
    checks = [_checked(phase, name, check) for phase, name, check in named]
    results = check_invariants(left, left, _NOTHING_EXPECTED)
    for phase, numbers in _PHASES.items():
        for number in numbers:
            each = results[number - 1]
            checks.append(AuditCheck(phase=phase, name=each.name, passed=each.passed, detail=each.detail))
    return checks


def beside_baseline(
    figures: dict[str, float | None], earlier: Sequence[AuditBaseline], threshold: float
) -> list[BaselineFigure]:
    """Each figure beside its mean over earlier audits."""
    return [
        _beside(name, value, [each.figures.get(name) for each in earlier], threshold) for name, value in figures.items()
    ]


def _beside(name: str, value: float | None, past: Sequence[float | None], threshold: float) -> BaselineFigure:
    known = [each for each in past if each is not None]
    baseline = sum(known) / len(known) if known else None
    change = None if value is None or not baseline else (value - baseline) / baseline
    reason = None
    if change is None:
        reason = "no earlier audit" if baseline is None else "no records" if value is None else "the baseline is zero"
    return BaselineFigure(
        name=name,
        value=value,
        baseline=baseline,
        n=len(known),
        change=change,
        reason=reason,
        moved=change is not None and abs(change) > threshold,
    )


def _checked(phase: str, name: str, check: Callable[[], str | None]) -> AuditCheck:
    try:
        wrong = check()
    except Exception as error:  # whatever a damaged run makes a check raise is what is wrong with it
        wrong = f"{type(error).__name__}: {error}"
    return AuditCheck(phase=phase, name=name, passed=wrong is None, detail=wrong or "holds")


def _dataset_names(left: RunLeft) -> list[str]:
    try:
        return sorted(left.distilled.datasets)
    except (OSError, ValueError):  # the checks of the summary say what is wrong with it
        return ["evidence"]


def _streams(left: RunLeft, first_tier: Sequence[str]) -> str | None:
    found = left.distilled.counts.streams
    missing = [name for name in first_tier if not found.get(name)]
    if missing:
        return f"no record of {', '.join(missing)}; there are {', '.join(found) or 'none'}"
    return None if found else "no stream gave a record"


def _places(left: RunLeft) -> str | None:
    evidence = left.table("evidence")
    blank = [name for name in ("stream", "source_file") if pc.any(pc.equal(evidence.column(name), "")).as_py()]
    return f"blank {', '.join(blank)}" if blank else None


def _valid(left: RunLeft, name: str) -> Callable[[], str | None]:
    def check() -> str | None:
        kind, _, content_hash = left.distilled.datasets[name].partition(":")
        ref = DatasetRef(kind=kind, content_hash=content_hash, rows=0)
        try:
            DatasetStore(left.home / "datasets").open(ref).verify()
        except MillraceError as error:
            return str(error)
        return None

    return check


def _signatures(left: RunLeft) -> str | None:
    evidence = left.table("evidence").combine_chunks()
    if not evidence.num_rows:
        return None
    found = sig_hashes({name: evidence.column(name).chunk(0) for name in evidence.column_names})
    wrong = pc.sum(pc.not_equal(found, evidence.column("sig_hash").chunk(0))).as_py()
    return f"{wrong} records are not what was signed" if wrong else None


def _scores(left: RunLeft) -> str | None:
    evidence, scores = left.table("evidence"), left.table("scores")
    same = evidence.column("evidence_id").combine_chunks() == scores.column("evidence_id").combine_chunks()
    return None if same else f"{evidence.num_rows} records, {scores.num_rows} scores, not of the same ids in order"


def _conserved(left: RunLeft) -> str | None:
    rows = left.table("evidence").num_rows
    found = {
        name: left.table(f"{name}_rows").num_rows + left.table(f"{name}_quarantine").num_rows for name in ("rag", "sft")
    }
    wrong = [f"{name}: {n} of {rows}" for name, n in found.items() if n != rows]
    return "; ".join(wrong) or None


def _uncontaminated(left: RunLeft) -> str | None:
    contaminated = left.table("contamination").column("evidence_id").combine_chunks()
    leaks = list(_exported_ids(left, contaminated))
    return f"{len(leaks)} rows, the first is {leaks[0]}" if leaks else None


def _exported_ids(left: RunLeft, wanted: pa.Array) -> Iterator[str]:
    columns = {"rag_rows": ["evidence_id"], "sft_rows": ["evidence_id"]}
    columns["preference_rows"] = ["chosen_id", "rejected_id"]
    for table, names in columns.items():
        for name in names:
            ids = left.table(table).column(name).combine_chunks()
            yield from ids.filter(pc.is_in(ids, wanted)).to_pylist()


def _files(left: RunLeft) -> str | None:
    for name, expected in left.distilled.files.items():
        path = left.home / name
        if not path.is_file():
            return f"{name} is missing"
        found = sha256(path.read_bytes()).hexdigest()
        if found != expected:
            return f"{name}: expected sha256 {expected}, found {found}"
    return None


def _same_run_hash(left: RunLeft, found: str) -> str | None:
    recorded = RunSummary.model_validate_json((left.folder / "summary.json").read_bytes()).run_hash
    return None if recorded == found else f"the summary says {recorded}, the receipts give {found}"
