"""What of the eval examples is looked for in training records: questions, expected answers, the turn that each needs.

A question that leans on the turns before it ("And in Python?") is another question after another turn. So where an
example has turns, such a question counts only in a record that also holds the user's last turn before it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from millrace.datasets.schema import rows_of
from millrace.distillation.word_forms import folded
from millrace.methods.abstention import is_abstention
from millrace.methods.standalone import depends_on_context, question_in_context, user_turns
from millrace.methods.text import content_words
from millrace.records.evidence import EvalExample
from millrace.records.trace import Turn

MIN_WORDS = 4  # of a text that is found inside a longer one: "and in Python" says nothing of where it comes from
MIN_CONTENT_WORDS = 2  # of the same, which "how do i do that" has not
MIN_ANSWER_CONTENT_WORDS = 5  # of an answer that is the record's whole text; two people write shorter ones alike


@dataclass(frozen=True)
class EvalText:
    """A question or expected answer, once for all examples that have it.

    Attributes:
        example: row of the example in the table of examples, the one with the lowest id.
        turn: the user's turn that a record must hold too, as words with spaces between; None where none is needed.
        n_content: words that carry meaning.
    """

    text: str
    words: str
    is_question: bool
    example: int
    turn: str | None
    n_content: int

    @property
    def n_words(self) -> int:
        return self.words.count(" ") + 1

    @property
    def found_inside(self) -> bool:
        """Whether it can be told apart inside a longer text."""
        return self.n_words >= MIN_WORDS and self.n_content >= MIN_CONTENT_WORDS

    @property
    def counts_alone(self) -> bool:
        """Whether a text that equals it is a match."""
        return self.is_question or self.n_content >= MIN_ANSWER_CONTENT_WORDS


@dataclass(frozen=True)
class AskedExample:
    """A question as its meaning is compared: after the turns that it leans on, and as it was asked where it does."""

    example: int
    in_context: str
    leaning: str | None


def eval_texts(evals: pa.Table) -> list[EvalText]:
    """Different texts of the examples, in the order of their ids; those without a word, and abstentions, left out."""
    found: dict[tuple[str, bool, str | None], EvalText] = {}
    for row, example in _by_id(evals):
        turn = last_turn(example.history) if leans(example) else None
        _add(found, row, example.question, is_question=True, turn=turn)
        if example.expected_answer is not None and not is_abstention(example.expected_answer):
            _add(found, row, example.expected_answer, is_question=False, turn=None)
    return list(found.values())


def asked_examples(evals: pa.Table) -> list[AskedExample]:
    """Every example with a word in its question, in the order of the ids."""
    asked = []
    for row, example in _by_id(evals):
        if folded(example.question):
            text = question_in_context(example.question, _said(example.history))
            asked.append(AskedExample(row, text, example.question if leans(example) else None))
    return asked


def leans(example: EvalExample) -> bool:
    """Whether the question says what it means only with the turns before it."""
    return bool(last_turn(example.history)) and depends_on_context(example.question)


def last_turn(history: Sequence[Turn]) -> str | None:
    """Words of the user's last turn that has any, or of the last turn of anybody; None without one."""
    for turns in ([turn for turn in history if turn.speaker == "user"], history):
        for turn in reversed(turns):
            if words := folded(turn.text):
                return words
    return None


def _said(history: Iterable[Turn]) -> list[str]:
    return user_turns((turn.speaker, turn.text) for turn in history)


def _by_id(evals: pa.Table) -> list[tuple[int, EvalExample]]:
    return sorted(enumerate(rows_of(EvalExample, evals)), key=lambda each: (each[1].eval_id, each[0]))


def _add(
    found: dict[tuple[str, bool, str | None], EvalText], row: int, text: str, *, is_question: bool, turn: str | None
) -> None:
    words = folded(text)
    if words:
        n_content = len(content_words(words))
        found.setdefault((words, is_question, turn), EvalText(text, words, is_question, row, turn, n_content))
