"""A small run of ``distill`` with the receipts, datasets and files of a real one, and a release frozen from it."""

import hashlib
import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from blocks.signing_key import make_key
from flows.release_freeze import ReleaseFreezeConfig, ReleaseFreezeResult, release_freeze
from millrace.datasets.manifest import DatasetRef, Origin
from millrace.datasets.schema import arrow_schema, table_of
from millrace.distillation.evidence import as_evidence
from millrace.errors import BadInputError
from millrace.ledger import pointers
from millrace.ledger.schema import ApprovalDecision
from millrace.records.base import Record
from millrace.records.evidence import Contamination, EvalExample, EvidenceScore, Quarantined
from millrace.records.exports import Provenance, RagRow
from millrace.records.golden import GoldenRow, GoldenVersion
from millrace.records.trace import SkipRow
from tasks.effect import effect
from tasks.golden import write_version
from tasks.home import Home
from tasks.parts import read_dataset, write_dataset
from tasks.run import FlowConfig, begun_run, current_run, recorded
from tasks.stage import stage
from tests.support import approving

AT = datetime(2026, 11, 16, 9, tzinfo=UTC)
DECIDED_AT = datetime(2026, 11, 16, 10, tzinfo=UTC)
DISTILL, FREEZE = "distill-1", "freeze-1"
PASSING = ["{python}", "-c", "print('22/22')"]
GATES = [{"name": "acceptance", "argv": PASSING}, {"name": "audit", "argv": PASSING}]
CARD = "---\nlicense: cc-by-4.0\npretty_name: toy\n---\n\n# Toy\n"


class Rules(Record):
    version: str = "3"
    accept_from: float = 0.5


class Collected(Record):
    evidence: DatasetRef
    skips: DatasetRef


class Exported(Record):
    rows: DatasetRef
    quarantine: DatasetRef


class File(Record):
    name: str
    sha256: str
    n_bytes: int
    rows: int | None


class Published(Record):
    folder: str
    files: list[File]


@stage
def collect_evidence(n_rows: int) -> Collected:
    """Evidence, and one row that is none."""
    numbers = range(n_rows)
    columns: dict[str, Any] = {
        "stream": ["toy"] * n_rows,
        "source_file": ["toy.jsonl"] * n_rows,
        "source_offset": list(numbers),
        "row_hash": [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers],
        "recorded_at": [AT] * n_rows,
        "run_id": ["source-run"] * n_rows,
        "task_id": [f"task {number}" for number in numbers],
        "role": ["answerer"] * n_rows,
        "prompt": [f"What is {number}?" for number in numbers],
        "text": [f"It is {number}." for number in numbers],
    }
    skip = SkipRow(source="toy.jsonl", line=99, reason="no_time", message="no time", row_hash="0" * 64)
    return Collected(
        evidence=write_dataset("evidence", as_evidence(columns, n_rows)),
        skips=write_dataset("skips", table_of(SkipRow, [skip])),
    )


@stage
def score_evidence(evidence: DatasetRef, rules: Rules) -> DatasetRef:
    """Everything is accepted."""
    ids = read_dataset(evidence).to_arrow().column("evidence_id").to_pylist()
    scores = [EvidenceScore(evidence_id=each, category="accepted", rule_id="r", reason="good") for each in ids]
    return write_dataset("evidence_scores", table_of(EvidenceScore, scores))


@stage
def collect_eval_examples() -> DatasetRef:
    """One question."""
    example = EvalExample(eval_id="golden main g1", tenant_id="default", question="How heavy is the pump?")
    return write_dataset("eval_examples", table_of(EvalExample, [example]))


@stage
def find_contamination(evidence: DatasetRef, examples: DatasetRef) -> DatasetRef:
    """None."""
    return write_dataset("contamination", arrow_schema(Contamination).empty_table())


@stage
def export_rag(evidence: DatasetRef, scores: DatasetRef, contamination: DatasetRef) -> Exported:
    """All but the first row, which is quarantined."""
    rows = read_dataset(evidence).to_arrow().to_pylist()
    first = rows[0]
    quarantined = Quarantined(
        export="rag",
        evidence_id=first["evidence_id"],
        reason="unsafe_for_rag",
        rule="rag.toy",
        evidence="it is the first",
        **{name: first[name] for name in ("stream", "source_file", "source_offset")},
    )
    proof = set(Provenance.model_fields)
    taken = [
        RagRow(
            evidence_id=row["evidence_id"],
            tenant_id=row["tenant_id"],
            task_id=row["task_id"],
            title=row["prompt"],
            text=row["text"],
            category="accepted",
            reason="good",
            provenance=Provenance.model_validate({name: row[name] for name in proof}),
        )
        for row in rows[1:]
    ]
    return Exported(
        rows=write_dataset("rag_rows", table_of(RagRow, taken)),
        quarantine=write_dataset("quarantine", table_of(Quarantined, [quarantined])),
    )


