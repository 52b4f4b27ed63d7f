"""Keys of every kind, from every place that they may come from, in runs that go well and in runs that fail.

The services are hostile too: they say the key they were given in their errors. Afterwards no key is in Prefect's
database, in results, logs, artifacts, receipts, the ledger, the home, messages or tracebacks.
"""

import base64
import inspect
import io
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.logging.configuration import DEFAULT_LOGGING_SETTINGS_PATH, load_logging_config
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_LOCAL_STORAGE_PATH
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

import tasks.logs
from apps.cli.main import app
from blocks.chat_model import GatewayBlock, open_chat_model
from blocks.notification import send_notification
from blocks.pushgateway import push_metrics, pushgateway_address
from blocks.reranker import RerankApiBlock, open_reranker
from blocks.signing_key import make_key, open_signer
from blocks.vector_index import open_index_store
from millrace.adapters.rerank_api import RerankApiSettings
from millrace.errors import BadInputError
from tasks.home import Home
from tasks.run import current_run, log
from tasks.stage import stage
from tests.support import gateway_client, pushgateway, qdrant_server
from tests.support.gateway import CUT, Asked, Play, PlayedGateway
from tests.support.rerank_server import Reply as Reranked
from tests.support.rerank_server import RerankServer
from tests.support.webhook import Receiver
from tests.support.webhook import Reply as Received
from tests.tasks.turns import Turn

pytestmark = pytest.mark.prefect

KEYS = {name: f"sk-planted-{name}-7d1f3c5b9a" for name in ("environment", "file", "block", "rerank", "qdrant")}
WEBHOOK = "planted-webhook-2e8b41"  # of this test alone: others leave theirs in the session's database
SECRETS = [*KEYS.values(), WEBHOOK, pushgateway.PASSWORD, pushgateway.PASSWORD.replace("/", "%2F")]


@dataclass
class World:
    """Services, which answer well or badly, and what they were sent."""

    gateway: PlayedGateway
    rerank: RerankServer
    qdrant: qdrant_server.StandIn
    pushed: pushgateway.Gateway
    receiver: Receiver
    heard: list[str] = field(default_factory=list)


