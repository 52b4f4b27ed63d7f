"""Tokens are counted as the model counts them, or estimated on the safe side."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.adapters import tokenizer
from millrace.adapters.tokenizer import (
    EstimatingTokenizer,
    ModelTokenizer,
    estimate_identity,
    model_tokenizer_identity,
)
from millrace.errors import BadInputError, NotFoundError
from tests.support.cross_encoder import make_tokenizer

VOCABULARY = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "mill", "wheel"])}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    made = make_tokenizer(VOCABULARY)
    made.backend_tokenizer.enable_truncation(8)  # as published files have it: a count must not stop there
    made.backend_tokenizer.enable_padding(length=8)
    made.backend_tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def estimate() -> EstimatingTokenizer:
    return EstimatingTokenizer.load()


def test_tokens_are_the_models_own_without_those_around_a_text(folder: Path) -> None:
    opened = ModelTokenizer.load(folder)
    assert opened.count(["mill wheel", "", "mill " * 20, "other"]) == [2, 0, 20, 1]
    assert opened.count([]) == []


def test_the_identity_is_the_files_content(folder: Path, tmp_path: Path) -> None:
    identity = model_tokenizer_identity(folder)
    assert identity == ModelTokenizer.load(folder).identity
    assert str(folder) not in identity
    text = (folder / "tokenizer.json").read_text()
    (tmp_path / "tokenizer.json").write_text(text)
    assert model_tokenizer_identity(tmp_path) == identity
    (tmp_path / "tokenizer.json").write_text(text.replace('"wheel"', '"stone"'))
    assert model_tokenizer_identity(tmp_path) != identity


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no tokenizer\.json in"):
        ModelTokenizer.load(tmp_path)


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BadInputError, match="is no tokenizer"):
        ModelTokenizer.load(tmp_path)


def test_counting_in_parts_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["mill " * number for number in range(30)]
    monkeypatch.setattr(tokenizer, "_CHARACTERS_AT_ONCE", 40)
    assert ModelTokenizer.load(folder).count(texts) == list(range(30))


def test_the_estimate_is_the_pieces_times_the_factor_rounded_up(estimate: EstimatingTokenizer) -> None:
    # five words that WordPiece knows: 5 x 1.2 = 6; three: 3.6, so 4
    assert estimate.count(["the mill is by the", "the mill is", ""]) == [6, 4, 0]
    assert EstimatingTokenizer.load(1).count(["the mill is by the"]) == [5]
    assert EstimatingTokenizer.load(2).count(["the mill is by the"]) == [10]


def test_what_word_pieces_do_not_know_counts_by_its_bytes() -> None:
    plain = EstimatingTokenizer.load(1)
    # 400 letters in a row are one unknown piece: a token for every two bytes
    assert plain.count(["x" * 400, "the " + "x" * 400 + " mill"]) == [200, 202]
    # four bytes of UTF-8
    assert plain.count(["\U0001f9ff"]) == [2]


def test_the_estimate_tells_that_it_is_one(estimate: EstimatingTokenizer) -> None:
    assert estimate.identity == estimate_identity() == "estimate/1 by all-MiniLM-L6-v2@be50c3628f2b x 1.2"
    assert EstimatingTokenizer.load(1.5).identity.endswith("x 1.5")


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(max_size=60), max_size=6), factor=st.floats(1, 3))
def test_a_texts_count_does_not_depend_on_the_others_and_grows_with_the_factor(
    estimate: EstimatingTokenizer, texts: list[str], factor: float
) -> None:
    other = EstimatingTokenizer(estimate._encoder, factor)
    assert other.count(texts) == [other.count([text])[0] for text in texts]
    least = EstimatingTokenizer(estimate._encoder, 1).count(texts)
    assert all(few <= more for few, more in zip(least, other.count(texts), strict=True))
