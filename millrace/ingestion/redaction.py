"""Takes personal data out of documents before they are stored."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from millrace.methods.redaction import Edit, Redactor
from millrace.records.document import Document, Mark, MetadataField


def redact_documents(documents: Iterable[Document], redactor: Redactor) -> list[Document]:
    """The documents without the personal data that the redactor recognises; offsets of chunks refer to these texts."""
    return [redact_document(document, redactor) for document in documents]


def redact_document(document: Document, redactor: Redactor) -> Document:
    """Text, title and metadata without personal data; marks stand around the same words as before."""
    redacted = redactor.redact(document.text)
    changes: dict[str, object] = {"title": redactor.redact(document.title).text}
    if redacted.edits:
        changes["text"] = redacted.text
        changes["content_hash"] = hashlib.sha256(redacted.text.encode()).hexdigest()
        changes["marks"] = _moved(document.marks, redacted.edits)
    if document.metadata:
        changes["metadata"] = [
            MetadataField(name=field.name, value=redactor.redact(field.value).text[:1024])
            for field in document.metadata
        ]
    return document.model_copy(update=changes)


def _moved(marks: Sequence[Mark], edits: Sequence[Edit]) -> list[Mark]:
    """Marks around the new text; one that begins or ends inside an edit holds the whole of it."""
    ends = [edit.end for edit in edits]
    shifts = list(accumulate((edit.length - (edit.end - edit.start) for edit in edits), initial=0))

    def place(position: int, *, at_end: bool) -> int:
        number = bisect_right(ends, position)
        if number < len(edits) and edits[number].start < position:
            return edits[number].start + shifts[number] + (edits[number].length if at_end else 0)
        return position + shifts[number]

    return [
        mark.model_copy(update={"start": place(mark.start, at_end=False), "end": place(mark.end, at_end=True)})
        for mark in marks
    ]
