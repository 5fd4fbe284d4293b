"""The objective: the loss that is trained and reported, with what the regularizers of its variables add."""

from __future__ import annotations

from flowloom.compiler.expr import Expr
from flowloom.graph.expansion import variables_in
from flowloom.graph.lower import Lowered
from flowloom.ops import add
from flowloom.regularizers import penalty
from flowloom.training.updates import in_dtype


def objective(lowered: Lowered) -> Expr:
    """The first output of `lowered`, in its dtype, and the penalties of the trainable variables that it depends on."""
    loss = lowered.outputs[0]
    read = variables_in(loss)
    for key, variable in lowered.variables.items():
        if key in read and variable.trainable and variable.regularizer is not None:
            added = in_dtype(penalty(variable.regularizer, variable.expr), loss.dtype)
            lowered.origins.claim([added], (key.split("/")[0],))
            loss = add(loss, added)
    return loss
