"""How to open a tokenizer: ``embedded`` for an estimate that needs nothing, or by the name of a saved block."""

from functools import cache
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field

from blocks.model_folder import model_folder
from millrace.adapters.tokenizer import (
    SAFETY_FACTOR,
    TOKENIZER_FILES,
    EstimatingTokenizer,
    ModelTokenizer,
    estimate_identity,
    model_tokenizer_identity,
)
from millrace.errors import NotFoundError
from millrace.ports import Tokenizer

EMBEDDED = "embedded"


class ModelTokenizerBlock(Block):
    """The tokenizer of the model that writes the answers: its counts are exact."""

    _block_type_name = "Model tokenizer"
    _block_type_slug = "model-tokenizer"
    _description = "Counts tokens with a model's own tokenizer.json, from a folder or from a model hub."

    model: str = Field(description="Folder with tokenizer.json, or the model's id on the hub such as owner/name")
    revision: str | None = Field(None, description="Branch, tag or commit of a model on the hub")

    @property
    def identity(self) -> str:
        """The tokenizer by content."""
        return model_tokenizer_identity(self._folder())

    def open(self) -> Tokenizer:
        """The tokenizer, opened once per process."""
        return _open_model(self._folder(), self.identity)

    def _folder(self) -> Path:
        return model_folder(self.model, self.revision, TOKENIZER_FILES)


class EstimatingTokenizerBlock(Block):
    """The packaged tokenizer as an estimate, for a model whose own is not at hand."""

    _block_type_name = "Estimating tokenizer"
    _block_type_slug = "estimating-tokenizer"
    _description = "Counts MiniLM's word pieces times a safety factor."

    safety_factor: float = Field(SAFETY_FACTOR, ge=1, le=10, description="Tokens counted for each word piece")

    @property
    def identity(self) -> str:
        """Tokenizer and factor."""
        return estimate_identity(self.safety_factor)

    def open(self) -> Tokenizer:
        """The tokenizer, opened once per process."""
        return _open_estimate(self.safety_factor)


def open_tokenizer(name: str = EMBEDDED) -> Tokenizer:
    """The tokenizer behind a name.

    Raises:
        NotFoundError: no tokenizer block is saved under this name, or its model is not there.
        BadInputError: its file is no tokenizer.
    """
    return _block(name).open()


def tokenizer_identity(name: str = EMBEDDED) -> str:
    """What decides the counts of the tokenizer behind a name; cheap, for cache keys.

    Raises:
        NotFoundError: no tokenizer block is saved under this name, or its model is not there.
    """
    return _block(name).identity


def _block(name: str) -> ModelTokenizerBlock | EstimatingTokenizerBlock:
    if name == EMBEDDED:
        return EstimatingTokenizerBlock()
    try:
        block = Block.load(name)
    except ValueError as error:
        raise NotFoundError(
            f"no tokenizer {name!r}: use 'embedded' or the slug/name of a saved block", name=name
        ) from error
    if not isinstance(block, ModelTokenizerBlock | EstimatingTokenizerBlock):
        raise NotFoundError(f"the block {name!r} is a {type(block).__name__}, not a tokenizer", name=name)
    return block


@cache
def _open_model(folder: Path, _identity: str) -> Tokenizer:
    return ModelTokenizer.load(folder)


@cache
def _open_estimate(safety_factor: float) -> Tokenizer:
    return EstimatingTokenizer.load(safety_factor)
