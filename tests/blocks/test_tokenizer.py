"""A tokenizer by name: the packaged estimate without a block, a model's own or another factor by a saved one."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.names import TokenizerName
from blocks.tokenizer import EstimatingTokenizerBlock, ModelTokenizerBlock, open_tokenizer, tokenizer_identity
from millrace.errors import NotFoundError
from tests.support.cross_encoder import make_cross_encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("model") / "tiny")


def test_the_default_is_an_estimate_that_needs_no_saved_block() -> None:
    assert TokenizerName().name == "embedded"
    assert TokenizerName().identity() == tokenizer_identity() == open_tokenizer().identity
    assert TokenizerName().identity().startswith("estimate/1 by all-MiniLM-L6-v2@")
    assert open_tokenizer() is open_tokenizer("embedded")


def test_another_factor_is_another_identity() -> None:
    block = EstimatingTokenizerBlock(safety_factor=2)
    assert block.identity == block.open().identity != tokenizer_identity()
    assert block.open().count(["the mill"]) == [4]


@pytest.mark.parametrize("factor", [0.5, 11])
def test_a_factor_below_one_is_refused(factor: float) -> None:
    with pytest.raises(ValidationError):
        EstimatingTokenizerBlock(safety_factor=factor)


def test_a_models_own_tokenizer_is_opened_from_its_folder(folder: Path) -> None:
    block = ModelTokenizerBlock(model=str(folder))
    assert block.identity == block.open().identity
    assert block.open().count(["mill wheel stone"]) == [3]


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no folder .*gone"):
        ModelTokenizerBlock(model=str(tmp_path / "gone")).open()


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_saved_blocks_open_by_their_names(folder: Path) -> None:
    ModelTokenizerBlock(model=str(folder)).save("tiny", overwrite=True)
    assert open_tokenizer("model-tokenizer/tiny").count(["mill"]) == [1]
    with pytest.raises(NotFoundError, match="use 'embedded' or the slug/name of a saved block"):
        open_tokenizer("model-tokenizer/other")
