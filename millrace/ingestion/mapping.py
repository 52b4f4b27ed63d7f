"""The declarative mapping from somebody's rows to traces and human ratings."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, ValidationError, model_validator

from millrace.errors import BadInputError, NotFoundError
from millrace.ingestion.field_sources import ItemsSource, Source, values_of
from millrace.ingestion.forms import FORMS, FormName
from millrace.ingestion.readers import Row
from millrace.methods.field_paths import MISSING, PathField
from millrace.records.base import Identifier, Record
from millrace.records.trace import HumanRating, Trace
from millrace.records.yaml_file import read_yaml


def _is_trace_field(name: str) -> str:
    if name not in Trace.model_fields:
        raise ValueError(f"a trace has no field {name!r}")
    return name


class ConversationSource(Record):
    """A list of turns: the last user turn is the question, the turns before it are the history.

    Turns after the last user turn are left out: an answer is mapped by its own path.
    """

    path: PathField
    speaker: PathField
    text: PathField
    speakers: dict[str, Literal["user", "assistant", "system"]] = Field(
        {}, description="Other names of the speakers; a name not listed is taken as it is"
    )

    def values(self, row: object) -> dict[str, object]:
        """``question`` and ``history``; BadInputError with a ``reason`` when there is no user turn."""
        turns = self.path.look_up(row)
        if not isinstance(turns, list):
            raise BadInputError(f"question: no list at {self.path.text}", reason="missing_field")
        history = [{"speaker": self._speaker(turn), "text": self.text.look_up(turn)} for turn in turns]
        while history and history[-1]["speaker"] != "user":
            history.pop()
        if not history or history[-1]["text"] is MISSING:
            raise BadInputError(f"question: no user turn with a text in {self.path.text}", reason="missing_field")
        return {"question": history.pop()["text"], "history": history}

    def _speaker(self, turn: object) -> object:
        name = self.speaker.look_up(turn)
        return self.speakers.get(name, name) if isinstance(name, str) else name


class LabelSource(Record):
    """Human ratings inside a row: numbers in nested objects whose keys say what was rated and by whom."""

    path: PathField
    keys: list[Literal["dimension", "annotator"]] = Field(
        [], max_length=2, description="What the nested keys name, from the outside in"
    )
    dimension: Identifier | None = Field(None, description="What was rated, when no key says it")
    annotator: Identifier | None = Field(None, description="Who rated, when no key says it")

    @model_validator(mode="after")
    def _each_is_given_once(self) -> Self:
        for name, constant in (("dimension", self.dimension), ("annotator", self.annotator)):
            if self.keys.count(name) + (constant is not None) != 1:  # type: ignore[arg-type]
                raise ValueError(f"{name} is given either by keys or as a constant, and once")
        return self

    def ratings(self, row: object, trace_id: str) -> list[HumanRating]:
        """The ratings in the row's order; what is missing or null was not rated."""
        fixed = {"dimension": self.dimension, "annotator": self.annotator, "trace_id": trace_id}
        found = [(fixed, self.path.look_up(row))]
        for key in self.keys:
            found = [(known | {key: name}, inner) for known, value in found for name, inner in _items(value)]
        return [
            HumanRating.model_validate(known | {"value": value})
            for known, value in found
            if value is not MISSING and value is not None
        ]


def _items(value: object) -> list[tuple[str, object]]:
    if value is MISSING or value is None:
        return []
    if not isinstance(value, dict):
        raise BadInputError("labels: expected an object with named ratings", reason="wrong_type")
    return list(value.items())


class TraceMapping(Record):
    """How rows of one form become traces. Fields that are not named keep the trace's defaults."""

    name: Identifier
    description: str = ""
    form: FormName | None = Field(None, description="A published form that gives what no field here does")
    closed: bool = Field(False, description="Refuse rows with a field that the mapping does not name")
    fields: dict[Annotated[str, AfterValidator(_is_trace_field)], Source]
    conversation: ConversationSource | None = None
    labels: list[LabelSource] = Field([], description="Human ratings in the row; kept apart from the traces")

    @model_validator(mode="after")
    def _item_fields_exist(self) -> Self:
        for name, source in self.fields.items():
            if isinstance(source, ItemsSource):
                item = _item_model(name)
                unknown = [field for field in source.fields if field not in item.model_fields]
                if unknown:
                    raise ValueError(f"an item of {name!r} has no field {unknown[0]!r}")
        return self

    @model_validator(mode="after")
    def _question_is_given_once(self) -> Self:
        twice = self.conversation is not None and {"question", "history"} & self.fields.keys()
        if twice:
            raise ValueError(f"{min(twice)!r} is given by the conversation already")
        given = self.fields.keys() | ({"question"} if self.conversation else set())
        absent = sorted({"trace_id", "question"} - given)
        if absent and self.form is None:
            raise ValueError(f"nothing says where {absent[0]!r} comes from")
        return self

    def rows(self, path: Path) -> Iterator[list[Row]]:
        """The file's rows in batches; a form may put several rows of the file together to one."""
        return FORMS[self.form].read(path)

    def row(self, content: dict[str, object]) -> dict[str, object]:
        """What the paths lead into, from what was read of the file."""
        return FORMS[self.form].row(content)

    def trace_values(self, row: dict[str, object]) -> dict[str, object]:
        """The trace fields that the row gives; BadInputError with a ``reason`` when the row does not fit."""
        if self.closed and not row.keys() <= self._roots:
            raise BadInputError("the row has a field that the mapping does not name", reason="unknown_field")
        form = FORMS[self.form]
        values = form.values(row) | values_of(self.fields, row)
        values |= self.conversation.values(row) if self.conversation else {}
        if "question" not in values and form.question:
            raise BadInputError(f"question: nothing in {form.question}", reason="missing_field")
        return values

    def ratings(self, row: dict[str, object], trace_id: str) -> list[HumanRating]:
        """The human ratings in the row."""
        given = [HumanRating.model_validate(each | {"trace_id": trace_id}) for each in FORMS[self.form].ratings(row)]
        return given + [rating for source in self.labels for rating in source.ratings(row, trace_id)]

    @cached_property
    def _roots(self) -> set[str | None]:
        paths = [path for source in self.fields.values() for path in source.paths]
        paths += [label.path for label in self.labels]
        if self.conversation:
            paths.append(self.conversation.path)
        return {path.root for path in paths}


def _item_model(name: str) -> type[Record]:
    item = get_args(Trace.model_fields[name].annotation)
    if not item or not isinstance(item[0], type) or not issubclass(item[0], Record):
        raise ValueError(f"{name!r} is no list of items; use a path")
    return item[0]


def load_mapping(path: Path) -> TraceMapping:
    """The mapping in a YAML file.

    Raises:
        NotFoundError: no such file.
        BadInputError: not YAML, or not a mapping: says which field and why.
    """
    if not path.exists():
        raise NotFoundError(f"no mapping file {path.name}", file=path.name)
    content = read_yaml(path)
    try:
        return TraceMapping.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "[key]")
        message = f"{path.name}: {field or 'mapping'}: {first['msg']}"
        raise BadInputError(message, file=path.name, field=field) from error
