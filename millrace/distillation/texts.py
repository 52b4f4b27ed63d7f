"""Texts as columns: which are blank, which are equal, how long they are, and keys to compare them by."""

from collections.abc import Iterable
from hashlib import sha256
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.methods.text import normalise

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

# White space, control, format and private characters, marks that need a letter, and the fillers that show nothing.
_VISIBLE = r"[^\s\pZ\pC\pM\x{115F}\x{1160}\x{3164}\x{FFA0}\x{2800}]"
_CONTROLS = r"[\x00-\x08\x0E-\x1F]"  # some are white space for Python, but not for Arrow
# Beside those of ASCII: characters that are their own normal form where no combining mark is near, and the apostrophe.
_NOT_PLAIN = r"[^\t-\r\x20-\x7F\x{E0}-\x{F6}\x{F8}-\x{FF}\x{2012}-\x{2016}\x{2018}-\x{2023}\x{4E00}-\x{9FFF}]"

_BLOCK_ROWS = 2_000  # what is copied on the way stays in memory that is at hand


def blank(texts: pa.Array) -> Mask:
    """Whether a text is null or shows nothing: white space, zero-width and control characters, marks without a letter.

    A text of unassigned characters is not blank.
    """
    blanks = np.zeros(len(texts), dtype=np.bool_)
    doubtful = np.flatnonzero(~_begins_visibly(texts))
    if len(doubtful):
        blanks[doubtful] = ~bools(pc.match_substring_regex(texts.take(pa.array(doubtful)), _VISIBLE))
    return blanks


def _begins_visibly(texts: pa.Array) -> Mask:
    """Whether the first byte is an ASCII character that shows: nearly every text is known not to be blank by that."""
    offsets, data = _bytes_of(texts)
    begun = np.flatnonzero(offsets[:-1] < offsets[1:])
    visible = np.zeros(len(texts), dtype=np.bool_)
    visible[begun] = (data[offsets[begun]] > 0x20) & (data[offsets[begun]] < 0x7F)
    return visible & bools(texts.is_valid()) if texts.null_count else visible


def normal_form(text: str) -> str:
    """The form in which texts are equal: letters folded, format characters dropped, single spaces; idempotent."""
    return " ".join(normalise(text).split())


def normal_forms(texts: pa.Array) -> list[str | None]:
    """The form of each text, each distinct text formed once; None for null."""
    coded = texts.dictionary_encode()
    forms: list[str | None] = form_column(coded.dictionary).take(coded.indices).to_pylist()
    return forms


def form_column(texts: pa.Array) -> pa.Array:
    """:func:`normal_form` of each text, null for null: texts of plain characters are formed all at once."""
    blocks = (texts.slice(begin, _BLOCK_ROWS) for begin in range(0, len(texts), _BLOCK_ROWS))
    return pa.concat_arrays([pa.array([], pa.string()), *(_formed(block) for block in blocks)])


def _formed(texts: pa.Array) -> pa.Array:
    filled = texts.fill_null("")
    forms = _single_spaced(pc.ascii_trim_whitespace(pc.ascii_lower(filled)))
    doubtful = _doubtful(filled)
    if len(doubtful):
        forms = _with_others(forms, filled, doubtful)
    return pc.if_else(texts.is_valid(), forms, None) if texts.null_count else forms


def _doubtful(texts: pa.Array) -> Integers:
    """Places of texts with control characters beside white space, or characters other than ASCII."""
    found = ~bools(pc.string_is_ascii(texts))
    data = _bytes_of(texts)[1]
    if (data[data < 0x20] - np.uint8(9) >= 5).any():
        found |= bools(pc.match_substring_regex(texts, _CONTROLS))
    return np.flatnonzero(found)


def _with_others(forms: pa.Array, texts: pa.Array, doubtful: Integers) -> pa.Array:
    """The forms, those of the doubtful texts put right: one by one, unless their characters are plain."""
    plain = ~bools(pc.match_substring_regex(texts.take(pa.array(doubtful)), _NOT_PLAIN))
    quoted = pc.replace_substring(forms.take(pa.array(doubtful[plain])), "\u2019", "'")
    coded = texts.take(pa.array(doubtful[~plain])).dictionary_encode()
    others = pa.array([normal_form(text) for text in coded.dictionary.to_pylist()], pa.string())
    places = np.arange(len(forms))
    places[doubtful[plain]] = len(forms) + np.arange(len(quoted))
    places[doubtful[~plain]] = len(forms) + len(quoted) + coded.indices.to_numpy()
    return pa.concat_arrays([forms, quoted, others]).take(pa.array(places))


