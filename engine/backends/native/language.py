"""The kernel language: a small typed subset of Python's syntax, compiled to LLVM IR.

A kernel is readable source. Its arguments have types (`x: [f32]` is an array, that is, a pointer; `n: i64` a number),
its other variables take that of their first value. `thread` and `threads` say which part of the work is meant:

    def scale(x: [f32], y: [f32], n: i64):
        for i in range(n * thread // threads, n * (thread + 1) // threads):
            y[i] = x[i] * 2.0

What looks like Python means nearly the same. The differences: numbers have a width and wrap around; `//` and `%` of
integers truncate; `min` and `max` give NaN if one is NaN; `a if c else b`, `and` and `or` compute both sides; arrays of
a kernel do not overlap; `x + 3` of an array is the array from its element 3 on; sums written `s += x` may be taken in
another order (always the same one). Functions without types are templates, inlined where they are called.

`f32x16` is a vector of 16 numbers (there are 4, 8 and 16 of f32, and 2, 4 and 8 of f64). Arithmetic, `fma`, `min`,
`max`, comparisons and `where` work lane by lane. `f32x16(x)` has `x` in all lanes; `view(f32x16, x + i)` is the memory
from `x[i]` on as such vectors.
"""

from __future__ import annotations

import ast
import platform
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

VERSION = 1  # part of the key of every cached kernel


class KernelSourceError(SyntaxError):
    """Source that is not in the language. Generated source never is: this is a bug in what generated it."""


@dataclass(frozen=True, slots=True)
class Type:
    """A number ("f", "i", "u", "b") of some bits, `lanes` of them in a vector, or an array ("p") of `of`."""

    name: str
    llvm: str
    kind: str
    bits: int
    of: Type | None = None
    lanes: int = 1

    @property
    def suffix(self) -> str:
        """The type in the name of an intrinsic."""
        return self.name if self.lanes == 1 else f"v{self.lanes}{self.kind}{self.bits}"

    @property
    def alignment(self) -> str:
        """What a load or store says of its address: that of a vector is any that one of its numbers may have."""
        return "" if self.lanes == 1 else f", align {self.bits // 8}"

    def __repr__(self) -> str:
        return self.name


F32, F64 = Type("f32", "float", "f", 32), Type("f64", "double", "f", 64)
I64, I32, I16, I8 = (Type(f"i{b}", f"i{b}", "i", b) for b in (64, 32, 16, 8))
U64, U32, U16, U8 = (Type(f"u{b}", f"i{b}", "u", b) for b in (64, 32, 16, 8))
BOOL = Type("bool", "i1", "b", 1)
BYTE = Type("bool8", "i8", "b", 8)  # how an array holds truth values
VOID = Type("void", "void", "", 0)
VECTORS = [
    Type(f"{t.name}x{n}", f"<{n} x {t.llvm}>", "f", t.bits, lanes=n)
    for t, widest in ((F32, 16), (F64, 8))
    for n in (widest, widest // 2, widest // 4)
]
TYPES = {t.name: t for t in (F32, F64, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, BYTE, *VECTORS)}


def array_of(t: Type) -> Type:
    """An array of elements of that type."""
    return Type(f"[{t.name}]", "ptr", "p", 64, t)


@dataclass(frozen=True, slots=True)
class Value:
    """A value in a kernel: its name in the IR, and its type. A number as written has none yet."""

    text: str
    type: Type | None
    number: float | int | None = None


def compile_kernel(source: str, name: str, templates: Mapping[str, ast.FunctionDef]) -> str:
    """The LLVM IR of the last function in `source`, under `name`, as `void name(i64* arguments, i64 thread, i64
    threads)`.

    Its arguments lie in that block in order: addresses of arrays, whole numbers, and floats by their bits. Raises
    KernelSourceError.
    """
    functions = definitions(source)
    *_, entry = functions.values()
    module = _Module({**templates, **functions})
    return module.entry(entry, name)


def definitions(source: str) -> dict[str, ast.FunctionDef]:
    """The functions in a source, by name."""
    return {f.name: f for f in ast.parse(source).body if isinstance(f, ast.FunctionDef)}


class _Module:
    """The functions and declarations of one kernel."""

    def __init__(self, templates: Mapping[str, ast.FunctionDef]) -> None:
        self.templates = templates
        self.made: dict[tuple[str, tuple[Type, ...]], tuple[str, Type]] = {}
        self.functions: list[str] = []
        self.declared: dict[str, str] = {}
        self.loops = 0

    def entry(self, function: ast.FunctionDef, name: str) -> str:
        args = [(a.arg, annotation(a)) for a in function.args.args]
        inner = _Body(self, f"{name}.body", [*args, ("thread", I64), ("threads", I64)], noalias=True)
        inner.run(function.body)
        lines = [f"define void @{name}(ptr %arguments, i64 %thread, i64 %threads) {{"]
        passed = []
        for i, (_, t) in enumerate(args):
            lines.append(f"  %p{i} = getelementptr i64, ptr %arguments, i64 {i}")
            width = t if t.kind in "p" or t.bits == 64 else Type("", f"i{t.bits}", "i", t.bits)
            lines.append(f"  %a{i} = load {t.llvm if t.kind in 'pf' else width.llvm}, ptr %p{i}")
            passed.append(f"{t.llvm} %a{i}")
        passed += ["i64 %thread", "i64 %threads"]
        lines += [f"  call void @{name}.body({', '.join(passed)})", "  ret void", "}"]
        loops = [f"!{i} = distinct !{{!{i}, !{10_000}}}" for i in range(self.loops)]
        if loops:
            loops.append('!10000 = !{!"llvm.loop.mustprogress"}')
        return "\n".join([*self.declared.values(), *self.functions, inner.text(), *lines, *loops, ""])

    def template(self, name: str, types: tuple[Type, ...]) -> tuple[str, Type]:
        """The name and the type of the result of a template on arguments of these types."""
        if (name, types) not in self.made:
            function = self.templates[name]
            label = f"{name}.{len(self.made)}"
            named = [(a.arg, t) for a, t in zip(function.args.args, types, strict=True)]
            body = _Body(self, label, named, inline=True)
            body.run(function.body)
            self.made[name, types] = label, body.result
            self.functions.append(body.text())
        return self.made[name, types]

    def declare(self, name: str, result: str, args: Sequence[str]) -> None:
        self.declared[name] = f"declare {result} @{name}({', '.join(args)})"


class _Body:
    """One function being compiled: a list of instructions, and the variables, which LLVM puts into registers."""

    def __init__(
        self,
        module: _Module,
        name: str,
        args: Sequence[tuple[str, Type]],
        *,
        noalias: bool = False,
        inline: bool = False,
    ) -> None:
        self.module, self.name = module, name
        self.result = VOID
        self.ended = False
        self._noalias, self._inline, self._args = noalias, inline, args
        self._lines: list[str] = []
        self._slots: list[str] = []
        self._count = 0
        self._variables: dict[str, tuple[str, Type]] = {}
        for arg, t in args:
            self._declare(arg, t)
            self._lines.append(f"  store {t.llvm} %{arg}, ptr %{arg}.slot")

    def text(self) -> str:
        attribute = " noalias" if self._noalias else ""
        args = ", ".join(f"{t.llvm}{attribute if t.kind == 'p' else ''} %{n}" for n, t in self._args)
        head = f"define internal {self.result.llvm} @{self.name}({args}) alwaysinline {{"
        end = [] if self.ended else ["  ret void"] if self.result is VOID else ["  unreachable"]
        return "\n".join([head, *self._slots, *self._lines, *end, "}"])

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    # ------------------------------------------------------------ statements

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[target], value=value):
                self._assign(target, self._value(value))
            case ast.AugAssign(target=target, op=op, value=value):
                read = ast.copy_location(_reading(target), node)
                self._assign(target, self._binary(op, self._value(read), self._value(value), node, loose=True))
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=args), body=body):
                self._for(name, args, body)
            case ast.While(test=test, body=body):
                self._while(lambda: self._truth(test), body)
            case ast.If(test=test, body=body, orelse=otherwise):
                self._if(test, body, otherwise)
            case ast.Return(value=None):
                self._line("ret void")
                self.ended = True
            case ast.Return(value=ast.expr() as value):
                made = self._settled(self._value(value))
                assert made.type is not None
                self.result, self.ended = made.type, True
                self._line(f"ret {made.type.llvm} {made.text}")
            case ast.Expr(value=ast.Call() as call):
                self._value(call)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case _:
                raise self._wrong(node, "no such statement")

    def _assign(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name(id=name):
                if name not in self._variables:
                    value = self._settled(value)
                    assert value.type is not None
                    self._declare(name, value.type)
                slot, t = self._variables[name]
                value = self._fitted(value, t, target)
                self._line(f"store {t.llvm} {value.text}, ptr {slot}")
            case ast.Subscript(value=array, slice=index):
                pointer, of = self._element(array, index)
                value = self._stored(self._fitted(value, BOOL if of is BYTE else of, target), of)
                self._line(f"store {of.llvm} {value.text}, ptr {pointer}{of.alignment}")
            case _:
                raise self._wrong(target, "only a name or an element can be assigned to")

    def _for(self, name: str, args: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        bounds = [self._fitted(self._value(a), I64, a) for a in args]
        start, stop = (Value("0", I64), bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2].text if len(bounds) == 3 else "1"
        if name not in self._variables:
            self._declare(name, I64)
        slot, _ = self._variables[name]
        self._line(f"store i64 {start.text}, ptr {slot}")

        def more() -> str:
            return self._emit(f"icmp slt i64 {self._emit(f'load i64, ptr {slot}')}, {stop.text}")

        def advance() -> None:
            after = self._emit(f"add nsw i64 {self._emit(f'load i64, ptr {slot}')}, {step}")
            self._line(f"store i64 {after}, ptr {slot}")

        self._while(more, body, advance)

    def _while(
        self, more: Callable[[], str], body: Sequence[ast.stmt], advance: Callable[[], None] = lambda: None
    ) -> None:
        head, inside, after = self._labels("head", "inside", "after")
        self._line(f"br label %{head}")
        self._label(head)
        self._line(f"br i1 {more()}, label %{inside}, label %{after}")
        self._label(inside)
        self.run(body)
        advance()
        loop = self.module.loops
        self.module.loops += 1
        self._line(f"br label %{head}, !llvm.loop !{loop}")
        self._label(after)

    def _if(self, test: ast.expr, body: Sequence[ast.stmt], otherwise: Sequence[ast.stmt]) -> None:
        yes, no, after = self._labels("yes", "no", "after")
        self._line(f"br i1 {self._truth(test)}, label %{yes}, label %{no}")
        ended = []
        for label, part in ((yes, body), (no, otherwise)):
            self._label(label)
            self.run(part)
            ended.append(self.ended)
            if not self.ended:
                self._line(f"br label %{after}")
            self.ended = False
        if all(ended):
            self.ended = True
        else:
            self._label(after)

    # ------------------------------------------------------------ expressions

    def _value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=bool(value)):
                return Value("true" if value else "false", BOOL)
            case ast.Constant(value=int(value) | float(value)):
                return Value("", None, value)
            case ast.Name(id=name):
                return self._variable(name, node)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self._value(left), self._value(right), node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(self._value(operand))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Value(self._emit(f"xor i1 {self._truth(operand)}, true"), BOOL)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                x = self._settled(self._value(operand))
                assert x.type is not None
                return Value(self._emit(f"xor {x.type.llvm} {x.text}, {'true' if x.type is BOOL else -1}"), x.type)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compare(op, self._value(left), self._value(right), node)
            case ast.BoolOp(op=op, values=values):
                made, *rest = (self._truth(v) for v in values)
                for text in rest:
                    made = self._emit(f"{'and' if isinstance(op, ast.And) else 'or'} i1 {made}, {text}")
                return Value(made, BOOL)
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                condition = self._truth(test)
                a, b, t = self._alike(self._value(body), self._value(otherwise), node)
                return Value(self._emit(f"select i1 {condition}, {t.llvm} {a.text}, {t.llvm} {b.text}"), t)
            case ast.Subscript(value=array, slice=index):
                pointer, of = self._element(array, index)
                loaded = self._emit(f"load {of.llvm}, ptr {pointer}{of.alignment}")
                return Value(self._emit(f"icmp ne i8 {loaded}, 0"), BOOL) if of is BYTE else Value(loaded, of)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args, node)
        raise self._wrong(node, "no such expression")

    def _variable(self, name: str, node: ast.AST) -> Value:
        if name == "inf" or name == "nan":
            return Value("", None, float(name))
        if name not in self._variables:
            raise self._wrong(node, f"{name!r} has no value yet")
        slot, t = self._variables[name]
        return Value(self._emit(f"load {t.llvm}, ptr {slot}"), t)

    def _binary(self, op: ast.operator, a: Value, b: Value, node: ast.AST, *, loose: bool = False) -> Value:
        if a.type is not None and a.type.kind == "p" and isinstance(op, ast.Add):
            assert a.type.of is not None
            offset = self._fitted(b, I64, node)
            return Value(self._emit(f"getelementptr {a.type.of.llvm}, ptr {a.text}, i64 {offset.text}"), a.type)
        a, b, t = self._alike(a, b, node)
        name = _INSTRUCTIONS.get((type(op), t.kind))
        if name is None:
            raise self._wrong(node, f"{type(op).__name__} is not defined for {t}")
        flags = (" reassoc nsz contract" if loose else " contract") if t.kind == "f" else ""
        return Value(self._emit(f"{name}{flags} {t.llvm} {a.text}, {b.text}"), t)

    def _negative(self, x: Value) -> Value:
        if x.number is not None:
            return Value("", None, -x.number)
        assert x.type is not None
        text = f"fneg {x.type.llvm} {x.text}" if x.type.kind == "f" else f"sub {x.type.llvm} 0, {x.text}"
        return Value(self._emit(text), x.type)

    def _compare(self, op: ast.cmpop, a: Value, b: Value, node: ast.AST) -> Value:
        a, b, t = self._alike(a, b, node)
        name = _COMPARISONS[type(op)]
        if t.kind == "f":
            text = f"fcmp {'une' if name == 'ne' else 'o' + name} {t.llvm} {a.text}, {b.text}"
        else:
            sign = "" if name in ("eq", "ne") else "s" if t.kind == "i" else "u"
            text = f"icmp {sign}{name} {t.llvm} {a.text}, {b.text}"
        return Value(self._emit(text), _truths(t.lanes))

    def _truth(self, node: ast.expr) -> str:
        value = self._value(node)
        if value.type is not BOOL:
            raise self._wrong(node, "a condition is a bool")
        return value.text

    def _element(self, array: ast.expr, index: ast.expr) -> tuple[str, Type]:
        base = self._value(array)
        if base.type is None or base.type.of is None:
            raise self._wrong(array, "only an array has elements")
        at = self._fitted(self._value(index), I64, index)
        of = base.type.of
        return self._emit(f"getelementptr {of.llvm}, ptr {base.text}, i64 {at.text}"), of

    # ------------------------------------------------------------ calls

    def _call(self, name: str, nodes: Sequence[ast.expr], node: ast.AST) -> Value:
        if name in TYPES:
            return self._converted(self._value(nodes[0]), TYPES[name], node)
        if name == "stack":  # stack(f32, 16): an array that lives as long as the call
            of, count = TYPES[ast.unparse(nodes[0])], ast.literal_eval(nodes[1])
            self._count += 1
            self._slots.append(f"  %stack{self._count} = alloca [{count} x {of.llvm}], align 64")
            return Value(f"%stack{self._count}", array_of(of))
        if name == "address":  # the address that an i64 is, as an array of the type named first
            of = TYPES[ast.unparse(nodes[0])]
            at = self._fitted(self._value(nodes[1]), I64, node)
            return Value(self._emit(f"inttoptr i64 {at.text} to ptr"), array_of(of))
        if name == "view":  # the same memory as an array of the type named first
            return Value(self._value(nodes[1]).text, array_of(TYPES[ast.unparse(nodes[0])]))
        args = [self._value(n) for n in nodes]
        first = next((t for a in args if a.type is not None and (t := a.type.of or a.type).kind == "f"), F64)
        for template in (name, f"{name}_{first.name}"):
            if template in self.module.templates:
                return self._template(template, args)
        if name in _FLOAT_INTRINSICS:
            return self._intrinsic(_FLOAT_INTRINSICS[name], args, node)
        if name in ("min", "max"):
            return self._extreme(name, args, node)
        if name in _SPECIAL:
            return _SPECIAL[name](self, args, node)
        if name in _LIBM:
            return self._libm(name, args, node)
        raise self._wrong(node, f"there is no function {name!r}")

    def _template(self, name: str, args: Sequence[Value]) -> Value:
        floats = [t for a in args if a.type is not None and (t := a.type.of or a.type).kind == "f"]
        ready = [
            self._fitted(a, floats[0], None) if isinstance(a.number, float) and floats else self._settled(a)
            for a in args
        ]
        types = tuple(a.type for a in ready if a.type is not None)
        label, result = self.module.template(name, types)
        passed = ", ".join(f"{t.llvm} {a.text}" for t, a in zip(types, ready, strict=True))
        if result is VOID:
            self._line(f"call void @{label}({passed})")
            return Value("", VOID)
        return Value(self._emit(f"call {result.llvm} @{label}({passed})"), result)

    def _intrinsic(self, name: str, args: Sequence[Value], node: ast.AST) -> Value:
        t = next((a.type for a in args if a.type is not None), F64)
        if t.kind != "f":
            raise self._wrong(node, f"{name} is of floats; got {t}")
        ready = [self._fitted(a, t, node) for a in args]
        full = f"llvm.{name}.{t.suffix}"
        self.module.declare(full, t.llvm, [t.llvm] * len(ready))
        flags = " contract" if name == "fma" else ""
        return Value(self._emit(f"call{flags} {t.llvm} @{full}({', '.join(f'{t.llvm} {a.text}' for a in ready)})"), t)

    def _libm(self, name: str, args: Sequence[Value], node: ast.AST) -> Value:
        x, *rest = args if len(args) == 1 else self._alike(args[0], args[1], node)[:2]
        x = self._settled(x)
        assert x.type is not None
        if x.type.kind != "f":
            raise self._wrong(node, f"{name} is of floats; got {x.type}")
        full = name + ("f" if x.type is F32 else "")
        self.module.declare(full, x.type.llvm, [x.type.llvm] * len(args))
        passed = ", ".join(f"{x.type.llvm} {a.text}" for a in (x, *rest))
        return Value(self._emit(f"call {x.type.llvm} @{full}({passed})"), x.type)

    def _extreme(self, name: str, args: Sequence[Value], node: ast.AST) -> Value:
        made, *rest = args
        for b in rest:
            x, y, t = self._alike(made, b, node)
            kind = {"f": f"{name}imum", "i": f"s{name}"}.get(t.kind, f"u{name}")
            full = f"llvm.{kind}.{t.suffix if t.kind == 'f' else t.llvm}"
            self.module.declare(full, t.llvm, [t.llvm, t.llvm])
            made = Value(self._emit(f"call {t.llvm} @{full}({t.llvm} {x.text}, {t.llvm} {y.text})"), t)
        return made

    def _converted(self, x: Value, t: Type, node: ast.AST) -> Value:
        """`x` as a number of type `t`; a float as an integer is truncated."""
        if x.type is None:
            return self._fitted(x, t, node)
        source = x.type
        if source == t:
            return x
        if t.lanes > 1:
            return self._splat(x, t, node)
        if t is BOOL:
            zero = "0.0" if source.kind == "f" else "0"
            compared = "fcmp une" if source.kind == "f" else "icmp ne"
            return Value(self._emit(f"{compared} {source.llvm} {x.text}, {zero}"), BOOL)
        if source.kind == "f" and t.kind == "f":
            name = "fptrunc" if t.bits < source.bits else "fpext"
        elif source.kind == "f":
            full = f"llvm.fpto{'s' if t.kind == 'i' else 'u'}i.sat.{t.llvm}.{source.name}"
            self.module.declare(full, t.llvm, [source.llvm])
            return Value(self._emit(f"call {t.llvm} @{full}({source.llvm} {x.text})"), t)
        elif t.kind == "f":
            name = "sitofp" if source.kind == "i" else "uitofp"
        elif t.bits == source.bits:
            return Value(x.text, t)
        else:
            name = "trunc" if t.bits < source.bits else "sext" if source.kind == "i" else "zext"
        return Value(self._emit(f"{name} {source.llvm} {x.text} to {t.llvm}"), t)

    def _splat(self, x: Value, t: Type, node: ast.AST) -> Value:
        """`x` in all lanes of a vector."""
        if x.type is not TYPES[f"f{t.bits}"]:
            raise self._wrong(node, f"{x.type} where f{t.bits} is needed")
        first = self._emit(f"insertelement {t.llvm} poison, {x.type.llvm} {x.text}, i64 0")
        lanes = f"<{t.lanes} x i32> zeroinitializer"
        return Value(self._emit(f"shufflevector {t.llvm} {first}, {t.llvm} poison, {lanes}"), t)

    def bits(self, x: Value, t: Type) -> Value:
        """The bits of `x` read as another type of the same width."""
        x = self._settled(x)
        assert x.type is not None
        return Value(self._emit(f"bitcast {x.type.llvm} {x.text} to {t.llvm}"), t)

    # ------------------------------------------------------------ types

    def _alike(self, a: Value, b: Value, node: ast.AST) -> tuple[Value, Value, Type]:
        t = a.type or b.type or (F64 if isinstance(a.number, float) or isinstance(b.number, float) else I64)
        if t is BOOL and b.type is not None:
            t = b.type  # beside a number, a truth value counts as 0 or 1
        a, b = (self._converted(x, t, node) if x.type is BOOL else x for x in (a, b))
        return self._fitted(a, t, node), self._fitted(b, t, node), t

    def _fitted(self, x: Value, t: Type, node: ast.AST | None) -> Value:
        """`x` as a `t`: a number as written becomes one, anything else must be one."""
        if x.type is not None:
            if x.type != t:
                raise self._wrong(node, f"{x.type} where {t} is needed")
            return x
        assert x.number is not None
        if t.lanes > 1:
            one = _float_text(x.number, TYPES[f"f{t.bits}"])
            each = ", ".join([f"{'float' if t.bits == 32 else 'double'} {one}"] * t.lanes)
            return Value(f"<{each}>", t)
        if t.kind == "f":
            return Value(_float_text(x.number, t), t)
        if t.kind in "iu" and x.number == int(x.number):
            return Value(str(int(x.number)), t)
        raise self._wrong(node, f"{x.number} where {t} is needed")

    def _settled(self, x: Value) -> Value:
        return self._fitted(x, F64 if isinstance(x.number, float) else I64, None) if x.type is None else x

    def _stored(self, x: Value, of: Type) -> Value:
        return Value(self._emit(f"zext i1 {x.text} to i8"), BYTE) if of is BYTE else x

    # ------------------------------------------------------------ writing

    def _declare(self, name: str, t: Type) -> None:
        slot = f"%{name}.slot"
        self._slots.append(f"  {slot} = alloca {t.llvm}")
        self._variables[name] = slot, t

    def _emit(self, text: str) -> str:
        self._count += 1
        self._lines.append(f"  %t{self._count} = {text}")
        return f"%t{self._count}"

    def _line(self, text: str) -> None:
        self._lines.append(f"  {text}")

    def _labels(self, *names: str) -> list[str]:
        self._count += 1
        return [f"{name}{self._count}" for name in names]

    def _label(self, name: str) -> None:
        self._lines.append(f"{name}:")

    def _wrong(self, node: ast.AST | None, reason: str) -> KernelSourceError:
        where = f", in {ast.unparse(node)!r}" if node is not None else ""
        return KernelSourceError(f"kernel {self.name}: {reason}{where}")


