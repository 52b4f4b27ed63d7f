"""A Pushgateway's side of a push over real HTTP, in a thread of this process, that can be told to be in trouble."""

import base64
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.local_server import LocalServer, QuietHandler

USER, PASSWORD = "metrics", "gate/way-token-1234"


@dataclass(frozen=True)
class Push:
    """One request: what a grouping key's metrics are replaced by."""

    method: str
    path: str
    user: str | None
    password: str | None
    content_type: str
    text: str


@dataclass
class Gateway(LocalServer):
    """Keeps every push; answers with the statuses in turn, then with 200. ``with`` serves it."""

    statuses: Sequence[int] = ()
    released: threading.Event | None = None
    pushes: list[Push] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listen(_handler(self))

    @property
    def url_with_password(self) -> str:
        return self.origin.replace("://", f"://{USER}:{PASSWORD.replace('/', '%2F')}@")

    def take(self, push: Push) -> int:
        self.pushes.append(push)
        place = len(self.pushes) - 1
        return self.statuses[place] if place < len(self.statuses) else 200


def _handler(gateway: Gateway) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_PUT(self) -> None:
            scheme, _, given = self.headers.get("Authorization", "").partition(" ")
            user, _, password = base64.b64decode(given).decode().partition(":") if scheme == "Basic" else ("", "", "")
            kind, text = self.headers.get("Content-Type", ""), self.body().decode()
            status = gateway.take(Push(self.command, self.path, user or None, password or None, kind, text))
            if gateway.released is not None:
                gateway.released.wait(30)
            self.send_response(status)
            if status in range(300, 400):
                self.send_header("Location", f"{gateway.origin}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT

    return Handler
