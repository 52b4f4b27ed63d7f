"""Whether triage tells an unanswerable question from a retrieval failure, on MTRAG-UN's reference answers.

    python -m benchmarks.triage_answerability MTRAGUN_REFERENCE.jsonl

MTRAG-UN gives its unanswerable questions no passage. So each collection's passages (of all its tasks) are made an
index, and every question is given the three nearest by MiniLM's cosine, or what the case says. All these questions are
then abstained from:

- nothing to be found: an unanswerable question, with what the index gives;
- retrieval missed it: an answerable one, with what the index gives without the question's own passages;
- retrieval mixed up: an answerable one, with another task's passages, drawn with a seed;
- it was there: an answerable one, with its own passages.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from benchmarks.tables import table
from benchmarks.triage_types import CONFIGS, decided_types, grouped_auc, read_lines, traces_table
from millrace.adapters.minilm import MiniLmEmbedder
from millrace.datasets.schema import arrow_schema
from millrace.methods.groundedness import GroundednessModel, score_groundedness
from millrace.records.groundedness import GroundednessScore
from millrace.triage.rules import TriageRules, read_triage_rules
from millrace.triage.signals import signals_of

Vectors = Mapping[str, npt.NDArray[np.float64]]
Row = dict[str, Any]
ABSTAINED = {"status": "abstained", "answer": "I do not have an answer to that question."}
NOTHING, MISSED, MIXED, THERE = "nothing to be found", "retrieval missed it", "retrieval mixed up", "it was there"
TOP = 3


def reference_row(number: int, source: Row) -> Row:
    """A reference answer as a trace, with the passages' texts alone."""
    *before, question = source["input"]
    return {
        "trace_id": f"r{number}",
        "question": question["text"],
        "history": [{"speaker": turn["speaker"], "text": turn["text"]} for turn in before],
        "contexts": [{"context_id": c["document_id"], "text": c["text"]} for c in source["contexts"]],
        "answer": source["targets"][0]["text"],
        "status": "answered",
    }


def embedded(texts: Iterable[str], embedder: MiniLmEmbedder) -> Vectors:
    """The vector of each different text."""
    unique = list(dict.fromkeys(texts))
    return dict(zip(unique, embedder.embed(unique).astype(np.float64), strict=True))


def with_cosines(row: Row, passages: Iterable[str], vectors: Vectors) -> Row:
    """The row with these passages and their cosines to the question, as the embedded index records them."""
    question = vectors[row["question"]]
    found = [
        {"context_id": f"c{place}", "text": text, "score": float((question * vectors[text]).sum())}
        for place, text in enumerate(passages)
    ]
    return row | {"contexts": found}


def nearest(question: str, passages: list[str], vectors: Vectors) -> list[str]:
    """The ``TOP`` passages with the largest cosine, nearest first."""
    cosines = np.array([vectors[text] for text in passages]) @ vectors[question]
    return [passages[place] for place in np.argsort(-cosines, kind="stable")[:TOP]]


def cases(sources: list[Row], rows: list[Row], vectors: Vectors) -> dict[str, dict[int, Row]]:
    """The four cases; rows by the number of their task."""
    chooser = random.Random(0)  # noqa: S311 - not for security
    index: dict[str, list[str]] = {}
    for source, row in zip(sources, rows, strict=True):
        index.setdefault(source["Collection"], []).extend(context["text"] for context in row["contexts"])
    found: dict[str, dict[int, Row]] = {NOTHING: {}, MISSED: {}, MIXED: {}, THERE: {}}
    for number, (source, row) in enumerate(zip(sources, rows, strict=True)):
        passages = list(dict.fromkeys(index[source["Collection"]]))
        own = [context["text"] for context in row["contexts"]]
        others = [text for text in passages if text not in own]
        match source["answerability"]:
            case ["UNANSWERABLE"]:
                chosen = {NOTHING: nearest(row["question"], passages, vectors)}
            case ["ANSWERABLE"]:
                missed = nearest(row["question"], others, vectors)
                chosen = {MISSED: missed, MIXED: chooser.sample(others, TOP), THERE: own}
            case _:
                chosen = {}
        for name, texts in chosen.items():
            found[name][number] = with_cosines(row, texts, vectors) | ABSTAINED
    return found


