"""A gateway is opened from the environment or from a saved block, and its key is found without being told."""

import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

import blocks.chat_model
from blocks.chat_model import GatewayBlock, chat_model_identity, open_chat_model, open_price_table
from blocks.gateway_key import gateway_key
from blocks.names import ChatModelName
from millrace.adapters.gateway_settings import GatewayModels, GatewaySettings
from millrace.errors import BadInputError, NotFoundError
from tests.support.gateway import KEY, PlayedGateway
from tests.support.gateway_client import ask

VARIABLES = (
    "MILLRACE_GATEWAY_URL",
    "MILLRACE_GATEWAY_MODEL",
    "MILLRACE_GATEWAY_CHEAP_MODEL",
    "MILLRACE_GATEWAY_FALLBACK_MODEL",
    "MILLRACE_GATEWAY_KEY",
    "MILLRACE_GATEWAY_KEY_FILE",
    "OPENAI_API_KEY",
    "MILLRACE_PRICES",
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_the_environment_alone_opens_a_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    with PlayedGateway() as gateway:
        monkeypatch.setenv("MILLRACE_GATEWAY_URL", gateway.url)
        monkeypatch.setenv("MILLRACE_GATEWAY_MODEL", "gpt-4o-mini")
        monkeypatch.setenv("MILLRACE_GATEWAY_CHEAP_MODEL", "small")
        monkeypatch.setenv("MILLRACE_GATEWAY_KEY", KEY)
        model = open_chat_model()
        main, cheap = model.complete([ask("Why?"), ask("Why?", tier="cheap")])
        assert [asked.headers["authorization"] for asked in gateway.requests] == [f"Bearer {KEY}"] * 2
    assert (main.text, main.usage.model, cheap.usage.model) == ("yes", "gpt-4o-mini", "small")
    # one token in at 0.15 and one out at 0.60, by the million: the public list's
    assert main.usage.cost_usd == pytest.approx(0.75e-6)


def test_one_connection_serves_all_who_open_the_same_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    block = GatewayBlock(settings=GatewaySettings(base_url="http://a.example/v1", models=GatewayModels(main="m")))
    monkeypatch.setenv("MILLRACE_GATEWAY_KEY", "one")
    assert block.connect() is block.connect()
    first = block.connect()
    monkeypatch.setenv("MILLRACE_GATEWAY_KEY", "two")
    assert block.connect() is not first


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "needs MILLRACE_GATEWAY_URL and MILLRACE_GATEWAY_MODEL"),
        ({"MILLRACE_GATEWAY_MODEL": "m"}, "needs MILLRACE_GATEWAY_URL:"),
        ({"MILLRACE_GATEWAY_URL": "http://a/v1"}, "needs MILLRACE_GATEWAY_MODEL:"),
        ({"MILLRACE_GATEWAY_URL": "http://a/v1", "MILLRACE_GATEWAY_MODEL": "m"}, "set MILLRACE_GATEWAY_KEY or OPENAI"),
        ({"MILLRACE_GATEWAY_URL": "a/v1", "MILLRACE_GATEWAY_MODEL": "m"}, "a base URL looks like https://"),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInputError, match=missing):
        open_chat_model()


def test_a_password_in_the_address_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_GATEWAY_URL", "https://ann:hunter2@gateway.example/v1")
    monkeypatch.setenv("MILLRACE_GATEWAY_MODEL", "m")
    with pytest.raises(BadInputError, match="no user or password") as caught:
        open_chat_model()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value.details)


def test_the_key_is_looked_for_in_this_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    saved = SecretStr("from the block")
    found = [gateway_key(saved)]
    (tmp_path / "key").write_text(" from-file\n")
    for name, value in [
        ("MILLRACE_GATEWAY_KEY_FILE", str(tmp_path / "key")),
        ("OPENAI_API_KEY", "from-openai"),
        ("MILLRACE_GATEWAY_KEY", " from-millrace "),
        ("OURS", "from-ours"),
    ]:
        monkeypatch.setenv(name, value)
        found.append(gateway_key(saved))
    found.append(gateway_key(saved, ("OURS",)))
    assert [key.get_secret_value() for key in found] == [
        "from the block",
        "from-file",
        "from-openai",
        "from-millrace",
        "from-millrace",
        "from-ours",
    ]


def test_an_empty_variable_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_GATEWAY_KEY", "  ")
    with pytest.raises(BadInputError, match="no key for the gateway"):
        gateway_key()


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00k", b"two\nlines"])
def test_a_key_file_that_is_none_is_named_and_its_content_is_not(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("MILLRACE_GATEWAY_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(BadInputError, match=r"cannot be read|no HTTP header can carry") as caught:
        gateway_key()
    told = "".join(traceback.format_exception(caught.value))
    assert "two\nlines" not in told
    assert "codec" not in told


def test_a_blocks_key_is_in_none_of_its_forms() -> None:
    settings = GatewaySettings(base_url="http://a.example/v1", models=GatewayModels(main="m"))
    block = GatewayBlock(settings=settings, key=SecretStr(KEY))
    assert KEY not in repr(block) + str(block) + block.identity + block.model_dump_json() + repr(block.connect())


def test_a_names_identity_is_that_of_what_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_GATEWAY_URL", "http://gateway.example/v1")
    monkeypatch.setenv("MILLRACE_GATEWAY_MODEL", "our-model")
    identity = ChatModelName().identity()
    assert identity == chat_model_identity("environment")
    assert '"main":"our-model"' in identity
    assert "gateway.example" not in identity
    monkeypatch.setenv("MILLRACE_GATEWAY_URL", "http://elsewhere/v1")
    assert ChatModelName().identity() == identity


def test_the_bundled_prices_are_a_table_and_the_users_own_goes_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert open_price_table().models == {}
    (tmp_path / "own.yaml").write_text("models: {ours: {input_usd: 1, output_usd: 2}}\n")
    monkeypatch.setenv("MILLRACE_PRICES", str(tmp_path / "own.yaml"))
    assert list(open_price_table().models) == ["ours"]


def test_the_example_in_the_bundled_prices_is_a_table_once_uncommented(tmp_path: Path) -> None:
    lines = (Path(blocks.chat_model.__file__).parents[1] / "configs" / "prices.yaml").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line == "# models:")
    example = [line.removeprefix("# ") for line in lines[start:] if line.startswith("#")]
    (tmp_path / "own.yaml").write_text("\n".join(example))
    assert set(open_price_table(tmp_path / "own.yaml").models) == {"our-llama-70b", "local-model"}


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_a_saved_block_opens_by_its_name_and_an_unknown_one_is_said() -> None:
    settings = GatewaySettings(base_url="http://a.example/v1", models=GatewayModels(main="m", fallback="f"))
    block = GatewayBlock(settings=settings, key=SecretStr(KEY))
    block.save("team", overwrite=True)  # type: ignore[unused-coroutine]
    assert ChatModelName(name="chat-gateway/team").identity() == settings.identity
    assert open_chat_model("chat-gateway/team").identity == settings.identity
    with pytest.raises(NotFoundError, match="use 'environment' or the slug/name of a saved block"):
        open_chat_model("chat-gateway/nothing-of-this-name")
