"""How to open a reranker: ``none``, or by the name of a saved block."""

import os
from functools import cache
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.model_folder import model_folder
from millrace.adapters.cross_encoder import MODEL_FILES, CrossEncoderScorer, DataType, cross_encoder_identity
from millrace.adapters.rerank_api import RerankApi, RerankApiSettings
from millrace.errors import BadInputError, NotFoundError
from millrace.ports import PairScorer

NONE = "none"
KEY_VARIABLE = "MILLRACE_RERANKER_KEY"
KEY_FILE_VARIABLE = "MILLRACE_RERANKER_KEY_FILE"


class CrossEncoderBlock(Block):
    """A cross-encoder from a folder or from a model hub, computed on this machine; none of its own code is run."""

    _block_type_name = "Cross-encoder"
    _block_type_slug = "cross-encoder"
    _description = "A reranker that reads question and passage together, through sentence-transformers."

    model: str = Field(description="Folder of the model, or its id on the hub such as owner/name")
    revision: str | None = Field(None, description="Branch, tag or commit of a model on the hub")
    max_tokens: int = Field(512, ge=16, le=8192, description="Longest pair of question and passage")
    dtype: DataType = Field("fp32", description="bf16 is faster where the CPU has it, and tells fewer scores apart")

    @property
    def identity(self) -> str:
        """Weights and tokenizer by content, and what else decides the scores; loads no model."""
        return cross_encoder_identity(self._folder(), max_tokens=self.max_tokens, dtype=self.dtype)

    def open(self) -> PairScorer:
        """The model, loaded once per process."""
        return _load_cross_encoder(self._folder(), self.max_tokens, self.dtype, self.identity)

    def _folder(self) -> Path:
        return model_folder(self.model, self.revision, MODEL_FILES)


class RerankApiBlock(Block):
    """A reranker behind HTTP, in the form that Cohere, Jina, vLLM and others share."""

    _block_type_name = "Rerank API"
    _block_type_slug = "rerank-api"
    _description = "A service that scores passages for a question. The key is best left to the environment."

    settings: RerankApiSettings
    key_variable: str = Field(KEY_VARIABLE, description="Environment variable looked at first for the key")
    key: SecretStr | None = Field(None, description="Used last; Prefect's database can show it, the others cannot")

    @property
    def identity(self) -> str:
        """The model; neither address nor key."""
        return self.settings.identity

    def open(self) -> PairScorer:
        """The service; nothing is sent yet.

        Raises:
            BadInputError: the key cannot be read or sent.
        """
        return RerankApi(self.settings, _key(self.key_variable, self.key))


def open_reranker(name: str = NONE) -> PairScorer | None:
    """The reranker behind a name; None for ``none``.

    Raises:
        NotFoundError: no reranker block is saved under this name, or its model is not there.
        BadInputError: the model cannot be loaded, or the key cannot be read.
    """
    return None if name == NONE else _block(name).open()


def reranker_identity(name: str = NONE) -> str:
    """What decides the scores of the reranker behind a name; ``none`` for none.

    Raises:
        NotFoundError: no reranker block is saved under this name, or its model is not there.
    """
    return NONE if name == NONE else _block(name).identity


def _block(name: str) -> CrossEncoderBlock | RerankApiBlock:
    try:
        block = Block.load(name)
    except ValueError as error:
        raise NotFoundError(f"no reranker {name!r}: use 'none' or the slug/name of a saved block", name=name) from error
    if not isinstance(block, CrossEncoderBlock | RerankApiBlock):
        raise NotFoundError(f"the block {name!r} is a {type(block).__name__}, not a reranker", name=name)
    return block


def _key(variable: str, saved: SecretStr | None) -> str | None:
    """From the variable, from the file that MILLRACE_RERANKER_KEY_FILE names, or from the block; None without any."""
    key = os.environ.get(variable, "").strip() or _key_in_file() or (saved.get_secret_value().strip() if saved else "")
    if not (key.isascii() and key.isprintable()):
        raise BadInputError("the reranker's key holds characters that no HTTP header can carry: is it the right file?")
    return key or None


def _key_in_file() -> str:
    path = os.environ.get(KEY_FILE_VARIABLE)
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = type(error).__name__  # the text of a decoding error quotes what it read
        raise BadInputError(f"{KEY_FILE_VARIABLE} names {path}, which cannot be read: {reason}") from None


@cache
def _load_cross_encoder(folder: Path, max_tokens: int, dtype: DataType, _identity: str) -> PairScorer:
    return CrossEncoderScorer.load(folder, max_tokens=max_tokens, dtype=dtype)
