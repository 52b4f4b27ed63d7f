"""Evidence in large numbers, generated from real answers: every row is one of them, made distinct."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from millrace.distillation.evidence import marker

DATA = Path(__file__).parents[1].parent / "shared" / "data"
_AT = "2026-09-{day:02d}T{hour:02d}:{minute:02d}:00Z"
_TEXT_CHARS = 420  # rows of about 750 bytes in all
_WORDS = (
    *("harbour", "ledger", "lantern", "willow", "granite", "compass", "meadow", "copper", "signal", "orchard"),
    *("timber", "canyon", "velvet", "marble", "anchor", "cinder", "prairie", "falcon", "juniper", "quartz"),
)


def write_evidence(path: Path, n_rows: int, seed: int = 0) -> int:
    """Rows in the form of ``configs/streams/evidence.yaml``; gives the file's bytes."""
    with path.open("w", encoding="utf-8") as stream:
        for row in evidence_rows(n_rows, seed):
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path.stat().st_size


def evidence_rows(n_rows: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Real prompts and answers with verdicts, three records a task, distinct words in each prompt and answer."""
    known = list(_real())
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    for number in range(n_rows):
        prompt, text, markers, stream, producer = known[draw.randrange(len(known))]
        task = number // 3
        marked = " ".join(draw.choices(_WORDS, k=3)) + f" {task}"
        prompt = known[task * 7919 % len(known)][0]  # the same for the records of one task
        yield {
            "evidence_id": f"row-{number}",
            "stream": stream,
            "run_id": f"run-{number % 20}",
            "task_id": f"task-{task}",
            "producer": producer,
            "role": "answerer",
            "recorded_at": _AT.format(day=1 + number % 28, hour=number % 24, minute=number % 60),
            "tenant_id": f"tenant-{task % 5}",
            "prompt": f"{prompt[:200]} (case {task} of the {_WORDS[task % len(_WORDS)]})",
            "text": f"{text[:_TEXT_CHARS]} [{marked}, {number}]",
            "markers": [marker(name, value) for name, value in markers.items()],
        }


def _real() -> Iterator[tuple[str, str, dict[str, Any], str, str]]:
    for line in (DATA / "halueval_general" / "general_data.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        markers = {"hallucination": row["hallucination"]}
        yield row["user_query"], row["chatgpt_response"], markers, "halueval", "chatgpt"
    for line in (DATA / "mtrag" / "responses_human.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        prompt = row["conversation"][-1]["text"]
        yield prompt, row["response"], _ratings(row), "mtrag", row["model"]


def _ratings(row: dict[str, Any]) -> dict[str, Any]:
    ratings = [int(value) for by in row["human"].values() for value in by.values()]
    return {"ratings_min": min(ratings)} if ratings else {}
