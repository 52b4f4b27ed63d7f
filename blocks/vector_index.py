"""How to open the store of index snapshots: ``embedded``, ``server`` by the environment, or by a saved block."""

import os
from functools import cache
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from millrace.errors import BadInputError, NotFoundError
from millrace.ports import VectorIndexStore

EMBEDDED = "embedded"
SERVER = "server"
MEMORY = "memory"
URL_VARIABLE = "MILLRACE_QDRANT_URL"
KEY_VARIABLE = "MILLRACE_QDRANT_API_KEY"
KEY_FILE_VARIABLE = "MILLRACE_QDRANT_API_KEY_FILE"


class EmbeddedIndexBlock(Block):
    """Qdrant's engine in process, with its snapshots in a folder."""

    _block_type_name = "Embedded vector index"
    _block_type_slug = "embedded-vector-index"
    _description = "Index snapshots in a folder, opened by Qdrant's engine in process; no server."

    root: Path = Field(description="Folder of the snapshots")

    def open(self) -> VectorIndexStore:
        """The store; opens no snapshot yet."""
        return open_index_store(self.root)


class QdrantServerBlock(Block):
    """A Qdrant server, with its snapshots in collections behind aliases."""

    _block_type_name = "Qdrant server"
    _block_type_slug = "qdrant-server"
    _description = "Index snapshots as collections of a Qdrant server."

    url: str = Field(description="With scheme and port, such as http://localhost:6333")
    api_key_file: Path | None = Field(None, description="Mounted file with the API key; comes before api_key")
    api_key: SecretStr | None = Field(None, description="API key; Prefect's database can show it, a file is better")
    timeout_s: int = Field(30, ge=1, le=600, description="Of each call")
    tries: int = Field(3, ge=1, le=10, description="Of each call, when the server does not answer or is overloaded")
    prefix: str = Field("millrace", description="First part of the names of its collections and aliases")

    def open(self) -> VectorIndexStore:
        """The store; sends nothing yet.

        Raises:
            BadInputError: the file of the key cannot be read.
        """
        from millrace.adapters.qdrant_server import QdrantServerStore, connect

        name = getattr(self, "_block_document_name", None) or SERVER
        connection = connect(self.url, self._key(), name=name, timeout_s=self.timeout_s, tries=self.tries)
        return QdrantServerStore(connection, prefix=self.prefix)

    def _key(self) -> str | None:
        if self.api_key_file is None:
            return self.api_key.get_secret_value() if self.api_key else None
        try:
            return self.api_key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = type(error).__name__  # the text of a decoding error quotes what it read
            raise BadInputError(f"the Qdrant key's file {self.api_key_file} cannot be read: {reason}") from None


class MemoryIndexBlock(Block):
    """An index in this process's memory, for tests and trials; all of the process's flows share it."""

    _block_type_name = "Vector index in memory"
    _block_type_slug = "memory-vector-index"
    _description = "Index snapshots in the memory of one process, gone with it."

    def open(self) -> VectorIndexStore:
        """The process's store."""
        return _memory_store()


def open_index_store(root: Path, name: str = EMBEDDED) -> VectorIndexStore:
    """The store behind a name: ``embedded`` over ``root``, ``server``, ``memory``, or the slug/name of a saved block.

    ``server`` takes its URL from MILLRACE_QDRANT_URL and its key from the file that MILLRACE_QDRANT_API_KEY_FILE names
    or from MILLRACE_QDRANT_API_KEY.

    Raises:
        BadInputError: the environment has no URL, or the file of the key cannot be read.
        NotFoundError: no vector index block is saved under this name.
    """
    if name == EMBEDDED:
        from millrace.adapters.qdrant_edge import QdrantEdgeStore

        return QdrantEdgeStore(root)
    if name == SERVER:
        return _server_of_environment().open()
    if name == MEMORY:
        return _memory_store()
    return _saved_block(name).open()


def _server_of_environment() -> QdrantServerBlock:
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise BadInputError(
            f"the index is to lie on a Qdrant server, but {URL_VARIABLE} is not set", variable=URL_VARIABLE
        )
    file, key = os.environ.get(KEY_FILE_VARIABLE), os.environ.get(KEY_VARIABLE)
    return QdrantServerBlock(
        url=url, api_key_file=Path(file) if file else None, api_key=SecretStr(key) if key else None
    )


def _saved_block(name: str) -> EmbeddedIndexBlock | QdrantServerBlock | MemoryIndexBlock:
    try:
        block = Block.load(name)
    except ValueError as error:
        raise NotFoundError(
            f"no vector index {name!r}: use 'embedded', 'server' or the slug/name of a saved block", name=name
        ) from error
    if not isinstance(block, EmbeddedIndexBlock | QdrantServerBlock | MemoryIndexBlock):
        raise NotFoundError(f"the block {name!r} is a {type(block).__name__}, not a vector index", name=name)
    return block


@cache
def _memory_store() -> VectorIndexStore:
    from millrace.adapters.qdrant_memory import memory_store

    return memory_store()
