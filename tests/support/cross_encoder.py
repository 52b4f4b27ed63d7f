"""A tiny cross-encoder of random weights, in the layout that a published one has."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedTokenizerFast

WORDS = ("mill", "water", "wheel", "stone", "grain", "flour", "river", "sluice", "which", "turns", "the", "of")
LONGEST = 128
_SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def make_cross_encoder(folder: Path, *, n_labels: int = 1, kind: type[Any] = BertForSequenceClassification) -> Path:
    """Write model and tokenizer; weights are spread widely, so that the scores of two pairs differ."""
    vocabulary = {word: number for number, word in enumerate([*_SPECIAL.values(), *WORDS])}
    make_tokenizer(vocabulary).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LONGEST,
        num_labels=n_labels,
        initializer_range=0.5,
    )
    torch.manual_seed(7)
    kind(config).save_pretrained(folder)
    return folder


def make_tokenizer(vocabulary: dict[str, int]) -> PreTrainedTokenizerFast:
    """Whole words, framed as BERT frames a pair."""
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=LONGEST, **_SPECIAL)


def make_encoder_alone(folder: Path) -> Path:
    """A model without a classifier, such as an embedder."""
    return make_cross_encoder(folder, kind=BertModel)
