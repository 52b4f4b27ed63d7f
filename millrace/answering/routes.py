"""The route table: where questions can go, with example utterances of each, read from YAML."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from millrace.records.base import Identifier, Record

Handler = Literal["rag", "direct", "escalate"]
Utterance = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Route(Record):
    """Where a question can go, and what users say whose questions go there."""

    name: Identifier
    description: str = Field(min_length=1, description="Which questions it takes")
    handler: Handler | None = Field(
        None,
        description="rag: answered from passages; direct: answered without; escalate: handed to a person; None: not "
        "configured, its questions fail with a message saying so",
    )
    utterances: list[Utterance] = Field(min_length=1, description="Examples that questions are compared with")


class EmbedderThreshold(Record):
    """From which similarity on a route is taken; cosines of different embedders cannot be compared."""

    embedder: Identifier = Field(description="The beginning of the embedder's identity")
    threshold: float = Field(ge=-1, le=1, description="Least cosine at which any route is taken")
    margin: float = Field(
        0.0, ge=0, le=2, description="How far a route must be ahead of the fallback and of what is out of scope"
    )


class RoutingTable(Record):
    """All routes, and the one that takes what belongs to none of them."""

    routes: list[Route] = Field(min_length=1)
    fallback: Identifier = Field(description="Route of questions that belong to no route")
    out_of_scope: list[Utterance] = Field(
        default=[], description="Examples that belong to no route; questions nearest to them take the fallback"
    )
    thresholds: list[EmbedderThreshold] = Field(default=[])

    @field_validator("routes")
    @classmethod
    def _told_apart(cls, routes: list[Route]) -> list[Route]:
        names = [route.name for route in routes]
        said = [utterance.casefold() for route in routes for utterance in route.utterances]
        for kind, values in (("route", names), ("utterance", said)):
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"{kind} {twice!r} is there twice")
        return routes

    @field_validator("fallback")
    @classmethod
    def _answers(cls, fallback: str, info: ValidationInfo) -> str:
        handlers = {route.name: route.handler for route in info.data.get("routes", [])}
        if handlers and handlers.get(fallback) is None:
            raise ValueError(f"{fallback!r} must be one of the routes, and have a handler")
        return fallback

    @property
    def kinds(self) -> list[str | None]:
        """The routes' names in order, then None where there are examples out of scope."""
        return [*self.names, *([None] if self.out_of_scope else [])]

    @property
    def utterances_by_kind(self) -> list[list[str]]:
        """The examples of each of ``kinds``."""
        return [*(route.utterances for route in self.routes), *([self.out_of_scope] if self.out_of_scope else [])]

    @property
    def names(self) -> list[str]:
        """The routes' names in order."""
        return [route.name for route in self.routes]

    def named(self, name: str) -> Route:
        """The route of this name, which is one of ``names``."""
        return next(route for route in self.routes if route.name == name)
