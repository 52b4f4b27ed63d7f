"""The declarative mapping from the rows of somebody's JSONL file to evidence."""

from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from millrace.distillation.stream_sources import MarkerSource, ScalarSource, TurnsSource
from millrace.errors import BadInputError, NotFoundError
from millrace.methods.field_paths import PathField
from millrace.records.base import Identifier, Record
from millrace.records.yaml_file import read_yaml

IDENTIFIERS = ("evidence_id", "run_id", "task_id", "subject", "producer", "role", "tenant_id", "user_id")
TEXTS = ("prompt", "text", "split")
LISTS = ("contexts", "claimed_files")
PROVENANCE = ("recorded_at", "task_id", "text")
"""Without one of these a row is no evidence."""


class RecordSources(Record):
    """Where each field of a record comes from. What is not named stays null or empty.

    An empty identifier counts as missing. ``conversation`` gives prompt and history from one list of turns.
    """

    evidence_id: ScalarSource | None = None
    recorded_at: ScalarSource | None = None
    run_id: ScalarSource | None = None
    task_id: ScalarSource | None = None
    subject: ScalarSource | None = None
    producer: ScalarSource | None = None
    role: ScalarSource | None = None
    tenant_id: ScalarSource | None = None
    user_id: ScalarSource | None = None
    prompt: ScalarSource | None = None
    text: ScalarSource | None = None
    split: ScalarSource | None = None
    history: TurnsSource | None = None
    conversation: TurnsSource | None = Field(
        None, description="Turns of which the last user turn is the prompt; the turns after it are left out"
    )
    contexts: PathField | None = Field(None, description="A list of texts, as passages[*].text")
    claimed_files: PathField | None = Field(None, description="A list of texts")
    markers: dict[Identifier, MarkerSource] = Field(default_factory=dict)
    marker_list: PathField | None = Field(None, description="A list of markers with name, value and number")

    @model_validator(mode="after")
    def _prompt_is_given_once(self) -> Self:
        twice = [name for name in ("prompt", "history") if self.conversation and getattr(self, name) is not None]
        if twice:
            raise ValueError(f"{twice[0]!r} is given by the conversation already")
        return self

    def with_own(self, own: "RecordSources") -> "RecordSources":
        """These sources with those of one of several records in their place; markers are joined, in order of name."""
        given: dict[str, Any] = {
            name: value for name in RecordSources.model_fields if (value := getattr(own, name)) is not None
        }
        if own.conversation is not None:
            given = {"prompt": None, "history": None} | given
        elif {"prompt", "history"} & given.keys():
            given = {"conversation": None} | given
        given["markers"] = dict(sorted((self.markers | own.markers).items()))  # a receipt keeps no order of keys
        return RecordSources(**{name: getattr(self, name) for name in RecordSources.model_fields} | given)


class TreeMapping(Record):
    """Texts that lie in shards, one a row, as a tree: where a row says its node, its parent and its place."""

    node: PathField = Field(description="Name of the shard; a row without it is no shard")
    parent: PathField = Field(description="Name of the shard above; the root has none")
    position: PathField = Field(description="Whole number that orders the children of one shard")
    group: PathField | None = Field(
        None, description="The text a shard belongs to; without it names are told apart in the whole file"
    )


class StreamMapping(RecordSources):
    """How the rows of one form become evidence of one stream."""

    stream: Annotated[Identifier, Field(max_length=256)]
    description: str = ""
    licence: str | None = Field(None, description="SPDX id or words, for the card of what is made of it")
    records: list[RecordSources] = Field(
        [], description="Several records in one row; each names what differs from the fields above"
    )
    tree: TreeMapping | None = None

    @property
    def variants(self) -> list[RecordSources]:
        """The sources of each record that a row gives, in order; at least one."""
        own = self.records or [RecordSources()]
        return [self.with_own(each) for each in own]

    @model_validator(mode="after")
    def _records_are_whole(self) -> Self:
        for variant in self.variants:
            for name in ("task_id", "role", "text"):
                if getattr(variant, name) is None:
                    raise ValueError(f"nothing says where {name!r} comes from")
        if len(self.records) > 1 and any(each.evidence_id is None for each in self.records) and self.evidence_id:
            raise ValueError("evidence_id: each of several records needs its own")
        if self.tree is not None and len(self.records) > 1:
            raise ValueError("tree: the rows of a tree give one record")
        return self


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are truth values: yes and no are words that people answer."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_stream_mapping(path: Path) -> StreamMapping:
    """The mapping in a YAML file.

    Raises:
        NotFoundError: no such file.
        BadInputError: not YAML, or not a mapping: says which field and why.
    """
    if not path.exists():
        raise NotFoundError(f"no mapping file {path.name}", file=path.name)
    content = read_yaml(path, _Loader)
    try:
        return StreamMapping.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "[key]")
        raise BadInputError(
            f"{path.name}: {field or 'mapping'}: {first['msg']}", file=path.name, field=field
        ) from error