@effect
def publish_exports(rag: DatasetRef) -> Published:
    """One export of two files."""
    run = current_run()
    folder = run.home.root / "exports" / run.run_id / "rag"
    folder.mkdir(parents=True, exist_ok=True)
    rows = read_dataset(rag).to_arrow().select(["evidence_id", "text"]).to_pylist()
    contents = {"train.jsonl": "".join(json.dumps(row) + "\n" for row in rows), "README.md": CARD}
    files = []
    for name, text in contents.items():
        data = text.encode()
        (folder / name).write_bytes(data)
        n_rows = len(rows) if name == "train.jsonl" else None
        named = f"exports/{run.run_id}/rag/{name}"
        files.append(File(name=named, sha256=hashlib.sha256(data).hexdigest(), n_bytes=len(data), rows=n_rows))
    return Published(folder=f"exports/{run.run_id}", files=files)


def distil(run_id: str = DISTILL, n_rows: int = 4) -> None:
    """A whole run, as far as a release looks at it."""

    @recorded("distill")
    def distill(config: FlowConfig, run_id: str) -> Published:
        collected = collect_evidence(n_rows)
        scores = score_evidence(collected.evidence, Rules())
        contamination = find_contamination(collected.evidence, collect_eval_examples())
        return publish_exports(export_rag(collected.evidence, scores, contamination).rows)

    distill(FlowConfig(as_of=AT), run_id)


def grow_golden(name: str = "main", version: str = "1.0.0") -> None:
    """A golden dataset with one row, active."""
    row = GoldenRow(
        golden_id="g1",
        tenant_id="default",
        question="How heavy is the pump?",
        expected_behaviour="answer",
        expected_answer="20 kg",
        category="ok",
        near_duplicate_group="n1",
        split="eval",
        source_trace_id="t1",
        annotation_id="a1",
        added_in=version,
    )
    origin = Origin(stage="toy", code_fingerprint="-", settings_hash="-", inputs=[], numeric_profile="-")
    with begun_run("toy", FlowConfig(as_of=AT), f"golden-{name}-{version}") as run:
        rows: pa.Table = table_of(GoldenRow, [row])
        ref = run.home.datasets.write("golden", rows, origin, key="toy")
        about = GoldenVersion(
            name=name,
            version=version,
            parent=None,
            content_hash=ref.content_hash,
            added=1,
            removed=0,
            created_at=AT,
        )
        write_version(run, about, rows)
        value = {"version": version, "dataset": ref.model_dump(mode="json")}
        pointers.set_pointer(run.home.ledger, f"golden/{name}", value, at=AT, run_id=run.run_id)


def prepare(home: Home) -> None:
    """Everything that a freeze needs."""
    distil()
    grow_golden()
    make_key(home.root)


def freeze_config(**settings: Any) -> ReleaseFreezeConfig:
    return ReleaseFreezeConfig.model_validate({"version": "1.0.0", "as_of": AT, "gates": GATES} | settings)


def freeze(run_id: str = FREEZE, **settings: Any) -> ReleaseFreezeResult | None:
    """One entry into the flow; None when it waits for a decision."""
    try:
        return release_freeze.fn(freeze_config(**settings), run_id=run_id)
    except BadInputError as error:
        if "waits for a decision" not in str(error):
            raise
        return None


def decide(decision: ApprovalDecision = "approve", run_id: str = FREEZE) -> None:
    """What a person says to whatever the run asks."""
    home = Home.from_environment()
    with home.ledger:
        approving.decide(home, run_id, decision, at=DECIDED_AT, note="looked at")


def git(folder: Path, *arguments: str) -> str:
    """Git as a user would call it, without that user's settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    none = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=clean | who | none, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def new_repository(folder: Path) -> Path:
    """A clean checkout with one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".gitignore").write_text(".millrace/\neval_reports/\n")
    (folder / "code.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=first")
    return folder
