"""What the metrics by sentence vectors and by shared words tell, on MTRAG: ``python -m benchmarks.answer_relevance``.

Answer relevance: does an answer lie nearer to its own question than the answer to another one does? Similarity to the
reference: does it rank models' answers as people do? Citations: which share of words do sentences have in common with
the passages they were written from? Intervals are of resampled conversations.
"""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.tables import table
from benchmarks.traces import REAL
from blocks.embedder import open_embedder
from millrace.evaluation.citation_validity import MIN_SHARED, distinct_words
from millrace.methods.abstention import is_abstention
from millrace.methods.standalone import standalone_question, user_turns
from millrace.methods.text import sentences
from millrace.ports import Embedder
from millrace.statistics.intervals import Estimate, grouped_bootstrap, wilson_interval
from millrace.statistics.roc import roc_auc

Floats = npt.NDArray[np.float64]
Row = Mapping[str, Any]
BEGINNINGS = (100, 300, 600, 100_000)  # characters of the answer
LOW = 3.0  # a mean rating of 1 to 4 below this is low
_N_RESAMPLES = 1000


def run() -> str:
    """Markdown tables.

    Raises:
        FileNotFoundError: the real data does not lie beside the checkout.
    """
    rows = [json.loads(line) for line in REAL.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["response"].strip() and not is_abstention(row["response"])]
    embedder = open_embedder()
    return "\n\n".join([_relevance(rows, embedder), _similarity(rows, embedder), _citations(rows)])


def _relevance(rows: Sequence[Row], embedder: Embedder) -> str:
    asked = _vectors([_question(row) for row in rows], embedder)
    alike = np.einsum("id,jd->ij", asked, asked)
    talks, tasks = np.array([_talk(row) for row in rows]), np.array([row["task_id"] for row in rows])
    foreign, same = talks[:, None] != talks, (talks[:, None] == talks) & (tasks[:, None] != tasks)
    others = [np.where(allowed, alike, -2).argmax(axis=1) for allowed in (foreign, same)]
    low = np.array([_rating(row, "appropriateness") < LOW for row in rows])
    lines = []
    for n_chars in BEGINNINGS:
        answers = _vectors([row["response"][:n_chars] for row in rows], embedder)
        own = np.einsum("id,id->i", asked, answers)
        found = [_ranks(own, np.einsum("id,id->i", asked, answers[other]), talks) for other in others]
        lines.append([str(n_chars), *map(_shown, found), _shown(_auc(own, ~low, talks))])
    head = ["characters", "AUC against another conversation's", "AUC against the same one's", "AUC of people's rating"]
    return (
        f"Answer relevance: {len(rows)} answers, each against the answer to the most alike question of another, or of "
        f"the same, conversation; and answers that people rate inappropriate (mean below {LOW:g}; {low.sum()}) against "
        f"all others.\n\n{table(head, lines)}"
    )


def _similarity(rows: Sequence[Row], embedder: Embedder) -> str:
    rows = [row for row in rows if row["model"] != "reference" and not is_abstention(row["reference"][0])]
    given, wanted = [row["response"] for row in rows], [row["reference"][0] for row in rows]
    cosines = np.einsum("id,id->i", _vectors(given, embedder), _vectors(wanted, embedder))
    talks = np.array([_talk(row) for row in rows])
    lines = []
    for dimension in ("faithfulness", "completeness", "appropriateness"):
        low = np.array([_rating(row, dimension) < LOW for row in rows])
        lines.append([dimension, str(low.sum()), _shown(_auc(cosines, ~low, talks))])
    head = ["rated", "low ones", "AUC of the similarity"]
    return f"Similarity to the reference: {len(rows)} answers of models.\n\n{table(head, lines)}"


def _citations(rows: Sequence[Row]) -> str:
    """Sentences of answers that people found faithful, against their passages and one of another conversation."""
    chooser = random.Random(0)  # noqa: S311 - not for security
    shared: dict[str, list[bool]] = {"the nearest own": [], "the other own ones": [], "of another conversation": []}
    for row in (row for row in rows if _rating(row, "faithfulness") >= 3.5 and row["contexts"]):
        other = chooser.choice([each for each in rows if _talk(each) != _talk(row) and each["contexts"]])
        own = [distinct_words(context["text"]) for context in row["contexts"]]
        foreign = distinct_words(chooser.choice(other["contexts"])["text"])
        for words in filter(None, map(distinct_words, sentences(row["response"]))):
            shares = sorted((len(words & passage) / len(words) for passage in own), reverse=True)
            shared["the nearest own"].append(shares[0] >= MIN_SHARED)
            shared["the other own ones"] += [share >= MIN_SHARED for share in shares[1:]]
            shared["of another conversation"].append(len(words & foreign) >= MIN_SHARED * len(words))
    lines = [[name, str(len(held)), _shown(wilson_interval(sum(held), len(held)))] for name, held in shared.items()]
    return "Citations: sentences that share a third of their words.\n\n" + table(["with passages", "n", "share"], lines)


def _ranks(own: Floats, other: Floats, talks: npt.NDArray[np.str_]) -> Estimate:
    right = np.arange(2 * len(own)) < len(own)
    return _auc(np.concatenate([own, other]), right, np.concatenate([talks, talks]))


def _auc(values: Floats, good: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]) -> Estimate:
    def area(places: npt.NDArray[np.intp]) -> float | None:
        return roc_auc(values[places], good[places]).value

    return grouped_bootstrap(groups.tolist(), area, seed=0, n_resamples=_N_RESAMPLES)


def _vectors(texts: Sequence[str], embedder: Embedder) -> Floats:
    return embedder.embed(texts).astype(np.float64)


def _question(row: Row) -> str:
    *before, last = row["conversation"]
    return standalone_question(last["text"], user_turns((turn["speaker"], turn["text"]) for turn in before))


def _talk(row: Row) -> str:
    return str(row["conversation"][0]["text"])


def _rating(row: Row, dimension: str) -> float:
    return float(np.mean([float(value) for value in row["human"][dimension].values()]))


def _shown(estimate: Estimate) -> str:
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return f"not defined: {estimate.reason}"
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


if __name__ == "__main__":
    print(run())
