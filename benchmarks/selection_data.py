"""Answers with features and people's labels, for simulating annotation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.cluster import KMeans

from benchmarks.fit_groundedness import CASCADE, trace_row
from millrace.methods.groundedness_belief import measured_features
from millrace.ports import Embedder

DATA = Path(__file__).parents[2] / "shared" / "data"
MTRAG = DATA / "mtrag" / "responses_human.jsonl"
HALUEVAL = DATA / "halueval_general" / "general_data.jsonl"
N_CLUSTERS = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Oracle:
    """Cases and what people say of them: row i of each.

    Attributes:
        features: shape (n_cases, 6), as the scorer measures them.
        unsupported: shape (n_cases,).
        groups: split between pool and test by these.
        clusters: of the questions, shape (n_cases,).
    """

    name: str
    features: Floats
    unsupported: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.str_]
    clusters: npt.NDArray[np.intp]


def mtrag(embedder: Embedder) -> Oracle:
    """MTRAG's answers with passages; unsupported: mean human faithfulness of at most 2 of 4."""
    sources = _lines(MTRAG)
    rows = [trace_row(number, source) for number, source in enumerate(sources)]
    rated = np.array([np.mean([float(value) for value in s["human"]["faithfulness"].values()]) for s in sources])
    return _oracle("MTRAG", rows, rated <= 2, [source["task_id"] for source in sources], embedder)


def halueval(embedder: Embedder) -> Oracle:
    """HaluEval's chat answers without passages: the user's own message stands as the only passage."""
    sources = _lines(HALUEVAL)
    rows = [
        {
            "trace_id": str(number),
            "question": source["user_query"],
            "history": [],
            "contexts": [{"context_id": "query", "text": source["user_query"]}],
            "answer": source["chatgpt_response"],
            "status": "answered",
        }
        for number, source in enumerate(sources)
    ]
    labels = np.array([source["hallucination"] == "yes" for source in sources])
    return _oracle("HaluEval", rows, labels, [source["ID"] for source in sources], embedder)


def _oracle(
    name: str, rows: list[dict[str, Any]], unsupported: npt.NDArray[np.bool_], groups: Sequence[str], embedder: Embedder
) -> Oracle:
    features = measured_features(pa.Table.from_pylist(rows), embedder, CASCADE)
    known = [number for number, row in enumerate(rows) if row["trace_id"] in features]
    questions = embedder.embed([rows[number]["question"] for number in known])
    return Oracle(
        name=name,
        features=np.array([features[rows[number]["trace_id"]] for number in known]),
        unsupported=unsupported[known],
        groups=np.array([groups[number] for number in known]),
        clusters=KMeans(N_CLUSTERS, n_init=1, random_state=0).fit_predict(questions).astype(np.intp),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
