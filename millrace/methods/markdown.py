"""Texts of strangers on one line, and as Markdown that shows them as themselves."""

import re

_SPACES = re.compile("[^\\S\N{NO-BREAK SPACE}]+")  # those that do not break keep numbers together
_UNSHOWABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ACTIVE = re.compile(r"([\\`*_{}\[\]#|~!@^$])")
_LINK_LIKE = re.compile(r"(?i)(?=://)|(?<=www)(?=\.)|(?<=mailto)(?=:)|(?<=xmpp)(?=:)")
_LIST_LIKE = re.compile(r"^([-+=]|\d+[.)](?= |$))")


def shown(text: str) -> str:
    """The text on one line, without characters that hide or reorder what follows them.

    Control characters, zero-width spaces, direction overrides and lone surrogates become U+FFFD; the joiners and marks
    that some scripts need stay.
    """
    return _SPACES.sub(" ", _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text)).strip()


def plain(text: str) -> str:
    """The text on one line with everything escaped that Markdown, its tables, HTML or automatic links would act on."""
    line = _ACTIVE.sub(r"\\\1", shown(text).translate(_ENTITIES))
    line = _LINK_LIKE.sub(r"\\", line)
    return _LIST_LIKE.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", line)
