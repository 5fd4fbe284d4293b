"""Rewriting: expressions that compute the same with less, in named phases that say what they did.

Gradients are built by rules that know nothing of each other, and people write formulas as they stand in books. What
comes of that has much that need not be computed (a product with one, a sum of equal numbers), and some that cannot be
computed well (the logarithm of a softmax). The phases, in their order:

- stabilise: forms that overflow or cancel become forms that do not (`stabilising`, and for gradients `dividing`)
- loops: what a loop computes anew or can do at once moves out of it (`loops`)
- canonicalise: one way to say the same thing (`shaping`, `arithmetic`, `signs`)
- fold: what depends on constants alone is computed now (`folding`)
- algebra: what changes nothing, or can be had for less, goes (`algebra`, `broadcasts`, `indices`, `centring`)

Every rule keeps shape and dtype, and values to rounding or better: exact where it can be, and what was NaN or infinite
stays so. There are three exceptions. The stable forms give the right finite answer where the others gave none. Constant
factors are multiplied before they meet the tensor, so that an overflow between them does not happen. And the sign of a
zero is not kept: x + 0 is x.
"""

from flowloom.compiler.rewriting.driver import RewriteError
from flowloom.compiler.rewriting.phases import Phase, Rewritten, rewrite
from flowloom.compiler.rewriting.rules import PHASES, RULES, Rules, rule

__all__ = ["PHASES", "RULES", "Phase", "RewriteError", "Rewritten", "Rules", "rewrite", "rule"]
