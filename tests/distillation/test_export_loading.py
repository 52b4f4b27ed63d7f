"""Exports load as they are: by ``datasets``, and by TRL's trainers, which take a step on them."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from millrace.distillation.dataset_card import dataset_card
from millrace.distillation.export_files import write_exports
from millrace.distillation.export_form import COLUMNS
from millrace.records.evidence import Export
from tests.support.export_rows import EXPORTS, about, export_table, made_up_ref

N_ROWS = 6
SAID = ("messages", "prompt", "chosen", "rejected")
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|> {{ m['content'] }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports as they are published."""
    place = tmp_path_factory.mktemp("exports") / "run"
    write_exports(
        place,
        {export: [export_table(export, 4), export_table(export, N_ROWS).slice(4)] for export in EXPORTS},
        card=lambda written: dataset_card(written, made_up_ref("rows", N_ROWS), about()),
        check=lambda folder, exports: None,
    )
    return place


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    """``datasets.load_dataset`` with a cache of the test's own."""
    from datasets import load_dataset

    def call(*names: str, **settings: Any) -> Any:
        return load_dataset(*names, split="train", cache_dir=str(tmp_path / "cache"), **settings)

    return call


@pytest.mark.parametrize("export", EXPORTS)
def test_lines_parquet_and_the_folder_with_its_card_load_as_the_same_rows(
    folder: Path, load: Callable[..., Any], export: Export
) -> None:
    place = folder / export
    expected = [json.loads(line) for line in (place / "train.jsonl").read_text().splitlines()]
    for loaded in (
        load("json", data_files=str(place / "train.jsonl")),
        load("parquet", data_files=str(place / "train.parquet")),
        load(str(place)),
    ):
        assert loaded.column_names == list(COLUMNS[export])
        assert loaded.to_list() == expected
    assert len(expected) == N_ROWS


def test_datasets_load_no_split_without_rows_and_the_card_says_so(tmp_path: Path, load: Callable[..., Any]) -> None:
    write_exports(
        tmp_path / "run",
        {"sft": []},
        card=lambda written: dataset_card(written, made_up_ref("rows", 0), about()),
        check=lambda folder, exports: None,
    )
    with pytest.raises(ValueError, match="no data"):
        load(str(tmp_path / "run" / "sft"))
    assert "There are no rows to load" in (tmp_path / "run" / "sft" / "README.md").read_text()


@pytest.fixture(scope="module")
def trl() -> Any:
    return pytest.importorskip("trl", reason="trl is not installed")


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    """Words of the exports, and a chat template."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    lines = [line for path in sorted(folder.rglob("*.jsonl")) for line in path.read_text().splitlines()]
    turns = [turn for row in map(json.loads, lines) for name in SAID for turn in row.get(name, [])]
    special = ["<pad>", "<unk>", "<eos>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    words = [*special, *sorted({word for turn in turns for word in turn["content"].split()})]
    model = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))  # noqa: S106
    model.pre_tokenizer = WhitespaceSplit()
    named = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "<eos>"}
    return PreTrainedTokenizerFast(tokenizer_object=model, chat_template=TEMPLATE, **named)


@pytest.fixture
def model(tokenizer: Any) -> Any:
    """A language model of two thousand weights that knows nothing."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return LlamaForCausalLM(config)


def settings(tmp_path: Path) -> dict[str, Any]:
    quiet = {"report_to": [], "save_strategy": "no", "logging_steps": 1, "disable_tqdm": True}
    size = {"max_steps": 1, "per_device_train_batch_size": 2, "learning_rate": 0.1, "dataloader_num_workers": 0}
    return {"output_dir": str(tmp_path), "use_cpu": True, "bf16": False, **quiet, **size}


def weights(model: Any) -> Any:
    return model.model.layers[0].mlp.up_proj.weight.detach().clone()


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_trl_learns_from_the_conversations(
    folder: Path, load: Callable[..., Any], trl: Any, model: Any, tokenizer: Any, tmp_path: Path, form: str
) -> None:
    file = {"parquet": "train.parquet", "json": "train.jsonl"}[form]
    rows = load(form, data_files=str(folder / "sft" / file))
    before = weights(model)
    config = trl.SFTConfig(**settings(tmp_path), max_length=128, gradient_checkpointing=False)
    trainer = trl.SFTTrainer(model, args=config, train_dataset=rows, processing_class=tokenizer)
    learned = tokenizer.decode(trainer.train_dataset[0]["input_ids"])
    assert "<|assistant|> Pump 0 is blue. <|end|>" in learned
    assert trainer.train().metrics["train_loss"] > 0
    assert not (weights(model) == before).all()


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_trl_learns_from_the_preference_pairs(
    folder: Path, load: Callable[..., Any], trl: Any, model: Any, tokenizer: Any, tmp_path: Path, form: str
) -> None:
    file = {"parquet": "train.parquet", "json": "train.jsonl"}[form]
    rows = load(form, data_files=str(folder / "preference" / file))
    before = weights(model)
    config = trl.DPOConfig(**settings(tmp_path), max_length=128, gradient_checkpointing=False)
    trainer = trl.DPOTrainer(
        model, ref_model=deepcopy(model), args=config, train_dataset=rows, processing_class=tokenizer
    )
    first = trainer.train_dataset[0]
    assert "Pump 0 is blue." in tokenizer.decode(first["chosen_ids"])
    assert "I do not care." in tokenizer.decode(first["rejected_ids"])
    assert trainer.train().metrics["train_loss"] == pytest.approx(0.693, abs=0.001)  # -log sigmoid(0): no step yet
    assert not (weights(model) == before).all()
