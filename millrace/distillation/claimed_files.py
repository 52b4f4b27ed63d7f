"""Files that a record says exist, compared with those that do.

A path in a text is a run of names with a separator between, and an extension: ``src/app.py``, ``docs\\guide.md``,
``/srv/x/app.py:12``. Addresses of the web are none. A name without a folder counts in backticks only, and with an
extension that known files have: ``Node.js`` and ``e.g`` are words.
"""

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.texts import Mask, bools, row_indices

_EXTENSION = r"\.[A-Za-z][A-Za-z0-9]{0,9}(?![./]?\w)"
_NAME = r"[\w.@+~-]"
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9])(?!file:)[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s<>\"'`)\]]*"
    r"|(?<![\w/.@-])(?:[\w-]+\.)+(?:com|org|net|io|dev|ai|edu|gov|int|co|uk|de|fr|eu|info|app)(?::\d+)?/[^\s<>\"'`)\]]*"
)
_FILE_SCHEME = re.compile(r"\bfile:(?://[\w.-]*)?(?=/)")
_FOLDER = rf"(?:\.\.?|{_NAME}*[\w@+~-])/+"  # "U.S./U.K." is none
_PATH = re.compile(rf"(?<![\w.@+~/-])(?:[A-Za-z]:)?(?:/+|(?={_FOLDER}))(?:{_FOLDER})*{_NAME}*?\w{_EXTENSION}")
_NAME_IN_TICKS = re.compile(rf"`([\w@+-]{_NAME}*?{_EXTENSION})(?::\d+)*`")
_PLACE = re.compile(r"(?:[:#]L?\d[\d:,L-]*|[,\s]*\(?lines? \d[\d-]*\)?)\Z", re.IGNORECASE)  # the line that it means
_SLASHES = str.maketrans(dict.fromkeys("\\\u2044\u2215\u29f8\u29f9\u29f5\ufe68\uff3c\uff0f", "/"))
_SLASH = r"[/\\\x{2044}\x{2215}\x{29F5}\x{29F8}\x{29F9}\x{FE68}\x{FF0F}\x{FF3C}]"
_HINT = rf"(?s){_SLASH}[^\s/\\]*\.[A-Za-z]|`|{_SLASH}.*[^\x00-\x7F]|[^\x00-\x7F].*{_SLASH}"


@dataclass(frozen=True)
class KnownFiles:
    """The files that exist, by paths relative to one folder.

    A relative path is known when it is the end of a known one; an absolute one, or one of a diff (``a/``, ``b/``), when
    it ends with a known one that names a folder too. Upper and lower case differ.
    """

    paths: frozenset[str]
    endings: frozenset[str]
    extensions: frozenset[str]
    judges_hidden: bool = True

    @classmethod
    def of(cls, paths: Iterable[str], *, judges_hidden: bool = True) -> "KnownFiles":
        """``judges_hidden``: whether hidden files would be among the paths if there were any."""
        known = frozenset(posixpath.normpath(_plain(path.strip())) for path in paths if path.strip())
        parts = [path.split("/") for path in known]
        endings = frozenset("/".join(names[start:]) for names in parts for start in range(len(names)))
        return cls(known, endings, frozenset(posixpath.splitext(path)[1] for path in known) - {""}, judges_hidden)

    def holds(self, path: str) -> bool:
        """Whether the path is one of the known files, or says nothing that could be judged."""
        plain = posixpath.normpath(path)
        while plain.startswith("../"):
            plain = plain[3:]
        if not self.judges_hidden and any(name.startswith(".") for name in plain.split("/")):
            return True
        names = re.sub(r"\A(?:[A-Za-z]:)?/+|\A~/", "", plain).split("/")
        if plain == "/".join(names) and names[0] not in ("a", "b"):
            return plain in self.endings
        return plain in self.endings or any("/".join(names[at:]) in self.paths for at in range(len(names) - 1))


def unknown_files(texts: pa.Array, claims: pa.ListArray, rows: Mask, known: KnownFiles) -> list[tuple[int, str, bool]]:
    """The first file of each row that is not among the known ones: row, path as claimed, and whether the text names it.

    Args:
        texts, claims: the columns ``text`` and ``claimed_files``.
        rows: those that are looked at.
    """
    claimed = rows & bools(pc.greater(pc.list_value_length(claims), 0))
    found = {row: (row, path, False) for row, path in _first_unknown(claims, claimed, known)}
    for row in row_indices(rows & bools(pc.match_substring_regex(texts, _HINT))).to_pylist():
        if row not in found:
            path = next((path for path in named_paths(texts[row].as_py(), known) if not known.holds(path)), None)
            if path is not None:
                found[row] = (row, path, True)
    return [found[row] for row in sorted(found)]


def _first_unknown(claims: pa.ListArray, rows: Mask, known: KnownFiles) -> Iterator[tuple[int, str]]:
    for row in row_indices(rows).to_pylist():
        for claim in claims[row].as_py():
            path = claimed_path(claim)
            if path and not _ADDRESS.fullmatch(path) and not known.holds(path):
                yield row, claim
                break


def claimed_path(claim: str) -> str:
    """A claim as a path: without quotes, scheme, and the line it means; separators are slashes."""
    plain = _FILE_SCHEME.sub("", _plain(claim).strip().strip("`'\"<>()[]"))
    return _PLACE.sub("", plain)


def named_paths(text: str, known: KnownFiles) -> list[str]:
    """The paths that a text names, in order; names in backticks last."""
    plain = _plain(text)
    names = [name for name in _NAME_IN_TICKS.findall(plain) if posixpath.splitext(name)[1] in known.extensions]
    return [path for word in plain.split() if "/" in word and "." in word for path in _paths_in(word)] + names


def _paths_in(word: str) -> Iterator[str]:
    without = _FILE_SCHEME.sub(" ", _ADDRESS.sub(" ", word))
    return (match[0] for match in _PATH.finditer(without))


def _plain(text: str) -> str:
    if text.isascii():
        return text.replace("\\", "/")
    shown = "".join(
        c for c in unicodedata.normalize("NFKC", text.translate(_SLASHES)) if unicodedata.category(c) != "Cf"
    )
    return shown.translate(_SLASHES)
