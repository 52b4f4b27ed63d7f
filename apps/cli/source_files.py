"""The user's files that receipts name, hashed again."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import ValidationError

from millrace.errors import NotFoundError
from millrace.records.receipt import Receipt
from millrace.records.source import SourceRef
from tasks.sources import source_ref

_FIELDS = set(SourceRef.model_fields)


def sources_of(receipts: list[Receipt]) -> list[SourceRef]:
    """Every file or folder that the steps were given, each once, in order."""
    found = [source for receipt in receipts for source in _sources_in(receipt.arguments)]
    return list({(source.path, source.sha256): source for source in found}.values())


def hash_again(source: SourceRef) -> tuple[Literal["same", "different", "missing"], str]:
    """How the file is now, and its hash or what is wrong."""
    try:
        found = source_ref(source.path).sha256
    except NotFoundError:
        return "missing", "it is not there any more"
    except OSError as error:
        return "missing", f"it cannot be read: {error}"
    return ("same" if found == source.sha256 else "different"), found


def _sources_in(value: Any) -> Iterator[SourceRef]:
    """Receipts hold arguments as JSON: what has exactly the fields of a source is one."""
    if isinstance(value, dict):
        if set(value) == _FIELDS:
            try:
                yield SourceRef.model_validate(value)
                return
            except ValidationError:
                pass
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _sources_in(item)
