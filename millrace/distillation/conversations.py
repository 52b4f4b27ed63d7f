"""Conversations built on columns, as chat templates take them: system, then user and assistant in turns."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.texts import Integers, Mask, blank, bools, form_column, n_bytes
from millrace.records.exports import SftRow

MAX_BYTES = 400_000
"""Longest conversation: about 100 000 tokens. A trainer cuts a longer one without a word, and what it cuts off is the
answer that was to be learned."""

_ROLES = pa.array(["system", "user", "assistant"])
_SYSTEM, _USER, _ASSISTANT = range(3)


class Turns:
    """The turns of many histories in one run of numbers.

    Attributes:
        lengths: turns of each row, shape (n_rows,).
        parents: row of each turn, shape (n_turns,).
        places: place of each turn in its row, from 0.
        roles: 0 system, 1 user, 2 assistant.
    """

    def __init__(self, history: pa.ListArray) -> None:
        self._turns = history.flatten()
        self.lengths = np.asarray(pc.list_value_length(history).fill_null(0).to_numpy(), dtype=np.int64)
        self.parents = np.repeat(np.arange(len(history)), self.lengths)
        starts = np.cumsum(self.lengths) - self.lengths
        self.places = np.arange(len(self._turns)) - starts[self.parents]
        speakers = pc.index_in(self.speakers, _ROLES).fill_null(-1)
        self.roles = np.asarray(speakers.to_numpy(zero_copy_only=False), dtype=np.int64)

    @property
    def speakers(self) -> pa.Array:
        return pc.struct_field(self._turns, "speaker")

    @property
    def texts(self) -> pa.Array:
        return pc.struct_field(self._turns, "text")

    @property
    def led(self) -> Mask:
        """Whether a row begins with a system turn."""
        return self.any((self.places == 0) & (self.roles == _SYSTEM))

    def any(self, turns: Mask) -> Mask:
        """Whether a row has one of these turns."""
        return np.bincount(self.parents[turns], minlength=len(self.lengths)) > 0


def history_faults(history: pa.ListArray) -> dict[str, Mask]:
    """What keeps a history from standing before a question, in words, with the rows it keeps."""
    turns = Turns(history)
    expected = np.where((turns.places - turns.led[turns.parents]) % 2 == 0, _USER, _ASSISTANT)
    later = (turns.places > 0) | (turns.roles != _SYSTEM)
    last = turns.places == turns.lengths[turns.parents] - 1
    return {
        "a turn of the history is blank": turns.any(blank(turns.texts)),
        "a system turn stands inside the history": turns.any(later & (turns.roles == _SYSTEM)),
        "the history does not alternate between user and assistant, the user first": turns.any(
            later & (turns.roles != expected)
        ),
        "the history ends with the user: a question without an answer": turns.any(last & (turns.roles == _USER)),
    }


def history_bytes(history: pa.ListArray) -> Integers:
    """UTF-8 length of all turns of each row together."""
    turns = Turns(history)
    return np.bincount(turns.parents, weights=n_bytes(turns.texts), minlength=len(turns.lengths)).astype(np.int64)


def context_bytes(contexts: pa.ListArray) -> Integers:
    """UTF-8 length of all passages of each row together."""
    lengths = np.asarray(pc.list_value_length(contexts).to_numpy(), dtype=np.int64)
    parents = np.repeat(np.arange(len(contexts)), lengths)
    return np.bincount(parents, weights=n_bytes(contexts.flatten()), minlength=len(contexts)).astype(np.int64)


def numbered_passages(contexts: pa.ListArray, instructions: str) -> pa.Array:
    """A system message a row: the instructions, then each passage as ``[1] text``; null for a row without passages."""
    lengths = np.asarray(pc.list_value_length(contexts).to_numpy(), dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    numbers = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths) + 1
    numbered = pc.binary_join_element_wise("[", pa.array(numbers).cast(pa.string()), "] ", contexts.flatten(), "")
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), numbered), "\n\n")
    written = pc.binary_join_element_wise(instructions, joined, "\n\n")
    return pc.if_else(pa.array(lengths > 0), written, pa.scalar(None, pa.string()))


def conversations(
    history: pa.ListArray, prompt: pa.Array, system: pa.Array | None = None, answer: pa.Array | None = None
) -> pa.ListArray:
    """One list of ChatTurn a row: a system message, the history, the prompt, and the answer where given.

    A system turn that begins the history is put before ``system``, into one message: templates take one at most.

    Args:
        history: without :func:`history_faults`.
        prompt: a text each; no nulls.
        system: null where a row needs none.
    """
    turns, n_rows = Turns(history), len(prompt)
    texts, led = turns.texts, turns.led
    first = _system_messages(turns, system)
    has_system = bools(first.is_valid())
    body = turns.lengths - led
    counts = has_system + body + 1 + (answer is not None)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    begins, n_turns = offsets[:-1], len(texts)
    order = np.empty(offsets[-1], dtype=np.int64)
    order[begins[has_system]] = np.flatnonzero(has_system)
    kept = turns.places >= led[turns.parents]
    target = begins[turns.parents] + has_system[turns.parents] + turns.places - led[turns.parents]
    order[target[kept]] = n_rows + np.flatnonzero(kept)
    order[begins + has_system + body] = n_rows + n_turns + np.arange(n_rows)
    roles = [np.full(n_rows, _SYSTEM), turns.roles, np.full(n_rows, _USER)]
    pool = [first, texts, prompt]
    if answer is not None:
        order[offsets[1:] - 1] = 2 * n_rows + n_turns + np.arange(n_rows)
        roles.append(np.full(n_rows, _ASSISTANT))
        pool.append(answer)
    content = pa.concat_arrays(pool).take(pa.array(order))
    return _turn_lists(offsets, np.concatenate(roles)[order], content)


def single_turns(answer: pa.Array) -> pa.ListArray:
    """One list of one assistant's ChatTurn a row."""
    return _turn_lists(np.arange(len(answer) + 1), np.full(len(answer), _ASSISTANT), answer)


def prompt_form_column(rows: dict[str, pa.Array]) -> pa.Array:
    """What was asked, with the turns before it, in the form in which prompts are equal; null without a prompt."""
    coded = rows["prompt"].dictionary_encode()  # the records of one task are asked the same
    forms = form_column(coded.dictionary).take(coded.indices)
    turns = Turns(rows["history"])
    if not turns.lengths.any():
        return forms
    said = pc.binary_join_element_wise(turns.speakers, form_column(turns.texts), ": ")
    offsets = np.concatenate([[0], np.cumsum(turns.lengths)])
    before = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), said), "\n")
    asked = pc.binary_join_element_wise("user", forms, ": ")
    return pc.if_else(pa.array(turns.lengths > 0), pc.binary_join_element_wise(before, asked, "\n"), forms)


def _system_messages(turns: Turns, system: pa.Array | None) -> pa.Array:
    leading = np.full(len(turns.lengths), -1, dtype=np.int64)
    places = np.flatnonzero((turns.places == 0) & (turns.roles == _SYSTEM))
    leading[turns.parents[places]] = places
    said = turns.texts.take(pa.array(leading, mask=leading < 0))
    if system is None:
        return said
    return pc.coalesce(pc.binary_join_element_wise(said, system, "\n\n"), said, system)


def _turn_lists(offsets: Integers, roles: Integers, content: pa.Array) -> pa.ListArray:
    kind = arrow_schema(SftRow).field("messages").type
    turns = pa.StructArray.from_arrays([_ROLES.take(pa.array(roles)), content], fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), turns, type=kind)
