"""A stand-in for a Qdrant server over real HTTP: the few endpoints that Millrace calls, and the troubles of a real one.

What a request asks for is done by qdrant-client's local mode; requests are parsed by Qdrant's own published models,
which refuse unknown fields.
"""

import json
import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qdrant_client import QdrantClient, models

from tests.support.local_server import LocalServer, QuietHandler

API_KEY = "stand-in-key-1234"


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose path ends with ``path``, before anything is done."""

    path: str
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"status":{"error":"trouble"}}'
    delay_s: float = 0.0
    times: int = 1
    after: bool = False  # the request is done, and its answer lost


@dataclass
class StandIn(LocalServer):
    """Keeps every request; ``with`` serves it. A key, if there is one, is asked for."""

    api_key: str | None = None
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = QdrantClient(":memory:")
        self._lock = threading.Lock()
        self.listen(_handler(self))

    @property
    def url(self) -> str:
        return self.origin

    def fault(self, path: str) -> Fault | None:
        """The trouble planned for a request, if there is one."""
        with self._lock:
            planned = next((each for each in self.faults if path.endswith(each.path) and each.times > 0), None)
            if planned is not None:
                planned.times -= 1
            return planned

    def do(self, method: str, path: str, body: Any) -> Any:
        """What a request asks for.

        Raises:
            LookupError: no such endpoint.
            ValueError: Qdrant would answer 4xx.
        """
        self.requests.append((method, path, body))
        for pattern, act in _ENDPOINTS.items():
            if match := re.fullmatch(pattern, f"{method} {path}"):
                with self._lock, warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the local mode says that it has no payload indexes
                    return act(self.client, *match.groups(), body)
        raise LookupError(f"{method} {path}")


def _create(client: QdrantClient, name: str, body: Any) -> bool:
    asked = models.CreateCollection.model_validate(body)
    assert isinstance(asked.vectors, dict)
    return client.create_collection(name, asked.vectors, asked.sparse_vectors, hnsw_config=asked.hnsw_config)


def _index(client: QdrantClient, name: str, body: Any) -> Any:
    asked = models.CreateFieldIndex.model_validate(body)
    return client.create_payload_index(name, asked.field_name, asked.field_schema).model_dump(mode="json")


def _upsert(client: QdrantClient, name: str, body: Any) -> Any:
    return client.upsert(name, models.PointsList.model_validate(body).points).model_dump(mode="json")


def _query(client: QdrantClient, name: str, body: Any) -> Any:
    searches = models.QueryRequestBatch.model_validate(body).searches
    return [answer.model_dump(mode="json") for answer in client.query_batch_points(name, searches)]


def _change_aliases(client: QdrantClient, body: Any) -> bool:
    return client.update_collection_aliases(models.ChangeAliasesOperation.model_validate(body).actions)


_NAME = "/collections/([^/]+)"
_ENDPOINTS: Mapping[str, Callable[..., Any]] = {
    "GET /aliases": lambda client, _body: client.get_aliases().model_dump(mode="json"),
    "POST /collections/aliases": _change_aliases,
    f"GET {_NAME}/exists": lambda client, name, _body: {"exists": client.collection_exists(name)},
    f"GET {_NAME}": lambda client, name, _body: client.get_collection(name).model_dump(mode="json"),
    f"PUT {_NAME}": _create,
    f"DELETE {_NAME}": lambda client, name, _body: client.delete_collection(name),
    f"PUT {_NAME}/index": _index,
    f"PUT {_NAME}/points": _upsert,
    f"POST {_NAME}/points/count": lambda client, name, _body: client.count(name).model_dump(mode="json"),
    f"POST {_NAME}/points/query/batch": _query,
}


def _handler(stand_in: StandIn) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            content = self.body()
            body = json.loads(content) if content else None
            fault = stand_in.fault(path)
            if fault is not None:
                time.sleep(fault.delay_s)
                if fault.after:
                    stand_in.do(self.command, path, body)
                return self._send(fault.status, fault.body, fault.headers)
            if stand_in.api_key is not None and self.headers.get("api-key") != stand_in.api_key:
                return self._send(401, b"Must provide an API key or an Authorization bearer token", {})
            return self._done(path, body)

        do_PUT = do_POST = do_DELETE = do_GET

        def _done(self, path: str, body: Any) -> None:
            try:
                result = stand_in.do(self.command, path, body)
            except (LookupError, ValueError) as error:
                status = 404 if isinstance(error, LookupError) else 400
                return self._send(status, json.dumps({"status": {"error": str(error)}}).encode(), {})
            return self._send(200, json.dumps({"result": result, "status": "ok", "time": 0.0}).encode(), {})

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler
