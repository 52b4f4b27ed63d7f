"""The detector of unsupported answers by name: ours without a block, HHEM by a saved one."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.consistency import HhemBlock, consistency_identity, open_consistency
from blocks.names import ConsistencyName
from millrace.adapters.hhem import hhem_identity
from millrace.errors import BadInputError, NotFoundError
from millrace.methods.consistency import AnsweredCase, PairConsistency
from tasks.tables import groundedness_model
from tests.support.embedder import HashedWords
from tests.support.hhem import make_foundation, make_hhem

COMMIT = "8" * 40


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("hhem")
    make_hhem(root / "tiny", make_foundation(root / "foundation"))
    return str(root / "tiny"), str(root / "foundation")


def test_the_default_needs_no_saved_block() -> None:
    name = ConsistencyName()
    assert (name.name, name.identity()) == ("embedded", "embedded-groundedness")
    model = groundedness_model()
    scorer = open_consistency("embedded", embedder=HashedWords(), model=model)
    assert scorer.identity == model.source
    assert scorer.score([AnsweredCase("It stands.", ())])[0].reason == "no_context"


def test_the_identity_of_a_model_is_its_files_and_costs_no_loading(folders: tuple[str, str]) -> None:
    block = HhemBlock(model=folders[0], foundation=folders[1])
    assert block.identity == hhem_identity(Path(folders[0]), Path(folders[1]))


def test_nothing_opens_that_is_not_trusted(folders: tuple[str, str]) -> None:
    assert HhemBlock(model=folders[0], foundation=folders[1]).trust_remote_code is False
    with pytest.raises(BadInputError, match="trust_remote_code"):
        HhemBlock(model=folders[0], foundation=folders[1]).open()


def test_a_model_on_the_hub_is_named_with_its_commit(folders: tuple[str, str]) -> None:
    for revision in (None, "main", "8e4a2e6"):
        with pytest.raises(ValidationError, match="give its commit"):
            HhemBlock(model="some/hhem", revision=revision, foundation=folders[1])
    with pytest.raises(ValidationError, match="give its commit"):
        HhemBlock(model=folders[0], foundation="some/t5")
    assert HhemBlock(model="some/hhem", revision=COMMIT, foundation="some/t5", foundation_revision=COMMIT)


@pytest.mark.parametrize("revision", [None, COMMIT])
def test_a_folder_that_is_not_there_is_named(folders: tuple[str, str], tmp_path: Path, revision: str | None) -> None:
    place = str(tmp_path / "gone")
    gone = HhemBlock(model=place, revision=revision, foundation=folders[1], trust_remote_code=True)
    with pytest.raises(NotFoundError, match=r"no folder .*gone"):
        gone.open()


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_a_saved_block_is_opened_by_its_name(folders: tuple[str, str]) -> None:
    HhemBlock(model=folders[0], foundation=folders[1], trust_remote_code=True).save("tiny", overwrite=True)
    scorer = open_consistency("hhem-scorer/tiny", embedder=HashedWords(), model=groundedness_model(), aggregation="min")
    assert isinstance(scorer, PairConsistency)
    assert scorer.identity == f"{consistency_identity('hhem-scorer/tiny')}/min"
    (found,) = scorer.score([AnsweredCase("The mill is in York.", ("The mill stands in York.",))])
    assert found.value is not None
    assert 0 <= found.value <= 1


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_an_unknown_detector_is_said_with_what_there_is() -> None:
    with pytest.raises(NotFoundError, match="use 'embedded' or the slug/name of a saved block"):
        ConsistencyName(name="hhem-scorer/nothing-of-this-name").identity()
