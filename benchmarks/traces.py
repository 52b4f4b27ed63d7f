"""Traces for measuring: real ones, scaled up by mixing, written in Millrace's own form."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

REAL = Path(__file__).parents[2] / "shared" / "data" / "mtrag" / "responses_human.jsonl"
MONDAY = datetime(2026, 11, 9, tzinfo=UTC)
WEEK_S = 7 * 24 * 3600


def write_traces(path: Path, n_traces: int, seed: int = 0) -> None:
    """``n_traces`` rows, spread over one week: questions and passages of real rows, answers partly of other rows.

    Every copy of a row has another answer, so that nothing downstream can be done once and reused for all copies.

    Raises:
        FileNotFoundError: the real data does not lie beside the checkout.
    """
    real = [json.loads(line) for line in REAL.read_text(encoding="utf-8").splitlines()]
    chooser = random.Random(seed)  # noqa: S311 - not for security
    with path.open("w", encoding="utf-8") as stream:
        for row in _mixed(real, n_traces, chooser):
            stream.write(json.dumps(row) + "\n")


def _mixed(real: list[dict[str, Any]], n_traces: int, chooser: random.Random) -> Iterator[dict[str, Any]]:
    for index in range(n_traces):
        row, other = real[index % len(real)], real[chooser.randrange(len(real))]
        *history, last = row["conversation"]
        yield {
            "trace_id": f"t{index:07d}",
            "time": (MONDAY + timedelta(seconds=index * WEEK_S / n_traces)).isoformat(),
            "tenant_id": "bench",
            "user_id": f"user-{index % 997}",
            "question": f"{last['text']} ({index // len(real)})" if index >= len(real) else last["text"],
            "history": [
                {"speaker": "user" if turn["speaker"] == "user" else "assistant", "text": turn["text"]}
                for turn in history
            ],
            "contexts": [
                {"context_id": passage["id"], "title": passage["title"], "text": passage["text"]}
                for passage in row["contexts"]
            ],
            "answer": _mixed_answer(row["response"], other["response"], chooser),
            "answered_by": row["model"],
        }


def _mixed_answer(own: str, other: str, chooser: random.Random) -> str:
    """The row's own sentences in another order, with one of another row among them."""
    sentences = own.split(". ")
    chooser.shuffle(sentences)
    sentences.insert(chooser.randrange(len(sentences) + 1), chooser.choice(other.split(". ")))
    return ". ".join(sentences)
