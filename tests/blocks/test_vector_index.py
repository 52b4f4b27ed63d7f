"""Where index snapshots lie is chosen by name; a key comes from a file or the environment and is never shown."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.names import VectorIndexName
from blocks.vector_index import (
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    URL_VARIABLE,
    EmbeddedIndexBlock,
    MemoryIndexBlock,
    QdrantServerBlock,
    open_index_store,
)
from millrace.errors import BadInputError, NotFoundError
from millrace.ports import VectorIndexStore
from tests.support.index_points import by_vector, point
from tests.support.qdrant_server import API_KEY, StandIn

pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")


def builds_and_finds(store: VectorIndexStore) -> bool:
    store.build("one", [point("a", [1, 0])], dimension=2)
    index = store.open("one")
    try:
        return [hit.point_id for hit in index.search([by_vector(1, 0)])[0]] == ["a"]
    finally:
        index.close()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (URL_VARIABLE, KEY_VARIABLE, KEY_FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_default_lies_in_the_folder_that_is_given(tmp_path: Path) -> None:
    assert builds_and_finds(open_index_store(tmp_path))
    assert open_index_store(tmp_path).path("one") == tmp_path / "one"
    assert EmbeddedIndexBlock(root=tmp_path).open().exists("one")


def test_the_memory_of_a_process_is_one_store(tmp_path: Path) -> None:
    assert builds_and_finds(open_index_store(tmp_path, "memory"))
    assert MemoryIndexBlock().open().exists("one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("from_file", [True, False])
def test_a_server_is_found_by_the_environment_with_its_key_from_a_file_or_a_variable(
    tmp_path: Path, environment: pytest.MonkeyPatch, from_file: bool
) -> None:
    with StandIn(api_key=API_KEY) as server:
        environment.setenv(URL_VARIABLE, server.url)
        if from_file:
            (tmp_path / "key").write_text(f"{API_KEY}\n")
            environment.setenv(KEY_FILE_VARIABLE, str(tmp_path / "key"))
        environment.setenv(KEY_VARIABLE, "not this one" if from_file else API_KEY)
        assert builds_and_finds(open_index_store(tmp_path, "server"))


def test_a_server_without_a_url_says_what_to_set(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInputError, match="MILLRACE_QDRANT_URL is not set"):
        open_index_store(tmp_path, "server")


def test_a_keys_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    block = QdrantServerBlock(url="http://localhost:6333", api_key_file=tmp_path / "absent")
    with pytest.raises(BadInputError, match="cannot be read"):
        block.open()


def test_the_environments_key_is_not_sent_to_a_saved_blocks_server(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(KEY_VARIABLE, API_KEY)
    with StandIn(api_key=API_KEY) as server, pytest.raises(BadInputError, match="refused the API key"):
        QdrantServerBlock(url=server.url, tries=1).open().exists("one")


def test_a_blocks_key_is_sent_and_not_shown() -> None:
    block = QdrantServerBlock.model_validate({"url": "http://localhost", "api_key": API_KEY})
    assert API_KEY not in repr(block) + str(block) + block.model_dump_json()
    with StandIn(api_key=API_KEY) as server:
        named = QdrantServerBlock.model_validate({"url": server.url, "api_key": API_KEY, "prefix": "team"})
        assert builds_and_finds(named.open())
        assert [each.alias_name for each in server.client.get_aliases().aliases] == ["team-one"]


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_a_saved_block_is_opened_by_slug_and_name_and_nothing_else_is(tmp_path: Path) -> None:
    EmbeddedIndexBlock(root=tmp_path / "elsewhere").save("test-index", overwrite=True)
    assert builds_and_finds(open_index_store(tmp_path, "embedded-vector-index/test-index"))
    assert (tmp_path / "elsewhere" / "one").is_dir()
    with pytest.raises(NotFoundError, match="slug/name of a saved block"):
        open_index_store(tmp_path, "qdrant-server/nothing-of-this-name")


@pytest.mark.parametrize("name", ["embedded", "server", "memory", "qdrant-server/team"])
def test_where_snapshots_lie_decides_no_value(name: str) -> None:
    assert VectorIndexName.model_validate(name).identity() == VectorIndexName().identity()


@pytest.mark.parametrize("name", ["", "http://localhost:6333", "Server", "qdrant-server/", "a/b/c"])
def test_an_index_is_named_and_never_addressed(name: str) -> None:
    with pytest.raises(ValidationError):
        VectorIndexName(name=name)
