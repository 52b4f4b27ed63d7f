"""Decontamination: planted leaks found by kind, false alarms between unrelated texts, the filter by words, and speed.

Run: ``python -m benchmarks.decontamination``. The n-gram rule is that of datatrove's decontamination (13 words); the
paraphrases are templates, so their share says how far embedding reaches, not how many paraphrases people write.
"""

import csv
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.evidence import evidence_rows
from benchmarks.tables import table
from blocks.embedder import open_embedder, open_word_vectors
from millrace.adapters.embedding_cache import CachedEmbedder
from millrace.datasets.schema import arrow_schema, table_of
from millrace.distillation.config import DecontaminationConfig
from millrace.distillation.decontamination import COLUMNS, Decontaminator
from millrace.ports import Embedder, Vectors, WordVectors
from millrace.records.evidence import EvalExample, Evidence
from millrace.statistics.intervals import wilson_interval

SHARED = Path(__file__).parents[2] / "shared" / "data"
SIZES = (20_000, 100_000)
N_EVALS = 1_000
BOUNDS = (0.5, 0.55, 0.6, 0.65, 0.7)
_WITHOUT = DecontaminationConfig(near_match=False)
_WITH = DecontaminationConfig()
_PART = 50_000

Row = dict[str, Any]
Plant = Callable[[EvalExample, random.Random], Row | None]


class Texts(NamedTuple):
    """Different questions of a set, with what both kinds of vectors say of them."""

    texts: list[str]
    vectors: Vectors
    words: Vectors


def run() -> str:
    """Markdown.

    Raises:
        FileNotFoundError: the real data does not lie beside the checkout.
    """
    embedder, words = open_embedder(), open_word_vectors()
    assert words is not None
    chosen = {"banking77": banking77()[::2], "clinc150": clinc150()[::3]}
    sets = {name: Texts(texts, embedder.embed(texts), words.embed(texts)) for name, texts in chosen.items()}
    parts = [
        _planted(embedder, words),
        _false_alarms(embedder, words),
        _filter(sets),
        _costs(sets),
        _speed(embedder, words),
    ]
    return "\n\n".join(parts)


def banking77(split: str = "train") -> list[str]:
    """Different questions of bank customers, in the order of the file."""
    with (SHARED / "banking77" / f"{split}.csv").open(encoding="utf-8") as stream:
        return list(dict.fromkeys(row["text"] for row in csv.DictReader(stream)))


def clinc150() -> list[str]:
    """Different questions to an assistant, all parts of the set."""
    whole = json.loads((SHARED / "clinc150" / "data_small.json").read_text(encoding="utf-8"))
    return list(dict.fromkeys(text for name in sorted(whole) for text, _ in whole[name]))


def mtrag() -> list[EvalExample]:
    """Conversations with the expected answer to their last question."""
    found = []
    with (SHARED / "mtrag" / "mtragun_reference.jsonl").open(encoding="utf-8") as stream:
        for number, row in enumerate(map(json.loads, stream)):
            turns = [{"speaker": _speaker(each["speaker"]), "text": each["text"]} for each in row["input"]]
            answer = row["targets"][0]["text"] if row["targets"] else None
            example = {"eval_id": f"mtrag {number:04}", "tenant_id": "bench", "question": turns[-1]["text"]}
            found.append(EvalExample.model_validate(example | {"history": turns[:-1], "expected_answer": answer}))
    return found


def _speaker(name: str) -> str:
    return "user" if name == "user" else "assistant"


def asked(questions: Sequence[str], prefix: str) -> list[EvalExample]:
    """Questions alone as eval examples."""
    return [
        EvalExample(eval_id=f"{prefix} {number:05}", tenant_id="bench", question=text)
        for number, text in enumerate(questions)
    ]


def records(rows: Sequence[Row]) -> pa.Table:
    """The columns of Evidence that are read."""
    schema = pa.schema([arrow_schema(Evidence).field(name) for name in COLUMNS])
    defaults: Row = {"tenant_id": "bench", "prompt": None, "history": [], "text": "", "split": None}
    return pa.Table.from_pylist(
        [defaults | row | {"evidence_id": f"r{number}"} for number, row in enumerate(rows)], schema=schema
    )


def _exact(example: EvalExample, _draw: random.Random) -> Row:
    return {"prompt": example.question, "history": _turns(example)}


def _cased(example: EvalExample, draw: random.Random) -> Row:
    cased = "".join(letter.upper() if draw.random() < 0.5 else letter.lower() for letter in example.question)
    return {"prompt": cased, "history": _turns(example)}


_BETWEEN = (" ", ", ", " - ", "  ", "\n", "\u2026 ")


def _punctuated(example: EvalExample, draw: random.Random) -> Row:
    words = re.sub(r"[?!.,;:]", "", example.question).split()
    joined = "".join(word + draw.choice(_BETWEEN) for word in words)
    return {"prompt": f"\u201c{joined.strip()}\u201d", "history": _turns(example)}


def _disguised(example: EvalExample, draw: random.Random) -> Row:
    def other(letter: str) -> str:
        if not letter.isascii() or not letter.isalpha() or draw.random() < 0.6:
            return letter
        return draw.choice([chr(ord(letter) + 0xFEE0), letter + "\u0301", letter + "\u200b", f"&#{ord(letter)};"])

    return {"prompt": "".join(map(other, example.question)), "history": _turns(example)}


def _quoted(example: EvalExample, draw: random.Random) -> Row | None:
    if len(re.findall(r"\w+", example.question)) < 5 or example.history:
        return None
    return {"prompt": "Rate this.", "text": f'A customer wrote: "**{example.question}**" {draw.choice(_FILLERS)}'}


def _excerpt(example: EvalExample, draw: random.Random) -> Row | None:
    words = (example.expected_answer or "").split()
    if len(words) < 20:
        return None
    start = draw.randrange(len(words) - 14)
    return {"prompt": "Tell me more.", "text": f"{draw.choice(_FILLERS)} {' '.join(words[start : start + 14])}"}


_FILLERS = ("Thank you for asking.", "As far as we know,", "Here is what was said before:", "In short,")
_TEMPLATES = (
    ("can you tell me, {}", str.lower),
    ("Hi, {} Thanks!", str),
    ("{} please help", str),
    ("I would like to know: {}", str.lower),
)
_SWAPS = (
    ("can i", "could i"),
    ("do i", "can i"),
    ("what is", "what's"),
    ("my", "the"),
    ("why", "how come"),
    ("i ", "we "),
)


def _paraphrased(example: EvalExample, draw: random.Random) -> Row | None:
    text = f" {example.question.lower()} "
    for old, new in _SWAPS:
        text = re.sub(rf"(?<=\W){re.escape(old)}(?=\W)", new, text)
    template, change = draw.choice(_TEMPLATES)
    words = change(text.strip()).split()
    return None if example.history else {"prompt": template.format(" ".join(words))}


def _turns(example: EvalExample) -> list[Row]:
    return [turn.model_dump() for turn in example.history]


KINDS: dict[str, Plant] = {
    "equal": _exact,
    "cased at random": _cased,
    "other punctuation and spaces": _punctuated,
    "accents, widths, invisible characters, entities": _disguised,
    "quoted in Markdown inside a longer text": _quoted,
    "14 words of the expected answer": _excerpt,
    "paraphrased by template": _paraphrased,
}


def _planted(embedder: Embedder, words: WordVectors) -> str:
    """Recall of planted leaks, and what found them."""
    evals = [*asked(banking77("test")[::6], "banking77"), *mtrag()]
    compared = table_of(EvalExample, evals)
    by_words = Decontaminator(compared, _WITHOUT, None, None)
    near = Decontaminator(compared, _WITH, embedder, words)
    rows = []
    for name, plant in KINDS.items():
        draw = random.Random(name)  # noqa: S311
        leaks = [row for example in evals if (row := plant(example, draw)) is not None]
        planted = records(leaks)
        kinds = Counter(near.part(planted).column("match").to_pylist())
        shares = [_share(by_words.part(planted).num_rows, len(leaks)), _share(kinds.total(), len(leaks))]
        rows.append([name, str(len(leaks)), *shares, *(str(kinds[each]) for each in ("exact", "ngram", "embedding"))])
    rows.append(_pair_row(_pairs(embedder), embedder, words))
    header = ["planted", "n", "found by words", "found", "exact", "ngram", "embedding"]
    text = f"{len(evals)} eval examples: banking77 test questions, and MTRAG-UN with turns and expected answers."
    return f"{text}\n\n{table(header, rows)}"


