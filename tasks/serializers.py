"""Results that Prefect kept are read back from plain JSON only.

A stored result says itself how it is to be read: with pickle, with a library it names, or with a function it names.
Whoever can write one file of the home could so run code in whoever reads it. A result that asks for anything but
plain JSON is refused; to Prefect it is then no result, and its step is computed again.
"""

from typing import Any, NoReturn

from prefect.serializers import CompressedSerializer, JSONSerializer, PickleSerializer, Serializer

from millrace.errors import BadInputError

_PLAIN = JSONSerializer()
_load_json = JSONSerializer.loads


def read_plain_json_only() -> None:
    """From now on, in this process; doing it again changes nothing."""
    for other in (PickleSerializer, CompressedSerializer):
        other.loads = _refuse  # type: ignore[method-assign,assignment]
    JSONSerializer.loads = _load_plain_json  # type: ignore[method-assign,assignment]


def _load_plain_json(serializer: "JSONSerializer[Any]", blob: bytes) -> Any:
    return _load_json(serializer, blob) if serializer == _PLAIN else _refuse(serializer, blob)


def _refuse(serializer: "Serializer[Any]", _blob: bytes) -> NoReturn:
    raise BadInputError(f"a stored result wants to be read as {serializer.type}; Millrace reads plain JSON only")
