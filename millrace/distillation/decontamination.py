"""Finds training records that are, or nearly are, examples that the application is evaluated on.

Four ways, the strongest first: the record belongs to the eval side itself; an equal text; a run of words; a question
that means nearly the same. Records of all tenants are compared with the examples of all tenants, because one model may
learn from all of them; another tenant's example is named, not quoted.

Passages that a record was shown are not compared: expected answers quote the same documents, and what is retrieved
while evaluating is no secret.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.config import DecontaminationConfig
from millrace.distillation.eval_texts import MIN_WORDS, EvalText, eval_texts
from millrace.distillation.near_match import Asked, NearMatcher
from millrace.distillation.word_forms import folded, words_of
from millrace.distillation.word_ngrams import Flags, Segments, WordIndex
from millrace.errors import BadInputError
from millrace.methods.standalone import question_in_context, user_turns
from millrace.ports import Embedder, WordVectors
from millrace.records.evidence import Contamination, ContaminationMatch

COLUMNS = ("evidence_id", "tenant_id", "prompt", "history", "text", "split")
_ROWS_AT_ONCE = 2048  # their words and runs lie in the processor's cache
_TEXT_WORDS = 256  # of a record without a prompt that are embedded
_LONGEST = 500  # characters of ``matched``


@dataclass(frozen=True)
class _Match:
    """What was found of one record."""

    match: ContaminationMatch
    example: int
    similarity: float
    matched: str


class Decontaminator:
    """Compares records with eval examples; what is found of a record does not hang on the others.

    Args:
        evals: table of EvalExample; without rows only the eval side itself is found.
        embedder: needed where ``config.near_match`` is on and there are examples.
        words: the embedder's own word vectors; without them every different prompt is embedded.

    Raises:
        BadInputError: an embedder is needed and missing.
    """

    def __init__(
        self, evals: pa.Table, config: DecontaminationConfig, embedder: Embedder | None, words: WordVectors | None
    ) -> None:
        self._ids: list[str] = evals.column("eval_id").to_pylist()
        self._tenants: list[str] = evals.column("tenant_id").to_pylist()
        self._questions: list[str] = evals.column("question").to_pylist()
        self._texts = eval_texts(evals)
        self._index = WordIndex(self._texts, config.ngram_words, config.ngram_share) if self._texts else None
        self._near = _near_matcher(evals, config, embedder, words)

    @property
    def embedded(self) -> tuple[int, int]:
        """How many different prompts were embedded, and of how many that were compared."""
        return (0, 0) if self._near is None else (self._near.n_embedded, self._near.n_texts)

    def part(self, evidence: pa.Table) -> pa.Table:
        """Table of Contamination: the strongest match of each record that has one, in the order of the records.

        ``similarity`` is 1 for split and exact, the share of the eval text's different runs for ngram, the cosine for
        embedding. Of equal matches the example with the lowest id is named. A record of the eval side names itself.

        Args:
            evidence: table of Evidence; the columns of :data:`COLUMNS` are read.
        """
        slices = range(0, evidence.num_rows, _ROWS_AT_ONCE)
        all_records = [_Records(evidence.select(COLUMNS).slice(start, _ROWS_AT_ONCE)) for start in slices]
        found = [self._by_words(records) for records in all_records]
        if self._near is not None:
            self._add_near(self._near, all_records, found)
        rows = [
            self._row(records, row, matches.get(row))
            for records, matches in zip(all_records, found, strict=True)
            for row in sorted({*np.flatnonzero(records.is_eval).tolist(), *matches})
        ]
        return pa.Table.from_pylist(rows, schema=arrow_schema(Contamination))

    def _add_near(self, near: NearMatcher, slices: "list[_Records]", found: list[dict[int, _Match]]) -> None:
        """Embedding takes as long for one text as for a batch, so the slices are compared together."""
        asked = [
            (number * _ROWS_AT_ONCE + row, each)
            for number, (records, matches) in enumerate(zip(slices, found, strict=True))
            for row in range(len(records))
            if row not in matches and not records.is_eval[row]
            if (each := records.asked(row)) is not None
        ]
        for place, example, cosine in near.find(asked):
            match = _Match("embedding", example, cosine, _shown("question", self._questions[example]))
            found[place // _ROWS_AT_ONCE][place % _ROWS_AT_ONCE] = match

    def _row(self, records: "_Records", row: int, match: _Match | None) -> dict[str, Any]:
        if match is None or records.is_eval[row]:
            itself = records.said("evidence_id", row)
            return records.contamination(row, itself, _Match("split", -1, 1.0, "its split is eval"))
        if self._tenants[match.example] != records.said("tenant_id", row):
            match = _Match(match.match, match.example, match.similarity, "another tenant's example")
        return records.contamination(row, self._ids[match.example], match)

    def _by_words(self, records: "_Records") -> dict[int, _Match]:
        """The strongest match by words of each record that has one."""
        if self._index is None:
            return {}
        matches = self._index.find(records.segments())
        order = np.lexsort((matches.text, -matches.share, ~matches.exact, matches.record))
        found: dict[int, _Match] = {}
        for place in order.tolist():
            row, text = int(matches.record[place]), self._texts[int(matches.text[place])]
            if row in found or not (text.turn is None or records.holds(row, text.turn)):
                continue
            kind: ContaminationMatch = "exact" if matches.exact[place] else "ngram"
            found[row] = _Match(kind, text.example, float(matches.share[place]), _quoted(text))
        return found


class _Records:
    """A slice of the evidence."""

    def __init__(self, evidence: pa.Table) -> None:
        self._evidence = evidence
        self.is_eval: Flags = pc.fill_null(pc.equal(evidence.column("split"), "eval"), False).to_numpy()

    def __len__(self) -> int:
        return int(self._evidence.num_rows)

    def said(self, name: str, row: int) -> str:
        """What one record has in a column."""
        return str(self._evidence.column(name)[row])

    @cached_property
    def _prompts(self) -> list[str | None]:
        return list(self._evidence.column("prompt").to_pylist())

    @cached_property
    def _texts(self) -> list[str]:
        return list(self._evidence.column("text").to_pylist())

    @cached_property
    def _histories(self) -> list[list[dict[str, str]]]:
        return list(self._evidence.column("history").to_pylist())

    def segments(self) -> Segments:
        """Prompts, texts and turns before; a prompt and a user's turn ask, a text without a prompt may."""
        prompts, texts = (self._evidence.column(name).combine_chunks() for name in ("prompt", "text"))
        turns = self._evidence.column("history").combine_chunks()
        flat = turns.flatten()
        users = pc.equal(flat.field("speaker"), "user").to_numpy(zero_copy_only=False)
        n, rows = len(self), np.arange(len(self), dtype=np.int64)
        words = words_of(pa.chunked_array([prompts, texts, flat.field("text")]))
        alone = prompts.is_null().to_numpy(zero_copy_only=False)
        return Segments(
            words=words,
            record=np.concatenate([rows, rows, pc.list_parent_indices(turns).to_numpy().astype(np.int64)]),
            asks=np.concatenate([np.ones(n, dtype=np.bool_), alone, users]),
            answers=np.concatenate([np.zeros(n, dtype=np.bool_), np.ones(n, dtype=np.bool_), ~users]),
        )

    def holds(self, row: int, turn: str) -> bool:
        """Whether the record has this turn: as a turn before the prompt, or, a longer one, inside any of its texts."""
        turns = [folded(each["text"]) for each in self._histories[row]]
        if turn in turns:
            return True
        if turn.count(" ") + 1 < MIN_WORDS:
            return False
        texts = [*turns, folded(self._prompts[row] or ""), folded(self._texts[row])]
        return any(f" {turn} " in f" {each} " for each in texts)

    def asked(self, row: int) -> Asked | None:
        """What is compared by meaning: the prompt, or the beginning of the text where there is none."""
        prompt = self._prompts[row]
        if prompt is None:
            prompt = " ".join(self._texts[row].split(maxsplit=_TEXT_WORDS)[:_TEXT_WORDS])
        if not prompt.strip():
            return None
        history = self._histories[row]
        said = user_turns((turn["speaker"], turn["text"]) for turn in history) if history else []
        return Asked(prompt, question_in_context(prompt, said) if said else prompt)

    def contamination(self, row: int, eval_id: str, match: _Match) -> dict[str, Any]:
        """A row of Contamination."""
        return {
            "evidence_id": self.said("evidence_id", row),
            "match": match.match,
            "eval_id": eval_id,
            "similarity": match.similarity,
            "matched": match.matched,
        }


def _near_matcher(
    evals: pa.Table, config: DecontaminationConfig, embedder: Embedder | None, words: WordVectors | None
) -> NearMatcher | None:
    if not (config.near_match and evals.num_rows):
        return None
    if embedder is None:
        raise BadInputError("decontamination: near_match needs an embedder; name one, or turn near_match off")
    return NearMatcher(evals, config.cosine, config.candidate_cosine, embedder, words)


def _quoted(text: EvalText) -> str:
    return _shown("question" if text.is_question else "expected answer", text.text)


def _shown(what: str, text: str) -> str:
    whole = f"{what}: {text}"
    return whole if len(whole) <= _LONGEST else whole[: _LONGEST - 1] + "\u2026"
