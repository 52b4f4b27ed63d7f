"""Fit the groundedness scorer on MTRAG's human ratings, and measure it.

    python benchmarks/fit_groundedness.py RESPONSES_HUMAN.jsonl [--write configs/groundedness.yaml] [--speed 10000]

The thresholds of the cascade are set here by hand; the coefficients are fitted on every trace that can be scored. What
is printed is measured on scores of tasks that the coefficients had not seen: ten random assignments of tasks to five
folds.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from millrace.adapters.minilm import MiniLmEmbedder
from millrace.methods.groundedness import (
    GroundednessCoefficients,
    GroundednessModel,
    MeasuredTrace,
    measure_traces,
    score_groundedness,
)
from millrace.methods.groundedness_fit import cross_validated_scores, fit_coefficients
from millrace.methods.text import sentences
from millrace.statistics.correlation import spearman
from millrace.statistics.intervals import Estimate, grouped_bootstrap
from millrace.statistics.roc import roc_auc

Floats = npt.NDArray[np.float64]
SEEDS = range(10)
HEADER = """# The embedded groundedness scorer, written by benchmarks/fit_groundedness.py.
# docs/decisions/0005-groundedness.md tells how it was measured. Raise the version whenever a number changes.
"""
STOP_WORDS = ("so", "then", "also", "again", "now", "still", "thus", "yet")
CASCADE = GroundednessModel(
    version=1,
    embedding_model="all-MiniLM-L6-v2",
    coefficients=GroundednessCoefficients(
        intercept=0, words=0, bigrams=0, unsupported_numbers=0, unsupported_names=0, cosine=0
    ),
    undecided_above=0.5,
    undecided_below=0.7,
    neutral_cosine=0.6,
    n_candidates=3,
)


def trace_row(number: int, source: dict[str, Any], mark: str = "") -> dict[str, Any]:
    """An MTRAG row as a trace; ``mark`` is put before every sentence of the answer, to make the answer distinct."""
    *before, question = source["conversation"]
    answer = source["response"]
    if mark:
        answer = " ".join(f"{mark} {sentence}" for sentence in sentences(answer))
    return {
        "trace_id": str(number),
        "question": question["text"],
        "history": [{"speaker": turn["speaker"], "text": turn["text"]} for turn in before],
        "contexts": [{"context_id": context["id"], "text": context["text"]} for context in source["contexts"]],
        "answer": answer,
        "status": "answered",
    }


def mean_over_repeats(statistic: Callable[[Floats], float | None], scores: Floats) -> float | None:
    """The statistic's mean over the repeats of the cross-validation; None when one has no value."""
    values = [statistic(repeat) for repeat in scores]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def difference(first: float | None, second: float | None) -> float | None:
    """first - second, when both have a value."""
    return None if first is None or second is None else first - second


def measure(name: str, scores: Floats, rated: Floats, rl_f: Floats, groups: Sequence[str]) -> None:
    """Print Spearman, its difference to rl_f, and AUC, each with its grouped-bootstrap interval."""

    def rho(rows: npt.NDArray[np.intp]) -> float | None:
        return mean_over_repeats(lambda repeat: spearman(repeat[rows], rated[rows]).value, scores)

    def rho_rl_f(rows: npt.NDArray[np.intp]) -> float | None:
        return spearman(rl_f[rows], rated[rows]).value

    def auc(rows: npt.NDArray[np.intp]) -> float | None:
        return mean_over_repeats(lambda repeat: roc_auc(-repeat[rows], rated[rows] <= 2).value, scores)

    def auc_rl_f(rows: npt.NDArray[np.intp]) -> float | None:
        return roc_auc(-rl_f[rows], rated[rows] <= 2).value

    statistics: dict[str, Callable[[npt.NDArray[np.intp]], float | None]] = {
        "Spearman": rho,
        "Spearman of rl_f": rho_rl_f,
        "Spearman less rl_f's": lambda rows: difference(rho(rows), rho_rl_f(rows)),
        "AUC, mean <= 2": auc,
        "AUC of rl_f": auc_rl_f,
        "AUC less rl_f's": lambda rows: difference(auc(rows), auc_rl_f(rows)),
    }
    print(f"\n{name}: n = {len(rated)}, {len(set(groups))} groups, {int((rated <= 2).sum())} with mean <= 2")
    for label, statistic in statistics.items():
        print(f"  {label:22s} {shown(grouped_bootstrap(groups, statistic, seed=0))}")