def without_scores(rows: Iterable[Row]) -> list[Row]:
    """The same without retrieval scores, as traces that were imported often are."""
    return [row | {"contexts": [c | {"score": None} for c in row["contexts"]]} for row in rows]


def crossing(types: list[str], kinds: list[str]) -> str:
    """How often each kind is called what."""
    counted = Counter(zip(types, kinds, strict=True))
    columns = list(dict.fromkeys(kinds))
    order = [*sorted(set(types) - {"ok"}), "ok"]
    rows = [[each, *(str(counted[each, kind]) for kind in columns)] for each in order]
    return table(["triage says", *columns], [*rows, ["all", *(str(kinds.count(kind)) for kind in columns)]])


def signals_without_groundedness(rows: Iterable[Row]) -> pa.Table:
    """Signals of abstentions, which have no groundedness."""
    numbered = [row | {"trace_id": f"a{place}"} for place, row in enumerate(rows)]
    return signals_of(traces_table(numbered), arrow_schema(GroundednessScore).empty_table())


def measure_references(sources: list[Row], rows: list[Row], embedder: MiniLmEmbedder, rules: TriageRules) -> None:
    """Print what reference answers are called, by answerability."""
    text = (CONFIGS / "groundedness.yaml").read_text(encoding="utf-8")
    model = GroundednessModel.model_validate(yaml.safe_load(text))
    kinds = [source["answerability"][0] for source in sources]
    scores = score_groundedness(traces_table(rows), embedder=embedder, model=model)
    for name, given in {"with": rows, "without": without_scores(rows)}.items():
        print(f"\n## Reference answers, {name} retrieval scores: n = {len(rows)}\n")
        print(crossing(decided_types(signals_of(traces_table(given), scores), rules), kinds))


def measure_abstentions(found: dict[str, dict[int, Row]], sources: list[Row], rules: TriageRules) -> None:
    """Print what abstentions are called in each case, and how far single signals tell the cases apart."""
    kinds = [name for name, of in found.items() for _ in of]
    rows = [row for of in found.values() for row in of.values()]
    numbers = [number for of in found.values() for number in of]
    for name, given in {"with": rows, "without": without_scores(rows)}.items():
        print(f"\n## Abstentions, {name} retrieval scores: n = {len(rows)}\n")
        print(crossing(decided_types(signals_without_groundedness(given), rules), kinds))
    signals = signals_without_groundedness(rows)
    lines = []
    for failed in (MISSED, MIXED, THERE):
        chosen = np.array([place for place, kind in enumerate(kinds) if kind in (NOTHING, failed)])
        truth = np.array([kinds[place] == failed for place in chosen])
        groups = [sources[numbers[place]]["conversation_id"] for place in chosen]
        for signal in ("best_context_score", "context_overlap"):
            values = signals.column(signal).fill_null(0.0).to_numpy()[chosen]
            lines.append([failed, signal, grouped_auc(values[None, :], truth, groups)])
    print("\n" + table([f"against {NOTHING!r}", "signal", "AUC: higher in the case than where nothing is"], lines))


def main() -> None:
    """Read the arguments, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    sources = read_lines(parser.parse_args().reference)
    rules = read_triage_rules(CONFIGS / "triage.yaml")
    embedder = MiniLmEmbedder.load()
    rows = [reference_row(number, source) for number, source in enumerate(sources)]
    vectors = embedded(
        (text for row in rows for text in [row["question"], *(c["text"] for c in row["contexts"])]), embedder
    )
    given = [with_cosines(row, [context["text"] for context in row["contexts"]], vectors) for row in rows]
    measure_references(sources, given, embedder, rules)
    measure_abstentions(cases(sources, given, vectors), sources, rules)


if __name__ == "__main__":
    main()
