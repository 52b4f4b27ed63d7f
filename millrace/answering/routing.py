"""Chooses the route of a question by its similarity to example utterances (A3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.draft import Draft, Step
from millrace.answering.frames import frame_of, frame_words
from millrace.answering.routes import Route, RoutingTable
from millrace.errors import BadInputError
from millrace.methods.standalone import question_in_context, user_turns
from millrace.ports import Embedder, Vectors
from millrace.records.answer import Question

Floats = npt.NDArray[np.float64]
View = tuple[float, Vectors, Sequence[Vectors]]  # weight, vectors of queries, vectors of each route's utterances


class RoutingConfig(BaseModel):
    """How similar a question must be to a route's utterances to take that route."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_nearest: int = Field(
        5, ge=1, le=20, description="A route's similarity is the mean over that many of its nearest utterances"
    )
    frame_weight: float = Field(
        0.3, ge=0, lt=1, description="Weight of how something is asked, against all that is said; 0 leaves it out"
    )
    threshold: float | None = Field(
        None, ge=-1, le=1, description="Least cosine at which any route is taken; None: the table's for the embedder"
    )
    margin: float | None = Field(
        None,
        ge=0,
        le=2,
        description="How far a route must be ahead of the fallback; None: the table's for the embedder",
    )


class Bounds(NamedTuple):
    """What a route must reach to be taken; see ``EmbedderThreshold``."""

    threshold: float
    margin: float


@dataclass(frozen=True)
class RouteChoice:
    """The route of one question.

    Attributes:
        score: similarity of the most similar route, a cosine in [-1, 1], whether that route is taken or not.
        margin: how far it is ahead of the next; None when there is no other.
        fallback: whether the question belongs to no route, so that the fallback is taken instead: no route reaches the
            bounds, or the examples out of scope are the most similar.
    """

    route: str
    score: float
    margin: float | None
    fallback: bool


def routing_bounds(table: RoutingTable, identity: str, config: RoutingConfig) -> Bounds:
    """The settings' bounds, or else the table's for the embedder: of several that fit, those of the longest name.

    Raises:
        BadInputError: there is no threshold in either.
    """
    fitting = [each for each in table.thresholds if identity.startswith(each.embedder)]
    known = max(fitting, key=lambda each: len(each.embedder), default=None)
    threshold = known.threshold if config.threshold is None and known else config.threshold
    margin = known.margin if config.margin is None and known else config.margin
    if threshold is None:
        raise BadInputError(
            f"the route table has no threshold for the embedder {identity!r}: add one under 'thresholds' "
            "(`python -m benchmarks.routing` chooses it from data), or set 'threshold' of the routing settings",
            embedder=identity,
        )
    return Bounds(threshold, margin or 0.0)


def route_similarities(views: Sequence[View], n_nearest: int) -> Floats:
    """Mean similarity of each query to its nearest utterances of each route.

    Args:
        views: ways to look at queries and utterances; the similarity of a pair is the weighted sum of its cosines.
        n_nearest: utterances of the mean; a route with fewer takes all.

    Returns:
        Shape (n_queries, n_routes), in [-1, 1] for weights that sum to 1; a query's row does not depend on the others.
    """
    n_routes = len(views[0][2])
    nearest = [np.sort(_pairs(views, route), axis=1)[:, -n_nearest:].mean(axis=1) for route in range(n_routes)]
    return np.stack(nearest, axis=1)


def _pairs(views: Sequence[View], route: int) -> Floats:
    # einsum, not BLAS: a sum does not depend on how many rows there are or how many threads run
    cosines = [
        weight * np.einsum("id,jd->ij", queries.astype(np.float64), utterances[route].astype(np.float64))
        for weight, queries, utterances in views
    ]
    return np.asarray(np.sum(cosines, axis=0), dtype=np.float64)


