"""Texts as words in a form that no disguise of layout changes, for many texts at once: a hash a word, no strings.

Case, accents, the width of characters, invisible characters, look-alike letters, HTML entities and tags, Markdown's
marks and the addresses of its links are left out. A word is a run of letters or of digits; an apostrophe between
letters is none. In scripts without spaces between words every character is a word.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.methods import disguises

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

_SLICE_BYTES = 1 << 19  # of text at once, in the processor's cache; bounds memory
_CHUNK = 8  # bytes of a word that make one number
_MARKUP = r"&#?[0-9A-Za-z]{2,31};|</?[A-Za-z]|\]\("  # tells which texts need the slow way
_TAG_NAMES = (
    "a|abbr|b|blockquote|br|code|div|em|font|h[1-6]|hr|i|img|li|mark|ol|p|pre|s|small|span|strong|sub|sup|table|tbody|td|"
    "th|thead|tr|u|ul"
)
_ATTRIBUTE = r"""\s+[\w:.-]{1,40}\s*=\s*(?:"[^"<>\0]{0,999}"|'[^'<>\0]{0,999}'|[^\s<>"'\0]{1,999})"""
_TAG = re.compile(rf"</?(?:{_TAG_NAMES})(?:{_ATTRIBUTE}){{0,20}}\s*/?>", re.IGNORECASE)
_ADDRESS = re.compile(r"\]\([^()\s\0]{0,2000}")  # of a link; its text stays
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
_FOREIGN = re.compile("[^\0-\x7f]+")
_APOSTROPHE, _SMALL, _NOT_ASCII = ord("'"), 0x20, 0x80


def mixed(values: Hashes) -> Hashes:
    """Every bit of the result hangs on every bit of the value; shape and type stay (splitmix64, Steele et al. 2014)."""
    shifted = values >> np.uint64(30)
    values = values ^ shifted
    for factor, shift in ((0xBF58476D1CE4E5B9, 27), (0x94D049BB133111EB, 31)):
        values *= np.uint64(factor)
        np.right_shift(values, np.uint64(shift), out=shifted)
        values ^= shifted
    return values


