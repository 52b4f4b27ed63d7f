"""`make bench`: runs what is named, or everything, and writes ``benchmarks/RESULTS.md``."""

import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    anomaly,
    answer_relevance,
    answering,
    clustering,
    decontamination,
    distillation,
    distillation_real,
    drift,
    embedding,
    faults,
    gate,
    gateway,
    groundedness,
    ingestion,
    injection,
    installation,
    judge_correction,
    judges,
    model_free,
    narrowing,
    pii,
    quiet_days,
    retrieval,
    routing,
    selection,
    standalone,
    triage_scale,
    weekly_flow,
)
from millrace.adapters.numeric_profile import numeric_profile
from tasks.fingerprint import git_commit

RESULTS = Path(__file__).parent / "RESULTS.md"

SECTIONS: dict[str, tuple[str, Callable[[], str]]] = {
    "embedding": (
        "Embedding against plain sentence-transformers in fp32, same texts",
        lambda: embedding.markdown_table(embedding.run()),
    ),
    "groundedness": ("Groundedness scorer", groundedness.run),
    "clustering": ("Clusters of questions with known intents, beside greedy grouping", clustering.run),
    "selection": ("Annotations chosen against random ones: does the groundedness scorer learn faster?", selection.run),
    "triage-scale": ("Triage of 10 000 and of 100 000 traces", triage_scale.run),
    "weekly": ("Weekly flow against a running server, beside its functions called directly", weekly_flow.run),
    "gateway": ("Chat gateway of fixed latency, beside a bare AsyncOpenAI", gateway.run),
    "ingestion": ("Ingestion of a documentation tree and of its next release over it", ingestion.run),
    "injection": ("Injection rules: attacks found, false alarms, BIPIA by family", injection.run),
    "pii": ("Personal data by type, beside presidio-analyzer", pii.run),
    "retrieval": ("Retrieval on CACM beside bm25s and Anserini, and search speed", retrieval.run),
    "answering": ("Answering offline over a documentation tree", answering.run),
    "routing": ("Routing of labelled questions, beside the source's", routing.run),
    "standalone": ("Follow-up questions made to stand alone, on MTRAG", standalone.run),
    "narrowing": ("Narrowing passages: what compression keeps, and what the stages cost", narrowing.run),
    "model-free": ("Metrics without a judge: throughput", model_free.run),
    "answer-relevance": ("What the metrics without a judge tell, on MTRAG", answer_relevance.run),
    "judges": ("Judges behind a gateway of fixed latency, beside ragas' own aevaluate", judges.run),
    "judge-correction": ("Shares corrected by people's labels", judge_correction.run),
    "drift": ("Drift of texts", drift.run),
    "anomaly": ("Anomalies of daily figures", anomaly.run),
    "gate": ("The gate: false failures and power, beside the bare 2 % rule", gate.run),
    "quiet-days": ("Twenty quiet days on real text, and one with shuffled passages", quiet_days.run),
    "decontamination": (
        "Decontamination: planted leaks, false alarms, the filter by words, speed",
        decontamination.run,
    ),
    "distillation": ("Distillation: collect to exports against a running server", distillation.run),
    "distillation-real": ("MTRAG, HaluEval and LLMBar distilled", distillation_real.run),
    "faults": ("Flows disturbed at many operations: kills, bad disks, company, clocks, restarts", faults.run),
    "hostile": ("Readers given mutated files", faults.hostile),
    "installation": ("Installation and demo", installation.run),
}


def main(names: list[str]) -> None:
    """Measure the named sections (all without names); the other sections of the file stay as they are.

    Raises:
        SystemExit: an unknown name.
    """
    if unknown := sorted(set(names) - set(SECTIONS)):
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    known = _read()
    for name in names or SECTIONS:
        title, measure = SECTIONS[name]
        print(f"measuring: {title} ...", file=sys.stderr)
        known[title] = f"{_conditions()}\n\n{measure()}"
        _write(known)


def _conditions() -> str:
    commit = git_commit(Path(__file__).parent) or "unknown"
    load = f"load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else "load unknown"
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {numeric_profile()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit[:12]}, {machine}, {load}."


def _read() -> dict[str, str]:
    if not RESULTS.is_file():
        return {}
    blocks = RESULTS.read_text(encoding="utf-8").split("\n## ")[1:]
    return {title: body.strip() for title, _, body in (block.partition("\n") for block in blocks)}


def _write(sections: dict[str, str]) -> None:
    order = [title for title, _ in SECTIONS.values() if title in sections]
    text = "# Measured\n\nAs measured, good or bad; `make bench` writes this file.\n"
    text += "".join(f"\n## {title}\n\n{sections[title]}\n" for title in order)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
