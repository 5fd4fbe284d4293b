"""Which ops may refuse values when they run (an index out of range, say). No rewriting may lose such a check."""

from __future__ import annotations

from flowloom.compiler.expr import CONSTANT, INPUT, ITEM, Expr, toposort
from flowloom.compiler.function import Function
from flowloom.op import get_op
from flowloom.ops import left_shift, power, right_shift
from flowloom.spec import Spec, is_float

# Kernels that take every value of their specs. What is not here, not elementwise and no view is taken to have a check:
# that costs at most a simplification.
_NAMES = """
    sum sum_to sum_like mean max min prod any all logsumexp argmax argmin size cumsum cumprod
    softmax log_softmax matmul contract conv conv_backprop_input conv_backprop_filter
    max_pool max_pool_backprop avg_pool avg_pool_backprop concatenate stack pad tile roll unslice triangle
    full_like eye_like numbered attention_window
    fold_in fold_in_index random_uniform random_normal random_bernoulli random_integers
"""
_SILENT = frozenset(map(get_op, _NAMES.split()))
_LEAVES = (INPUT, CONSTANT, ITEM)
_BY_VALUE = (power, left_shift, right_shift)  # of integers


def may_refuse(e: Expr) -> bool:
    """Whether there may be values that the kernel of `e` refuses."""
    op = e.op
    if op in _LEAVES or op in _SILENT:
        return False
    if op.family == "control" and not op.view:
        return any(may_refuse(x) for _, v in e.params if isinstance(v, Function) for x in toposort(v.outputs))
    if op in _BY_VALUE:
        return not is_float(e.spec.dtype)
    if op.view:
        specs = (e.spec, *(a.spec for a in e.args))
        return not all(s.is_concrete for s in specs if isinstance(s, Spec))
    return op.template is None
