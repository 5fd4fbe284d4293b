"""The functions that every kernel may call."""

from __future__ import annotations

import ast
import platform
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from flowloom.backends.native.language.values import BOOL, F32, F64, I32, I64, U32, U64, VOID, Type, Value, truths
from flowloom.backends.native.language.writing import Writer

FALSE = Value("false", BOOL)
NOTHING = Value("", VOID)

Function: TypeAlias = Callable[[Writer, Sequence[Value], ast.AST], Value]


def _intrinsic(name: str) -> Function:
    def call(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
        t = next((a.type for a in args if a.type is not None), F64)
        if t.kind != "f":
            raise writer.wrong(node, f"{name} is of floats; got {t}")
        ready = [writer.fitted(a, t, node) for a in args]
        return writer.call(f"llvm.{name}.{t.suffix}", t, *ready, flags=" contract" if name == "fma" else "")

    return call


def _libm(name: str) -> Function:
    def call(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
        x, *rest = args if len(args) == 1 else writer.alike(args[0], args[1], node)[:2]
        x = writer.settled(x)
        assert x.type is not None
        if x.type.kind != "f":
            raise writer.wrong(node, f"{name} is of floats; got {x.type}")
        return writer.call(name + ("f" if x.type is F32 else ""), x.type, x, *rest)

    return call


def _extreme(name: str) -> Function:
    def call(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
        made, *rest = args
        for b in rest:
            x, y, t = writer.alike(made, b, node)
            kind = {"f": f"{name}imum", "i": f"s{name}"}.get(t.kind, f"u{name}")
            made = writer.call(f"llvm.{kind}.{t.suffix if t.kind == 'f' else t.llvm}", t, x, y)
        return made

    return call


def _external(name: str) -> Function:
    return lambda writer, args, node: writer.call(name, I32)


def _where(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    a, b, t = writer.alike(args[1], args[2], node)
    condition = writer.converted(writer.settled(args[0]), truths(t.lanes), node)
    chosen = f"select {truths(t.lanes).llvm} {condition.text}, {t.llvm} {a.text}, {t.llvm} {b.text}"
    return Value(writer.emit(chosen), t)


def _abs(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    x = writer.settled(args[0])
    assert x.type is not None
    if x.type.kind == "f":
        return writer.call(f"llvm.fabs.{x.type.suffix}", x.type, x)
    if x.type.kind == "i":
        return writer.call(f"llvm.abs.{x.type.llvm}", x.type, x, FALSE)
    return x


def _bits(t: Type) -> Function:
    return lambda writer, args, node: writer.bits(args[0], t)


def _whole(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    """whole(x): a float that is a small whole number, as an i32; without the checks that i32(x) makes."""
    x = writer.settled(args[0])
    assert x.type is not None
    return Value(writer.emit(f"fptosi {x.type.llvm} {x.text} to i32"), I32)


def _cycles(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    return writer.call("llvm.readcyclecounter", I64)


def _invoke(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    """invoke(function address, ...): call what lies at an address, with integers and arrays, for nothing in return."""
    function = writer.emit(f"inttoptr i64 {writer.fitted(args[0], I64, node).text} to ptr")
    passed = [writer.settled(a) for a in args[1:]]
    writer.line(f"call void {function}({', '.join(f'{a.type.llvm} {a.text}' for a in passed if a.type)})")
    return NOTHING


def _atomic_add(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    """atomic_add(array of i64, amount): add to its first element; what was there before."""
    amount = writer.fitted(args[1], I64, node)
    return Value(writer.emit(f"atomicrmw add ptr {args[0].text}, i64 {amount.text} seq_cst"), I64)


def _compare_and_swap(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    """compare_and_swap(array of i64, expected, new): put `new` in its first element if that is `expected`; whether it
    was.
    """
    expected, new = (writer.fitted(a, I64, node) for a in args[1:])
    pair = writer.emit(f"cmpxchg ptr {args[0].text}, i64 {expected.text}, i64 {new.text} seq_cst seq_cst")
    return Value(writer.emit(f"extractvalue {{ i64, i1 }} {pair}, 1"), BOOL)


def _relax(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    """relax(): tell the processor that this is a loop that waits."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        writer.call("llvm.x86.sse2.pause", VOID)
    return NOTHING


def _atomic_load(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    return Value(writer.emit(f"load atomic i64, ptr {args[0].text} seq_cst, align 8"), I64)


def _atomic_store(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    value = writer.fitted(args[1], I64, node)
    writer.line(f"store atomic i64 {value.text}, ptr {args[0].text} seq_cst, align 8")
    return NOTHING


def _copy(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    """copy(target, source, count): elements that do not overlap."""
    target, source = args[0], args[1]
    assert target.type is not None
    assert target.type.of is not None
    count = writer.fitted(args[2], I64, node)
    size = Value(writer.emit(f"mul i64 {count.text}, {max(1, target.type.of.bits // 8)}"), I64)
    return writer.call("llvm.memcpy.p0.p0.i64", VOID, target, source, size, FALSE)


def _store_part(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
    """store_part(array, vector, count): its first `count` lanes, or all; what lies behind them is not touched."""
    target, x, count = args[0], args[1], writer.fitted(args[2], I64, node)
    assert x.type is not None
    mask = writer.first_lanes(count, x.type)
    alignment = Value(str(x.type.bits // 8), I32)
    return writer.call(f"llvm.masked.store.{x.type.suffix}.p0", VOID, x, target, alignment, mask)


def _zip(half: int) -> Function:
    """zip_low(a, b), zip_high(a, b): the lower or upper halves of two vectors, lane by lane in turns."""

    def call(writer: Writer, args: Sequence[Value], node: ast.AST) -> Value:
        a, b, t = writer.alike(args[0], args[1], node)
        first = half * t.lanes // 2
        lanes = ", ".join(f"i32 {i}, i32 {i + t.lanes}" for i in range(first, first + t.lanes // 2))
        zipped = f"shufflevector {t.llvm} {a.text}, {t.llvm} {b.text}, <{t.lanes} x i32> <{lanes}>"
        return Value(writer.emit(zipped), t)

    return call


_OF_FLOATS = ("sqrt", "floor", "ceil", "trunc", "rint", "fabs", "fma", "copysign")
_OF_LIBM = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "pow", "hypot", "fmod", "erf", "erfc", "lgamma"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)
FUNCTIONS: dict[str, Function] = {
    **{name: _intrinsic(name) for name in _OF_FLOATS},
    **{name: _libm(name) for name in _OF_LIBM},
    **{f"as_{t.name}": _bits(t) for t in (I32, U32, I64, U64, F32, F64)},
    "min": _extreme("min"),
    "max": _extreme("max"),
    "abs": _abs,
    "where": _where,
    "whole": _whole,
    "copy": _copy,
    "store_part": _store_part,
    "zip_low": _zip(0),
    "zip_high": _zip(1),
    "invoke": _invoke,
    "atomic_add": _atomic_add,
    "atomic_load": _atomic_load,
    "atomic_store": _atomic_store,
    "compare_and_swap": _compare_and_swap,
    "cycles": _cycles,
    "relax": _relax,
    "give_way": _external("SwitchToThread" if sys.platform == "win32" else "sched_yield"),
}
