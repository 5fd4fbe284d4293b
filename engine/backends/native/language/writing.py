"""Writing the instructions of one function, and fitting the values in it to each other's types."""

from __future__ import annotations

import ast

from flowloom.backends.native.language.values import (
    BOOL,
    BYTE,
    F64,
    I64,
    TYPES,
    VOID,
    KernelSourceError,
    Type,
    Value,
    float_text,
    truths,
)


class Writer:
    """A list of instructions, and of what they need from outside. `declared` is shared by the functions of a kernel."""

    def __init__(self, name: str, declared: dict[str, str]) -> None:
        self.name, self.declared = name, declared
        self.lines: list[str] = []
        self.slots: list[str] = []  # the room for variables, taken when the function begins
        self.count = 0

    def line(self, text: str) -> None:
        """Write an instruction."""
        self.lines.append(f"  {text}")

    def emit(self, text: str) -> str:
        """Write an instruction that gives something. Returns the name of that."""
        self.count += 1
        self.line(f"%t{self.count} = {text}")
        return f"%t{self.count}"

    def call(self, name: str, result: Type, *args: Value, flags: str = "") -> Value:
        """Write a call of a function from outside."""
        types = [a.type.llvm for a in args if a.type]
        self.declared[name] = f"declare {result.llvm} @{name}({', '.join(types)})"
        passed = ", ".join(f"{t} {a.text}" for t, a in zip(types, args, strict=True))
        text = f"call{flags} {result.llvm} @{name}({passed})"
        if result is VOID:
            self.line(text)
            return Value("", VOID)
        return Value(self.emit(text), result)

    def labels(self, *names: str) -> list[str]:
        """New names for places in the function."""
        self.count += 1
        return [f"{name}{self.count}" for name in names]

    def label(self, name: str) -> None:
        """Say that this place has that name."""
        self.lines.append(f"{name}:")

    def wrong(self, node: ast.AST | None, reason: str) -> KernelSourceError:
        """The error that `node` is not in the language."""
        where = f", in {ast.unparse(node)!r}" if node is not None else ""
        return KernelSourceError(f"kernel {self.name}: {reason}{where}")

    # ------------------------------------------------------------ types

    def alike(self, a: Value, b: Value, node: ast.AST) -> tuple[Value, Value, Type]:
        """`a` and `b` as values of one type, and that type."""
        t = a.type or b.type or (F64 if isinstance(a.number, float) or isinstance(b.number, float) else I64)
        if t is BOOL and b.type is not None:
            t = b.type  # beside a number, a truth value counts as 0 or 1
        a, b = (self.converted(x, t, node) if x.type is BOOL else x for x in (a, b))
        return self.fitted(a, t, node), self.fitted(b, t, node), t

    def fitted(self, x: Value, t: Type, node: ast.AST | None) -> Value:
        """`x` as a `t`: a number as written becomes one, anything else must be one."""
        if x.type is not None:
            if x.type != t:
                raise self.wrong(node, f"{x.type} where {t} is needed")
            return x
        assert x.number is not None
        if t.lanes > 1:
            one = float_text(x.number, TYPES[f"f{t.bits}"])
            each = ", ".join([f"{'float' if t.bits == 32 else 'double'} {one}"] * t.lanes)
            return Value(f"<{each}>", t)
        if t.kind == "f":
            return Value(float_text(x.number, t), t)
        if t.kind in "iu" and x.number == int(x.number):
            return Value(str(int(x.number)), t)
        raise self.wrong(node, f"{x.number} where {t} is needed")

    def settled(self, x: Value) -> Value:
        """`x`; a number as written becomes a 64-bit one."""
        return self.fitted(x, F64 if isinstance(x.number, float) else I64, None) if x.type is None else x

    def stored(self, x: Value, of: Type) -> Value:
        """`x` as an array of `of` holds it."""
        return Value(self.emit(f"zext i1 {x.text} to i8"), BYTE) if of is BYTE else x

    def converted(self, x: Value, t: Type, node: ast.AST) -> Value:
        """`x` as a number of type `t`; a float as an integer is truncated."""
        if x.type is None:
            return self.fitted(x, t, node)
        source = x.type
        if source == t:
            return x
        if t.lanes > 1:
            return self._splat(x, t, node)
        if t is BOOL:
            zero = "0.0" if source.kind == "f" else "0"
            compared = "fcmp une" if source.kind == "f" else "icmp ne"
            return Value(self.emit(f"{compared} {source.llvm} {x.text}, {zero}"), BOOL)
        if source.kind == "f" and t.kind == "f":
            name = "fptrunc" if t.bits < source.bits else "fpext"
        elif source.kind == "f":
            full = f"llvm.fpto{'s' if t.kind == 'i' else 'u'}i.sat.{t.llvm}.{source.name}"
            return self.call(full, t, x)
        elif t.kind == "f":
            name = "sitofp" if source.kind == "i" else "uitofp"
        elif t.bits == source.bits:
            return Value(x.text, t)
        else:
            name = "trunc" if t.bits < source.bits else "sext" if source.kind == "i" else "zext"
        return Value(self.emit(f"{name} {source.llvm} {x.text} to {t.llvm}"), t)

    def _splat(self, x: Value, t: Type, node: ast.AST) -> Value:
        """`x` in all lanes of a vector."""
        if x.type is not TYPES[f"f{t.bits}"]:
            raise self.wrong(node, f"{x.type} where f{t.bits} is needed")
        first = self.emit(f"insertelement {t.llvm} poison, {x.type.llvm} {x.text}, i64 0")
        lanes = f"<{t.lanes} x i32> zeroinitializer"
        return Value(self.emit(f"shufflevector {t.llvm} {first}, {t.llvm} poison, {lanes}"), t)

    def first_lanes(self, count: Value, t: Type) -> Value:
        """Which lanes of a vector of type `t` are among the first `count`."""
        few = self.emit(f"trunc i64 {count.text} to i32")
        one = self.emit(f"insertelement <{t.lanes} x i32> poison, i32 {few}, i64 0")
        lanes = f"<{t.lanes} x i32>"
        all_ = self.emit(f"shufflevector {lanes} {one}, {lanes} poison, {lanes} zeroinitializer")
        each = ", ".join(f"i32 {i}" for i in range(t.lanes))
        return Value(self.emit(f"icmp slt {lanes} <{each}>, {all_}"), truths(t.lanes))

    def bits(self, x: Value, t: Type) -> Value:
        """The bits of `x` read as another type of the same width."""
        x = self.settled(x)
        assert x.type is not None
        return Value(self.emit(f"bitcast {x.type.llvm} {x.text} to {t.llvm}"), t)
