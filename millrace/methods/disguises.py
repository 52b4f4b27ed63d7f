"""What a text says under its disguises: encodings, look-alike characters, leetspeak, letters set apart."""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

_DEPTH = 2  # of encodings inside encodings; each decoded text is shorter than what it was read from
_READABLE = 0.6  # a wrong guess of encoding or alignment gives noise, of which about a fifth are letters

# Format characters that show nothing and split words from patterns: soft hyphen, zero-width space and joiners,
# direction marks, word joiner and invisible operators, byte order mark, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000\U000e0001\U000e007f-\U000e01ef]"
)
_TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}  # invisible copies of ASCII, which models read
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_SPACES = re.compile(r"\s+")

# After decomposition and casefolding. A selection by eye, after Unicode's confusables (UTS 39) for a to z.
_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝѵкмтвнгпьɑɡıʟ" + "αορνικτυεηωχγβϲϳ" + "օոսհցզ" + "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ" + "‘’‛′“”„",  # noqa: RUF001
    "aeopcyxijshdqwvkmtbhrnbagil" + "aopviktuenwxybcj" + "onuhgq" + "abcdefghijkmnoprstuvwyz" + "''''\"\"\"",
) | {start + letter: chr(97 + letter) for start in (0x1F150, 0x1F170, 0x1F1E6) for letter in range(26)}

_LEET = str.maketrans("034567@$", "oeasgtas")
_LEET_LETTERS = re.compile(r"[a-z][0-9@$!|]|[0-9@$!|][a-z]")
_SET_APART = tuple(  # letters with one character between them, or with up to three; four are a sign, two may be a word
    (re.compile(rf"(?<!\w)[^\W_](?:{gap}[^\W_](?!\w)){{3}}"), re.compile(rf"(?<!\w)[^\W_](?:{gap}[^\W_](?!\w))++"))
    for gap in ("[ .,*_|/~+-]", r"[^\w\n]{1,3}")
)
_NO_LETTER = re.compile(r"[\W_]")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,5})\})")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][0-9A-Za-z]{1,31});?")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}+(?:\r?\n[A-Za-z0-9+/_-]{16,}+)*+")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?[0-9A-Fa-f]{2}(?:[ :,]?(?:0x)?[0-9A-Fa-f]{2}){11,}+")
_HEX_PAIRS = re.compile(r"(?:0x)?([0-9A-Fa-f]{2})[ :,]?")


def normalise(text: str) -> str:
    """Invisible characters and accents dropped, look-alikes as the Latin letter, NFKD, casefolded, single spaces.

    Applied twice it changes nothing more. Lone surrogates are kept. For matching only: other scripts become unreadable.
    """
    return _SPACES.sub(" ", _plain_letters(_visible(text)))


def readings(text: str) -> Iterator[str]:
    """The text, normalised, and what it reads as when a disguise is taken off, likeliest first.

    Covers base64 (URL-safe and wrapped too), hexadecimal, escapes of URLs, HTML and string literals, letters set apart,
    leetspeak, reversal and ROT13. An encoding may hold another one, or one of the other disguises; disguises of letters
    are not looked for in one another. Time and the length of all readings together are linear in the text's length.
    """
    yield from _readings(_visible(text), _DEPTH)


def _readings(visible: str, depth: int) -> Iterator[str]:
    normal = _SPACES.sub(" ", _plain_letters(visible))
    yield normal
    yield from _respelled(visible, normal)
    if depth:
        for hidden in _decoded(visible):
            yield from _readings(_visible(hidden), depth - 1)


def _respelled(visible: str, normal: str) -> Iterator[str]:
    for sign, run in _SET_APART:
        if sign.search(visible):
            yield normalise(run.sub(lambda letters: _NO_LETTER.sub("", letters[0]), visible))
    if _LEET_LETTERS.search(normal):
        letters = re.sub(r"!(?=\w)", "i", normal.replace("|", "1")).translate(_LEET)
        yield letters.replace("11", "ll").replace("1", "i")
        yield letters.replace("1", "l")
    yield normal[::-1]
    yield codecs.encode(normal, "rot13")


def _decoded(visible: str) -> Iterator[str]:
    unescaped = _ESCAPE.sub(_escaped, _ENTITY.sub(lambda entity: html.unescape(entity[0]), unquote(visible)))
    if unescaped != visible:
        yield unescaped
    for run in _HEX.finditer(visible):
        yield from _readable(bytes.fromhex("".join(_HEX_PAIRS.findall(run[0]))))
    for run in _BASE64.finditer(visible):
        # What stands before the payload, such as a path, shifts it by up to three places.
        token = _SPACES.sub("", run[0])
        yield from _readable(max((_from_base64(token[shift:]) for shift in range(4)), key=_n_readable))


def _from_base64(token: str) -> bytes:
    usable = token[: len(token) - (len(token) % 4 == 1)]
    try:
        return base64.b64decode(usable + "=" * (-len(usable) % 4), altchars=b"-_")
    except binascii.Error:
        return b""


def _readable(content: bytes) -> Iterator[str]:
    if content and _n_readable(content) >= _READABLE * len(content):
        yield content.decode(errors="ignore")


def _n_readable(content: bytes) -> int:
    text = content.decode(errors="ignore")
    return sum(map(str.isalpha, text)) + text.count(" ")


def _escaped(found: re.Match[str]) -> str:
    code = int(next(filter(None, found.groups())), 16)
    return chr(code) if code < 0x110000 else found[0]


def _visible(text: str) -> str:
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text.translate(_TAGS)))


def _plain_letters(visible: str) -> str:
    if visible.isascii():
        return visible.lower()
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", visible).casefold())
    return _MARKS.sub("", folded).translate(_LOOK_ALIKES)
