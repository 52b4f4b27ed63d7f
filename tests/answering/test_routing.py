"""A question takes the most similar route; what is near to none takes the fallback."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.answering.draft import Draft, Stage
from millrace.answering.pipeline import run_stages
from millrace.answering.routes import EmbedderThreshold, RoutingTable
from millrace.answering.routing import (
    Bounds,
    RouteChoice,
    RoutingConfig,
    choose_routes,
    draft_similarities,
    route_drafts,
    route_similarities,
    routing_bounds,
)
from millrace.answering.standalone import begin_drafts
from millrace.errors import BadInputError
from millrace.ports import Vectors
from millrace.records.answer import Question
from millrace.records.trace import Turn
from tests.support.embedder import HashedWords


class Angles:
    """A text's last word is the angle of its vector in degrees, so that cosines can be worked out by hand."""

    identity = "angles/1"
    dimension = 2

    def embed(self, texts: Sequence[str]) -> Vectors:
        angles = [math.radians(float(text.split()[-1])) for text in texts]
        return np.array([(math.cos(angle), math.sin(angle)) for angle in angles], dtype=np.float32).reshape(-1, 2)


TABLE = RoutingTable.model_validate(
    {
        "routes": [
            {"name": "docs", "description": "d", "handler": "rag", "utterances": ["docs 0"]},
            {"name": "chat", "description": "c", "handler": "direct", "utterances": ["chat 90"]},
            {"name": "orders", "description": "o", "utterances": ["orders 180"]},
            {"name": "people", "description": "p", "handler": "escalate", "utterances": ["people 270"]},
        ],
        "fallback": "docs",
        "thresholds": [{"embedder": "angles", "threshold": 0.8}],
    }
)
CONFIG = RoutingConfig(n_nearest=1, frame_weight=0)


def draft(text: str, *earlier: str) -> Draft:
    history = [Turn(speaker="user", text=said) for said in earlier]
    question = Question(
        question_id="q", tenant_id="a", time=datetime(2026, 1, 1, tzinfo=UTC), question=text, history=history
    )
    return begin_drafts([question])[0]


def vectors(*angles: float) -> Vectors:
    return Angles().embed([str(angle) for angle in angles])


def test_a_route_is_as_similar_as_the_mean_of_its_nearest_utterances() -> None:
    view = (1.0, vectors(0), [vectors(0, 60, 90), vectors(60)])  # cosines 1, 1/2, 0; and 1/2
    assert route_similarities([view], 1)[0] == pytest.approx([1, 0.5])
    assert route_similarities([view], 2)[0] == pytest.approx([0.75, 0.5])
    assert route_similarities([view], 9)[0] == pytest.approx([0.5, 0.5], abs=1e-7)


def test_views_are_weighted_pair_by_pair() -> None:
    # cosines 1 and 1/2 to the two utterances as said, 0 and 1 by their frames: .7 and .65
    views = [(0.7, vectors(0), [vectors(0, 60)]), (0.3, vectors(90), [vectors(0, 90)])]
    assert route_similarities(views, 1)[0] == pytest.approx([0.7])
    assert route_similarities(views, 2)[0] == pytest.approx([0.675])


@settings(deadline=None)
@given(st.lists(st.floats(0, 360), min_size=1, max_size=40), st.integers(1, 4))
def test_a_question_is_judged_alike_alone_and_among_others(angles: list[float], n_nearest: int) -> None:
    utterances = [vectors(0, 10, 20), vectors(90, 100), vectors(200)]
    together = route_similarities([(1.0, vectors(*angles), utterances)], n_nearest)
    alone = [route_similarities([(1.0, vectors(angle), utterances)], n_nearest)[0] for angle in angles]
    assert (together == np.array(alone)).all()


def test_the_most_similar_route_is_taken_with_its_margin() -> None:
    (choice,) = choose_routes(np.array([[0.2, 0.9, 0.6]]), ["a", "b", "c"], bounds=Bounds(0.5, 0.0), fallback="a")
    assert choice == RouteChoice("b", 0.9, pytest.approx(0.3), fallback=False)


def test_below_the_threshold_the_fallback_is_taken_and_the_score_still_told() -> None:
    (choice,) = choose_routes(np.array([[0.2, 0.4]]), ["a", "b"], bounds=Bounds(0.5, 0.0), fallback="a")
    assert choice == RouteChoice("a", 0.4, pytest.approx(0.2), fallback=True)


def test_a_score_at_the_threshold_is_enough() -> None:
    (choice,) = choose_routes(np.array([[0.2, 0.5]]), ["a", "b"], bounds=Bounds(0.5, 0.0), fallback="a")
    assert (choice.route, choice.fallback) == ("b", False)


def test_of_equal_routes_the_first_is_taken_and_a_single_one_has_no_margin() -> None:
    (tie,) = choose_routes(np.array([[0.7, 0.7]]), ["a", "b"], bounds=Bounds(0.5, 0.0), fallback="b")
    (single,) = choose_routes(np.array([[0.7]]), ["a"], bounds=Bounds(0.5, 0.0), fallback="a")
    assert (tie.route, tie.margin, single.margin) == ("a", 0.0, None)


def test_a_route_that_is_hardly_ahead_of_the_fallback_is_not_taken() -> None:
    rows = np.array([[0.6, 0.7, 0.1], [0.6, 0.9, 0.1], [0.1, 0.7, 0.65], [0.7, 0.65, 0.1]])
    choices = choose_routes(rows, ["docs", "chat", None], bounds=Bounds(0.5, 0.2), fallback="docs")
    # ahead of what takes the fallback by .1, by .3, by .05; the fallback itself needs no lead
    assert [(choice.route, choice.fallback) for choice in choices] == [
        ("docs", True), ("chat", False), ("docs", True), ("docs", False),
    ]  # fmt: skip