def shown(estimate: Estimate) -> str:
    """An estimate as text."""
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return f"none ({estimate.reason})"
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def evaluate(sources: list[dict[str, Any]], measured: list[MeasuredTrace]) -> GroundednessModel:
    """Print the cross-validated numbers; return the model fitted on everything."""
    rated = np.array([np.mean([float(r) for r in s["human"]["faithfulness"].values()]) for s in sources])
    rl_f = np.array([s["auto"]["rl_f"] for s in sources], dtype=np.float64)
    tasks = np.array([s["task_id"] for s in sources])
    conversations = np.array([task.split("<::>")[0] for task in tasks])
    scored = np.array([bool(trace.sentences) for trace in measured])
    usable = [trace for trace in measured if trace.sentences]
    share = (rated[scored] - 1) / 3
    print("without a score:", dict(Counter(trace.reason for trace in measured if trace.reason)))

    by_task = cross_validated_scores(usable, share, tasks[scored].tolist(), CASCADE, seeds=SEEDS)
    measure("Scored traces, by task", by_task, rated[scored], rl_f[scored], tasks[scored].tolist())
    everything = np.zeros((len(SEEDS), len(rated)))
    everything[:, scored] = by_task
    measure("All traces, unscored as 0, by task", everything, rated, rl_f, tasks.tolist())
    groups = conversations[scored].tolist()
    by_conversation = cross_validated_scores(usable, share, groups, CASCADE, seeds=SEEDS)
    measure("Scored traces, by conversation", by_conversation, rated[scored], rl_f[scored], groups)
    return CASCADE.model_copy(update={"coefficients": rounded(fit_coefficients(usable, share, CASCADE))})


def rounded(coefficients: GroundednessCoefficients) -> GroundednessCoefficients:
    """Three decimals: more would claim a precision that the data do not have."""
    return GroundednessCoefficients(**{name: round(value, 3) for name, value in coefficients.model_dump().items()})


def stop_words_for(number: int) -> str:
    """Three stop words that differ for each number below 512: they change a text, but none of its content words."""
    return " ".join(STOP_WORDS[number // 8**place % 8] for place in range(3))


def time_scoring(
    sources: list[dict[str, Any]], n_traces: int, model: GroundednessModel, embedder: MiniLmEmbedder
) -> None:
    """Print traces/s over ``n_traces``: passages repeat as in one index, no sentence of an answer does."""
    n_sources = len(sources)
    rows = [trace_row(i, sources[i % n_sources], stop_words_for(i // n_sources)) for i in range(n_traces)]
    table = pa.Table.from_pylist(rows)
    score_groundedness(table.slice(0, len(sources)), embedder=embedder, model=model)
    started, used = time.perf_counter(), time.process_time()
    found = score_groundedness(table, embedder=embedder, model=model)
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    levels = Counter(s["level"] for row in found.column("sentences").to_pylist() for s in row)
    print(
        f"\n{n_traces} traces: {n_traces / wall:.0f} traces/s ({wall:.1f} s, {cpu:.1f} CPU s), sentences {dict(levels)}"
    )


def main() -> None:
    """Read the arguments, fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("responses", type=Path)
    parser.add_argument("--write", type=Path, help="where to write the fitted model")
    parser.add_argument("--speed", type=int, default=0, help="traces to time the scorer on; 0 to leave it out")
    arguments = parser.parse_args()
    sources = [json.loads(line) for line in arguments.responses.read_text(encoding="utf-8").splitlines()]
    embedder = MiniLmEmbedder.load()
    table = pa.Table.from_pylist([trace_row(number, source) for number, source in enumerate(sources)])
    model = evaluate(sources, measure_traces(table, embedder=embedder, model=CASCADE))
    text = HEADER + yaml.safe_dump(model.model_dump(), sort_keys=False)
    print("\n" + text)
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    if arguments.speed:
        time_scoring(sources, arguments.speed, model, embedder)


if __name__ == "__main__":
    main()
