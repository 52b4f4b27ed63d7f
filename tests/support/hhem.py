"""A tiny model of random weights in HHEM's layout: its own code beside the weights, a T5 as its foundation.

The code is written anew after the published model's interface: a configuration with ``foundation`` and ``prompt``, and
``predict`` over pairs that gives the probability of the second class at the first token.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, T5Config, T5ForTokenClassification

PROMPT = "<pad> Is it true given the premise?\n\nPremise: {text1}\n\nHypothesis: {text2}"
SENTENCE = "Is it true given the premise ? Premise : Hypothesis The mill stands in York . is was built by Anna"
CONFIGURATION = """
from transformers import PretrainedConfig


class TinyHhemConfig(PretrainedConfig):
    model_type = "HHEMv2"
    foundation = "nobody/no-such-foundation"
    prompt = "{text1} {text2}"
"""
MODELLING = """
import torch
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, T5ForTokenClassification

from .configuration_tiny import TinyHhemConfig


class TinyHhem(PreTrainedModel):
    config_class = TinyHhemConfig

    def __init__(self, config):
        super().__init__(config)
        self.t5 = T5ForTokenClassification(AutoConfig.from_pretrained(config.foundation))
        self.prompt = config.prompt
        self.tokenizer = AutoTokenizer.from_pretrained(config.foundation)

    def predict(self, text_pairs):
        prompts = [self.prompt.format(text1=first, text2=second) for first, second in text_pairs]
        inputs = self.tokenizer(prompts, return_tensors="pt", padding=True)
        with torch.no_grad():
            logits = self.t5(**inputs).logits[:, 0, :]
        return torch.softmax(logits, dim=-1)[:, 1]
"""


def make_foundation(folder: Path) -> Path:
    """Configuration and tokenizer of a T5 with two labels; no weights."""
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    vocabulary = {word: number for number, word in enumerate([*special.values(), *dict.fromkeys(SENTENCE.split())])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    inputs = ["input_ids", "attention_mask"]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **special).save_pretrained(folder)
    config = T5Config(
        vocab_size=len(vocabulary), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, num_labels=2, dropout_rate=0
    )
    config.save_pretrained(folder)
    return folder


def make_hhem(folder: Path, foundation: Path) -> T5ForTokenClassification:
    """Write the model; the T5 inside is returned, to compute its scores by another way."""
    folder.mkdir(parents=True)
    config = {
        "model_type": "HHEMv2",
        "architectures": ["TinyHhem"],
        "auto_map": {
            "AutoConfig": "configuration_tiny.TinyHhemConfig",
            "AutoModelForSequenceClassification": "modeling_tiny.TinyHhem",
        },
        "foundation": "nobody/no-such-foundation",
        "prompt": PROMPT,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "configuration_tiny.py").write_text(CONFIGURATION)
    (folder / "modeling_tiny.py").write_text(MODELLING)
    inner = random_t5(foundation)
    # As published: the embedding once, under the name that encoder and decoder share.
    weights = {f"t5.{name}": value.clone() for name, value in inner.state_dict().items() if "embed_tokens" not in name}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return inner


def random_t5(foundation: Path) -> T5ForTokenClassification:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        inner = T5ForTokenClassification(T5Config.from_pretrained(foundation))
        for parameter in inner.parameters():
            torch.nn.init.normal_(parameter, std=0.6)  # far enough from nothing that texts differ in their scores
    return inner.eval()
