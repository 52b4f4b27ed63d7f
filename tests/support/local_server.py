"""HTTP on 127.0.0.1 from a thread of this process: what the stand-ins of services share."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class QuietHandler(BaseHTTPRequestHandler):
    """Says nothing: pytest shows stderr."""

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def body(self) -> bytes:
        """The request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class LocalServer:
    """Listens at once, at a port of the system's choice; ``with`` serves."""

    def listen(self, handler: type[BaseHTTPRequestHandler]) -> None:
        """Take a port; whoever calls is served from ``with`` on."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_port}"

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