def _pairs(embedder: Embedder) -> list[tuple[str, str]]:
    """A question of banking77's test and its nearest one of the train questions, where their cosine is 0.9 or more."""
    evals, others = banking77("test")[::6], banking77("train")[::2]
    cosines = embedder.embed(evals) @ embedder.embed(others).T
    best = cosines.argmax(axis=1)
    return [(evals[row], others[best[row]]) for row in range(len(evals)) if cosines[row, best[row]] >= 0.9]


def _pair_row(pairs: Sequence[tuple[str, str]], embedder: Embedder, words: WordVectors) -> list[str]:
    kinds: Counter[str] = Counter()
    n_by_words = 0
    for question, other in pairs:
        evals = table_of(EvalExample, asked([question], "pair"))
        one = records([{"prompt": other}])
        n_by_words += Decontaminator(evals, _WITHOUT, None, None).part(one).num_rows
        kinds.update(Decontaminator(evals, _WITH, embedder, words).part(one).column("match").to_pylist())
    shares = [_share(n_by_words, len(pairs)), _share(kinds.total(), len(pairs))]
    counts = [str(kinds[each]) for each in ("exact", "ngram", "embedding")]
    return ["real pairs of cosine 0.9 or more, one by one", str(len(pairs)), *shares, *counts]


def _false_alarms(embedder: Embedder, words: WordVectors) -> str:
    """What is flagged between texts that have nothing to do with each other."""
    unrelated = {
        "paragraphs of the Prefect docs against banking77": (_paragraphs(), asked(banking77()[::5], "banking77")),
        "clinc150 questions about anything against MTRAG-UN": ([{"prompt": each} for each in clinc150()[::8]], mtrag()),
        "HaluEval prompts and answers against MTRAG-UN": (list(_halueval()), mtrag()),
    }
    rows, shown = [], []
    for name, (texts, evals) in unrelated.items():
        found = Decontaminator(table_of(EvalExample, evals), _WITH, embedder, words).part(records(texts)).to_pylist()
        kinds = Counter(each["match"] for each in found)
        rows.append(
            [name, str(len(texts)), str(len(evals)), *(str(kinds[each]) for each in ("exact", "ngram", "embedding"))]
        )
        for each in found[:6]:
            row = texts[int(each["evidence_id"][1:])]
            shown.append(f"- {each['match']} {each['similarity']:.2f}: {_short(row)} / {_line(each['matched'])}")
    return (
        table(["records against evals", "records", "evals", "exact", "ngram", "embedding"], rows)
        + "\n\n"
        + ("What is flagged, the first six of each:\n\n" + "\n".join(shown) if shown else "Nothing is flagged.")
    )


def _short(row: Row) -> str:
    return _line(f"{row.get('prompt') or ''} > {row.get('text', '')}")


def _line(text: str) -> str:
    return " ".join(text.split())[:110].replace("|", "/")


def _paragraphs() -> list[Row]:
    found = []
    for path in sorted((SHARED / "prefect_docs" / "3.0.0").rglob("*.md*")):
        pieces = path.read_text(encoding="utf-8", errors="ignore").split("\n\n")
        found += [{"text": piece} for piece in pieces if len(piece) > 80]
    return found


def _halueval() -> Iterator[Row]:
    with (SHARED / "halueval_general" / "general_data.jsonl").open(encoding="utf-8") as stream:
        for row in map(json.loads, stream):
            yield {"prompt": row["user_query"], "text": row["chatgpt_response"]}


def _filter(sets: dict[str, Texts]) -> str:
    """Share of pairs of cosine 0.9 or more that the filter by words lets through, on two halves of the questions."""
    rows = []
    for name, whole in sets.items():
        order = np.random.default_rng(0).permutation(len(whole.texts))
        for half, chosen in (("chosen on", order[::2]), ("held out", order[1::2])):
            pairs, nearest = _filter_cosines(whole, chosen)
            shares = [f"{(pairs >= bound).mean():.4f} / {(nearest >= bound).mean():.4f}" for bound in BOUNDS]
            rows.append([name, half, str(len(pairs)), str(len(nearest)), *shares])
    header = ["questions", "half", "pairs", "questions in them", *(f"bound {each}" for each in BOUNDS)]
    text = "Recall of the filter by words: pairs of cosine 0.9 or more / questions with any candidate among the half."
    return f"{text}\n\n{table(header, rows)}"


