"""A snapshot on a server is whole or not there, and trouble with the server is said in our own errors."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from millrace.adapters.qdrant_connection import Connection
from millrace.adapters.qdrant_server import QdrantServerStore, connect
from millrace.errors import BadInputError, DamagedDatasetError, MillraceError, UnavailableError
from tests.support.index_points import by_terms, by_vector, point
from tests.support.qdrant_server import API_KEY, Fault, StandIn

POINTS = [point(f"p{number:03}", [1, number], weights={7: 1.0}) for number in range(450)]  # three batches
QUERY = "/points/query/batch"
pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(api_key=API_KEY) as running:
        yield running


@pytest.fixture
def store(server: StandIn) -> QdrantServerStore:
    return QdrantServerStore(connect(server.url, API_KEY, name="stand-in", tries=1))


def asked(server: StandIn, method: str, ending: str) -> list[Any]:
    return [body for verb, path, body in server.requests if verb == method and path.endswith(ending)]


def collections(server: StandIn) -> list[str]:
    return [each.name for each in server.client.get_collections().collections]


def test_a_snapshot_is_a_collection_that_is_filled_and_counted_before_its_alias_names_it(
    server: StandIn, store: QdrantServerStore
) -> None:
    store.build("one", POINTS, dimension=2)
    (collection,) = collections(server)
    assert collection.startswith("millrace-one-")
    assert [(each.alias_name, each.collection_name) for each in server.client.get_aliases().aliases] == [
        ("millrace-one", collection)
    ]
    steps = [(method, path.removeprefix(f"/collections/{collection}")) for method, path, _ in server.requests]
    writes = [step for step in steps if step[0] != "GET"]
    fields = [("PUT", "/index")] * 2
    batches = [("PUT", "/points")] * 3
    assert writes == [("PUT", ""), *fields, *batches, ("POST", "/points/count"), ("POST", "/collections/aliases")]
    assert {body["field_name"] for body in asked(server, "PUT", "/index")} == {"tenant_id", "fields"}


def test_every_search_is_exact_and_names_its_tenant_first(server: StandIn, store: QdrantServerStore) -> None:
    store.build("one", POINTS, dimension=2)
    store.open("one").search(
        [by_vector(1, 0, where={"title": "x"}), by_terms({7: 1}), by_terms({7: 1}, tenant_id="other")]
    )
    searches = [search for body in asked(server, "POST", QUERY) for search in body["searches"]]
    assert len(searches) >= 3
    for search in searches:
        assert search["params"]["exact"] is True
        assert search["filter"]["must"][0] == {
            "key": "tenant_id",
            "match": {"value": "other" if search is searches[2] else "acme"},
        }


def test_an_open_index_stays_with_its_collection(server: StandIn, store: QdrantServerStore) -> None:
    store.build("one", [point("a", [1, 0])], dimension=2)
    index = store.open("one")
    store.build("two", [point("b", [1, 0])], dimension=2)
    (moved,) = [
        each.collection_name for each in server.client.get_aliases().aliases if each.alias_name == "millrace-two"
    ]
    server.do(
        "POST",
        "/collections/aliases",
        {"actions": [{"create_alias": {"collection_name": moved, "alias_name": "millrace-one"}}]},
    )
    assert [hit.point_id for hit in index.search([by_vector(1, 0)])[0]] == ["a"]
    assert [hit.point_id for hit in store.open("one").search([by_vector(1, 0)])[0]] == ["b"]


@pytest.mark.parametrize("path", ["/index", "/points", "/points/count", "/collections/aliases"])
def test_a_build_that_fails_leaves_neither_collection_nor_alias(
    server: StandIn, store: QdrantServerStore, path: str
) -> None:
    server.faults.append(Fault(path, times=1))
    with pytest.raises(UnavailableError, match="answered 503"):
        store.build("one", POINTS, dimension=2)
    assert (collections(server), store.exists("one")) == ([], False)
    store.build("one", POINTS, dimension=2)
    assert store.exists("one")


def test_points_that_the_server_lost_are_noticed(server: StandIn, store: QdrantServerStore) -> None:
    lost = b'{"result":{"operation_id":1,"status":"completed"},"status":"ok","time":0.0}'
    server.faults.append(Fault("/points", status=200, body=lost))
    with pytest.raises(UnavailableError, match="kept 250 of 450 points"):
        store.build("one", POINTS, dimension=2)
    assert not store.exists("one")


def test_what_another_process_published_meanwhile_is_kept(server: StandIn, store: QdrantServerStore) -> None:
    def build_first(client: Any) -> Any:
        result = client.get_aliases()
        if not collections(server):
            QdrantServerStore(connect(server.url, API_KEY, name="other")).build("one", POINTS[:1], dimension=2)
        return result

    connection = store._connection
    first_call = connection.call

    def call(purpose: str, ask: Callable[[Any], Any]) -> Any:
        return first_call(purpose, build_first if purpose == "look up" else ask)

    connection.call = call  # type: ignore[method-assign]
    store.build("one", POINTS, dimension=2)
    assert len(collections(server)) == 1
    assert len(store.open("one").search([by_vector(1, 0, limit=5)])[0]) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (Fault(QUERY, 503), UnavailableError, "answered 503"),
        (Fault(QUERY, 429), UnavailableError, "answered 429"),
        (Fault(QUERY, 429, {"Retry-After": "7"}), UnavailableError, "overloaded"),
        (Fault(QUERY, 401), BadInputError, "refused the API key"),
        (Fault(QUERY, 403), BadInputError, "refused the API key"),
        (Fault(QUERY, 400), BadInputError, r"refused the request \(400\)"),
        (Fault(QUERY, 200, body=b"<html>a login page</html>"), BadInputError, "no answer of Qdrant's"),
        (Fault(QUERY, 200, body=b'{"result":[]}'), BadInputError, "answered 0 of 1 searches"),
        (Fault(QUERY, 200, delay_s=2.0), UnavailableError, "could not be reached: ReadTimeout"),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Fault) else "",
)
def test_trouble_is_told_apart(server: StandIn, fault: Fault, kind: type[MillraceError], message: str) -> None:
    store = QdrantServerStore(connect(server.url, API_KEY, name="stand-in", timeout_s=1, tries=1))
    store.build("one", POINTS[:2], dimension=2)
    index = store.open("one")
    server.faults.append(fault)
    with pytest.raises(kind, match=message) as caught:
        index.search([by_vector(1, 0)])
    assert type(caught.value) is kind
    fault.times = 0
    assert len(index.search([by_vector(1, 0)])[0]) == 2


def test_a_server_that_is_not_there_is_unavailable(server: StandIn) -> None:
    with StandIn() as gone:
        pass
    with pytest.raises(UnavailableError, match="could not be reached: ConnectError"):
        QdrantServerStore(connect(gone.url, None, name="gone", tries=1)).exists("one")


def test_a_wrong_key_is_refused_and_never_told(server: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = "-".join(["secret", "of", "mine"])  # so that a traceback's lines of code do not hold it
    with pytest.raises(BadInputError, match="refused the API key") as caught:
        QdrantServerStore(connect(server.url, key, name="stand-in")).exists("one")
    assert key not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert server.url not in "".join(traceback.format_exception_only(caught.value))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_what_may_heal_is_tried_again_with_longer_pauses_or_as_long_as_the_server_says(server: StandIn) -> None:
    pauses: list[float] = []
    over_http = connect(server.url, API_KEY, name="stand-in")._client
    connection = Connection(over_http, "stand-in", tries=4, pause_s=0.5, sleep=pauses.append)
    server.faults += [Fault("/aliases"), Fault("/aliases", 429, {"Retry-After": "7"}), Fault("/aliases")]
    assert connection.call("look up", lambda client: client.get_aliases()).aliases == []
    assert pauses == [0.5, 7.0, 2.0]
    server.faults.append(Fault("/aliases", 401))
    with pytest.raises(BadInputError):
        connection.call("look up", lambda client: client.get_aliases())
    assert len(pauses) == 3


@pytest.mark.parametrize("path", ["/points", "/collections/aliases"])
def test_a_request_that_was_done_but_not_answered_is_safe_to_repeat(server: StandIn, path: str) -> None:
    client = connect(server.url, API_KEY, name="stand-in")._client
    store = QdrantServerStore(Connection(client, "stand-in", sleep=lambda _: None))
    server.faults.append(Fault(path, 502, after=True))
    store.build("one", POINTS, dimension=2)
    assert len(collections(server)) == 1
    assert len(store.open("one").search([by_terms({7: 1}, limit=450)])[0]) == 450


def test_a_collection_of_somebody_elses_is_refused(server: StandIn, store: QdrantServerStore) -> None:
    server.do("PUT", "/collections/other", {"vectors": {"text": {"size": 2, "distance": "Dot"}}})
    alias = {"create_alias": {"collection_name": "other", "alias_name": "millrace-one"}}
    server.do("POST", "/collections/aliases", {"actions": [alias]})
    with pytest.raises(DamagedDatasetError, match="lacks the vectors"):
        store.open("one")


def test_a_point_of_another_tenant_in_the_answer_is_refused(server: StandIn, store: QdrantServerStore) -> None:
    store.build("one", [point("a", [1, 0], tenant_id="other")], dimension=2)
    index = store.open("one")
    (collection,) = collections(server)
    stolen = server.do("POST", f"/collections/{collection}{QUERY}", {"searches": [_everything()]})
    body = json.dumps({"result": stolen, "status": "ok", "time": 0.0}).encode()
    server.faults.append(Fault(QUERY, 200, body=body))
    with pytest.raises(BadInputError, match="another tenant"):
        index.search([by_vector(1, 0)])


def _everything() -> dict[str, Any]:
    return {"query": [1.0, 0.0], "using": "dense", "limit": 5, "with_payload": True, "with_vector": ["dense"]}
