"""Where a mapping takes a value from: a path, a constant, a template, the first of several, or a list."""

import math
import re
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Strict, Tag, field_validator, model_validator

from millrace.errors import BadInputError
from millrace.methods.field_paths import MISSING, Ambiguous, FieldPath, PathField
from millrace.records.base import Record

EXACT = 2**53
"""From here on not every whole number has a double of its own."""

Scalar = str | bool | int | float
StrictScalar = (
    Annotated[str, Strict()] | Annotated[bool, Strict()] | Annotated[int, Strict()] | Annotated[float, Strict()]
)
_NUMBER = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,9})?")
_SLOT = re.compile(r"\{([^{}]*)\}")


def scalar_text(value: Scalar) -> str:
    """A scalar as text: ``true``, ``4`` for 4 and 4.0 alike, other numbers in Python's shortest form."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(plain_number(value))


def plain_number(value: float) -> float:
    """A whole number as an int, for JSON makes no difference between 4 and 4.0.

    Raises:
        BadInputError: with reason ``out_of_range``; no double is as large.
    """
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise BadInputError("a number is too large", reason="out_of_range")
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < EXACT else value


def as_scalar(value: object, name: str) -> Scalar:
    """What a row has at a path, as a scalar; BadInputError with a ``reason`` for lists and objects."""
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return plain_number(value)
    raise BadInputError(f"{name}: neither a text nor a number nor true or false", reason="wrong_type")


def _with_text_keys(values: object) -> object:
    if not isinstance(values, dict):
        return values
    return {scalar_text(key) if isinstance(key, Scalar) else key: value for key, value in values.items()}


class PathSource(Record):
    """The value at a path; null counts as missing."""

    path: PathField
    values: Annotated[dict[str, StrictScalar] | None, BeforeValidator(_with_text_keys)] = Field(
        None, description="What each value, as text, stands for; a value not listed is refused"
    )
    default: StrictScalar | None = Field(None, description="Taken where the row has nothing there")

    @property
    def paths(self) -> list[FieldPath]:
        """What the source reads of a row."""
        return [self.path]

    def value(self, row: object, name: str) -> Scalar | None:
        """The scalar, or None where there is none; BadInputError with a ``reason`` when it has no meaning."""
        found = self.path.look_up(row)
        if found is MISSING or found is None:
            return self.default
        return self.translated(as_scalar(found, name), name)

    def translated(self, value: Scalar, name: str) -> Scalar:
        """What the row's value stands for."""
        if self.values is None:
            return value
        text = scalar_text(value)
        if text not in self.values:
            raise BadInputError(f"{name}: the mapping does not say what this value means", reason="unmapped_value")
        return self.values[text]


class ConstantSource(Record):
    """The same value for every row."""

    constant: StrictScalar

    @property
    def paths(self) -> list[FieldPath]:
        """Nothing is read of a row."""
        return []

    def value(self, row: object, name: str) -> Scalar | None:
        """The constant."""
        return self.constant


class TemplateSource(Record):
    """A text with ``{path}`` for what differs from row to row; missing where one of its parts is."""

    template: str

    @field_validator("template")
    @classmethod
    def _paths_parse(cls, template: str) -> str:
        if not _SLOT.search(template):
            raise ValueError("a template names at least one {path}; for a fixed text use constant")
        for path in _SLOT.findall(template):
            FieldPath.parse(path)
        return template

    @cached_property
    def paths(self) -> list[FieldPath]:
        """What the source reads of a row, in the order of the slots."""
        return [FieldPath.parse(slot) for slot in _SLOT.findall(self.template)]

    @property
    def words(self) -> list[str]:
        """What stands around the slots; one more than there are slots."""
        return _SLOT.split(self.template)[::2]

    def value(self, row: object, name: str) -> Scalar | None:
        """The filled text; BadInputError with a ``reason`` when a part is not a text or whole number."""
        written = self.words[0]
        for path, word in zip(self.paths, self.words[1:], strict=True):
            found = path.look_up(row)
            if found is MISSING or found is None:
                return None
            written += slot_text(as_scalar(found, name), name) + word
        return written


def slot_text(value: Scalar, name: str) -> str:
    """What a template writes for a value; BadInputError when it is not a text or whole number."""
    if isinstance(value, bool | float):
        raise BadInputError(f"{name}: a part is neither a text nor a whole number", reason="wrong_type")
    return scalar_text(value)


