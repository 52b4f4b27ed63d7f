"""The forward pass of a BERT encoder, written out so that its values hang on torch and the weights alone.

Loading the same model through transformers costs three more seconds of imports in every process. Import this module
only where a model is loaded: it imports torch.

Source: Devlin et al. (2019), arXiv 1810.04805; layout and constants as in Hugging Face's ``BertModel``.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

_EPSILON = 1e-12


@dataclass(frozen=True)
class Affine:
    """Weight (n_out, n_in) or, of a layer norm, (n,); bias (n_out,)."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class BertLayer:
    """One transformer layer; query, key and value are one projection of width 3 x hidden."""

    projection: Affine
    attention_output: Affine
    attention_norm: Affine
    intermediate: Affine
    output: Affine
    output_norm: Affine


@dataclass(frozen=True)
class BertEncoder:
    """Token ids to hidden states, without the pooler."""

    words: Tensor
    positions: Tensor
    norm: Affine
    layers: tuple[BertLayer, ...]
    n_heads: int

    def hidden_states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Last hidden states.

        Args:
            ids: token ids, shape (n_texts, n_tokens).
            mask: True where a token is real, same shape; at least one per text.

        Returns:
            Shape (n_texts, n_tokens, hidden) in the type of the weights; padded places hold no meaning.
        """
        states = functional.embedding(ids, self.words) + self.positions[: ids.shape[1]]
        states = _normed(states, self.norm)
        visible = mask[:, None, None, :]
        for layer in self.layers:
            states = _normed(states + self._attend(states, visible, layer), layer.attention_norm)
            inner = functional.gelu(_linear(states, layer.intermediate))
            states = _normed(states + _linear(inner, layer.output), layer.output_norm)
        return states

    def _attend(self, states: Tensor, visible: Tensor, layer: BertLayer) -> Tensor:
        n_texts, n_tokens, hidden = states.shape
        heads = _linear(states, layer.projection).view(n_texts, n_tokens, 3, self.n_heads, -1)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return _linear(mixed.transpose(1, 2).reshape(n_texts, n_tokens, hidden), layer.attention_output)


def load_bert(weights: Path, *, dtype: torch.dtype, n_layers: int, n_heads: int) -> BertEncoder:
    """Read a BERT checkpoint in the safetensors form.

    Raises:
        KeyError: the checkpoint is not that of a BERT of ``n_layers`` layers.
    """
    tensors = {name: tensor for name, tensor in load_file(weights).items() if tensor.is_floating_point()}
    # Every text is of one segment, so the first segment's embedding can be part of the positions; summed in fp32.
    positions = tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
    return BertEncoder(
        words=tensors["embeddings.word_embeddings.weight"].to(dtype),
        positions=positions.to(dtype),
        norm=_affine(tensors, dtype, "embeddings.LayerNorm"),
        layers=tuple(_layer(tensors, dtype, f"encoder.layer.{number}.") for number in range(n_layers)),
        n_heads=n_heads,
    )


def _layer(tensors: dict[str, Tensor], dtype: torch.dtype, prefix: str) -> BertLayer:
    attention = [f"{prefix}attention.self.{name}" for name in ("query", "key", "value")]
    return BertLayer(
        projection=_affine(tensors, dtype, *attention),
        attention_output=_affine(tensors, dtype, f"{prefix}attention.output.dense"),
        attention_norm=_affine(tensors, dtype, f"{prefix}attention.output.LayerNorm"),
        intermediate=_affine(tensors, dtype, f"{prefix}intermediate.dense"),
        output=_affine(tensors, dtype, f"{prefix}output.dense"),
        output_norm=_affine(tensors, dtype, f"{prefix}output.LayerNorm"),
    )


def _affine(tensors: dict[str, Tensor], dtype: torch.dtype, *names: str) -> Affine:
    """The named maps stacked on their output axis."""
    weight = torch.cat([tensors[f"{name}.weight"] for name in names])
    return Affine(weight.to(dtype), torch.cat([tensors[f"{name}.bias"] for name in names]).to(dtype))


def _linear(states: Tensor, affine: Affine) -> Tensor:
    return functional.linear(states, affine.weight, affine.bias)


def _normed(states: Tensor, affine: Affine) -> Tensor:
    return functional.layer_norm(states, affine.bias.shape, affine.weight, affine.bias, _EPSILON)
