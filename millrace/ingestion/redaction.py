"""Takes personal data out of documents before they are stored."""

import hashlib
from collections.abc import Iterable

from millrace.methods.redaction import Redactor
from millrace.records.document import Document


def redact_documents(documents: Iterable[Document], redactor: Redactor) -> list[Document]:
    """The documents without the personal data that the redactor recognises; offsets of chunks refer to these texts."""
    return [_redacted(document, redactor) for document in documents]


def _redacted(document: Document, redactor: Redactor) -> Document:
    text = redactor.redact(document.text).text
    return document.model_copy(
        update={
            "title": redactor.redact(document.title).text,
            "text": text,
            "content_hash": hashlib.sha256(text.encode()).hexdigest(),
        }
    )
