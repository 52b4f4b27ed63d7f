"""How to open a chat model: ``environment`` for the gateway that variables name, or a saved block by slug/name."""

import atexit
import hashlib
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, ValidationError

from blocks.gateway_key import KEY_VARIABLES, gateway_key
from millrace.adapters.gateway_settings import GatewayModels, GatewaySettings
from millrace.errors import BadInputError, NotFoundError
from millrace.ports import AwaitableChatModel, RequestJournal

if TYPE_CHECKING:
    from millrace.adapters.gateway_calls import GatewayConnection
    from millrace.adapters.prices import PriceTable

ENVIRONMENT = "environment"
URL_VARIABLE = "MILLRACE_GATEWAY_URL"
MODEL_VARIABLE = "MILLRACE_GATEWAY_MODEL"
CHEAP_MODEL_VARIABLE = "MILLRACE_GATEWAY_CHEAP_MODEL"
FALLBACK_MODEL_VARIABLE = "MILLRACE_GATEWAY_FALLBACK_MODEL"
PRICES_VARIABLE = "MILLRACE_PRICES"


class GatewayBlock(Block):
    """Any OpenAI-compatible gateway."""

    _block_type_name = "Chat gateway"
    _block_type_slug = "chat-gateway"
    _description = "An OpenAI-compatible API: address, models, limits. The key is best left to the environment."

    settings: GatewaySettings
    key_variables: tuple[str, ...] = Field(KEY_VARIABLES, description="Environment variables looked at for the key")
    key: SecretStr | None = Field(None, description="Used last; Prefect's database can show it, the others cannot")

    @property
    def identity(self) -> str:
        """Models and the settings that decide replies; neither address nor key."""
        return self.settings.identity

    def connect(self) -> "GatewayConnection":
        """The connection of this process, made once and closed at its end.

        Raises:
            BadInputError: there is no key.
        """
        return _connection(self.settings, gateway_key(self.key, self.key_variables))


def open_chat_model(
    name: str = ENVIRONMENT,
    *,
    journal: RequestJournal | None = None,
    redact: Callable[[str], str] = str,
    prices: Path | None = None,
) -> AwaitableChatModel:
    """The chat model behind a name. Open it once for all threads of a step: they then share what they ask twice.

    Args:
        journal: remembers paid replies.
        redact: takes personal data out of replies, before anything else sees them.
        prices: the user's own table; by default the one that MILLRACE_PRICES names, else configs/prices.yaml.

    Raises:
        NotFoundError: no gateway block is saved under this name.
        BadInputError: address, model or key is missing, or the prices are no table; the message says which.
    """
    from millrace.adapters.gateway import Gateway
    from millrace.adapters.prices import PriceList

    connection = _block(name).connect()
    known = PriceList(open_price_table(prices), datetime.now(UTC), connection.settings.base_url)
    return Gateway(connection, known, journal, redact)


def chat_model_identity(name: str = ENVIRONMENT) -> str:
    """What decides the replies of the chat model behind a name; cheap, for cache keys.

    Raises:
        NotFoundError: no gateway block is saved under this name.
        BadInputError: the environment names no gateway.
    """
    return _block(name).identity


def open_price_table(path: Path | None = None) -> "PriceTable":
    """The user's own prices: from a path, from the file that MILLRACE_PRICES names, else from configs/prices.yaml.

    Raises:
        BadInputError: not such a table.
    """
    from millrace.adapters.prices import PriceTable
    from millrace.records.rules import read_record

    named = os.environ.get(PRICES_VARIABLE)
    bundled = Path(str(files("configs"))) / "prices.yaml"
    return read_record(path or (Path(named) if named else bundled), PriceTable)


def gateway_models(name: str = ENVIRONMENT) -> GatewayModels:
    """Which models the gateway behind a name is asked for; errors as of :func:`chat_model_identity`."""
    return _block(name).settings.models


def _block(name: str) -> GatewayBlock:
    if name == ENVIRONMENT:
        return _block_of_environment()
    try:
        block = Block.load(name)
    except ValueError as error:
        raise NotFoundError(
            f"no gateway {name!r}: use 'environment' or the slug/name of a saved block", name=name
        ) from error
    if not isinstance(block, GatewayBlock):
        raise NotFoundError(f"the block {name!r} is a {type(block).__name__}, not a gateway", name=name)
    return block


def _block_of_environment() -> GatewayBlock:
    missing = [variable for variable in (URL_VARIABLE, MODEL_VARIABLE) if not os.environ.get(variable)]
    if missing:
        raise BadInputError(
            f"the gateway of the environment needs {' and '.join(missing)}: set {URL_VARIABLE} to the address of an "
            f"OpenAI-compatible API (up to /v1) and {MODEL_VARIABLE} to a model it serves",
            variables=missing,
        )
    try:
        models = GatewayModels(
            main=os.environ[MODEL_VARIABLE],
            cheap=os.environ.get(CHEAP_MODEL_VARIABLE) or None,
            fallback=os.environ.get(FALLBACK_MODEL_VARIABLE) or None,
        )
        return GatewayBlock(settings=GatewaySettings(base_url=os.environ[URL_VARIABLE], models=models))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]  # an address may hold a password
        raise BadInputError(f"the gateway of the environment ({URL_VARIABLE}, {MODEL_VARIABLE}): {problem}") from None


_connections: dict[tuple[int, GatewaySettings, str], "GatewayConnection"] = {}
_opening = threading.Lock()


def _connection(settings: GatewaySettings, key: SecretStr) -> "GatewayConnection":
    """Of one process: a connection does not outlive a fork."""
    from millrace.adapters.gateway_calls import GatewayConnection

    place = (os.getpid(), settings, hashlib.sha256(key.get_secret_value().encode()).hexdigest())
    with _opening:
        if place not in _connections:
            connection = _connections[place] = GatewayConnection(settings, key)
            atexit.register(connection.close)
        return _connections[place]
