"""Does making a question stand alone find the passages it needs? Conversations of MTRAG-UN, passages by MiniLM cosine.

Run: ``python -m benchmarks.standalone``. The rules were chosen on one half of the conversations; the other is measured.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.routing_data import SHARED
from benchmarks.tables import table
from blocks.embedder import open_embedder
from millrace.methods.standalone import standalone_question, user_turns
from millrace.methods.text import content_words
from millrace.ports import Embedder
from millrace.statistics.intervals import Estimate, bootstrap_interval, wilson_interval

Ranks = npt.NDArray[np.float64]
Rewrite = Callable[[str, Sequence[str]], str]


class Task(NamedTuple):
    """The last question of a conversation, what the user said before it, and the texts it should be answered from."""

    task_id: str
    question: str
    earlier: list[str]
    passages: list[str]

    @property
    def is_held_out(self) -> bool:
        """Half of all conversations, by a hash of their id."""
        return hashlib.sha256(self.task_id.encode()).digest()[0] % 2 == 1


def _with_the_turn_before(question: str, earlier: Sequence[str]) -> str:
    return f"{earlier[-1]} {question}"


def _when_short(question: str, earlier: Sequence[str]) -> str:
    return _with_the_turn_before(question, earlier) if len(content_words(question)) < 3 else question


REWRITES: Mapping[str, Rewrite] = {
    "bare question": lambda question, _earlier: question,
    "turn before, when under 3 words of content": _when_short,
    "turn before, always": _with_the_turn_before,
    "rules": standalone_question,
}


def run() -> str:
    """A Markdown table for each half.

    Raises:
        FileNotFoundError: the real data does not lie beside the checkout.
    """
    tasks, embedder = read_tasks(), open_embedder()
    passages = list(dict.fromkeys(text for task in tasks for text in task.passages))
    later = [task for task in tasks if task.earlier and task.passages]
    halves = {
        "Held out": [task for task in later if task.is_held_out],
        "Chosen on": [task for task in later if not task.is_held_out],
    }
    parts = [
        f"{title}: {len(half)} later questions among {len(passages)} passages.\n\n{_table(half, passages, embedder)}"
        for title, half in halves.items()
    ]
    return "\n\n".join(parts)


def read_tasks() -> list[Task]:
    """All tasks of the file; those without passages too."""
    lines = (SHARED / "mtrag" / "mtragun_reference.jsonl").read_text(encoding="utf-8").splitlines()
    return [_task(json.loads(line)) for line in lines]


def _task(row: Mapping[str, object]) -> Task:
    turns = [(turn["speaker"], turn["text"]) for turn in row["input"]]  # type: ignore[attr-defined]
    passages = [context["text"].strip() for context in row["contexts"]]  # type: ignore[attr-defined]
    return Task(str(row["task_id"]), turns[-1][1], user_turns(turns[:-1]), passages)


def ranks(tasks: Sequence[Task], rewrite: Rewrite, passages: Sequence[str], embedder: Embedder) -> Ranks:
    """The rank, from 1, of the best passage of each task among all passages; equal cosines share the worst rank."""
    place = {text: row for row, text in enumerate(passages)}
    queries = embedder.embed([rewrite(task.question, task.earlier) for task in tasks])
    cosines = np.einsum("id,jd->ij", queries.astype(np.float64), embedder.embed(passages).astype(np.float64))
    best = [row[[place[text] for text in task.passages]].max() for row, task in zip(cosines, tasks, strict=True)]
    return np.array([(row >= value).sum() for row, value in zip(cosines, best, strict=True)], dtype=np.float64)


def _table(tasks: Sequence[Task], passages: Sequence[str], embedder: Embedder) -> str:
    bare = ranks(tasks, REWRITES["bare question"], passages, embedder)
    rows = []
    for name, rewrite in REWRITES.items():
        found = ranks(tasks, rewrite, passages, embedder)
        n_changed = sum(rewrite(task.question, task.earlier) != task.question for task in tasks)
        gain = bootstrap_interval(1 / found - 1 / bare, _mean, seed=0, n_resamples=2_000)
        rows.append(
            [
                name,
                str(n_changed),
                _share(int((found < bare).sum()), len(tasks)),
                _share(int((found > bare).sum()), len(tasks)),
                f"{np.mean(1 / found):.3f}",
                _shown(gain),
                _share(int((found <= 5).sum()), len(tasks)),
            ]
        )
    return table(["query", "rewritten", "better", "worse", "MRR", "MRR gained", "recall@5"], rows)


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean())


def _share(n: int, n_tasks: int) -> str:
    return _shown(wilson_interval(n, n_tasks))


def _shown(estimate: Estimate) -> str:
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return f"not defined: {estimate.reason}"
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


if __name__ == "__main__":
    print(run())
