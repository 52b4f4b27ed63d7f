"""A reranker behind HTTP: its scores in our order, its troubles in our words, its key nowhere."""

import json
import threading
import traceback
from typing import Any

import pytest
from pydantic import ValidationError

from millrace.adapters.rerank_api import RerankApi, RerankApiSettings
from millrace.errors import BadInputError, MillraceError, UnavailableError
from tests.support.rerank_server import KEY, Reply, RerankServer, relevance

PAIRS = [("mill wheel", "the mill"), ("grain", "no such thing"), ("mill wheel", "mill and wheel"), ("grain", "grain")]


def settings(url: str, **changes: Any) -> RerankApiSettings:
    return RerankApiSettings(**({"url": url, "model": "tiny-rerank", "n_at_once": 1} | changes))


def api(server: RerankServer, waits: list[float] | None = None, **changes: Any) -> RerankApi:
    return RerankApi(settings(server.url, **changes), KEY, sleep=(waits if waits is not None else []).append)


def failure(server: RerankServer, **changes: Any) -> MillraceError:
    with pytest.raises(MillraceError) as raised:
        api(server, **changes).score(PAIRS)
    assert KEY not in "".join(traceback.format_exception(raised.value))
    assert "mill" not in str(raised.value)  # what is asked may be personal
    return raised.value


def test_scores_come_in_the_order_of_the_pairs_whatever_order_they_are_answered_in() -> None:
    with RerankServer() as server:
        assert api(server).score(PAIRS) == [relevance(*pair) for pair in PAIRS] == [0.5, 0.0, 1.0, 1.0]


def test_a_query_is_asked_once_with_its_documents_and_equal_pairs_once() -> None:
    with RerankServer() as server:
        assert api(server).score([*PAIRS, PAIRS[0]])[-1] == 0.5
        assert server.bodies == [
            {"model": "tiny-rerank", "query": "mill wheel", "documents": ["the mill", "mill and wheel"]},
            {"model": "tiny-rerank", "query": "grain", "documents": ["no such thing", "grain"]},
        ]
        assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}


def test_a_long_list_is_asked_for_in_parts() -> None:
    pairs = [("mill", f"text {number}") for number in range(5)]
    with RerankServer() as server:
        assert api(server, max_documents=2).score(pairs) == [0.0] * 5
        assert [len(body["documents"]) for body in server.bodies] == [2, 2, 1]


def test_many_requests_under_way_at_once_give_the_same_scores() -> None:
    pairs = [(f"mill {number % 7}", f"{number % 7} text {number}") for number in range(60)]
    with RerankServer([Reply(503), Reply(429)]) as server:
        assert api(server, n_at_once=8).score(pairs) == [relevance(*pair) for pair in pairs]


@pytest.mark.parametrize(
    "trouble",
    [Reply(429), Reply(500), Reply(503), Reply(408), Reply(cut=True), Reply(body=b'{"results": [')],
    ids=["429", "500", "503", "408", "cut", "broken json"],
)
def test_what_may_heal_is_tried_again(trouble: Reply) -> None:
    waits: list[float] = []
    with RerankServer([trouble, trouble]) as server:
        assert api(server, waits).score(PAIRS[:1]) == [0.5]
    assert waits == [0.5, 1.0]


def test_what_does_not_heal_in_all_tries_is_unavailable() -> None:
    with RerankServer([Reply(500)] * 9) as server:
        error = failure(server, max_tries=3)
        assert isinstance(error, UnavailableError)
        assert str(error) == "the reranker 'tiny-rerank' answered 500"
        assert len(server.bodies) == 3


def test_the_wait_is_the_one_that_the_service_asks_for() -> None:
    waits: list[float] = []
    date = {"Date": "Sun, 01 Nov 2026 10:00:00 GMT", "Retry-After": "Sun, 01 Nov 2026 10:00:07 GMT"}
    with RerankServer([Reply(429, {"Retry-After": "3"}), Reply(503, {"Retry-After": "0"})]) as server:
        api(server, waits).score(PAIRS[:1])
    assert waits == [3.0, 0.0]
    with RerankServer([Reply(429, date)]) as server:
        api(server, waits).score(PAIRS[:1])
    assert waits[2:] == [7.0]


def test_a_service_that_asks_for_too_long_a_wait_counts_as_down() -> None:
    with RerankServer([Reply(429, {"Retry-After": "3600"})]) as server:
        assert isinstance(failure(server), UnavailableError)
        assert len(server.bodies) == 1


def test_no_answer_in_time_is_unavailable() -> None:
    released = threading.Event()
    with RerankServer([Reply(released=released)]) as server:
        error = failure(server, timeout_s=0.2, max_tries=1)
        released.set()
    assert isinstance(error, UnavailableError)
    assert "ReadTimeout" in str(error)


def test_nobody_there_is_unavailable() -> None:
    with RerankServer() as server:
        url = server.url
    with pytest.raises(UnavailableError, match="could not be reached: ConnectError"):
        RerankApi(settings(url, max_tries=2), KEY, sleep=lambda _: None).score(PAIRS)


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (401, UnavailableError, "check the key"),
        (403, UnavailableError, "check the key"),
        (400, BadInputError, "check url"),
        (404, BadInputError, "check url"),
        (302, BadInputError, "check url"),
    ],
)
def test_a_refusal_is_not_tried_again(status: int, kind: type[Exception], told: str) -> None:
    with RerankServer([Reply(status)]) as server:
        error = failure(server)
        assert isinstance(error, kind)
        assert told in str(error)
        assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "results",
    [
        [{"index": 0, "relevance_score": 0.1}],
        [{"index": 0, "relevance_score": 0.1}, {"index": 0, "relevance_score": 0.2}],
        [{"index": 0, "relevance_score": 0.1}, {"index": 2, "relevance_score": 0.2}],
        [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": "NaN"}],
        [{"index": 0, "score": 0.1}, {"index": 1, "score": 0.1}],
    ],
    ids=["one missing", "one twice", "one beyond", "no number", "other form"],
)
def test_an_answer_that_does_not_score_every_document_once_is_refused(results: list[dict[str, Any]]) -> None:
    with RerankServer([Reply(body=json.dumps({"results": results}).encode())]) as server:
        assert isinstance(failure(server), BadInputError)


def test_no_pairs_ask_nobody() -> None:
    with RerankServer() as server:
        assert api(server).score([]) == []
        assert server.bodies == []


def test_neither_identity_nor_representation_tells_address_or_key() -> None:
    with RerankServer() as server:
        scorer = api(server)
        assert scorer.identity == "rerank-api/1 tiny-rerank"
        told = repr(scorer) + repr(scorer._settings) + scorer.identity
        assert KEY not in told


def test_an_address_that_no_client_can_use_is_said() -> None:
    with pytest.raises(BadInputError, match="check host and port"):
        RerankApi(settings("http://localhost:port/rerank"), KEY).score(PAIRS)


@pytest.mark.parametrize("url", ["ftp://host/rerank", "rerank", "https://user:secret@host/rerank"])
def test_an_address_is_http_and_holds_no_secret(url: str) -> None:
    with pytest.raises(ValidationError):
        settings(url)
