"""Names for people and sessions whose ids are personal data, such as an e-mail address used as a user id."""

import hashlib
from dataclasses import replace

from millrace.methods.redaction import Redacted, Redactor

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def pseudonym(identifier: str, redactor: Redactor) -> Redacted:
    """The identifier as it is, or where personal data is found in it, redacted and told apart by a hash.

    ``mary@example.org`` becomes ``[EMAIL]~`` and sixteen letters, the first 64 bits of the SHA-256 of the original: the
    same everywhere, so what belonged together still does, and an erasure finds by it what it was asked for. The hash
    has no key, because data sets of different homes are joined: who guesses the original can confirm the guess.
    A pseudonym of a pseudonym is itself. It has no ``edits``.
    """
    redacted = redactor.redact(identifier)
    if not redacted.counts:
        return redacted
    letters = hashlib.sha256(identifier.encode(errors="surrogatepass")).hexdigest()[:16].translate(_LETTERS)
    return replace(redacted, text=f"{redacted.text}~{letters}", edits=())