class FirstSource(Record):
    """The first of several sources that has a value."""

    first: "list[ScalarSource]" = Field(min_length=1)

    @property
    def paths(self) -> list[FieldPath]:
        """What the sources read of a row."""
        return [path for source in self.first for path in source.paths]

    def value(self, row: object, name: str) -> Scalar | None:
        """The first value; None when no source has one."""
        found = (source.value(row, name) for source in self.first)
        return next((value for value in found if value is not None), None)


class AggregateSource(Record):
    """One number of all numbers below a path: a list, or an object of people, nested or not.

    Null is no number; a text that is one, such as ``"4"``, is read as it.
    """

    path: PathField
    aggregate: Literal["min", "max", "mean", "n"]

    @property
    def paths(self) -> list[FieldPath]:
        """What the source reads of a row."""
        return [self.path]

    def value(self, row: object, name: str) -> Scalar | None:
        """The number; None when the path leads nowhere, and of no numbers unless they are counted."""
        found = self.path.look_up(row)
        return None if found is MISSING or found is None else self.of(found, name)

    def of(self, found: object, name: str) -> Scalar | None:
        """The aggregate of what was found; BadInputError with a ``reason`` when something else is among it."""
        if not isinstance(found, list | dict):
            raise BadInputError(f"{name}: neither a list nor an object of numbers", reason="wrong_type")
        numbers = _numbers(found, name)
        if self.aggregate == "n":
            return len(numbers)
        if not numbers:
            return None
        if self.aggregate == "mean":
            return _mean(numbers)
        return min(numbers) if self.aggregate == "min" else max(numbers)


def _mean(numbers: list[float]) -> float:
    try:
        return plain_number(math.fsum(numbers) / len(numbers))
    except OverflowError as error:
        raise BadInputError("a sum is too large", reason="out_of_range") from error


def _numbers(found: object, name: str) -> list[float]:
    if isinstance(found, Ambiguous):
        raise BadInputError(f"{name}: a key stands twice in an object", reason="duplicate_key")
    if isinstance(found, dict | list):
        inner = found.values() if isinstance(found, dict) else found
        return [number for each in inner if each is not None for number in _numbers(each, name)]
    if isinstance(found, str) and _NUMBER.fullmatch(found):
        found = float(found)
    value = as_scalar(found, name)
    if isinstance(value, str | bool):
        raise BadInputError(f"{name}: something is no number", reason="wrong_type")
    return [value]


_KINDS = ("aggregate", "path", "constant", "template", "first")


def _kind(source: object) -> str | None:
    given = source if isinstance(source, dict) else type(source).model_fields if isinstance(source, Record) else ()
    return next((kind for kind in _KINDS if kind in given), None)


def _spelled_out(source: object) -> object:
    return {"path": source} if isinstance(source, str) else source


def _one_of(expected: str) -> Discriminator:
    return Discriminator(_kind, custom_error_type="no_source", custom_error_message=f"expected {expected}")


ScalarSource = Annotated[
    Annotated[PathSource, Tag("path")]
    | Annotated[ConstantSource, Tag("constant")]
    | Annotated[TemplateSource, Tag("template")]
    | Annotated[FirstSource, Tag("first")],
    _one_of("a path, or one of the keys path, constant, template, first"),
    BeforeValidator(_spelled_out),
]
MarkerSource = Annotated[
    Annotated[PathSource, Tag("path")]
    | Annotated[ConstantSource, Tag("constant")]
    | Annotated[TemplateSource, Tag("template")]
    | Annotated[FirstSource, Tag("first")]
    | Annotated[AggregateSource, Tag("aggregate")],
    _one_of("a path, or one of the keys path, constant, template, first, aggregate"),
    BeforeValidator(_spelled_out),
]


class TurnsSource(Record):
    """A list of turns, each an object with a speaker and a text."""

    path: PathField
    speaker: PathField = Field(default_factory=lambda: FieldPath.parse("speaker"))
    text: PathField = Field(default_factory=lambda: FieldPath.parse("text"))
    speakers: dict[str, Literal["user", "assistant", "system"]] = Field(
        {}, description="Other names of the speakers; a name not listed is taken as it is"
    )

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, source: object) -> object:
        return _spelled_out(source)

    @model_validator(mode="after")
    def _turns_are_objects(self) -> Self:
        if not isinstance(self.path.steps[-1], str | int):
            raise ValueError("the path leads to the list itself, without [*]")
        return self