def _truths(lanes: int) -> Type:
    """What a comparison gives: a truth value, or one for each lane of vectors."""
    return BOOL if lanes == 1 else Type(f"boolx{lanes}", f"<{lanes} x i1>", "b", 1, lanes=lanes)


def annotation(arg: ast.arg) -> Type:
    """The type that a parameter of a kernel says it has."""
    match arg.annotation:
        case ast.List(elts=[ast.Name(id=name)]):
            return array_of(TYPES[name])
        case ast.Name(id=name):
            return TYPES[name]
    raise KernelSourceError(f"argument {arg.arg!r} needs a type: f32, or [f32] for an array")


def _reading(target: ast.expr) -> ast.expr:
    """The expression that reads what a target writes."""
    match target:
        case ast.Name(id=name):
            return ast.Name(id=name, ctx=ast.Load())
        case ast.Subscript(value=array, slice=index):
            return ast.Subscript(value=array, slice=index, ctx=ast.Load())
    raise KernelSourceError(f"{ast.unparse(target)!r} cannot be assigned to")


def _float_text(number: float, t: Type) -> str:
    """A float constant as LLVM reads it: the bits of a double, which must be exact in the type."""
    value = float(number)
    if t is F32:
        try:
            (value,) = struct.unpack("f", struct.pack("f", value))
        except OverflowError:
            value = float("inf") if value > 0 else float("-inf")
    return "0x" + struct.pack(">d", value).hex().upper()


