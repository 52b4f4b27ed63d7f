"""Documents in JSONL files, one a line."""

from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.errors import BadInputError
from millrace.ingestion.extracted import Extracted, Owner, document_of, duplicate
from millrace.ingestion.readers import Row, read_rows
from millrace.ingestion.row_objects import object_of, refusal, skip_row
from millrace.records.document import Document, Markup
from millrace.records.trace import SkipRow


class DocumentLine(BaseModel):
    """What a line may say; other fields are left out. Without a tenant or owner it has that of the whole folder."""

    model_config = ConfigDict(frozen=True, strict=True)

    doc_id: str = Field(max_length=512)
    text: str
    title: str = Field("", max_length=1024)
    tenant_id: str | None = Field(None, max_length=512)
    user_id: str | None = Field(None, max_length=512)
    markup: Markup = "text"
    metadata: dict[str, object] = {}


def read_jsonl(
    path: Path, source: str, owner: Owner, is_new: Callable[[str, str], bool]
) -> Iterator[Document | SkipRow]:
    """Documents and skip rows in line order; a line over 16 MiB is never held in memory.

    Args:
        is_new: whether no document of this tenant and id came before.
    """
    for batch in read_rows(path):
        for row in batch:
            try:
                document = _document(row, source, owner)
                if not is_new(document.tenant_id, document.doc_id):
                    raise duplicate()
                yield document
            except BadInputError as error:
                yield skip_row(row, error, source)


def _document(row: Row, source: str, owner: Owner) -> Document:
    try:
        line = DocumentLine.model_validate(object_of(row))
    except ValidationError as error:
        raise refusal(error) from error
    own = Owner(
        tenant_id=owner.tenant_id if line.tenant_id is None else line.tenant_id,
        user_id=owner.user_id if line.user_id is None else line.user_id,
        metadata=owner.metadata,
    )
    text = line.text.replace("\r\n", "\n").replace("\r", "\n")
    extracted = Extracted(text, line.title, line.markup)
    return document_of(extracted, source=source, owner=own, doc_id=line.doc_id, metadata=line.metadata)
