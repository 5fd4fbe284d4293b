"""Epilogues: a bias, or that and GELU, that is added to a product by the library that computes it.

Only where no kernel of ours would do it anyway: one that goes on from there reads the product and adds the bias at no
cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from flowloom.backends.cuda.device import has_package
from flowloom.backends.cuda.products import AFFINE
from flowloom.backends.native.decomposition import decompose
from flowloom.backends.native.templates import is_elementwise, is_reduction
from flowloom.compiler.expr import Expr, build_whole, rebuild, toposort
from flowloom.spec import Spec


def written(outputs: Sequence[Expr]) -> tuple[list[Expr], dict[Expr, Expr]]:
    """The expressions as the native backend writes them out, with products that have an epilogue.

    And for each new one the one that it was made for.
    """
    plain, sources = decompose(outputs)
    return with_epilogues(plain, sources) if has_package("nvmath") else (plain, sources)


def with_epilogues(outputs: Sequence[Expr], sources: Mapping[Expr, Expr]) -> tuple[list[Expr], dict[Expr, Expr]]:
    """The expressions with epilogues, and what each new one was made for, which `sources` had so far."""
    order = toposort(outputs)
    readers: dict[Expr, list[Expr]] = {}
    for e in order:
        for a in e.args:
            readers.setdefault(a, []).append(e)
    kept = set(outputs)
    made: dict[Expr, Expr] = {}
    found = dict(sources)
    for e in order:
        args = _epilogue(e, readers, kept)
        if args is None:
            new = rebuild(e, [made[a] for a in e.args])
        else:
            new = build_whole(AFFINE, tuple(made[a] for a in args), {"gelu": e.op.name == "gelu"})
        if new is not e:
            found[new] = sources.get(e, e)
        made[e] = new
    return [made[o] for o in outputs], found


def _epilogue(e: Expr, readers: Mapping[Expr, list[Expr]], kept: set[Expr]) -> tuple[Expr, Expr, Expr] | None:
    """The factors and the bias, if `e` is a product plus a bias, or GELU of that, whose parts nothing else needs."""
    if any(is_elementwise(r) or is_reduction(r) for r in readers.get(e, ())):
        return None
    total = e.args[0] if e.op.name == "gelu" and dict(e.params)["approximate"] else e
    if total is not e and (total in kept or len(readers[total]) > 1):
        return None
    if total.op.name != "add":
        return None
    for product, bias in (total.args, total.args[::-1]):
        alone = product.op.name == "matmul" and product not in kept and len(readers[product]) == 1
        alike = product.spec == total.spec == e.spec and bias.spec == Spec(product.shape[-1:], product.dtype)
        if alone and alike and product.ndim == 2 and product.dtype == np.float32:
            a, b = product.args
            return a, b, bias
    return None
