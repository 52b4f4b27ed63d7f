"""The true model, loaded once."""

import pytest

from millrace.adapters.minilm import MiniLmEmbedder


@pytest.fixture(scope="session")
def minilm() -> MiniLmEmbedder:
    return MiniLmEmbedder.load()
