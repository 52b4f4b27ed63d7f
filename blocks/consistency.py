"""How to open a detector of unsupported answers: by the name of a saved block, or ``embedded`` for ours."""

import re
from functools import cache
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field, model_validator

from millrace.errors import NotFoundError
from millrace.methods.consistency import Aggregation, ConsistencyScorer, GroundednessConsistency, PairConsistency
from millrace.methods.groundedness import GroundednessModel
from millrace.ports import Embedder, PairScorer

EMBEDDED = "embedded"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HhemBlock(Block):
    """HHEM from folders or from a model hub. Its code runs with your rights: read it before you trust it."""

    _block_type_name = "HHEM scorer"
    _block_type_slug = "hhem-scorer"
    _description = "Vectara's factual-consistency model through transformers; brings its own Python code."

    model: str = Field(description="Folder with weights and code, or an id on the hub such as owner/name")
    foundation: str = Field(description="Folder with the foundation's config and tokenizer, or an id on the hub")
    revision: str | None = Field(None, description="Commit of a model on the hub, 40 digits: its code is run")
    foundation_revision: str | None = Field(None, description="Commit of a foundation on the hub, 40 digits")
    trust_remote_code: bool = Field(False, description="Whether the model's own Python code may run")

    @model_validator(mode="after")
    def _hub_ids_have_commits(self) -> "HhemBlock":
        for place, revision in ((self.model, self.revision), (self.foundation, self.foundation_revision)):
            if not Path(place).is_dir() and _HUB_ID.fullmatch(place) and not _COMMIT.fullmatch(revision or ""):
                raise ValueError(f"{place!r} is no folder; for a model on the hub give its commit, 40 digits")
        return self

    @property
    def identity(self) -> str:
        """Weights, code and tokenizer by content; hashes the files once per process."""
        return _hhem_identity(*self._folders())

    def open(self) -> PairScorer:
        """The model, loaded once per process.

        Raises:
            BadInputError: its code is not trusted, or it cannot be loaded.
        """
        return _load_hhem(*self._folders(), self.trust_remote_code)

    def _folders(self) -> tuple[Path, Path]:
        from millrace.adapters.hhem import FOUNDATION_FILES, MODEL_FILES

        return (
            _folder(self.model, self.revision, MODEL_FILES),
            _folder(self.foundation, self.foundation_revision, FOUNDATION_FILES),
        )


def open_consistency(
    name: str = EMBEDDED, *, embedder: Embedder, model: GroundednessModel, aggregation: Aggregation = "max"
) -> ConsistencyScorer:
    """The detector behind a name.

    Args:
        embedder, model: what the embedded one is made of; another has no use for them.
        aggregation: over the passages, for a detector that reads one at a time; the embedded one has no use for it.

    Raises:
        NotFoundError: no such block is saved under this name.
        BadInputError: the model cannot be loaded.
    """
    if name == EMBEDDED:
        return GroundednessConsistency(embedder, model)
    return PairConsistency(_block(name).open(), aggregation)


def consistency_identity(name: str = EMBEDDED) -> str:
    """What decides the scores of the detector behind a name; of the embedded one, whose numbers are settings, its kind.

    Raises:
        NotFoundError: no such block is saved under this name.
    """
    return "embedded-groundedness" if name == EMBEDDED else _block(name).identity


def _block(name: str) -> HhemBlock:
    try:
        block = Block.load(name)
    except ValueError as error:
        raise NotFoundError(
            f"no consistency scorer {name!r}: use 'embedded' or the slug/name of a saved block", name=name
        ) from error
    if not isinstance(block, HhemBlock):
        raise NotFoundError(f"the block {name!r} is a {type(block).__name__}, not a consistency scorer", name=name)
    return block


def _folder(place: str, revision: str | None, files: tuple[str, ...]) -> Path:
    if Path(place).is_dir():
        return Path(place)
    if revision is None or not _HUB_ID.fullmatch(place):
        raise NotFoundError(f"no folder {place}", folder=place)
    from millrace.adapters.hhem import hub_folder

    return hub_folder(place, revision, files)


@cache
def _hhem_identity(folder: Path, foundation: Path) -> str:
    from millrace.adapters.hhem import hhem_identity

    return hhem_identity(folder, foundation)


@cache
def _load_hhem(folder: Path, foundation: Path, trust_remote_code: bool) -> PairScorer:
    from millrace.adapters.hhem import HhemScorer

    return HhemScorer.load(folder, foundation, trust_remote_code=trust_remote_code)
