"""Reads a record from a file of JSON."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from millrace.errors import BadInputError, NotFoundError

RecordT = TypeVar("RecordT", bound=BaseModel)


def read_json_record(path: Path, model: type[RecordT]) -> RecordT:
    """The record that a file of JSON holds.

    Raises:
        NotFoundError: no such file.
        BadInputError: it cannot be read, or is not of the record's form; the message names file and field.
    """
    if path.exists() and not path.is_file():  # a device may have no end
        raise BadInputError(f"{path} is not a file", file=str(path))
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {path}", file=str(path)) from error
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    return parse_json_record(content, model, str(path))


def parse_json_record(content: bytes, model: type[RecordT], name: str) -> RecordT:
    """The record in a JSON text; ``name`` is what messages call it.

    Raises:
        BadInputError: it is not of the record's form; the message names the field.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"])) or model.__name__
        raise BadInputError(f"{name} is damaged, or not Millrace's: {field}: {first['msg']}", file=name) from error
