"""Tells people something through a saved Prefect notification block: Slack, Teams, mail, any webhook.

Addresses of webhooks are secrets. No message of an error raised here holds one.
"""

import inspect
import re
from typing import Any

import prefect.blocks.notifications  # noqa: F401  Block.load knows only block types that were imported
from httpx import (
    ConnectError,
    ConnectTimeout,
    HTTPError,
    HTTPStatusError,
    PoolTimeout,
    TransportError,
    UnsupportedProtocol,
)
from prefect.blocks.abstract import NotificationBlock, NotificationError
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.utilities.asyncutils import run_coro_as_sync

from millrace.errors import BadInputError, NotFoundError, UnavailableError

_MAY_HEAL = frozenset({408, 425, 429, *range(500, 600)})  # answers to which a second try is no nuisance
_UNCLEAR = frozenset({408, 502, 504})  # of something in between that does not know what the receiver did
_NEVER_SENT = (ConnectError, ConnectTimeout, PoolTimeout, UnsupportedProtocol)
_ANSWERED = re.compile(r"\berror=\d{3}\b")  # what apprise logs of a receiver that refused


def check_notification(name: str) -> None:
    """See that the block is there and can notify; its secrets are not read.

    Raises:
        NotFoundError: no such block, or one of another kind.
        UnavailableError: Prefect's API does not answer.
    """
    slug, _, saved_as = name.partition("/")
    try:
        with get_client(sync_client=True) as client:
            found = client.read_block_document_by_name(saved_as, slug, include_secrets=False)
    except ObjectNotFound:
        raise NotFoundError(
            f"no notification block {name!r}: save one in Prefect's UI under Blocks, and name it as slug/name",
            name=name,
        ) from None
    except (HTTPError, RuntimeError) as error:
        raise UnavailableError(f"Prefect's API does not say whether there is a block {name!r}: {error}") from error
    if found.block_schema is None or "notify" not in found.block_schema.capabilities:
        raise NotFoundError(f"the block {name!r} cannot notify: choose one of a notification type", name=name)


def send_notification(name: str, subject: str, body: str) -> None:
    """Send through the block.

    Raises:
        UnavailableError: the receiver could not be reached, or answered that it is in trouble.
        BadInputError: the receiver refused it, or the block cannot be loaded or used.
            Of either, ``details["taken"]`` is ``no`` when surely nothing was taken; without it, as after a timeout,
            it may have been.
    """
    refusal = _problem_of_sending(name, subject, body)
    if refusal is not None:  # raised out here: the library's own error, whose text has the address, is no context of it
        raise refusal


def _problem_of_sending(name: str, subject: str, body: str) -> BadInputError | UnavailableError | None:
    try:
        block = _load(name)
    except Exception as error:  # nothing saved, other settings than its type asks for, no answer from Prefect's API
        return BadInputError(f"the block {name} could not be used: {type(error).__name__}", taken="no")
    try:
        _send(block, subject, body)
    except HTTPStatusError as error:
        status = error.response.status_code
        kind = UnavailableError if status in _MAY_HEAL else BadInputError
        return kind(f"the receiver of {name} answered {status}", **_taken(status not in _UNCLEAR))
    except TransportError as error:
        lost = _taken(isinstance(error, _NEVER_SENT))
        return UnavailableError(f"the receiver of {name} could not be reached: {type(error).__name__}", **lost)
    except NotificationError as error:  # of a timeout and a refused connection apprise logs the same
        lost = _taken(_ANSWERED.search(error.log) is not None)
        return UnavailableError(f"the receiver of {name} could not be reached: {type(error).__name__}", **lost)
    except Exception as error:  # whatever a block type of anybody's raises
        return BadInputError(f"the block {name} could not be used: {type(error).__name__}")
    return None


def _taken(surely_not: bool) -> dict[str, str]:
    return {"taken": "no"} if surely_not else {}


def _load(name: str) -> NotificationBlock:
    block: Any = Block.load(name)
    if not isinstance(block, NotificationBlock):
        raise TypeError(f"{type(block).__name__} cannot notify")
    return block


def _send(block: NotificationBlock, subject: str, body: str) -> None:
    with block.raise_on_failure():
        waiting: Any = block.notify(body, subject)
        if inspect.iscoroutine(waiting):  # some block types are asynchronous only
            run_coro_as_sync(waiting)
