"""The records that written rows claim to be, and what they say: one a row, two for a pair."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.texts import (
    Integers,
    Keys,
    Mask,
    blank,
    bools,
    column_keys,
    hash_keys,
    normal_form,
    normal_forms,
    short_keys,
)
from millrace.records.evidence import Export

_BEGINNING = 64  # characters


@dataclass(frozen=True)
class WrittenSide:
    """One record of each written row: keys of its id and of what the row says of it, as ``RecordKeys`` has them.

    ``prompts`` are those of the prompt as written for sft, of its form for pairs, and 0 for rag, whose titles are not
    always prompts.
    """

    ids: Keys
    texts: Keys
    hashes: Keys
    tenants: Keys
    categories: Keys
    prompts: Keys


def written_sides(export: Export, batch: dict[str, pa.Array]) -> list[WrittenSide]:
    """The records of a batch of ``written_rows``: one column of them, chosen and rejected for pairs."""
    if export == "preference":
        prompts = _prompt_keys(batch["prompt"])
        return [
            _side(batch, "chosen_id", content(batch["chosen"]), "chosen_category", "provenance", prompts),
            _side(
                batch, "rejected_id", content(batch["rejected"]), "rejected_category", "rejected_provenance", prompts
            ),
        ]
    if export == "sft":
        messages = batch["messages"]
        prompts = short_keys(content(messages, back=1))
        return [_side(batch, "evidence_id", content(messages), "category", "provenance", prompts)]
    nothing = np.zeros(len(batch["text"]), dtype=np.uint64)
    return [_side(batch, "evidence_id", batch["text"], "category", "provenance", nothing)]


def side_names(export: Export, batch: dict[str, pa.Array]) -> list[pa.Array]:
    """The ids of the records of a batch, side by side."""
    names = ["chosen_id", "rejected_id"] if export == "preference" else ["evidence_id"]
    return [batch[name] for name in names]


def joined_sides(parts: list[WrittenSide]) -> WrittenSide:
    """One after the other; at least one."""
    return WrittenSide(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def content_faults(export: Export, batch: dict[str, pa.Array]) -> dict[str, Mask]:
    """What is wrong with the messages of a batch, whoever said them."""
    if export == "rag":
        return {"its text is blank": blank(batch["text"])}
    if export == "sft":
        return _message_faults("messages", batch["messages"], "assistant", 2)
    faults = _message_faults("prompt", batch["prompt"], "user", 1)
    for name in ("chosen", "rejected"):
        faults |= _message_faults(name, batch[name], "assistant", 1)
    same = _equal_forms(content(batch["chosen"]), content(batch["rejected"]))
    return faults | {"both sides say the same": same}


def _equal_forms(texts: pa.Array, others: pa.Array) -> Mask:
    """Whether two texts are equal in their normal form, null as an empty one."""
    found = np.ones(len(texts), dtype=np.bool_)
    begins, other_begins = (pc.utf8_slice_codeunits(each, 0, _BEGINNING).to_pylist() for each in (texts, others))
    for row, (one, other) in enumerate(zip(begins, other_begins, strict=True)):
        found[row] = not _begin_unlike(one or "", other or "")
    for row in np.flatnonzero(found).tolist():
        found[row] = normal_form(texts[row].as_py() or "") == normal_form(others[row].as_py() or "")
    return found


def _begin_unlike(one: str, other: str) -> bool:
    """Whether the first characters of two texts alone show that their normal forms differ.

    The form begins with the words of an ASCII beginning in small letters; a word that may go on does not count.
    """
    if not (one.isascii() and other.isascii()):
        return False
    words, others = one.lower().split()[:-1], other.lower().split()[:-1]
    n_words = min(len(words), len(others))
    return words[:n_words] != others[:n_words]


def _side(
    batch: dict[str, pa.Array], name: str, texts: pa.Array, category: str, provenance: str, prompts: Keys
) -> WrittenSide:
    return WrittenSide(
        ids=column_keys(batch[name]),
        texts=column_keys(texts),
        hashes=hash_keys(pc.struct_field(batch[provenance], "sig_hash")),
        tenants=short_keys(batch["tenant_id"]),
        categories=short_keys(batch[category]),
        prompts=prompts,
    )


def _prompt_keys(prompts: pa.ListArray) -> Keys:
    """Keys of written prompts in the form of ``conversations.prompt_form_column``."""
    forms = normal_forms(_last(prompts, "content"))
    for row in np.flatnonzero(_lengths(prompts) > 1).tolist():
        turns = [(turn["role"], normal_form(turn["content"] or "")) for turn in prompts[row].as_py()]
        forms[row] = "\n".join(f"{role}: {text}" for role, text in turns)
    return short_keys(pa.array(forms, pa.string()))


def _message_faults(name: str, messages: pa.ListArray, speaker: str, shortest: int) -> dict[str, Mask]:
    lengths = _lengths(messages)
    parents = np.repeat(np.arange(len(messages)), lengths)
    unsaid = np.bincount(parents[blank(pc.struct_field(messages.flatten(), "content"))], minlength=len(messages))
    return {
        f"its {name} holds too few messages": lengths < shortest,
        f"its {name} holds a blank message": unsaid > 0,
        f"its {name} does not end with the {speaker}": ~bools(pc.equal(_last(messages, "role"), speaker)),
    }


def content(messages: pa.ListArray, back: int = 0) -> pa.Array:
    """What the message so many before the last says; null where there is none."""
    return _last(messages, "content", back)


def _last(messages: pa.ListArray, field: str, back: int = 0) -> pa.Array:
    """A field of the message so many before the last; null where there is none."""
    lengths = _lengths(messages)
    places = np.cumsum(lengths) - 1 - back
    return pc.struct_field(messages.flatten(), field).take(pa.array(places, mask=lengths <= back))


def _lengths(messages: pa.ListArray) -> Integers:
    return np.asarray(pc.list_value_length(messages).fill_null(0).to_numpy(), dtype=np.int64)
