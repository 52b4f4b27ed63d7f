"""What parsers have in common: bytes to text, a text to a document, and what is set aside to a skip row."""

import codecs
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import ValidationError

from millrace.errors import BadInputError
from millrace.records.document import Document, Mark, Markup, MetadataField
from millrace.records.trace import SkipRow


@dataclass(frozen=True)
class Extracted:
    """A file's text as its parser found it; without a title the document is called after its file."""

    text: str
    title: str = ""
    markup: Markup = "text"
    marks: tuple[Mark, ...] = ()
    skips: tuple[BadInputError, ...] = ()  # parts of the file, each with a reason and a line


@dataclass(frozen=True)
class Owner:
    """To whom documents belong that do not say so themselves, and what is noted of each."""

    tenant_id: str
    user_id: str
    metadata: Mapping[str, str]


def decoded(raw: bytes, encoding: str = "utf-8") -> str:
    """The text with line feeds as line ends, without a byte order mark.

    Raises:
        BadInputError: reason ``not_utf8`` with the line, when the bytes are not of this encoding.
    """
    name = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    try:
        text = raw.decode(name)
    except UnicodeError as error:
        position = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise BadInputError(
            f"not {encoding.upper()} at byte {position}; save the file as UTF-8",
            reason="not_utf8",
            line=raw.count(b"\n", 0, position) + 1,
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def document_of(
    extracted: Extracted, *, source: str, owner: Owner, doc_id: str | None = None, metadata: Mapping[str, object] = {}
) -> Document:
    """The document of one text; its id is its source when it has none of its own.

    Raises:
        BadInputError: reason ``lone_surrogate``, ``wrong_type``, ``too_long`` or ``too_many``.
    """
    doc_id = source if doc_id is None else doc_id
    title = extracted.title or PurePosixPath(doc_id).stem or doc_id
    try:
        content_hash = hashlib.sha256(extracted.text.encode()).hexdigest()
        "".join((doc_id, title, owner.tenant_id, owner.user_id)).encode()
    except UnicodeEncodeError as error:
        raise BadInputError("a text has a lone surrogate", reason="lone_surrogate") from error
    return Document(
        doc_id=doc_id,
        tenant_id=owner.tenant_id,
        user_id=owner.user_id,
        source=source,
        title=title,
        text=extracted.text,
        content_hash=content_hash,
        markup=extracted.markup,
        marks=list(extracted.marks),
        metadata=metadata_fields({**owner.metadata, **metadata}),
    )


def metadata_fields(values: Mapping[str, object]) -> list[MetadataField]:
    """Facts by name as texts; numbers and truth values as JSON writes them; null says nothing.

    Raises:
        BadInputError: reason ``wrong_type``, ``too_long``, ``too_many`` or ``lone_surrogate``.
    """
    taken = {name: _as_text(value) for name, value in sorted(values.items()) if value is not None}
    if len(taken) > 32:
        raise BadInputError(f"metadata: {len(taken)} fields; at most 32 are kept", reason="too_many")
    try:
        "".join([*taken, *taken.values()]).encode()
        return [MetadataField(name=name, value=value) for name, value in taken.items()]
    except UnicodeEncodeError as error:
        raise BadInputError("metadata: a text has a lone surrogate", reason="lone_surrogate") from error
    except ValidationError as error:
        raise BadInputError(
            "metadata: a name of 1 to 64 and a value up to 1024 characters", reason="too_long"
        ) from error


def file_skip(source: str, row_hash: str, error: BadInputError) -> SkipRow:
    """Why a file or a part of it was set aside; the error has a ``reason`` and may have a ``line``."""
    line = error.details.get("line", 1)
    return SkipRow(
        source=source.encode(errors="replace").decode(),
        line=line if isinstance(line, int) else 1,
        reason=str(error.details["reason"]),
        message=str(error),
        row_hash=row_hash,
    )


def duplicate() -> BadInputError:
    """What is wrong with a document whose tenant and id came before."""
    return BadInputError("a document with this id came before", reason="duplicate_id")


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise BadInputError("metadata: a value is a text, a number, true or false", reason="wrong_type")
