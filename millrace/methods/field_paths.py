"""Paths into JSON rows: ``user.name``, ``turns[-1].text``, ``turns[:-1]``, ``contexts[*].id``, ``tags["a.b"]``."""

import json
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from pydantic import BeforeValidator, InstanceOf, PlainSerializer

from millrace.errors import BadInputError


class Sign(Enum):
    """Values that no JSON row can hold."""

    MISSING = "the path leads nowhere"
    EVERY = "each element of a list"


MISSING = Sign.MISSING
Step = str | int | slice | Sign

_STEP = re.compile(
    r"""(?:^|(?<=.)\.)(?P<name>[^.\[\]{}]+)
    | \[ (?: (?P<every>\*) | (?P<key>"(?:[^"\\]|\\.)*") | (?P<index>-?\d{1,9})
           | (?P<first>(?:-?\d{1,9})?):(?P<last>(?:-?\d{1,9})?) ) \]""",
    re.VERBOSE,
)


class Ambiguous(dict[str, object]):
    """An object of a row in which the keys ``twice`` stand more than once: nobody can say which value is meant."""

    def __init__(self, content: dict[str, object], twice: frozenset[str]) -> None:
        super().__init__(content)
        self.twice = twice


@dataclass(frozen=True)
class FieldPath:
    """A parsed path; ``text`` is how it was written, and equal texts are equal paths."""

    text: str
    steps: tuple[Step, ...] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "FieldPath":
        """Raises ValueError, which pydantic reports with the place, when the text is no path."""
        steps, position = [], 0
        while position < len(text):
            found = _STEP.match(text, position)
            if found is None:
                raise ValueError(f"{text!r} is no path: cannot read {text[position:]!r}")
            steps.append(_step(found))
            position = found.end()
        if not steps:
            raise ValueError("an empty path")
        return cls(text, tuple(steps))

    def look_up(self, row: object) -> object:
        """The value at the path, or ``MISSING``; behind ``[*]`` a list of what the elements have there.

        Raises:
            BadInputError: with reason ``duplicate_key`` when a key of the path stands twice in an ``Ambiguous`` object.
        """
        return _follow(row, self.steps)

    @property
    def root(self) -> str | None:
        """The row's field at which the path begins; None when the row itself is a list."""
        return self.steps[0] if isinstance(self.steps[0], str) else None


def _step(found: re.Match[str]) -> Step:
    if found["name"]:
        return found["name"]
    if found["every"]:
        return Sign.EVERY
    if found["key"]:
        return str(json.loads(found["key"]))
    if found["index"]:
        return int(found["index"])
    return slice(int(found["first"]) if found["first"] else None, int(found["last"]) if found["last"] else None)


def _follow(value: object, steps: tuple[Step, ...]) -> object:
    for number, step in enumerate(steps):
        if isinstance(step, str):
            if isinstance(value, Ambiguous) and step in value.twice:
                raise BadInputError(f"the key {step!r} stands twice in an object", reason="duplicate_key")
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
        elif not isinstance(value, list):
            return MISSING
        elif step is Sign.EVERY:
            found = [_follow(element, steps[number + 1 :]) for element in value]
            return [element for element in found if element is not MISSING]
        elif isinstance(step, slice):
            value = value[step]
        elif isinstance(step, int):
            value = value[step] if -len(value) <= step < len(value) else MISSING
        if value is MISSING:
            return MISSING
    return value


def _as_path(value: object) -> FieldPath:
    if isinstance(value, FieldPath):
        return value
    if not isinstance(value, str):
        raise ValueError("a path is a text such as user.name")
    return FieldPath.parse(value)


PathField = Annotated[
    InstanceOf[FieldPath], BeforeValidator(_as_path), PlainSerializer(lambda path: path.text, return_type=str)
]
