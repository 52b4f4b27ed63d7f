"""One JSON form per value, so that equal values hash alike."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel

from millrace.errors import BadInputError


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; pydantic models by their JSON form.

    Raises:
        BadInputError: NaN, infinity, or a type that JSON has not.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"cannot be written as canonical JSON: {error}") from error
    return text.encode()


def sha256_json(value: Any) -> str:
    """64 hex digits over :func:`canonical_json`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no JSON form")
