"""HHEM through transformers' own loading code, on a tiny model in its layout; what is not trusted does not run."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, T5ForTokenClassification

from millrace.adapters.hhem import HhemScorer, hhem_identity, hub_folder
from millrace.errors import BadInputError, NotFoundError
from tests.support.hhem import PROMPT, make_foundation, make_hhem

PAIRS = [
    ("The mill stands in York.", "The mill is in York."),
    ("The mill is in York.", "The mill stands in York."),
    ("Anna built the mill.", "York was built by Anna. It is given. It stands in the mill, is it true?"),
    ("The {mill} stands.", "It is {text1}."),
    ("", "The mill."),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, T5ForTokenClassification]:
    root = tmp_path_factory.mktemp("hhem")
    foundation = make_foundation(root / "foundation")
    inner = make_hhem(root / "tiny", foundation)
    return root / "tiny", foundation, inner


@pytest.fixture(scope="module", autouse=True)
def code_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """transformers copies a model's code into the user's cache before it runs it."""
    import transformers.dynamic_module_utils as modules

    cache = str(tmp_path_factory.mktemp("modules"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modules, "HF_MODULES_CACHE", cache)
        patch.setattr(sys, "path", [*sys.path])
        yield  # type: ignore[misc]


@pytest.fixture(scope="module")
def scorer(folders: tuple[Path, Path, T5ForTokenClassification]) -> HhemScorer:
    return HhemScorer.load(folders[0], folders[1], trust_remote_code=True)


def test_scores_are_those_of_the_saved_weights_on_passage_then_answer(
    scorer: HhemScorer, folders: tuple[Path, Path, T5ForTokenClassification]
) -> None:
    _, foundation, inner = folders
    tokenizer = AutoTokenizer.from_pretrained(foundation)
    expected = []
    for first, second in PAIRS:
        tokens = tokenizer(PROMPT.format(text1=first, text2=second), return_tensors="pt")
        with torch.no_grad():
            expected.append(float(torch.softmax(inner(**tokens).logits[0, 0], dim=-1)[1]))
    assert scorer.score(PAIRS) == pytest.approx(expected, abs=1e-6)
    assert len({round(score, 4) for score in expected}) == len(PAIRS)


def test_the_order_of_a_pair_matters(scorer: HhemScorer) -> None:
    there, back = scorer.score(PAIRS[:2])
    assert abs(there - back) > 0.001


def test_a_pairs_score_is_the_same_bits_alone_and_in_any_company(scorer: HhemScorer) -> None:
    together = scorer.score(PAIRS * 3)
    assert together == [scorer.score([pair])[0] for pair in PAIRS] * 3
    assert scorer.score(PAIRS[::-1]) == together[: len(PAIRS)][::-1]


def test_no_pairs_are_no_scores(scorer: HhemScorer) -> None:
    assert scorer.score([]) == []


def test_code_that_is_not_trusted_does_not_run_and_nobody_is_asked(
    folders: tuple[Path, Path, T5ForTokenClassification], tmp_path: Path
) -> None:
    mined = tmp_path / "mined"
    shutil.copytree(folders[0], mined)
    for code in mined.glob("*.py"):
        code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + code.read_text())
    with pytest.raises(BadInputError, match="set trust_remote_code to true"):
        HhemScorer.load(mined, folders[1], trust_remote_code=False)
    assert not (tmp_path / "ran").exists()
    HhemScorer.load(mined, folders[1], trust_remote_code=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("changed", ["weights", "code", "prompt", "tokenizer"])
def test_the_identity_follows_everything_that_decides_a_score_and_names_no_path(
    folders: tuple[Path, Path, T5ForTokenClassification], tmp_path: Path, changed: str
) -> None:
    model, foundation = tmp_path / "model", tmp_path / "foundation"
    shutil.copytree(folders[0], model)
    shutil.copytree(folders[1], foundation)
    before = hhem_identity(model, foundation)
    assert before == hhem_identity(folders[0], folders[1])
    assert "/tmp" not in before  # noqa: S108  the path it must not name
    place = {
        "weights": model / "model.safetensors",
        "code": model / "modeling_tiny.py",
        "prompt": model / "config.json",
        "tokenizer": foundation / "tokenizer.json",
    }[changed]
    place.write_bytes(place.read_bytes() + b" ")
    assert hhem_identity(model, foundation) != before


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no model in .*config\.json is missing"):
        HhemScorer.load(tmp_path, tmp_path, trust_remote_code=True)


def test_weights_that_lack_a_part_are_refused(
    folders: tuple[Path, Path, T5ForTokenClassification], tmp_path: Path
) -> None:
    shutil.copytree(folders[0], tmp_path / "cut")
    weights = load_file(tmp_path / "cut" / "model.safetensors")
    del weights["t5.classifier.weight"]
    save_file(weights, tmp_path / "cut" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInputError, match=r"lack \['t5.classifier.weight'\]"):
        HhemScorer.load(tmp_path / "cut", folders[1], trust_remote_code=True)


def test_damaged_weights_give_no_number(folders: tuple[Path, Path, T5ForTokenClassification], tmp_path: Path) -> None:
    shutil.copytree(folders[0], tmp_path / "nan")
    weights = load_file(tmp_path / "nan" / "model.safetensors")
    weights["t5.classifier.bias"].fill_(float("nan"))
    save_file(weights, tmp_path / "nan" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInputError, match="damaged"):
        HhemScorer.load(tmp_path / "nan", folders[1], trust_remote_code=True)


@pytest.mark.parametrize(
    ("instead", "message"),
    [
        (
            "def predict(self, text_pairs):\n        return 1\n\n    def spare(self, text_pairs):",
            "does not predict as HHEM",
        ),
        ("def forecast(self, text_pairs):", "has no predict"),
    ],
)
def test_a_model_that_is_no_hhem_is_refused(
    folders: tuple[Path, Path, T5ForTokenClassification], tmp_path: Path, instead: str, message: str
) -> None:
    other = tmp_path / "other"
    shutil.copytree(folders[0], other)
    code = other / "modeling_tiny.py"
    code.write_text(code.read_text().replace("def predict(self, text_pairs):", instead))
    with pytest.raises(BadInputError, match=message):
        HhemScorer.load(other, folders[1], trust_remote_code=True)


def test_a_hub_model_that_is_not_on_this_machine_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotFoundError, match=r"nobody/nothing@0000.* is not on this machine"):
        hub_folder("nobody/nothing", "0" * 40, ["*.json"])


def test_a_cached_hub_model_is_found_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub
    import huggingface_hub.constants

    commit = "a" * 40
    snapshot = tmp_path / "models--some--hhem" / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub._snapshot_download.constants, "HF_HUB_CACHE", str(tmp_path))  # type: ignore[attr-defined]
    assert hub_folder("some/hhem", commit, ["*.json"]) == snapshot


def test_the_identity_needs_no_torch(folders: tuple[Path, Path, T5ForTokenClassification]) -> None:
    code = (
        "import sys; from pathlib import Path; from millrace.adapters.hhem import hhem_identity; "
        f"hhem_identity(Path({str(folders[0])!r}), Path({str(folders[1])!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