def _powers(base: int, n: int) -> Hashes:
    factors = np.full(n, base, dtype=np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


_BASE = 0x9E3779B97F4A7C15
_WITHIN = np.array([(1 << 8 * n) - 1 for n in range(_CHUNK + 1)], dtype=np.uint64)  # keeps the first n bytes


@dataclass(frozen=True, eq=False)
class Words:
    """Words of texts: those of text i are ``hashes[starts[i]:starts[i + 1]]``.

    Attributes:
        hashes: shape (n_words,); equal words have equal hashes, others differ but for one chance in 2**64.
        starts: shape (n_texts + 1,), ascending from 0.
    """

    hashes: Hashes
    starts: Places


def words_of(texts: pa.Array | pa.ChunkedArray) -> Words:
    """The words of each text, in order; a null has none. What a text gives does not hang on the others."""
    hashes, counts = [np.zeros(0, dtype=np.uint64)], [np.zeros(1, dtype=np.int64)]
    for array in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        for piece in _slices(array.fill_null("")):
            found, starts = _hashed(plain_texts(piece))
            hashes.append(found)
            counts.append(np.diff(starts))
    return Words(np.concatenate(hashes), np.cumsum(np.concatenate(counts)))


def folded(text: str) -> str:
    """One text in the form whose words are compared, a space between words; for a few texts."""
    plain = plain_texts(pa.array([text], pa.large_string()))[0].as_py().lower()
    joined = re.sub(r"(?<=[^\W\d_])'(?=[^\W\d_])", "", plain)
    return " ".join(re.findall(r"[^\W\d_]+|\d+", joined))


def plain_texts(texts: pa.Array) -> pa.Array:
    """Texts of ASCII, and of letters that have no likeness in ASCII; case and punctuation as they were."""
    odd = _odd(texts)
    if not len(odd):
        return texts
    mask = np.zeros(len(texts), dtype=np.bool_)
    mask[odd] = True
    found = _without_disguise(texts.take(pa.array(odd))).cast(texts.type)
    whole = texts if texts.offset == 0 else pa.concat_arrays([texts])
    return pc.replace_with_mask(whole, pa.array(mask), found)


def _odd(texts: pa.Array) -> Places:
    """The texts that need the slow way: with a byte that is not ASCII, or with something like markup."""
    codes, bounds = _bytes_of(texts)
    foreign = _owners(np.flatnonzero(codes >= _NOT_ASCII), bounds)
    marks = np.flatnonzero((codes == ord("&")) | (codes == ord("<")))
    links = np.flatnonzero(codes[:-1] == ord("]"))
    links = links[codes[links + 1] == ord("(")]
    marked = _owners(np.concatenate([marks, links]), bounds)
    if len(marked):
        marked = marked[np.asarray(pc.match_substring_regex(texts.take(pa.array(marked)), _MARKUP))]
    return np.union1d(foreign, marked)


def _owners(places: Places, bounds: Places) -> Places:
    """The texts that hold these bytes, ascending, each once."""
    return np.unique(np.searchsorted(bounds, places, side="right") - 1)


def _without_disguise(texts: pa.Array) -> pa.Array:
    """All as one string, a zero byte between them, because each character is folded by itself."""
    joined = "\0".join(pc.replace_substring(texts, "\0", " ").to_pylist())
    if "&" in joined:
        joined = html.unescape(joined)
    joined = _ADDRESS.sub("] ", _TAG.sub(" ", joined))
    joined = _FOREIGN.sub(lambda found: found[0].translate(_FOLDS), joined)
    return pa.array(joined.split("\0"), pa.large_string())


class _Folds(dict[int, str]):
    """What each character is compared as, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        found = self[code] = chr(code) if code < 0x80 else "".join(map(_compared, disguises.normalise(chr(code))))
        return found


_FOLDS = _Folds()


def _compared(character: str) -> str:
    if character.isascii():
        return character
    kind = unicodedata.category(character)[0]
    if _WITHOUT_SPACES.match(character) and kind in "LN":
        return f" {character} "
    if kind in "LN":
        return character
    return "" if kind == "M" or unicodedata.category(character) == "Cf" else " "


def _slices(texts: pa.Array) -> Iterator[pa.Array]:
    """Runs of whole texts of about half a mebibyte; a longer text is one by itself."""
    offsets = _offsets(texts)
    start = 0
    while start < len(texts):
        end = int(np.searchsorted(offsets, offsets[start] + _SLICE_BYTES, side="right")) - 1
        end = min(max(end, start + 1), len(texts))
        yield texts.slice(start, end - start)
        start = end


def _offsets(texts: pa.Array) -> Places:
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = np.frombuffer(texts.buffers()[1], dtype=width)
    return offsets[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)


def _bytes_of(texts: pa.Array) -> tuple[Bytes, Places]:
    """The bytes of all texts, and where each text's begin; nothing is copied. No nulls, at least one text."""
    bounds, data = _offsets(texts), texts.buffers()[2]
    codes = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return codes[bounds[0] : bounds[-1]], bounds - bounds[0]


def _hashed(texts: pa.Array) -> tuple[Hashes, Places]:
    """Hashes of all words, and where each text's begin."""
    codes, bounds = _without_apostrophes(*_bytes_of(texts))
    if not len(codes):
        return np.zeros(0, dtype=np.uint64), np.zeros(len(bounds), dtype=np.int64)
    begins, ends = _word_places(codes, bounds)
    return _word_hashes(_small(codes), begins, ends - begins), np.searchsorted(begins, bounds).astype(np.int64)


def _is_letter(codes: Bytes) -> Flags:
    return ((codes | np.uint8(_SMALL)) - np.uint8(ord("a")) < 26) | (codes >= _NOT_ASCII)


def _without_apostrophes(codes: Bytes, bounds: Places) -> tuple[Bytes, Places]:
    """Bytes without the apostrophes that stand between letters, so that "don't" is "dont"."""
    found = np.flatnonzero(codes == _APOSTROPHE)
    found = found[(found > 0) & (found < len(codes) - 1)]
    between = _is_letter(codes[found - 1]) & _is_letter(codes[found + 1])
    dropped = found[between]  # at a text's beginning or end too, where it changes nothing
    return np.delete(codes, dropped), bounds - np.searchsorted(dropped, bounds)


def _word_places(codes: Bytes, bounds: Places) -> tuple[Places, Places]:
    """Where each word begins and ends: a run of letters or of digits of one text."""
    letter, digit = _is_letter(codes), codes - np.uint8(ord("0")) < 10
    edge = np.ones(len(codes) + 1, dtype=np.bool_)
    np.logical_or(letter[1:] != letter[:-1], digit[1:] != digit[:-1], out=edge[1:-1])
    edge[bounds] = True
    word = letter | digit
    return np.flatnonzero(edge[:-1] & word), np.flatnonzero(edge[1:] & word) + 1


def _small(codes: Bytes) -> Bytes:
    """The bytes with ASCII's letters small, and what is no letter changed somehow; :data:`_CHUNK` zeros follow them."""
    padded = np.zeros(len(codes) + _CHUNK, dtype=np.uint8)
    np.bitwise_or(codes, (~codes >> 2) & np.uint8(_SMALL), out=padded[: len(codes)])
    return padded


def _word_hashes(padded: Bytes, begins: Places, lengths: Places) -> Hashes:
    """Words of eight bytes are told apart by these bytes, longer ones by a hash of their chunks of eight."""
    chunks = np.ndarray((len(padded) - _CHUNK + 1,), "<u8", padded, 0, (1,))  # one begins at every byte
    hashes = mixed(chunks.take(begins) & _WITHIN.take(lengths, mode="clip"))
    long = np.flatnonzero(lengths > _CHUNK)
    if len(long):
        sizes = -(-lengths[long] // _CHUNK)
        firsts = np.cumsum(sizes) - sizes
        inner = _CHUNK * (np.arange(int(sizes.sum())) - np.repeat(firsts, sizes))
        left = np.repeat(lengths[long], sizes) - inner
        pieces = chunks.take(np.repeat(begins[long], sizes) + inner) & _WITHIN.take(left, mode="clip")
        hashes[long] = polynomial(mixed(pieces), firsts, sizes)
    return hashes


def polynomial(hashes: Hashes, begins: Places, lengths: Places) -> Hashes:
    """One hash for each run of words; a run of no words has 0.

    Args:
        begins, lengths: shape (n_runs,); runs may overlap and must lie within ``hashes``.
    """
    result = np.zeros(len(begins), dtype=np.uint64)
    some = np.flatnonzero(lengths > 0)
    for part in _runs_of(lengths[some], 1 << 20):
        chosen = some[part]
        sizes = lengths[chosen]
        firsts = np.cumsum(sizes) - sizes
        inner = np.arange(int(sizes.sum())) - np.repeat(firsts, sizes)
        terms = hashes[np.repeat(begins[chosen], sizes) + inner] * _powers(_BASE, int(sizes.max()))[inner]
        result[chosen] = np.add.reduceat(terms, firsts)
    return mixed(result)


def known_runs(known: Flags, sizes: Sequence[int]) -> dict[int, Places]:
    """For each size the places from which on so many neighbouring words are all known, ascending."""
    found: dict[int, Places] = {}
    together, width = known, 1
    for size in sorted(set(sizes)):
        while width < size:
            step = min(width, size - width)  # both halves may overlap
            together, width = together[: max(len(together) - step, 0)] & together[step:], width + step
        found[size] = np.flatnonzero(together)
    return found


def runs_at(hashes: Hashes, begins: Places, size: int) -> Hashes:
    """What :func:`polynomial` gives for runs of one size, which must lie within ``hashes``; ``begins`` as there."""
    total = np.zeros(len(begins), dtype=np.uint64)
    for place in reversed(range(size)):
        total *= np.uint64(_BASE)
        total += hashes[begins + place]
    return mixed(total)


def _runs_of(sizes: Places, most: int) -> Iterator[slice]:
    """Slices whose sizes add up to at most ``most``, or of one that is larger."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = ends[start - 1] if start else 0
        end = max(int(np.searchsorted(ends, before + most, side="right")), start + 1)
        yield slice(start, end)
        start = end
