"""The operators of the language."""

from __future__ import annotations

import ast

from flowloom.backends.native.language.values import I64, Value, truths
from flowloom.backends.native.language.writing import Writer

_INSTRUCTIONS: dict[tuple[type[ast.operator], str], str] = {
    (ast.Add, "f"): "fadd",
    (ast.Sub, "f"): "fsub",
    (ast.Mult, "f"): "fmul",
    (ast.Div, "f"): "fdiv",
    (ast.Mod, "f"): "frem",
    **{
        (op, kind): name
        for kind in "iu"
        for op, name in {
            ast.Add: "add",
            ast.Sub: "sub",
            ast.Mult: "mul",
            ast.LShift: "shl",
            ast.BitAnd: "and",
            ast.BitOr: "or",
            ast.BitXor: "xor",
        }.items()
    },
    (ast.FloorDiv, "i"): "sdiv",
    (ast.FloorDiv, "u"): "udiv",
    (ast.Mod, "i"): "srem",
    (ast.Mod, "u"): "urem",
    (ast.RShift, "i"): "ashr",
    (ast.RShift, "u"): "lshr",
    (ast.BitAnd, "b"): "and",
    (ast.BitOr, "b"): "or",
    (ast.BitXor, "b"): "xor",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}


def binary(writer: Writer, op: ast.operator, a: Value, b: Value, node: ast.AST, *, loose: bool = False) -> Value:
    """`a` and `b` under that operator. `loose` lets LLVM take the terms of a sum in another order."""
    if a.type is not None and a.type.kind == "p" and isinstance(op, ast.Add):
        assert a.type.of is not None
        offset = writer.fitted(b, I64, node)
        return Value(writer.emit(f"getelementptr {a.type.of.llvm}, ptr {a.text}, i64 {offset.text}"), a.type)
    a, b, t = writer.alike(a, b, node)
    name = _INSTRUCTIONS.get((type(op), t.kind))
    if name is None:
        raise writer.wrong(node, f"{type(op).__name__} is not defined for {t}")
    flags = (" reassoc nsz contract" if loose else " contract") if t.kind == "f" else ""
    return Value(writer.emit(f"{name}{flags} {t.llvm} {a.text}, {b.text}"), t)


def negative(writer: Writer, x: Value) -> Value:
    """`-x`."""
    if x.number is not None:
        return Value("", None, -x.number)
    assert x.type is not None
    text = f"fneg {x.type.llvm} {x.text}" if x.type.kind == "f" else f"sub {x.type.llvm} 0, {x.text}"
    return Value(writer.emit(text), x.type)


def compare(writer: Writer, op: ast.cmpop, a: Value, b: Value, node: ast.AST) -> Value:
    """Whether `a` and `b` are in that relation."""
    a, b, t = writer.alike(a, b, node)
    name = _COMPARISONS[type(op)]
    if t.kind == "f":
        text = f"fcmp {'une' if name == 'ne' else 'o' + name} {t.llvm} {a.text}, {b.text}"
    else:
        sign = "" if name in ("eq", "ne") else "s" if t.kind == "i" else "u"
        text = f"icmp {sign}{name} {t.llvm} {a.text}, {b.text}"
    return Value(writer.emit(text), truths(t.lanes))
