"""Texts as columns: which are blank, which are equal, how long they are, and keys to compare them by."""

from hashlib import sha256

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.methods.text import normalise

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

# White space, control, format and private characters, marks that need a letter, and the fillers that show nothing.
_VISIBLE = r"[^\s\pZ\pC\pM\x{115F}\x{1160}\x{3164}\x{FFA0}\x{2800}]"


def blank(texts: pa.Array) -> Mask:
    """Whether a text is null or shows nothing: white space, zero-width and control characters, marks without a letter.

    A text of unassigned characters is not blank.
    """
    return ~bools(pc.match_substring_regex(texts, _VISIBLE))


def normal_form(text: str) -> str:
    """The form in which texts are equal: letters folded, format characters dropped, single spaces; idempotent."""
    return " ".join(normalise(text).split())


def normal_forms(texts: pa.Array) -> list[str | None]:
    """The form of each text, each distinct text formed once; None for null."""
    coded = texts.dictionary_encode()
    distinct = pa.array([normal_form(text) for text in coded.dictionary.to_pylist()], pa.string())
    forms: list[str | None] = distinct.take(coded.indices).to_pylist()
    return forms


def keys(texts: list[str]) -> Keys:
    """The first 128 bits of each text's sha256, shape (n, 2): equal texts have equal keys, and no others by chance."""
    digests = b"".join([sha256(text.encode()).digest()[:16] for text in texts])
    return np.frombuffer(digests, dtype="<u8").reshape(len(texts), 2).astype(np.uint64)


def short_keys(texts: pa.Array, absent: int = 0) -> Keys:
    """64 bits of each text's sha256, each distinct text hashed once; ``absent`` for null. To group by, not to prove."""
    coded = texts.dictionary_encode()
    hashed = np.append(keys(coded.dictionary.to_pylist())[:, 0], np.uint64(absent))
    return hashed[np.asarray(coded.indices.fill_null(len(coded.dictionary)).to_numpy(), dtype=np.int64)]


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
