"""From a row as read to a JSON object, and from what is wrong with it to a skip row that never shows it."""

import json

from pydantic import ValidationError

from millrace.errors import BadInputError
from millrace.ingestion.readers import Row
from millrace.ingestion.row_bytes import UnreadableRow
from millrace.records.trace import SkipRow

_REASONS = {
    "missing": "missing_field",
    "string_too_long": "too_long",
    "extra_forbidden": "unknown_field",
    "less_than_equal": "out_of_range",
    "greater_than_equal": "out_of_range",
}


def object_of(row: Row) -> dict[str, object]:
    """The row's JSON object.

    Raises:
        BadInputError: with a ``reason``: it could not be read, is no JSON, or no object.
    """
    if isinstance(row, UnreadableRow):
        raise BadInputError(row.message, reason=row.reason)
    content = _parsed(row.content) if isinstance(row.content, bytes) else row.content
    if not isinstance(content, dict):
        raise BadInputError("the row is not a JSON object", reason="not_an_object")
    return content


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _parsed(raw: bytes) -> object:
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInputError(f"not UTF-8 at byte {error.start}", reason="not_json") from error
    except json.JSONDecodeError as error:
        raise BadInputError(f"not JSON at character {error.pos}: {error.msg}", reason="not_json") from error
    except RecursionError as error:
        raise BadInputError("nested too deeply", reason="too_deep") from error
    except ValueError as error:
        raise BadInputError("NaN, an infinity, or a number of too many digits", reason="not_json") from error


def refusal(error: ValidationError) -> BadInputError:
    """The first complaint with its place; never the value, nor a key that the mapping does not know."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    kind, place = first["type"], list(first["loc"])
    if kind == "extra_forbidden":
        place[-1] = "(unknown)"
    message = f"{'.'.join(map(str, place))}: {first['msg']}"
    return BadInputError(message, reason=_REASONS.get(kind, "wrong_type"))


def skip_row(row: Row, error: BadInputError, source: str) -> SkipRow:
    """Where the row was, why it was set aside, and its hash; the error has a ``reason``."""
    reason = str(error.details["reason"])
    return SkipRow(source=source, line=row.line, reason=reason, message=str(error), row_hash=row.row_hash)
