"""A reranker over real HTTP, in a thread of this process, that can be told to be in trouble."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.local_server import LocalServer, QuietHandler

KEY = "rerank-key-1234"


@dataclass(frozen=True)
class Reply:
    """What is answered: a status, perhaps with headers or a body of its own; ``cut`` closes without an answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: bool = False
    released: threading.Event | None = None  # nothing is answered before


def relevance(query: str, document: str) -> float:
    """Share of the query's words that the document has."""
    asked = set(query.split())
    return len(asked & set(document.split())) / len(asked)


@dataclass
class RerankServer(LocalServer):
    """Answers with the replies in turn, then as a reranker does, best first. ``with`` serves it."""

    replies: Sequence[Reply] = ()
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.listen(_handler(self))

    @property
    def url(self) -> str:
        return f"{self.origin}/v1/rerank"

    def take(self, body: dict[str, Any], headers: dict[str, str]) -> Reply:
        with self._lock:
            place = len(self.bodies)
            self.bodies.append(body)
            self.headers.append(headers)
        return self.replies[place] if place < len(self.replies) else Reply()


def scored(body: dict[str, Any]) -> bytes:
    found = [
        {"index": place, "relevance_score": relevance(body["query"], text), "document": {"text": text}}
        for place, text in enumerate(body["documents"])
    ]
    found.sort(key=lambda each: -each["relevance_score"])
    return json.dumps({"id": "r-1", "results": found, "meta": {"billed_units": {"search_units": 1}}}).encode()


def _handler(server: RerankServer) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.body())
            reply = server.take(body, {name.lower(): value for name, value in self.headers.items()})
            if reply.released is not None:
                reply.released.wait(30)
            if reply.cut:
                return
            content = reply.body if reply.body is not None else scored(body) if reply.status == 200 else b"{}"
            self.send_response_only(reply.status)  # without a date of its own
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
