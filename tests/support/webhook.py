"""A webhook's receiver over real HTTP, in a thread of this process, that can be told to be in trouble."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

SECRET = "receiver-token-1234"  # noqa: S105  in the address, as Slack and Teams have it


@dataclass(frozen=True)
class Reply:
    """A status, sent when ``released`` is set; by default at once."""

    status: int = 200
    released: threading.Event | None = None


@dataclass
class Receiver:
    """Keeps every body posted to it; answers with the replies in turn, then with 200. ``with`` serves it."""

    replies: Sequence[Reply] = ()
    bodies: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{SECRET}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self.refuse()

    def refuse(self) -> None:
        """Close the port: whoever calls is refused."""
        self._server.server_close()

    def take(self, body: bytes) -> Reply:
        self.bodies.append(json.loads(body))
        place = len(self.bodies) - 1
        return self.replies[place] if place < len(self.replies) else Reply()


def refused_url() -> str:
    """An address at which nobody listens."""
    receiver = Receiver()
    receiver.refuse()
    return receiver.url


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reply = receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            if reply.released is not None:
                reply.released.wait(30)
            self.send_response(reply.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent: pytest shows stderr."""

    return Handler
