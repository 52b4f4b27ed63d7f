"""Narrowing passages down: what compression keeps of what people's answers rest on, and what the stages cost.

Run: ``python -m benchmarks.narrowing`` (the half that no setting was chosen on), ``--half development`` or ``--grid``.
Questions, passages and reference answers are MTRAG's. A sentence of a reference answer rests on the passage sentence
that has most of its content words, if that has at least half of them.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.tables import spread, table
from blocks.embedder import open_embedder
from blocks.tokenizer import open_tokenizer
from millrace.answering.compression import CompressionConfig, compress_drafts
from millrace.answering.deduplication import DeduplicationConfig, deduplicate_drafts
from millrace.answering.draft import Draft, Passage, Step
from millrace.answering.rerank import RerankConfig, rerank_drafts
from millrace.answering.token_budget import TokenBudgetConfig, budget_drafts
from millrace.methods.standalone import standalone_question, user_turns
from millrace.methods.text import content_words, sentence_spans, sentences
from millrace.ports import Vectors
from millrace.records.answer import Question
from millrace.records.trace import RetrievedContext, utc
from millrace.statistics.intervals import grouped_bootstrap

SHARED = Path(__file__).parents[2] / "shared" / "data" / "mtrag"
HALVES = ("development", "held-out")
OF = ("characters", "support")
LEADING = (0.5, 0.6, 0.7, 0.8)  # of each passage, to compare with
_MIN_SHARE = 0.5
_NO_VECTOR = np.zeros(1, dtype=np.float32)


@dataclass(frozen=True)
class Task:
    """A question with its passages, and the passage sentences that its reference answer rests on.

    ``support`` has one entry for each sentence of the answer: the sentences that support it equally well.
    """

    conversation: str
    query: str
    passages: tuple[str, ...]
    support: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Kept:
    """Totals of one task: characters before and after, supporting sentences and those still there."""

    n_characters: int
    n_characters_kept: int
    n_supporting: int
    n_supporting_kept: int


def read_tasks(half: str) -> list[Task]:
    """The tasks of a half whose answer rests on its passages; no conversation is in both halves."""
    wanted = HALVES.index(half)
    tasks = [_task(*row) for row in _rows() if hashlib.sha256(row[0].encode()).digest()[0] % 2 == wanted]
    return [task for task in tasks if task.support]


def compressed(tasks: Sequence[Task], config: CompressionConfig) -> list[Kept]:
    """What compression keeps of each task."""
    steps = compress_drafts([_draft(task) for task in tasks], config)
    return [
        _kept(task, [passage.context.text for passage in step.draft.passages])
        for task, step in zip(tasks, steps, strict=True)
    ]


def leading(tasks: Sequence[Task], share: float) -> list[Kept]:
    """What keeping that share of each passage's sentences, from its beginning, keeps of each task."""
    return [_kept(task, [_beginning(text, share) for text in task.passages]) for task in tasks]


def run(half: str = HALVES[1], n_questions: int = 400) -> str:
    """Two tables: what is kept at the default settings, beside the beginnings of passages; and what the stages cost."""
    tasks = read_tasks(half)
    rows = [["compression", *_figures(compressed(tasks, CompressionConfig()), tasks)]]
    rows += [[f"first {share:.0%} of the sentences", *_figures(leading(tasks, share), tasks)] for share in LEADING]
    header = ["", "characters kept", "supporting sentences kept"]
    n_supporting = sum(len(task.support) for task in tasks)
    said = f"{half}: {len(tasks)} tasks, {n_supporting} supporting sentences; 95 % intervals by conversation."
    return f"{said}\n\n{table(header, rows)}\n\n{costs(tasks[:n_questions])}"


def grid() -> str:
    """What other settings keep, on the development half."""
    tasks = read_tasks(HALVES[0])
    rows = []
    for share, relative, weight in product((0.6, 0.8, 1.0), (0.0, 0.1, 0.2, 0.3), (0.0, 0.5, 1.0)):
        config = CompressionConfig(keep_share=share, min_relative_score=relative, neighbour_weight=weight)
        kept = compressed(tasks, config)
        rows.append([f"{value:.2f}" for value in (share, relative, weight)] + [f"{_share(kept, of):.3f}" for of in OF])
    return table(["keep_share", "min_relative_score", "neighbour_weight", *OF], sorted(rows, key=lambda row: row[3]))


