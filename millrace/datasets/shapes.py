"""What a record's annotations say about a column: its type, whether it may be null, its bounds."""

import types
import typing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from millrace.errors import BadInputError
from millrace.records.base import Measured

_SCALARS: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    datetime: pa.timestamp("us", tz="UTC"),
    AwareDatetime: pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class Shape:
    """A column's Arrow type with the constraints pydantic would check on each value."""

    type: pa.DataType
    nullable: bool = False
    measured: bool = False
    choices: tuple[str, ...] = ()
    bounds: tuple[tuple[str, float], ...] = ()
    lengths: tuple[int | None, int | None] = (None, None)
    pattern: str | None = None
    fields: dict[str, "Shape"] = field(default_factory=dict)
    element: "Shape | None" = None


@cache
def shapes_of(model: type[BaseModel]) -> dict[str, Shape]:
    """The shape of every field of a record, in declaration order.

    Raises:
        BadInputError: an annotation or validator that cannot be checked column-wise.
    """
    decorators = model.__pydantic_decorators__
    if decorators.model_validators or decorators.field_validators:
        raise BadInputError(f"{model.__name__} has validators of its own: columns cannot check them")
    return {name: _shape(info.annotation, list(info.metadata)) for name, info in model.model_fields.items()}


def _shape(annotation: Any, metadata: list[Any]) -> Shape:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _shape(arguments[0], [*arguments[1:], *metadata])
    if origin in (typing.Union, types.UnionType):
        return _optional(arguments, metadata)
    return _plain_shape(annotation, origin, arguments, _flat(metadata))


def _optional(arguments: tuple[Any, ...], metadata: list[Any]) -> Shape:
    inner = [argument for argument in arguments if argument is not type(None)]
    if len(inner) != 1 or len(arguments) != 2:
        raise BadInputError(f"a column holds one type or null, not {arguments}")
    shape = _shape(inner[0], metadata)
    return Shape(**{**shape.__dict__, "nullable": True})


def _plain_shape(annotation: Any, origin: Any, arguments: tuple[Any, ...], metadata: list[Any]) -> Shape:
    rules = _rules(metadata)
    if origin is typing.Literal:
        return Shape(pa.string(), choices=tuple(arguments), **rules)
    if origin is list:
        element = _shape(arguments[0], [])
        return Shape(pa.list_(pa.field("element", element.type, element.nullable)), element=element, **rules)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = shapes_of(annotation)
        return Shape(pa.struct(arrow_fields(fields)), fields=fields, **rules)
    if annotation in _SCALARS:
        return Shape(_SCALARS[annotation], **rules)
    raise BadInputError(f"no Arrow type for {annotation!r}")


def _flat(metadata: list[Any]) -> list[Any]:
    """Constraints given through ``Field(...)`` inside ``Annotated`` lie one level deeper."""
    flat: list[Any] = []
    for entry in metadata:
        flat.extend(entry.metadata if isinstance(entry, FieldInfo) else [entry])
    return flat


def _rules(metadata: list[Any]) -> dict[str, Any]:
    bounds: list[tuple[str, float]] = []
    shortest = longest = pattern = None
    measured = False
    for entry in metadata:
        measured = measured or isinstance(entry, Measured)
        bounds.extend((name, getattr(entry, name)) for name in ("ge", "gt", "le", "lt") if hasattr(entry, name))
        shortest = getattr(entry, "min_length", shortest)
        longest = getattr(entry, "max_length", longest)
        pattern = getattr(entry, "pattern", pattern)
    return {"bounds": tuple(bounds), "lengths": (shortest, longest), "pattern": pattern, "measured": measured}


def arrow_fields(shapes: dict[str, Shape]) -> list[pa.Field]:
    """Arrow fields with the shapes' nullability, in order."""
    return [pa.field(name, shape.type, shape.nullable) for name, shape in shapes.items()]
