"""Transformer blocks (Vaswani et al. 2017): attention and two dense layers, each with a path around it.

Names and defaults of KerasHub. A block is one node; models are rows of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowloom.compiler.expr import Expr
from flowloom.constraints import Constraint
from flowloom.graph.kinds import NodeContext
from flowloom.initializers import Initializer
from flowloom.layers.activations import Activation, activate
from flowloom.layers.attending import Heads, How, attended
from flowloom.layers.core import linear
from flowloom.layers.layer import layer
from flowloom.layers.normalizing import layer_normalized
from flowloom.layers.regularization import dropped
from flowloom.layers.shapes import dimensions, floats, known
from flowloom.params import Count, Fraction, Positive
from flowloom.regularizers import Regularizer
from flowloom.spec import SpecError


@layer()
def transformer_encoder_block(
    node: NodeContext,
    x: Any,
    mask: Any = None,
    *,
    num_heads: Count = 8,
    intermediate_dim: Count = 256,
    num_key_value_heads: Count | None = None,
    dropout: Fraction = 0.0,
    activation: Activation = "relu",
    normalize_first: bool = False,
    use_causal_mask: bool = False,
    layer_norm_epsilon: Positive = 1e-5,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """A sequence reads from itself by attention, then each step goes through two dense layers; both are added to it.

    `x` (batch, time, features), the features a multiple of `num_heads`. Layer normalisation follows each sum, or with
    `normalize_first` stands before attention and dense layers. `mask` is bool, true for what counts: (batch, time) or
    (batch, time, time). With `use_causal_mask` a step sees no later one: a block of a language model. While learning, a
    share `dropout` is dropped of the attention's weights and of what is added. Returns the shape of `x`.

    Variables: query_, key_, value_ and output_ kernel and bias; intermediate_kernel (features, intermediate_dim),
    feedforward_kernel (intermediate_dim, features) and their biases; attention_gamma, attention_beta,
    feedforward_gamma, feedforward_beta (features,).
    """
    how = How(
        (kernel_initializer, kernel_regularizer, kernel_constraint),
        (bias_initializer, bias_regularizer, bias_constraint),
        dropout,
    )
    block = _Block(node, how, normalize_first, layer_norm_epsilon)
    heads = block.heads(x, num_heads, num_key_value_heads)
    y = block.around(x, lambda v: block.attend(v, None, mask, heads, use_causal_mask, "", 1), "attention_", 2)
    return block.around(y, lambda v: block.feed(v, intermediate_dim, activation), "feedforward_", 3)


@layer()
def transformer_decoder_block(
    node: NodeContext,
    x: Any,
    encoded: Any = None,
    mask: Any = None,
    encoded_mask: Any = None,
    *,
    num_heads: Count = 8,
    intermediate_dim: Count = 256,
    num_key_value_heads: Count | None = None,
    dropout: Fraction = 0.0,
    activation: Activation = "relu",
    normalize_first: bool = False,
    use_causal_mask: bool = True,
    layer_norm_epsilon: Positive = 1e-5,
    kernel_initializer: Initializer = "glorot_uniform",
    bias_initializer: Initializer = "zeros",
    kernel_regularizer: Regularizer | None = None,
    bias_regularizer: Regularizer | None = None,
    kernel_constraint: Constraint | None = None,
    bias_constraint: Constraint | None = None,
    trainable: bool = True,
) -> Expr:
    """As `transformer_encoder_block`, but no step sees a later one, and between the two it reads what was `encoded`.

    `x` (batch, time, features), `encoded` (batch, other time, any features): where it stays open, nothing is read from
    it, as in GPT. The masks are bool, true for what counts: `mask` (batch, time) or (batch, time, time), `encoded_mask`
    (batch, other time) or (batch, time, other time). Returns the shape of `x`.

    Variables: those of the encoder block, and for the second attention cross_query_, cross_key_, cross_value_ and
    cross_output_ kernel and bias, cross_gamma and cross_beta.
    """
    how = How(
        (kernel_initializer, kernel_regularizer, kernel_constraint),
        (bias_initializer, bias_regularizer, bias_constraint),
        dropout,
    )
    block = _Block(node, how, normalize_first, layer_norm_epsilon)
    heads = block.heads(x, num_heads, num_key_value_heads)
    y = block.around(x, lambda v: block.attend(v, None, mask, heads, use_causal_mask, "", 1), "attention_", 2)
    if encoded is not None:
        y = block.around(y, lambda v: block.attend(v, encoded, encoded_mask, heads, False, "cross_", 4), "cross_", 5)
    elif encoded_mask is not None:
        raise SpecError("encoded_mask says what counts of encoded; give both or none")
    return block.around(y, lambda v: block.feed(v, intermediate_dim, activation), "feedforward_", 3)


@dataclass(frozen=True, slots=True)
class _Block:
    """What the parts of a block have in common. Random draws are numbered by their `use`."""

    node: NodeContext
    how: How
    normalize_first: bool
    epsilon: float

    def heads(self, x: Any, count: int, shared: int | None) -> Heads:
        """The heads that divide the features of `x`. Raises SpecError if they do not."""
        floats(x)
        dimensions(x, 3, "sequences (batch, time, features)", 3)
        features = known(x.shape[2], "the number of features")
        if features % count:
            raise SpecError(
                f"the features must be a multiple of num_heads; got {features} and {count}",
                dimension=f"{features} / {count}",
            )
        return Heads(count, shared or count, features // count, features // count)

    def around(self, x: Any, part: Callable[[Any], Any], name: str, use: int) -> Expr:
        """`x` plus what the part makes of it, normalised before or after."""
        read = self._normalized(x, name) if self.normalize_first else x
        y = x + dropped(self.node, part(read), self.how.dropout, use=use)
        return y if self.normalize_first else self._normalized(y, name)

    def attend(self, x: Any, other: Any, mask: Any, heads: Heads, causal: bool, prefix: str, use: int) -> Any:
        """What `x` reads from itself, or from another sequence."""
        y, _ = attended(self.node, x, other, None, mask, heads, self.how, causal=causal, prefix=prefix, use=use)
        return y

    def feed(self, x: Any, size: int, activation: Activation) -> Any:
        """Two dense layers."""
        bias = self.how.bias
        wide = activate(linear(self.node, x, size, self.how.kernel, bias, "intermediate_"), activation)
        return linear(self.node, wide, known(x.shape[2], "the features"), self.how.kernel, bias, "feedforward_")

    def _normalized(self, x: Any, name: str) -> Expr:
        return layer_normalized(self.node, x, (x.ndim - 1,), self.epsilon, prefix=name)
