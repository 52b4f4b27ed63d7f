"""A reranker by name: none, one computed here, one behind HTTP; its key comes from safe places and stays there."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from blocks.names import RerankerName
from blocks.reranker import CrossEncoderBlock, RerankApiBlock, open_reranker, reranker_identity
from millrace.adapters.cross_encoder import cross_encoder_identity
from millrace.adapters.rerank_api import RerankApiSettings
from millrace.errors import BadInputError, NotFoundError
from tests.support.cross_encoder import make_cross_encoder
from tests.support.rerank_server import KEY, RerankServer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("model") / "tiny")


def sent_key(**settings: object) -> str | None:
    """The key that reaches the server."""
    with RerankServer() as server:
        block = RerankApiBlock(settings=RerankApiSettings(url=server.url, model="m"), **settings)
        block.open().score([("a", "b")])
        return server.headers[0].get("authorization")


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MILLRACE_RERANKER_KEY", "MILLRACE_RERANKER_KEY_FILE"):
        monkeypatch.delenv(variable, raising=False)


def test_by_default_there_is_none() -> None:
    assert RerankerName().name == "none"
    assert RerankerName().identity() == reranker_identity() == "none"
    assert open_reranker() is None


def test_a_cross_encoder_is_loaded_once_and_known_without_loading(folder: Path) -> None:
    block = CrossEncoderBlock(model=str(folder))
    assert block.identity == cross_encoder_identity(folder)
    opened = block.open()
    assert opened is CrossEncoderBlock(model=str(folder)).open()
    assert opened.identity == block.identity


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no folder .*gone"):
        CrossEncoderBlock(model=str(tmp_path / "gone")).open()
    # the tests run with HF_HUB_OFFLINE
    with pytest.raises(NotFoundError, match="nobody/nothing@main is not on this machine"):
        CrossEncoderBlock(model="nobody/nothing").open()


def test_the_key_is_the_environments_then_the_files_then_the_blocks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert sent_key() is None
    assert sent_key(key=SecretStr("of-block")) == "Bearer of-block"
    (tmp_path / "key").write_text("of-file\n")
    monkeypatch.setenv("MILLRACE_RERANKER_KEY_FILE", str(tmp_path / "key"))
    assert sent_key(key=SecretStr("of-block")) == "Bearer of-file"
    monkeypatch.setenv("MILLRACE_RERANKER_KEY", "of-environment")
    assert sent_key(key=SecretStr("of-block")) == "Bearer of-environment"
    monkeypatch.setenv("OTHER", "of-other")
    assert sent_key(key_variable="OTHER") == "Bearer of-other"


@pytest.mark.parametrize("key", ["two\nlines-secret", "s\u00e9cret"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_told(key: str) -> None:
    block = RerankApiBlock(settings=RerankApiSettings(url="http://localhost/rerank", model="m"), key=SecretStr(key))
    with pytest.raises(BadInputError, match="no HTTP header can carry") as raised:
        block.open()
    assert "cret" not in str(raised.value)


def test_a_key_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_RERANKER_KEY_FILE", "/no/such/file")
    with pytest.raises(BadInputError, match="MILLRACE_RERANKER_KEY_FILE names /no/such/file"):
        sent_key()


def test_the_key_is_in_no_identity_and_no_representation() -> None:
    settings = RerankApiSettings(url="http://localhost/rerank", model="m")
    block = RerankApiBlock(settings=settings, key=SecretStr(KEY))
    assert block.identity == "rerank-api/1 m"
    assert KEY not in repr(block) + str(block) + repr(block.open())


@pytest.mark.parametrize("bad", [{"max_tokens": 8}, {"dtype": "int8"}])
def test_settings_of_a_cross_encoder_are_bounded(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CrossEncoderBlock(model="m", **bad)


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_saved_blocks_open_by_their_names(folder: Path) -> None:
    CrossEncoderBlock(model=str(folder)).save("tiny", overwrite=True)
    settings = RerankApiSettings(url="http://localhost/rerank", model="m")
    RerankApiBlock(settings=settings, key=SecretStr(KEY)).save("api", overwrite=True)
    assert RerankerName(name="cross-encoder/tiny").identity() == cross_encoder_identity(folder)
    assert RerankerName(name="rerank-api/api").identity() == "rerank-api/1 m"
    opened = open_reranker("rerank-api/api")
    assert opened is not None
    with pytest.raises(NotFoundError, match="use 'none' or the slug/name of a saved block"):
        open_reranker("rerank-api/other")
