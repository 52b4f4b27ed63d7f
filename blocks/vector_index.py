"""How to open the store of index snapshots."""

from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field

from millrace.ports import VectorIndexStore


class EmbeddedIndexBlock(Block):
    """Qdrant's engine in process, with its snapshots in a folder."""

    _block_type_name = "Embedded vector index"
    _block_type_slug = "embedded-vector-index"
    _description = "Index snapshots in a folder, opened by Qdrant's engine in process; no server."

    root: Path = Field(description="Folder of the snapshots")

    def open(self) -> VectorIndexStore:
        """The store; opens no snapshot yet."""
        return open_index_store(self.root)


def open_index_store(root: Path) -> VectorIndexStore:
    """The embedded store over a folder, for those who need no saved block."""
    from millrace.adapters.qdrant_edge import QdrantEdgeStore

    return QdrantEdgeStore(root)