def _special_where(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    a, b, t = body._alike(args[1], args[2], node)
    condition = body._converted(body._settled(args[0]), _truths(t.lanes), node)
    chosen = f"select {_truths(t.lanes).llvm} {condition.text}, {t.llvm} {a.text}, {t.llvm} {b.text}"
    return Value(body._emit(chosen), t)


def _special_abs(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    x = body._settled(args[0])
    assert x.type is not None
    if x.type.kind == "f":
        return body._intrinsic("fabs", [x], node)
    if x.type.kind == "i":
        full = f"llvm.abs.{x.type.llvm}"
        body.module.declare(full, x.type.llvm, [x.type.llvm, "i1"])
        return Value(body._emit(f"call {x.type.llvm} @{full}({x.type.llvm} {x.text}, i1 false)"), x.type)
    return x


def _special_bits(t: Type) -> Callable[[_Body, Sequence[Value], ast.AST], Value]:
    return lambda body, args, node: body.bits(args[0], t)


def _special_whole(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    """whole(x): a float that is a small whole number, as an i32; without the checks that i32(x) makes."""
    x = body._settled(args[0])
    assert x.type is not None
    return Value(body._emit(f"fptosi {x.type.llvm} {x.text} to i32"), I32)


def _special_cycles(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    body.module.declare("llvm.readcyclecounter", "i64", [])
    return Value(body._emit("call i64 @llvm.readcyclecounter()"), I64)


def _special_call(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    """invoke(function address, ...): call what lies at an address, with integers and arrays, for nothing in return."""
    function = body._emit(f"inttoptr i64 {body._fitted(args[0], I64, node).text} to ptr")
    passed = [body._settled(a) for a in args[1:]]
    body._line(f"call void {function}({', '.join(f'{a.type.llvm} {a.text}' for a in passed if a.type)})")
    return Value("", VOID)


def _special_atomic_add(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    """atomic_add(array of i64, amount): add to its first element; what was there before."""
    amount = body._fitted(args[1], I64, node)
    return Value(body._emit(f"atomicrmw add ptr {args[0].text}, i64 {amount.text} seq_cst"), I64)


def _special_swap(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    """compare_and_swap(array of i64, expected, new): put `new` in its first element if that is `expected`; whether it
    was.
    """
    expected, new = (body._fitted(a, I64, node) for a in args[1:])
    pair = body._emit(f"cmpxchg ptr {args[0].text}, i64 {expected.text}, i64 {new.text} seq_cst seq_cst")
    return Value(body._emit(f"extractvalue {{ i64, i1 }} {pair}, 1"), BOOL)


def _special_relax(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    """relax(): tell the processor that this is a loop that waits."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        body.module.declare("llvm.x86.sse2.pause", "void", [])
        body._line("call void @llvm.x86.sse2.pause()")
    return Value("", VOID)


def _special_atomic_load(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    return Value(body._emit(f"load atomic i64, ptr {args[0].text} seq_cst, align 8"), I64)


def _special_atomic_store(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    value = body._fitted(args[1], I64, node)
    body._line(f"store atomic i64 {value.text}, ptr {args[0].text} seq_cst, align 8")
    return Value("", VOID)


def _special_external(name: str) -> Callable[[_Body, Sequence[Value], ast.AST], Value]:
    def call(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
        body.module.declare(name, "i32", [])
        return Value(body._emit(f"call i32 @{name}()"), I32)

    return call


def _special_copy(body: _Body, args: Sequence[Value], node: ast.AST) -> Value:
    """copy(target, source, count): elements that do not overlap."""
    target, source = args[0], args[1]
    assert target.type is not None
    assert target.type.of is not None
    count = body._fitted(args[2], I64, node)
    size = body._emit(f"mul i64 {count.text}, {max(1, target.type.of.bits // 8)}")
    body.module.declare("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1"])
    body._line(f"call void @llvm.memcpy.p0.p0.i64(ptr {target.text}, ptr {source.text}, i64 {size}, i1 false)")
    return Value("", VOID)


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
_FLOAT_INTRINSICS = {
    "sqrt": "sqrt",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "rint": "rint",
    "fabs": "fabs",
    "fma": "fma",
    "copysign": "copysign",
}
_LIBM = {
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "pow", "hypot", "fmod", "erf", "erfc", "lgamma"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
}
_SPECIAL: dict[str, Callable[[_Body, Sequence[Value], ast.AST], Value]] = {
    "as_i32": _special_bits(I32),
    "as_u32": _special_bits(U32),
    "as_i64": _special_bits(I64),
    "as_u64": _special_bits(U64),
    "as_f32": _special_bits(F32),
    "as_f64": _special_bits(F64),
    "where": _special_where,
    "abs": _special_abs,
    "whole": _special_whole,
    "cycles": _special_cycles,
    "invoke": _special_call,
    "atomic_add": _special_atomic_add,
    "atomic_load": _special_atomic_load,
    "compare_and_swap": _special_swap,
    "relax": _special_relax,
    "atomic_store": _special_atomic_store,
    "copy": _special_copy,
    "give_way": _special_external("SwitchToThread" if sys.platform == "win32" else "sched_yield"),
}
