"""The vector index in this process's memory, gone with it: qdrant-client's local mode, for tests and trials.

It scans in Python: some ten thousand points at most.
"""

from qdrant_client import QdrantClient

from millrace.adapters.qdrant_connection import Connection
from millrace.adapters.qdrant_server import QdrantServerStore


def memory_store() -> QdrantServerStore:
    """An empty store of its own."""
    connection = Connection(QdrantClient(":memory:"), "memory", tries=1)
    return QdrantServerStore(connection, local=True)
