"""Where a mapping takes a field from: a path, a constant, a template, or the elements of a list."""

import re
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Field, JsonValue, Tag, field_validator

from millrace.errors import BadInputError
from millrace.methods.field_paths import MISSING, FieldPath, PathField
from millrace.records.base import Record

_SLOT = re.compile(r"\{([^{}]*)\}")


class PathSource(Record):
    """The value at a path; null counts as missing."""

    path: PathField
    values: dict[str, str] | None = Field(None, description="What each text stands for; a text not listed is refused")
    default: JsonValue = Field(None, description="Taken where the row has nothing there")

    @property
    def paths(self) -> list[FieldPath]:
        """What the source reads of a row."""
        return [self.path]

    def value(self, row: object, name: str) -> object:
        """The field's value, or ``MISSING``; BadInputError with a ``reason`` when the row's value has no meaning."""
        found = self.path.look_up(row)
        if found is MISSING or found is None:
            return MISSING if self.default is None else self.default
        if self.values is None:
            return found
        if not isinstance(found, str) or found not in self.values:
            raise BadInputError(f"{name}: the mapping does not say what this value means", reason="unmapped_value")
        return self.values[found]


class ConstantSource(Record):
    """The same value for every row."""

    constant: JsonValue

    @property
    def paths(self) -> list[FieldPath]:
        """Nothing is read of a row."""
        return []

    def value(self, row: object, name: str) -> object:
        """The constant."""
        return self.constant


class TemplateSource(Record):
    """A text with ``{path}`` for what differs from row to row."""

    template: str

    @field_validator("template")
    @classmethod
    def _paths_parse(cls, template: str) -> str:
        if not _SLOT.search(template):
            raise ValueError("a template names at least one {path}; for a fixed text use constant")
        for path in _SLOT.findall(template):
            FieldPath.parse(path)
        return template

    @property
    def paths(self) -> list[FieldPath]:
        """What the source reads of a row."""
        return [_parsed(slot) for slot in _SLOT.findall(self.template)]

    def value(self, row: object, name: str) -> object:
        """The filled text; BadInputError with a ``reason`` when a part is missing or not a text or whole number."""
        return _SLOT.sub(lambda slot: _part(row, name, slot[1]), self.template)


@lru_cache(maxsize=256)
def _parsed(path: str) -> FieldPath:
    return FieldPath.parse(path)


def _part(row: object, name: str, path: str) -> str:
    found = _parsed(path).look_up(row)
    if found is MISSING or found is None:
        raise BadInputError(f"{name}: nothing at {path}", reason="missing_field")
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise BadInputError(f"{name}: {path} is neither a text nor a whole number", reason="wrong_type")
    return str(found)


def _spelled_out(source: object) -> object:
    return {"path": source} if isinstance(source, str) else source


def _kind(source: object) -> str | None:
    kinds = ("path", "constant", "template", "each")
    if isinstance(source, dict):
        return next((kind for kind in kinds if kind in source), None)
    return next((kind for kind in kinds if hasattr(source, kind)), None)


def _one_of(expected: str) -> Discriminator:
    return Discriminator(_kind, custom_error_type="no_source", custom_error_message=f"expected {expected}")


ScalarSource = Annotated[
    Annotated[PathSource, Tag("path")]
    | Annotated[ConstantSource, Tag("constant")]
    | Annotated[TemplateSource, Tag("template")],
    _one_of("a path, or one of the keys path, constant, template"),
    BeforeValidator(_spelled_out),
]


class ItemsSource(Record):
    """One item for each element of a list; the paths in ``fields`` start at the element."""

    each: PathField
    fields: dict[str, ScalarSource]

    @property
    def paths(self) -> list[FieldPath]:
        """What the source reads of a row."""
        return [self.each]

    def value(self, row: object, name: str) -> object:
        """A list of mappings, or ``MISSING``; BadInputError with a ``reason`` when it is not a list."""
        elements = self.each.look_up(row)
        if elements is MISSING or elements is None:
            return MISSING
        if not isinstance(elements, list):
            raise BadInputError(f"{name}: {self.each.text} is not a list", reason="wrong_type")
        return [values_of(self.fields, element, name) for element in elements]


Source = Annotated[
    Annotated[PathSource, Tag("path")]
    | Annotated[ConstantSource, Tag("constant")]
    | Annotated[TemplateSource, Tag("template")]
    | Annotated[ItemsSource, Tag("each")],
    _one_of("a path, or one of the keys path, constant, template, each"),
    BeforeValidator(_spelled_out),
]


def values_of(sources: "dict[str, ScalarSource] | dict[str, Source]", row: object, name: str = "") -> dict[str, object]:
    """The fields that the row has, by name; ``name`` is where they belong."""
    prefix = f"{name}." if name else ""
    found = {field: source.value(row, prefix + field) for field, source in sources.items()}
    return {field: value for field, value in found.items() if value is not MISSING}
