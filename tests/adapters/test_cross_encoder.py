"""The cross-encoder gives each pair its own score, whatever it is asked together with."""

import json
import random
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from millrace.adapters.cross_encoder import CrossEncoderScorer, cross_encoder_identity
from millrace.errors import BadInputError, NotFoundError
from tests.support.cross_encoder import LONGEST, WORDS, make_cross_encoder, make_encoder_alone

Pairs = list[tuple[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def scorer(folder: Path) -> CrossEncoderScorer:
    return CrossEncoderScorer.load(folder)


def some_pairs(n_pairs: int) -> Pairs:
    """Distinct pairs of all length buckets up to the longest, one of them too long."""
    draw = random.Random(5)
    long = [("which mill", " ".join(draw.choices(WORDS, k=LONGEST + 50)))]
    return long + [
        (" ".join(draw.choices(WORDS, k=4)), " ".join(draw.choices(WORDS, k=draw.choice([3, 20, 50, 80]))))
        for _ in range(n_pairs - 1)
    ]


@pytest.fixture(scope="module")
def reference(scorer: CrossEncoderScorer) -> list[float]:
    return scorer.score(some_pairs(150))


def test_scores_are_equal_bit_for_bit_in_another_order(scorer: CrossEncoderScorer, reference: list[float]) -> None:
    pairs, order = some_pairs(150), list(range(150))
    random.Random(1).shuffle(order)
    assert scorer.score([pairs[place] for place in order]) == [reference[place] for place in order]


def test_a_pair_alone_gets_the_score_it_gets_in_a_batch(scorer: CrossEncoderScorer, reference: list[float]) -> None:
    pairs = some_pairs(150)
    for place in [0, *random.Random(2).sample(range(150), 10)]:
        assert scorer.score([pairs[place]]) == [reference[place]]


def test_scores_are_the_librarys_own_logits(folder: Path, reference: list[float]) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    peer = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    expected = peer.predict(some_pairs(150), activation_fn=torch.nn.Identity(), show_progress_bar=False)
    assert reference == pytest.approx(expected.tolist(), abs=1e-4)
    assert max(reference) - min(reference) > 0.1


def test_query_and_passage_are_not_exchangeable(scorer: CrossEncoderScorer) -> None:
    first, second = scorer.score([("mill", "water wheel"), ("water wheel", "mill")])
    assert first != second


def test_repeated_pairs_have_equal_scores_and_none_give_none(scorer: CrossEncoderScorer) -> None:
    first, other, again = scorer.score([("mill", "water"), ("mill", "grain"), ("mill", "water")])
    assert first == again != other
    assert scorer.score([]) == []


def test_the_identity_is_known_without_the_model_and_changes_with_what_decides_scores(
    folder: Path, tmp_path: Path
) -> None:
    identity = cross_encoder_identity(folder)
    assert identity == CrossEncoderScorer.load(folder).identity
    assert str(folder) not in identity
    assert "/fp32/max-512/threads-1/" in identity
    other = make_cross_encoder(tmp_path / "other")
    assert cross_encoder_identity(other) == identity  # the same files elsewhere
    weights = load_file(other / "model.safetensors")
    save_file(
        weights | {"classifier.bias": weights["classifier.bias"] + 1}, other / "model.safetensors", {"format": "pt"}
    )
    different = {cross_encoder_identity(other), cross_encoder_identity(folder, max_tokens=64)}
    assert len(different | {identity, cross_encoder_identity(folder, dtype="bf16")}) == 4


def test_a_shorter_limit_cuts_pairs(folder: Path) -> None:
    scorer = CrossEncoderScorer.load(folder, max_tokens=16)
    words = " ".join(WORDS[:12])
    first, second = scorer.score(
        [("mill", words + " stone grain flour"), ("mill", words + " river sluice which turns")]
    )
    assert first == second  # [CLS] mill [SEP], twelve words, [SEP]: 16


def test_half_precision_gives_nearly_the_same(folder: Path, reference: list[float]) -> None:
    scores = CrossEncoderScorer.load(folder, dtype="bf16").score(some_pairs(150))
    spread = max(reference) - min(reference)
    assert max(abs(half - full) for half, full in zip(scores, reference, strict=True)) < 0.2 * spread


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no model in .*: config\.json is missing"):
        CrossEncoderScorer.load(tmp_path)


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="not a cross-encoder"):
        CrossEncoderScorer.load(make_encoder_alone(tmp_path))


def test_a_classifier_of_several_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="gives 3 numbers a pair"):
        CrossEncoderScorer.load(make_cross_encoder(tmp_path, n_labels=3))


def test_weights_without_the_classifier_are_refused(tmp_path: Path) -> None:
    make_cross_encoder(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInputError, match=r"lack \['classifier"):
        CrossEncoderScorer.load(tmp_path)


@pytest.mark.parametrize(("file", "content"), [("model.safetensors", b"no weights"), ("config.json", b"{")])
def test_a_damaged_file_is_refused(tmp_path: Path, file: str, content: bytes) -> None:
    make_cross_encoder(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(BadInputError):
        CrossEncoderScorer.load(tmp_path)


def test_weights_as_a_pickle_are_not_read(tmp_path: Path) -> None:
    """Reading them could run whatever their author wrote."""
    make_cross_encoder(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    command = f"cbuiltins\nopen\n(V{tmp_path / 'marker'}\nVw\ntR."  # protocol 0, as a hand writes it
    (tmp_path / "pytorch_model.bin").write_text(command)
    with pytest.raises(BadInputError):
        CrossEncoderScorer.load(tmp_path)
    assert not (tmp_path / "marker").exists()


def test_weights_that_give_no_number_are_refused(tmp_path: Path) -> None:
    make_cross_encoder(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    bias = weights["classifier.bias"] * float("nan")
    save_file(weights | {"classifier.bias": bias}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInputError, match="no number"):
        CrossEncoderScorer.load(tmp_path).score([("mill", "water")])


def test_code_that_a_model_brings_is_not_run(tmp_path: Path) -> None:
    make_cross_encoder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps(config | {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}})
    )
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(BadInputError):
        CrossEncoderScorer.load(tmp_path)
    assert not (tmp_path / "ran").exists()
