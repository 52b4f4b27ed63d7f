"""Every adapter of the vector index, as a fresh store each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from millrace.adapters.qdrant_edge import QdrantEdgeStore
from millrace.adapters.qdrant_memory import memory_store
from millrace.adapters.qdrant_server import QdrantServerStore, connect
from millrace.ports import VectorIndexStore
from tests.support.qdrant_server import StandIn

ADAPTERS = ("embedded", "memory", "server")


@contextmanager
def opened_store(adapter: str, folder: Path) -> Iterator[VectorIndexStore]:
    """``server`` is qdrant-client over HTTP against the stand-in; no server binary can be had for the tests."""
    if adapter == "embedded":
        yield QdrantEdgeStore(folder / "index")
    elif adapter == "memory":
        yield memory_store()
    else:
        with StandIn() as server:
            yield QdrantServerStore(connect(server.url, None, name="stand-in", tries=1))
