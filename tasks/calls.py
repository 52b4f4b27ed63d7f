"""A call of a stage or effect, seen as data: what identifies it, what it read, how to make it again."""

import functools
import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel, TypeAdapter

from blocks.names import BlockName
from millrace.datasets.canonical import sha256_json
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError
from millrace.records.source import SourceRef


class Signature:
    """A function's parameters and return type, able to turn arguments into JSON and back."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._signature = inspect.signature(function)
        self._function = function

    @functools.cached_property
    def _adapters(self) -> dict[str, TypeAdapter[Any]]:
        hints = typing.get_type_hints(self._function, include_extras=True)
        return {name: TypeAdapter(hint) for name, hint in hints.items()}

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments by name, defaults filled in."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def to_json(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {name: self._adapters[name].dump_python(value, mode="json") for name, value in arguments.items()}

    def from_json(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {name: self._adapters[name].validate_python(value) for name, value in arguments.items()}

    def result_to_json(self, result: Any) -> Any:
        return self._adapters["return"].dump_python(result, mode="json")

    def result_from_json(self, result: Any) -> Any:
        return self._adapters["return"].validate_python(result)


def identity_of(value: Any) -> Any:
    """What of an argument enters a content key: contents of datasets and sources, identities of blocks, settings."""
    if isinstance(value, DatasetRef):
        return {"dataset": value.name}
    if isinstance(value, SourceRef):
        return {"source": value.name, "sha256": value.sha256}
    if isinstance(value, BlockName):
        return {"block": value.identity()}
    if isinstance(value, BaseModel):
        named = any(_named_things(value))
        return {name: identity_of(item) for name, item in _fields(value)} if named else value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(name): identity_of(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [identity_of(item) for item in value]
    return TypeAdapter(type(value)).dump_python(value, mode="json")


def refs_in(value: Any) -> Iterator[DatasetRef]:
    """Every dataset that an argument or result names, in order."""
    return (thing for thing in _named_things(value) if isinstance(thing, DatasetRef))


def _named_things(value: Any) -> Iterator[DatasetRef | SourceRef | BlockName]:
    """What stands for something else: datasets, sources, blocks."""
    if isinstance(value, DatasetRef | SourceRef | BlockName):
        yield value
    elif isinstance(value, BaseModel):
        for _, item in _fields(value):
            yield from _named_things(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _named_things(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _named_things(item)


def _fields(value: BaseModel) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(value, name)) for name in type(value).model_fields)


def settings_hash(arguments: dict[str, Any]) -> str:
    """sha256 over the identity of all arguments that are not datasets, 64 hex digits."""
    return sha256_json({name: identity_of(value) for name, value in arguments.items() if not any(refs_in(value))})


def function_name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def find_step(name: str) -> Any:
    """The stage or effect that a receipt names as ``module:name``.

    Raises:
        BadInputError: this code base does not have it.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BadInputError(f"this Millrace has no step {name}: {error}", function=name) from error