def choose_routes(
    similarities: Floats, kinds: Sequence[str | None], *, bounds: Bounds, fallback: str
) -> list[RouteChoice]:
    """The most similar route for each row, of equals the first; the fallback where that is below the bounds.

    Args:
        similarities: from :func:`route_similarities`.
        kinds: names of routes, length n_routes, the fallback's among them; None for what belongs to no route.
    """
    away = np.array([kind not in (None, fallback) for kind in kinds])
    return [_choice(row, kinds, away, bounds, fallback) for row in similarities]


def route_drafts(drafts: Sequence[Draft], table: RoutingTable, embedder: Embedder, config: RoutingConfig) -> list[Step]:
    """Give each draft its route; those whose route hands off or has no handler are ended.

    Raises:
        BadInputError: there is no threshold for the embedder.
    """
    bounds = routing_bounds(table, embedder.identity, config)
    similarities = draft_similarities(drafts, table, embedder, config)
    choices = choose_routes(similarities, table.kinds, bounds=bounds, fallback=table.fallback)
    return [_step(draft, choice, table.named(choice.route)) for draft, choice in zip(drafts, choices, strict=True)]


def draft_similarities(
    drafts: Sequence[Draft], table: RoutingTable, embedder: Embedder, config: RoutingConfig
) -> Floats:
    """How similar each draft is to each of ``table.kinds``, shape (n_drafts, n_kinds).

    A question that leans on its conversation is compared both alone and after the turns it leans on, and the higher
    similarity counts: "let me talk to a person" is said for itself, "and in May?" is not.
    """
    asked, in_context = [draft.question.question for draft in drafts], [_in_context(draft.question) for draft in drafts]
    texts = list(dict.fromkeys([*asked, *in_context]))
    place = {text: row for row, text in enumerate(texts)}
    found = _text_similarities(texts, table.utterances_by_kind, embedder, config)
    return np.maximum(found[[place[text] for text in asked]], found[[place[text] for text in in_context]])


def _text_similarities(
    texts: Sequence[str], utterances: Sequence[Sequence[str]], embedder: Embedder, config: RoutingConfig
) -> Floats:
    """Similarities of the texts themselves and of their frames, weighted; one row for each text."""
    vectors, said = embedder.embed(texts), [embedder.embed(each) for each in utterances]
    if not config.frame_weight:
        return route_similarities([(1.0, vectors, said)], config.n_nearest)
    known = frame_words([utterance for each in utterances for utterance in each])
    frames = embedder.embed([frame_of(text, known) for text in texts])
    framed = [embedder.embed([frame_of(utterance, known) for utterance in each]) for each in utterances]
    views = [(1 - config.frame_weight, vectors, said), (config.frame_weight, frames, framed)]
    return route_similarities(views, config.n_nearest)


def _in_context(question: Question) -> str:
    earlier = user_turns((turn.speaker, turn.text) for turn in question.history)
    return question_in_context(question.question, earlier)


def _choice(
    row: Floats, kinds: Sequence[str | None], away: npt.NDArray[np.bool_], bounds: Bounds, fallback: str
) -> RouteChoice:
    best = int(np.argmax(row))
    score, others = float(row[best]), np.delete(row, best)
    lead = score - float(row[~away].max()) if away[best] else np.inf
    taken = kinds[best] if score >= bounds.threshold and lead >= bounds.margin else None
    margin = float(score - others.max()) if len(others) else None
    return RouteChoice(route=taken or fallback, score=score, margin=margin, fallback=taken is None)


def _step(draft: Draft, choice: RouteChoice, route: Route) -> Step:
    routed = replace(draft, route=route.name, direct=route.handler == "direct")
    if route.handler is None:
        routed = routed.ended("failed", not_configured(route.name))
    elif route.handler == "escalate":
        routed = routed.ended("escalated")
    facts = {"route": choice.route, "score": choice.score, "margin": choice.margin, "fallback": choice.fallback}
    return Step(routed, facts)


def not_configured(route: str) -> str:
    """The error of a question whose route has no handler, and what to do about it."""
    return (
        f"route {route} is not configured: nothing answers its questions yet; set its handler in the route table, or "
        "remove the route there so that they take the fallback"
    )
