"""Pushes metrics to a Prometheus Pushgateway.

Its address may hold a password. No message of an error raised here holds the address.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPException
from typing import Annotated
from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit

from prometheus_client import CollectorRegistry, push_to_gateway
from prometheus_client.exposition import basic_auth_handler, default_handler
from pydantic import AfterValidator

from millrace.errors import BadInputError, UnavailableError

PUSHGATEWAY_VARIABLE = "MILLRACE_PUSHGATEWAY"
_MAY_HEAL = frozenset({408, 425, 429, *range(500, 600)})


def _without_secrets(url: str) -> str:
    """Settings are stored with the run, so an address among them has no password."""
    parts = _split(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        # no ValueError: pydantic would show what was given
        raise BadInputError(
            "the Pushgateway's address in settings has a password or a query: settings are stored, so set "
            f"{PUSHGATEWAY_VARIABLE} instead"
        )
    return url


PushgatewayUrl = Annotated[str, AfterValidator(_without_secrets)]


def pushgateway_address(setting: str | None) -> str | None:
    """The address in the settings, else ``MILLRACE_PUSHGATEWAY``; None when neither is set."""
    return setting or os.environ.get(PUSHGATEWAY_VARIABLE) or None


def push_metrics(
    address: str, registry: CollectorRegistry, *, job: str, grouping: Mapping[str, str], timeout_s: float
) -> None:
    """Replace all metrics of this job and grouping key; doing it twice leaves what doing it once leaves.

    Raises:
        UnavailableError: the gateway could not be reached, or answered that it is in trouble.
        BadInputError: no address of one, or it refused the metrics.
    """
    refusal = _problem_of_pushing(address, registry, job, grouping, timeout_s)
    if refusal is not None:  # raised out here: the library's own error, which has the address, is no context of it
        raise refusal


def _problem_of_pushing(
    address: str, registry: CollectorRegistry, job: str, grouping: Mapping[str, str], timeout_s: float
) -> BadInputError | UnavailableError | None:
    try:
        parts = _split(address)
        push_to_gateway(_bare(parts), job, registry, dict(grouping), timeout_s, _handler(parts))
    except HTTPError as error:
        kind = UnavailableError if error.code in _MAY_HEAL else BadInputError
        return kind(f"the Pushgateway answered {error.code}")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)  # urllib wraps what happened
        return UnavailableError(f"the Pushgateway could not be reached: {type(reason).__name__}")
    except BadInputError as error:
        return error
    except ValueError:
        return BadInputError("the Pushgateway's address is no web address")
    return None


def _handler(parts: SplitResult) -> Callable[..., Callable[[], None]]:
    if parts.username is None:
        return default_handler
    return partial(basic_auth_handler, username=unquote(parts.username), password=unquote(parts.password or ""))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname:
            _ = parts.port  # refuses what is no number
            return parts
    except ValueError:
        pass
    raise BadInputError("the Pushgateway's address is no web address: give one as http://host:9091")


def _bare(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
