"""Embedded defaults open without a saved block and say what they are without loading anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from blocks.embedder import MiniLmEmbedderBlock, embedder_identity, open_embedder
from blocks.vector_index import EmbeddedIndexBlock, open_index_store


def test_the_identity_of_the_embedded_embedder_needs_no_torch() -> None:
    code = (
        "import sys; from blocks.embedder import embedder_identity; embedder_identity('embedded'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_embedded_embedder_is_loaded_once_per_process() -> None:
    embedder = open_embedder("embedded")
    assert embedder is MiniLmEmbedderBlock().open()
    assert embedder.identity == embedder_identity("embedded") == MiniLmEmbedderBlock().identity


@pytest.mark.parametrize("snapshot", ["abc"])
def test_the_index_block_opens_a_store_over_its_folder(tmp_path: Path, snapshot: str) -> None:
    assert EmbeddedIndexBlock(root=tmp_path).open().path(snapshot) == tmp_path / snapshot
    assert open_index_store(tmp_path).path(snapshot) == tmp_path / snapshot
