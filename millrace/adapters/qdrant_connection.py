"""Calls of a Qdrant server: tried again where that may help, and failing with what went wrong in our own words."""

import time
from collections.abc import Callable
from json import JSONDecodeError
from typing import TypeVar

from httpx import HTTPError, InvalidURL
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from millrace.errors import BadInputError, MillraceError, UnavailableError

Result = TypeVar("Result")
_MAY_HEAL = frozenset({408, 425, 429, 500, 502, 503, 504})
_FAILURES = (ApiException, QdrantException, HTTPError, InvalidURL, JSONDecodeError, UnicodeDecodeError)
_LONGEST_PAUSE_S = 30.0


class Connection:
    """A client with the name it has in messages, which is never its address.

    Args:
        client: of a server, or of qdrant-client's local mode.
        name: such as ``qdrant-server/team``.
        tries: of each call, at least 1; every call made here can safely be made twice.
        pause_s: before the second try; doubled for each further one, unless the server says how long to wait.
        sleep: how to wait.
    """

    def __init__(
        self,
        client: QdrantClient,
        name: str,
        *,
        tries: int = 3,
        pause_s: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._name = name
        self._tries = tries
        self._pause_s = pause_s
        self._sleep = sleep

    def call(self, purpose: str, ask: Callable[[QdrantClient], Result]) -> Result:
        """What ``ask`` returns.

        Raises:
            UnavailableError: the server timed out, refused or was overloaded at every try.
            BadInputError: it does not know the key, or the request or the answer is not understood; not tried again.
        """
        for number in range(self._tries):
            try:
                return ask(self._client)
            except _FAILURES as error:
                problem = _problem(error, f"the Qdrant server {self._name} ({purpose})")
                asked_s = float(error.retry_after_s) if isinstance(error, ResourceExhaustedResponse) else None
            if isinstance(problem, BadInputError) or number == self._tries - 1:
                break
            self._sleep(min(_LONGEST_PAUSE_S, self._pause_s * 2**number if asked_s is None else asked_s))
        raise problem  # outside of the handler: the client's error has the request with its key


def _problem(error: Exception, server: str) -> MillraceError:
    if isinstance(error, ResourceExhaustedResponse):
        return UnavailableError(f"{server} is overloaded: {error}")
    if isinstance(error, UnexpectedResponse):
        return _refusal(error.status_code or 0, server)
    cause = error.source if isinstance(error, ResponseHandlingException) else error
    if isinstance(cause, HTTPError):
        return UnavailableError(f"{server} could not be reached: {type(cause).__name__}")
    return BadInputError(f"{server} gave no answer of Qdrant's ({type(cause).__name__}); check its URL")


def _refusal(status: int, server: str) -> MillraceError:
    if status in _MAY_HEAL:
        return UnavailableError(f"{server} answered {status}", status=status)
    if status in (401, 403):
        return BadInputError(f"{server} refused the API key ({status}); check the key", status=status)
    return BadInputError(f"{server} refused the request ({status})", status=status)