@pytest.fixture
def world(prefect_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Everything is set up as a user would: variables, a mounted file, saved blocks."""
    with ExitStack() as stack:
        found = World(
            stack.enter_context(PlayedGateway()),
            stack.enter_context(RerankServer()),
            stack.enter_context(qdrant_server.StandIn(api_key=KEYS["qdrant"])),
            stack.enter_context(pushgateway.Gateway()),
            stack.enter_context(Receiver()),
        )
        mounted = tmp_path / "mounted-key"
        mounted.write_text(KEYS["file"] + "\n")
        for name in ("MILLRACE_GATEWAY_KEY", "OPENAI_API_KEY", "MILLRACE_GATEWAY_KEY_FILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {
            "MILLRACE_GATEWAY_URL": found.gateway.url,
            "MILLRACE_GATEWAY_MODEL": "main",
            "MILLRACE_QDRANT_URL": found.qdrant.url,
            "MILLRACE_QDRANT_API_KEY": KEYS["qdrant"],
            "MILLRACE_RERANKER_KEY": KEYS["rerank"],
            "MILLRACE_PUSHGATEWAY": found.pushed.url_with_password,
        }.items():
            monkeypatch.setenv(name, value)
        GatewayBlock(settings=gateway_client.settings(found.gateway.url), key=SecretStr(KEYS["block"])).save(
            "planted", overwrite=True
        )
        quick = RerankApiSettings(url=found.rerank.url, model="m", max_tries=1, backoff_s=0)
        RerankApiBlock(settings=quick).save("planted", overwrite=True)
        payload = {"text": "{{subject}}: {{body}}"}
        # Prefect writes the address of this block type into its database as it is; a token belongs into its secrets.
        CustomWebhookNotificationBlock(
            name="planted", url=found.receiver.origin + "/{{token}}", json_data=payload, secrets={"token": WEBHOOK}
        ).save("planted", overwrite=True)
        yield found


@stage(retries=0)
def ask_gateway(block: str, again: int) -> str:
    """A reply, or what went wrong, which other stages write into rows."""
    (outcome,) = open_chat_model(block).complete([gateway_client.ask(f"Why? {again}")])
    log().warning("the gateway said %s", outcome)
    if outcome.failure is not None:
        raise BadInputError(f"{block}: {outcome.failure.message}", outcome=outcome)
    return str(outcome.text)


@stage(retries=0)
def use_others(again: int) -> str:
    """Everything else that has a key; the first that fails is told."""
    run = current_run()
    scorer = open_reranker("rerank-api/planted")
    assert scorer is not None
    steps: dict[str, Callable[[], Any]] = {
        "rerank": lambda: scorer.score([("a question", "a passage")]),
        "qdrant": lambda: open_index_store(run.home.index_root, "server").exists("a"),
        "pushgateway": lambda: push_metrics(
            str(pushgateway_address(None)), CollectorRegistry(), job="j", grouping={}, timeout_s=2
        ),
        "webhook": lambda: send_notification("custom-webhook/planted", "{{ 7 * 7 }}", "{% raw %} {{ x }}"),
        "signing": lambda: base64.b64encode(open_signer(run.home.root).sign(b"x")).decode(),
    }
    said = []
    for name, step in steps.items():
        try:
            said.append(f"{name}: {step()}")
        except Exception as error:
            log().exception("%s failed", name)
            said.append(f"{name} failed: {error!r}")
    return "; ".join(said)


def play_badly(world: World) -> None:
    def tell_the_key(asked: Asked) -> Play:
        given = asked.headers["authorization"]
        return Play(status=401, error=f"Incorrect API key provided: {given}", headers={"x-key": given})

    world.gateway.script = tell_the_key
    body = f'{{"message": "invalid key {KEYS["rerank"]}"}}'.encode()
    world.rerank.replies = [Reranked(status=401, body=body)] * 9
    world.qdrant.api_key = "another"
    denied = f'{{"status":{{"error":"bad key {KEYS["qdrant"]}"}}}}'.encode()
    world.qdrant.faults = [qdrant_server.Fault(path="/exists", status=403, body=denied, times=9)]
    world.pushed.statuses = [401] * 9
    world.receiver.replies = [Received(status=403)] * 9


def places(home: Home, tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte that was written: the home, results, Prefect's database with its journal."""
    database = Path(str(PREFECT_API_DATABASE_CONNECTION_URL.value()).partition("///")[2])
    assert database.is_file()
    results = Path(str(PREFECT_LOCAL_STORAGE_PATH.value()))
    files = [*home.root.rglob("*"), *results.rglob("*"), *database.parent.glob(f"{database.name}*")]
    for path in files:
        if path.is_file() and path.name != "release-signing.pem":
            yield str(path), path.read_bytes()


def test_no_key_is_anywhere_after_runs_that_went_well_and_runs_that_failed(
    world: World,
    prefect: Turn,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    private = [line for line in make_key(home.root).private_key.read_text().splitlines() if "PRIVATE" not in line]
    secrets = [*SECRETS, *private]
    lines = io.StringIO()
    everything = logging.StreamHandler(lines)
    logging.getLogger().addHandler(everything)
    caplog.set_level(logging.DEBUG)
    told: list[str] = []

    def turn(name: str, body: Callable[[], Any]) -> None:
        try:
            told.append(f"{name}: {prefect(body, name)}")
        except Exception as error:
            told.append(f"{name} failed: {error!r} {getattr(error, 'details', '')}")
            told.extend(traceback.format_exception(error))

    def in_every_way(mood: str) -> None:
        for number, source in enumerate(("environment", "file", "block")):
            with monkeypatch.context() as changed:
                if source == "environment":
                    changed.setenv("MILLRACE_GATEWAY_KEY", KEYS[source])
                if source == "file":
                    changed.setenv("MILLRACE_GATEWAY_KEY_FILE", str(tmp_path / "mounted-key"))
                block = "chat-gateway/planted" if source == "block" else "environment"
                turn(f"{mood}-{source}", lambda block=block, n=number: ask_gateway(block, 10 * len(mood) + n))

    in_every_way("well")
    turn("well-others", lambda: use_others(1))
    play_badly(world)
    in_every_way("badly")
    turn("badly-others", lambda: use_others(2))
    world.gateway.script = lambda asked: CUT
    turn("cut-block", lambda: ask_gateway("chat-gateway/planted", 99))

    logging.getLogger().removeHandler(everything)
    APILogHandler().flush()
    written = "\n".join(told)
    heard = {asked.headers["authorization"].removeprefix("Bearer ") for asked in world.gateway.requests}
    assert {KEYS[source] for source in ("environment", "file", "block")} <= heard, "a key was never used"
    assert world.rerank.headers[0]["authorization"] == f"Bearer {KEYS['rerank']}"
    assert world.pushed.pushes[0].password == pushgateway.PASSWORD
    assert world.receiver.bodies[0] == {"text": "{{ 7 * 7 }}: {% raw %} {{ x }}"}  # a template in a text stays text
    assert [
        name for name in ("badly-environment", "badly-file", "badly-block", "cut-block") if name + " failed" in written
    ]
    assert written.count(" failed: ") >= 8
    assert "rerank failed" in written

    streams = capfd.readouterr()
    said = [
        ("told", written),
        ("log", caplog.text + lines.getvalue()),
        ("stdout", streams.out),
        ("stderr", streams.err),
    ]
    everywhere = [*((name, text.encode()) for name, text in said), *places(home, tmp_path)]
    assert sum(b"the gateway said" in content for _, content in everywhere) >= 2, "nothing was proven of logs"
    assert [(secret, name) for name, content in everywhere for secret in secrets if secret.encode() in content] == []


def test_no_traceback_shows_the_values_of_variables() -> None:
    """Rich, Typer and structlog can print every local of every frame; keys are among them."""
    assert app.pretty_exceptions_enable is False
    assert "rich" not in sys.excepthook.__module__
    assert load_logging_config(DEFAULT_LOGGING_SETTINGS_PATH)["formatters"]
    assert "show_locals" not in DEFAULT_LOGGING_SETTINGS_PATH.read_text() + inspect.getsource(tasks.logs)
    try:
        key = "".join(["local", "-key"])
        raise ValueError("it failed")
    except ValueError:
        record = logging.LogRecord("millrace", logging.ERROR, __file__, 1, "failed", None, sys.exc_info())
    assert "it failed" in tasks.logs.json_formatter().format(record)
    assert key not in tasks.logs.json_formatter().format(record)
