"""A webhook's receiver over real HTTP, in a thread of this process, that can be told to be in trouble."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.local_server import LocalServer, QuietHandler

SECRET = "receiver-token-1234"  # noqa: S105  in the address, as Slack and Teams have it


@dataclass(frozen=True)
class Reply:
    """A status, sent when ``released`` is set; by default at once."""

    status: int = 200
    released: threading.Event | None = None


@dataclass
class Receiver(LocalServer):
    """Keeps every body posted to it; answers with the replies in turn, then with 200. ``with`` serves it."""

    replies: Sequence[Reply] = ()
    bodies: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listen(_handler(self))

    @property
    def url(self) -> str:
        return f"{self.origin}/{SECRET}"

    def take(self, body: bytes) -> Reply:
        self.bodies.append(json.loads(body))
        place = len(self.bodies) - 1
        return self.replies[place] if place < len(self.replies) else Reply()


def refused_url() -> str:
    """An address at which nobody listens."""
    receiver = Receiver()
    receiver.refuse()
    return receiver.url


def _handler(receiver: Receiver) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_POST(self) -> None:
            reply = receiver.take(self.body())
            if reply.released is not None:
                reply.released.wait(30)
            self.send_response(reply.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler
