"""Text files: paragraphs are separated by blank lines, and nothing in them is markup."""

from millrace.ingestion.extracted import Extracted, decoded


def read_plain_text(raw: bytes) -> Extracted:
    """The text as it is.

    Raises:
        BadInputError: reason ``not_utf8``.
    """
    return Extracted(decoded(raw))
