"""Files changed as hostile ones are: the same from the same number, whatever ran before.

An input is a folder: contents by relative path. A mutant is one of the seeds with one to four changes, most of them to
the content of one file; where a reader takes a folder, also to what lies in it.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.hostile import tokens

MAX_BYTES = 3 * 2**20


@dataclass(frozen=True)
class Link:
    """A symbolic link; ``{outside}`` in its target is a folder beside the input's, with a file ``secret.md``."""

    target: str


Content = bytes | Link
Files = dict[str, Content]
Change = Callable[[bytes, random.Random, Sequence[bytes]], bytes]

_VALUE = re.compile(
    rb'"(?:[^"\\]|\\.){0,2000}"|-?\b\d[\w.+-]*|\b(?:true|false|null)\b|(?<=: )[^\s"\'\[{&*#][^\n]{0,200}'
)
_KEY = re.compile(rb'"(?:[^"\\]|\\.){1,80}"\s*:|^\s*-?\s*[A-Za-z_][\w-]*:', re.MULTILINE)
LINKS = (
    "{outside}/secret.md",
    "{outside}",
    ".",
    "loop",
    "/dev/zero",
    "/dev/null",
    "/proc/self/environ",
    "nowhere",
    "../..",
)


def mutant(seeds: Sequence[Files], number: int, name: str, *, dictionary: Sequence[bytes], is_folder: bool) -> Files:
    """The input of this number; ``name`` keeps the numbers of different readers apart.

    Args:
        dictionary: what is put in, or in the place of a value.
        is_folder: whether files may be taken away, renamed, exchanged, or become links and folders.
    """
    chance = random.Random(f"{name}:{number}")
    files = dict(chance.choice(seeds))
    others = [content for seed in seeds for content in seed.values() if isinstance(content, bytes)]
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        if is_folder and chance.random() < 0.2:
            _rearrange(files, chance)
            continue
        contents = [path for path, content in files.items() if isinstance(content, bytes)]
        if contents:
            path = chance.choice(contents)
            files[path] = _changed(files[path], chance, others, dictionary)  # type: ignore[arg-type]
    if not is_folder and chance.random() < 0.01:
        files[chance.choice(list(files))] = Link(chance.choice(LINKS))
    return files


def _changed(content: bytes, chance: random.Random, others: Sequence[bytes], dictionary: Sequence[bytes]) -> bytes:
    change = chance.choices(list(CHANGES), weights=list(CHANGES.values()))[0]
    return change(content, chance, dictionary if change in _TAKE_TOKENS else others)[:MAX_BYTES]