def test_what_is_nearest_to_the_examples_out_of_scope_takes_the_fallback() -> None:
    (choice,) = choose_routes(np.array([[0.6, 0.9]]), ["docs", None], bounds=Bounds(0.5, 0.0), fallback="docs")
    assert choice == RouteChoice("docs", 0.9, pytest.approx(0.3), fallback=True)


def test_a_setting_comes_before_the_table_and_the_longer_name_before_the_shorter() -> None:
    thresholds = [
        EmbedderThreshold(embedder=name, threshold=value, margin=value / 2)
        for name, value in (("m", 0.1), ("m-2", 0.2))
    ]
    table = TABLE.model_copy(update={"thresholds": thresholds})
    assert routing_bounds(table, "m-1@x", RoutingConfig()) == Bounds(0.1, 0.05)
    assert routing_bounds(table, "m-2@x", RoutingConfig()) == Bounds(0.2, 0.1)
    assert routing_bounds(table, "m-2@x", RoutingConfig(threshold=0.0)) == Bounds(0.0, 0.1)
    assert routing_bounds(table, "m-2@x", RoutingConfig(margin=0.0)) == Bounds(0.2, 0.0)
    assert routing_bounds(table, "other", RoutingConfig(threshold=0.3)) == Bounds(0.3, 0.0)


def test_an_embedder_without_a_threshold_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInputError, match=r"no threshold for the embedder 'other'.*benchmarks\.routing"):
        routing_bounds(TABLE, "other", RoutingConfig(margin=0.1))


def test_each_draft_takes_its_route() -> None:
    steps = route_drafts([draft("x 10"), draft("x 80"), draft("x 45")], TABLE, Angles(), CONFIG)
    assert [step.draft.route for step in steps] == ["docs", "chat", "docs"]
    assert [step.draft.direct for step in steps] == [False, True, False]
    assert [step.draft.status for step in steps] == [None, None, None]
    # 45 degrees from both: the cosine is .707, below .8
    assert [step.facts["fallback"] for step in steps] == [False, False, True]
    assert steps[0].facts["score"] == pytest.approx(math.cos(math.radians(10)))
    assert steps[0].facts["margin"] == pytest.approx(math.cos(math.radians(10)) - math.cos(math.radians(80)))


def test_a_route_without_a_handler_fails_its_questions_and_no_others() -> None:
    stage = Stage("routing", lambda drafts: route_drafts(drafts, TABLE, Angles(), CONFIG))
    orders, docs = run_stages([draft("x 180"), draft("x 0")], [stage], lambda: 0.0)
    assert (orders.route, orders.status) == ("orders", "failed")
    assert orders.error is not None
    assert orders.error.startswith("route orders is not configured")
    assert "set its handler" in orders.error
    assert (docs.route, docs.status) == ("docs", None)
    assert {fact.name: fact.value for fact in orders.spans[0].attributes} == {
        "fallback": "false", "margin": "1.000000", "ran": "true", "route": "orders", "score": "1.000000",
    }  # fmt: skip


def test_a_question_for_people_is_handed_over_without_an_error() -> None:
    (step,) = route_drafts([draft("x 270")], TABLE, Angles(), CONFIG)
    assert (step.draft.route, step.draft.status, step.draft.error) == ("people", "escalated", None)


def test_a_follow_up_is_compared_alone_and_after_its_conversation() -> None:
    asked = [draft("x 90", "said before 0"), draft("x 45", "said before 0"), draft("x 45")]
    own = route_drafts([asked[0]], TABLE, Angles(), CONFIG)[0]
    assert own.draft.route == "chat"
    assert own.facts["score"] == pytest.approx(1)
    # after its conversation the second stands at 10 degrees, alone at 45
    leaning, alone = route_drafts(asked[1:], TABLE, Turned(), CONFIG)
    assert (leaning.draft.route, leaning.facts["fallback"]) == ("docs", False)
    assert leaning.facts["score"] == pytest.approx(math.cos(math.radians(10)))
    assert alone.facts["fallback"] is True


class Turned(Angles):
    """As ``Angles``, but what follows something said before stands at 10 degrees."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        return super().embed(["x 10" if text.startswith("said") else text for text in texts])


def test_how_something_is_asked_counts_as_much_as_its_weight() -> None:
    asked = ["How many orders were placed?", "How many cars were sold?", "How do pumps work?", "How do valves work?"]
    table = RoutingTable.model_validate(
        {
            "routes": [
                {"name": "docs", "description": "d", "handler": "rag", "utterances": asked[2:]},
                {"name": "numbers", "description": "n", "handler": "rag", "utterances": asked[:2]},
            ],
            "fallback": "docs",
        }
    )
    drafts = [draft("How many crops were harvested?")]
    plain, framed = (
        draft_similarities(drafts, table, HashedWords(), RoutingConfig(n_nearest=1, frame_weight=weight))[0]
        for weight in (0.0, 0.5)
    )
    # the frames "how many X were X" are equal, so half of the distance to the nearest utterance goes
    assert framed[1] == pytest.approx((plain[1] + 1) / 2, abs=1e-6)


def test_nothing_to_route_is_nothing() -> None:
    assert route_drafts([], TABLE, Angles(), CONFIG) == []