def _single_spaced(texts: pa.Array) -> pa.Array:
    """Runs of white space as one space; the texts neither begin nor end with any, so no run reaches into a second."""
    offsets, data = _bytes_of(texts)
    written = np.maximum(data, np.uint8(0x20))
    space = written == 0x20
    surplus = np.zeros(len(data), dtype=np.bool_)
    np.logical_and(space[1:], space[:-1], out=surplus[1:])
    moved = (offsets - np.searchsorted(np.flatnonzero(surplus), offsets)).astype(np.int32)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(moved), pa.py_buffer(written[~surplus]))


def _bytes_of(texts: pa.Array) -> tuple[npt.NDArray[np.int32], Bytes]:
    """Where each text begins and the last one ends, from 0, shape (n + 1,), and the UTF-8 of all."""
    _, offsets, data = texts.cast(pa.string()).buffers()
    if not len(texts) or offsets is None:
        return np.zeros(len(texts) + 1, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    bounds = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    bodies = np.zeros(0, dtype=np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
    return bounds - bounds[0], bodies[bounds[0] : bounds[-1]]


def column_keys(texts: pa.Array) -> Keys:
    """The first 128 bits of each text's sha256, shape (n, 2): equal texts have equal keys, and no others by chance.

    Null has the key of an empty text.
    """
    offsets, data = _bytes_of(texts.fill_null(""))
    bodies = memoryview(pa.py_buffer(data))
    digests = b"".join([sha256(bodies[begin:end]).digest() for begin, end in pairwise(offsets.tolist())])
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 4)[:, :2].astype(np.uint64)


def short_keys(texts: pa.Array, absent: int = 0) -> Keys:
    """64 bits of each text's sha256, each distinct text hashed once; ``absent`` for null. To group by, not to prove."""
    coded = texts.dictionary_encode()
    hashed = np.append(column_keys(coded.dictionary)[:, 0], np.uint64(absent))
    return hashed[np.asarray(coded.indices.fill_null(len(coded.dictionary)).to_numpy(), dtype=np.int64)]


def codes(parts: Iterable[pa.Array]) -> Codes:
    """Numbers for the texts of a column that comes in parts: equal texts have equal ones; -1 for null.

    They are counted from 0 in the order in which texts appear first. Every distinct text is held meanwhile.
    """
    column = pa.chunked_array([part.cast(pa.large_string()) for part in parts], pa.large_string())
    numbers = [chunk.indices.fill_null(-1).to_numpy() for chunk in column.dictionary_encode().chunks]
    return np.concatenate([np.zeros(0, dtype=np.int32), *numbers])


def hash_keys(hashes: pa.Array) -> Keys:
    """The first 128 bits of each sha256 written in hex, shape (n, 2); zeros for what is none."""
    proper = bools(pc.match_substring_regex(hashes, "^[0-9a-f]{64}$"))
    digits = "".join(hashes.filter(pa.array(proper)).to_pylist())
    found = np.zeros((len(hashes), 2), dtype=np.uint64)
    found[proper] = np.frombuffer(bytes.fromhex(digits), dtype="<u8").reshape(-1, 4)[:, :2]
    return found


def n_bytes(texts: pa.Array) -> Integers:
    """UTF-8 length of each text, 0 for null."""
    return np.asarray(pc.binary_length(texts).fill_null(0).to_numpy(), dtype=np.int64)


def bools(values: pa.Array) -> Mask:
    """An Arrow mask as numpy; null is False."""
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def whole(table: pa.Table) -> dict[str, pa.Array]:
    """The table's columns by name, each as one array."""
    return {
        name: column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def row_indices(mask: Mask) -> pa.Array:
    """The places where it is true, for ``take``."""
    return pa.array(np.flatnonzero(mask), pa.int64())