def flip_bits(content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """One to sixteen bits the other way."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16)) if content else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncate(content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Only the beginning, or only the end."""
    cut = chance.randint(0, len(content))
    return content[:cut] if chance.random() < 0.8 else content[cut:]


def delete_chunk(content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Without a piece."""
    start, end = _piece(content, chance)
    return content[:start] + content[end:]


def duplicate_chunk(content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """A piece two to two hundred times."""
    start, end = _piece(content, chance)
    return content[:end] + content[start:end] * chance.choice((1, 1, 2, 20, 200)) + content[end:]


def swap_chunks(content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Two neighbouring pieces exchanged."""
    first, second, third = sorted(chance.randint(0, len(content)) for _ in range(3))
    return content[:first] + content[second:third] + content[first:second] + content[third:]


def splice(content: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """The beginning of this and the end of another."""
    other = chance.choice(others)
    return content[: chance.randint(0, len(content))] + other[chance.randint(0, len(other)) :]


def insert_token(content: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    """Something evil anywhere, or at the beginning or the end."""
    place = chance.choice((0, len(content), *(chance.randint(0, len(content)) for _ in range(6))))
    return content[:place] + chance.choice(dictionary) + content[place:]


def replace_value(content: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    """Something evil in the place of a text, number or word; so that the rest still parses."""
    return _replaced(_VALUE, content, chance, chance.choice(dictionary))


def retype_value(content: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A value in the place of another: one of the file's, or a plain one of another type."""
    values = [found[0] for found in _VALUE.finditer(chance.choice([content, *others]))] or [b"1"]
    return _replaced(_VALUE, content, chance, chance.choice((*_PLAIN, *chance.choices(values, k=len(_PLAIN)))))


def rename_key(content: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A key in the place of another, so that one is missing and one perhaps there twice."""
    keys = [found[0] for found in _KEY.finditer(chance.choice([content, *others]))]
    return _replaced(_KEY, content, chance, chance.choice(keys)) if keys else content


def repeat_lines(content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """A line in the place of another, or again."""
    lines = content.split(b"\n")
    lines.insert(chance.randint(0, len(lines)), chance.choice(lines))
    return b"\n".join(lines)


def mix_line_ends(content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Line ends of other systems here and there."""
    ends = (b"\n", b"\r\n", b"\r", b"\n\r", b"\x0b", b"\xc2\x85")
    first, *rest = content.split(b"\n")
    return first + b"".join(chance.choice(ends) + line for line in rest)


def wrap(content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """A mark at the beginning, or the whole in another encoding."""
    marks = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00", b"[", b"{", b'"', b"\xef\xbb\xbf\xef\xbb\xbf", b"#")
    if chance.random() < 0.7:
        return chance.choice(marks) + content
    return content.decode("latin-1").encode(chance.choice(("utf-16", "utf-32", "utf-8")))


def empty(_content: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Nothing, or next to nothing."""
    return chance.choice((b"", b"\n", b" ", b"\x00", b"null", b"[]", b"{}", b'""', b"0", b"[{}]", b"{}\n{}\n", b"- \n"))


_PLAIN = (b"1", b"-1", b"0.5", b'"x"', b"true", b"null", b"[]", b"{}", b'["x"]', b'{"x": 1}', b"[1]", b"[{}]", b"[[]]")
CHANGES: dict[Change, float] = {
    flip_bits: 2,
    truncate: 1,
    delete_chunk: 1.5,
    duplicate_chunk: 1.5,
    swap_chunks: 1,
    splice: 1,
    insert_token: 3,
    replace_value: 6,
    retype_value: 6,
    rename_key: 2,
    repeat_lines: 1,
    mix_line_ends: 0.5,
    wrap: 0.5,
    empty: 0.3,
}
_TAKE_TOKENS = (insert_token, replace_value)


def _piece(content: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(content))
    return start, min(len(content), start + chance.choice((1, 2, 8, 40, 200, 2000)))


def _replaced(pattern: re.Pattern[bytes], content: bytes, chance: random.Random, token: bytes) -> bytes:
    found = list(pattern.finditer(content))
    if not found:
        return content + token
    place = chance.choice(found)
    return content[: place.start()] + token + content[place.end() :]


def _rearrange(files: Files, chance: random.Random) -> None:
    """One change to what lies in the folder."""
    path = chance.choice(list(files)) if files else "x"
    kind = chance.choice(("delete", "rename", "exchange", "link", "folder", "add", "beside"))
    if kind == "delete":
        files.pop(path, None)
    elif kind == "rename" and files:
        files[_safe(chance.choice(tokens.NAMES))] = files.pop(path)
    elif kind == "exchange" and len(files) > 1:
        first, second = chance.sample(list(files), 2)
        files[first], files[second] = files[second], files[first]
    elif kind == "link":
        files[path] = Link(chance.choice(LINKS))
    elif kind == "folder":
        files.pop(path, None)
        files[f"{path}/inner.json"] = b"{}"
    elif kind == "add":
        files[_safe(chance.choice(tokens.NAMES))] = chance.choice(tokens.MARKUP)
    else:
        files[f"{path}.link"] = Link(chance.choice(LINKS))
    _without_clashes(files)


def _safe(name: str) -> str:
    """A test's own files stay in its folder; names that climb are tried where they are data."""
    return name.replace("..", "_").lstrip("/")


def _without_clashes(files: Files) -> None:
    """A path cannot be a file and a folder."""
    for shorter, longer in pairwise(sorted(files)):
        if longer.startswith(f"{shorter}/"):
            files.pop(shorter, None)