def _filter_cosines(whole: Texts, chosen: npt.NDArray[np.int64]) -> tuple[Vectors, Vectors]:
    vectors, words = whole.vectors[chosen], whole.words[chosen]
    pairs, nearest = [], []
    for start in range(0, len(chosen), 1000):
        cosines = vectors[start : start + 1000] @ vectors.T
        by_words = words[start : start + 1000] @ words.T
        own = np.arange(len(cosines))
        cosines[own, own + start] = by_words[own, own + start] = -1
        near = cosines >= 0.9
        pairs.append(by_words[near & (np.arange(len(chosen)) > (own + start)[:, None])])
        nearest.append(by_words.max(axis=1)[near.any(axis=1)])
    return np.concatenate(pairs), np.concatenate(nearest)


def _costs(sets: dict[str, Texts]) -> str:
    """Share of questions that must be embedded, against as many evals of the same or of the other set."""
    rows = []
    for name, whole in sets.items():
        order = np.random.default_rng(1).permutation(len(whole.texts))
        records_, rest = order[: len(order) // 2], order[len(order) // 2 :]
        for other, evals in sets.items():
            chosen = rest[:N_EVALS] if other == name else np.arange(0, len(evals.texts), len(evals.texts) // N_EVALS)
            by_words = (whole.words[records_] @ evals.words[chosen].T).max(axis=1)
            near = ((whole.vectors[records_] @ evals.vectors[chosen].T).max(axis=1) >= _WITH.cosine).mean()
            shares = [f"{(by_words >= bound).mean():.3f}" for bound in BOUNDS]
            rows.append([name, f"{len(chosen)} of {other}", f"{near:.3f}", *shares])
    header = ["questions", "evals", "near by embedding", *(f"embedded, bound {each}" for each in BOUNDS)]
    return table(header, rows)


def _speed(embedder: Embedder, words: WordVectors) -> str:
    """Rows a second; with near-match from an empty cache each time."""
    evals = table_of(EvalExample, [*mtrag(), *asked(banking77()[:: len(banking77()) // 500][:500], "banking77")])
    rows = []
    for n in SIZES:
        parts = [records(_generated(part)) for part in _batches(evidence_rows(n), _PART)]
        size = sum(len((row["prompt"] + row["text"]).encode()) for row in islice(evidence_rows(n), 1000)) / 1000
        fresh = getattr(embedder, "_embedder", embedder)
        near = Decontaminator(evals, _WITH, CachedEmbedder(fresh), words)
        without = _rate(Decontaminator(evals, _WITHOUT, None, None), parts)
        with_near = _rate(near, parts)
        n_embedded, n_texts = near.embedded
        rows.append([f"{n}", f"{size:.0f}", without, with_near, str(n_texts), f"{n_embedded / n_texts:.3f}"])
    header = [
        "rows",
        "bytes of text",
        "rows/s by words (of CPU)",
        "rows/s with near-match (of CPU)",
        "prompts",
        "embedded",
    ]
    return f"Against {evals.num_rows} evals, parts one by one:\n\n" + table(header, rows)


def _generated(rows: Sequence[Row]) -> list[Row]:
    return [{"prompt": row["prompt"], "text": row["text"]} for row in rows]


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, size)):
        yield batch


def _rate(decontaminator: Decontaminator, parts: Sequence[pa.Table]) -> str:
    wall, cpu = time.perf_counter(), time.process_time()
    for part in parts:
        decontaminator.part(part)
    n = sum(part.num_rows for part in parts)
    return f"{n / (time.perf_counter() - wall):.0f} ({n / (time.process_time() - cpu):.0f})"


def _share(n: int, of: int) -> str:
    estimate = wilson_interval(n, of)
    return "none" if estimate.mean is None else f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


if __name__ == "__main__":
    print(run())