def costs(tasks: Sequence[Task], n_runs: int = 5) -> str:
    """Processor time of each stage with all tasks at once; passages are embedded before it is counted."""
    embedder, tokenizer = open_embedder(), open_tokenizer()
    tokenizer.count(["warm"])
    texts = list(dict.fromkeys(text for task in tasks for text in task.passages))
    vectors = dict(zip(texts, embedder.embed(texts), strict=True))
    stages: dict[str, Callable[[Sequence[Draft]], list[Step]]] = {
        "deduplication": lambda drafts: deduplicate_drafts(drafts, DeduplicationConfig()),
        "rerank (none)": lambda drafts: rerank_drafts(drafts, None, RerankConfig()),
        "compression": lambda drafts: compress_drafts(drafts, CompressionConfig()),
        "token_budget (nothing cut)": lambda drafts: budget_drafts(drafts, tokenizer, TokenBudgetConfig()),
        "token_budget (of 300)": lambda drafts: budget_drafts(drafts, tokenizer, TokenBudgetConfig(default=300)),
    }
    spent: dict[str, list[float]] = {name: [] for name in stages}
    for _ in range(n_runs):
        drafts = [_draft(task, vectors) for task in tasks]
        for name, stage in stages.items():
            began = time.process_time()
            steps = stage(drafts)
            spent[name].append((time.process_time() - began) * 1000 / len(tasks))
            drafts = [step.draft for step in steps]
    n_passages = sum(len(task.passages) for task in tasks) / len(tasks)
    rows = [[name, spread(values), f"{1000 * n_passages / fmean(values):.0f}"] for name, values in spent.items()]
    header = ["stage", f"CPU ms a question of {n_passages:.1f} passages", "passages per CPU second"]
    return table(header, rows)


def _rows() -> Iterator[tuple[str, list[tuple[str, str]], list[str], str]]:
    """Conversation, turns, passages and reference answer of every task."""
    for row in _lines("mtragun_reference.jsonl"):
        turns = [(turn["speaker"], turn["text"]) for turn in row["input"]]
        yield row["conversation_id"], turns, [each["text"] for each in row["contexts"]], row["targets"][0]["text"]
    for row in _lines("responses_human.jsonl"):
        if row["model"] == "reference":
            turns = [(turn["speaker"], turn["text"]) for turn in row["conversation"]]
            conversation = row["task_id"].partition("<::>")[0]
            yield conversation, turns, [each["text"] for each in row["contexts"]], row["response"]


def _lines(name: str) -> list[dict[str, Any]]:
    if not (SHARED / name).is_file():
        raise SystemExit(f"this benchmark needs MTRAG's {name} in {SHARED}")
    return [json.loads(line) for line in (SHARED / name).read_text(encoding="utf-8").splitlines()]


def _task(conversation: str, turns: list[tuple[str, str]], passages: list[str], answer: str) -> Task:
    *before, (_, question) = turns
    query = standalone_question(question, user_turns(before))
    words = {sentence: frozenset(content_words(sentence)) for text in passages for sentence in sentences(text)}
    support = [_supporting(frozenset(content_words(sentence)), words) for sentence in sentences(answer)]
    return Task(conversation, query, tuple(passages), tuple(found for found in support if found))


def _supporting(said: frozenset[str], words: dict[str, frozenset[str]]) -> frozenset[str]:
    """The passage sentences with most of the words; none where no sentence has half of them."""
    shared = {sentence: len(said & found) for sentence, found in words.items()}
    most = max(shared.values(), default=0)
    if not said or most < _MIN_SHARE * len(said):
        return frozenset()
    return frozenset(sentence for sentence, n in shared.items() if n == most)


def _kept(task: Task, texts: Sequence[str]) -> Kept:
    def is_there(supporting: frozenset[str]) -> bool:
        return any(sentence in text for sentence in supporting for text in texts)

    return Kept(sum(map(len, task.passages)), sum(map(len, texts)), len(task.support), sum(map(is_there, task.support)))


def _beginning(text: str, share: float) -> str:
    spans = sentence_spans(text)
    return text[: spans[ceil(share * len(spans)) - 1].end] if spans else ""


def _draft(task: Task, vectors: Mapping[str, Vectors] | None = None) -> Draft:
    asked = Question(question_id="q", tenant_id="bench", time=utc(2026, 1, 1), question=task.query)
    passages = [
        Passage(RetrievedContext(context_id=f"c{place}", text=text), vectors[text] if vectors else _NO_VECTOR)
        for place, text in enumerate(task.passages)
    ]
    return Draft(asked, task.query, (task.query,), "rag_knowledge_base", passages=tuple(passages))


def _share(kept: Sequence[Kept], of: str) -> float:
    if of == "characters":
        return sum(each.n_characters_kept for each in kept) / sum(each.n_characters for each in kept)
    return sum(each.n_supporting_kept for each in kept) / sum(each.n_supporting for each in kept)


def _figures(kept: Sequence[Kept], tasks: Sequence[Task]) -> list[str]:
    groups = [task.conversation for task in tasks]
    estimates = [
        grouped_bootstrap(groups, partial(lambda of, rows: _share([kept[row] for row in rows], of), of), seed=1)
        for of in OF
    ]
    return [f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]" for found in estimates]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=HALVES, default=HALVES[1])
    parser.add_argument("--grid", action="store_true")
    arguments = parser.parse_args()
    print(grid() if arguments.grid else run(arguments.half))
