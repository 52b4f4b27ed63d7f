"""How near answers are in meaning to their questions and to reference answers, by sentence vectors (A26).

Measured by ``benchmarks/answer_relevance.py`` on MTRAG.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from millrace.evaluation.results import Result, filled
from millrace.methods.standalone import standalone_question, user_turns
from millrace.ports import Embedder

_PAIRS_AT_ONCE = 4096
_BEGINNING = 300  # characters of an answer that tell what it is about, at half the price of all


def relevance_results(traces: pa.Table, states: Sequence[str | None], embedder: Embedder) -> list[Result]:
    """Cosine of the question and the answer's first 300 characters of each trace, not below 0, in order.

    The question is made to stand alone by what the user said before it. On MTRAG the answer to the most alike question
    of another conversation ranks below the own one with an AUC of .97; whole answers, their best sentence, or the mean
    of their sentences do it no better. Which real answers people rate low it does not tell.

    No value: the trace's state where there is no answer; ``no_text`` where the embedder finds nothing in one of the
    texts.

    Args:
        traces: columns question, history and answer of Trace.
        states: from ``answer_states``.
    """
    columns = (traces.column(name).to_pylist() for name in ("question", "history", "answer"))
    rows = [row for row, state in zip(zip(*columns, strict=True), states, strict=True) if state is None]
    pairs = [(_asked(question, history), answer[:_BEGINNING]) for question, history, answer in rows]
    return filled(states, cosines(pairs, embedder))


def similarity_results(
    traces: pa.Table, states: Sequence[str | None], references: Sequence[str | None], embedder: Embedder
) -> list[Result]:
    """Cosine of the reference answer and the answer of each trace, not below 0, in order.

    On MTRAG it ranks the 47 of 178 answers of models that people rate low in faithfulness below the others with an AUC
    of .71 [.56, .82]. Both texts count as far as the embedder reads them.

    No value: ``trace_failed``; ``no_reference`` where no reference answer is known; the trace's state where there is
    no answer; ``no_text``.

    Args:
        traces: column answer of Trace.
        states: from ``answer_states``.
        references: reference answer of each trace.
    """
    known = [
        state if state == "trace_failed" or reference else "no_reference"
        for state, reference in zip(states, references, strict=True)
    ]
    answers = traces.column("answer").to_pylist()
    rows = zip(known, references, answers, strict=True)
    pairs = [(reference, answer) for state, reference, answer in rows if state is None and reference is not None]
    return filled(known, cosines(pairs, embedder))


def cosines(pairs: Sequence[tuple[str, str]], embedder: Embedder) -> list[Result]:
    """Cosine of each pair of texts, not below 0; ``no_text`` where one has no vector. Texts that recur count once."""
    place = {text: row for row, text in enumerate(dict.fromkeys(text for pair in pairs for text in pair))}
    if not place:
        return []
    vectors = embedder.embed(list(place))
    empty = ~np.asarray(vectors.any(axis=1))
    rows = np.array([(place[first], place[second]) for first, second in pairs])
    found: list[Result] = []
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        first, second = rows[start : start + _PAIRS_AT_ONCE].T
        # summed row by row: unlike in a matrix product, the order does not depend on how many rows there are
        products = (vectors[first].astype(np.float64) * vectors[second]).sum(axis=1)
        unknown = empty[first] | empty[second]
        values = np.clip(products, 0.0, 1.0).tolist()
        found += ["no_text" if none else value for value, none in zip(values, unknown.tolist(), strict=True)]
    return found


def _asked(question: str, history: Sequence[dict[str, str]]) -> str:
    return standalone_question(question, user_turns((turn["speaker"], turn["text"]) for turn in history))
