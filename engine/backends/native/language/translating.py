"""Translating a kernel: its statements and expressions become the instructions of functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from flowloom.backends.native.language.functions import FUNCTIONS
from flowloom.backends.native.language.operators import binary, compare, negative
from flowloom.backends.native.language.values import (
    BOOL,
    BYTE,
    F64,
    I32,
    I64,
    TYPES,
    VOID,
    KernelSourceError,
    Type,
    Value,
    array_of,
)
from flowloom.backends.native.language.writing import Writer


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
            body = _Body(self, label, named)
            body.run(function.body)
            self.made[name, types] = label, body.result
            self.functions.append(body.text())
        return self.made[name, types]


class _Body(Writer):
    """One function being compiled, with its variables, which LLVM puts into registers."""

    def __init__(self, module: _Module, name: str, args: Sequence[tuple[str, Type]], *, noalias: bool = False) -> None:
        super().__init__(name, module.declared)
        self.module = module
        self.result = VOID
        self.ended = False
        self._noalias, self._args = noalias, args
        self._variables: dict[str, tuple[str, Type]] = {}
        for arg, t in args:
            self._declare(arg, t)
            self.line(f"store {t.llvm} %{arg}, ptr %{arg}.slot")

    def text(self) -> str:
        attribute = " noalias" if self._noalias else ""
        args = ", ".join(f"{t.llvm}{attribute if t.kind == 'p' else ''} %{n}" for n, t in self._args)
        head = f"define internal {self.result.llvm} @{self.name}({args}) alwaysinline {{"
        end = [] if self.ended else ["  ret void"] if self.result is VOID else ["  unreachable"]
        return "\n".join([head, *self.slots, *self.lines, *end, "}"])

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
                self._assign(target, binary(self, op, self._value(read), self._value(value), node, loose=True))
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=args), body=body):
                self._for(name, args, body)
            case ast.While(test=test, body=body):
                self._while(lambda: self._truth(test), body)
            case ast.If(test=test, body=body, orelse=otherwise):
                self._if(test, body, otherwise)
            case ast.Return(value=None):
                self.line("ret void")
                self.ended = True
            case ast.Return(value=ast.expr() as value):
                made = self.settled(self._value(value))
                assert made.type is not None
                self.result, self.ended = made.type, True
                self.line(f"ret {made.type.llvm} {made.text}")
            case ast.Expr(value=ast.Call() as call):
                self._value(call)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case _:
                raise self.wrong(node, "no such statement")

    def _assign(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name(id=name):
                if name not in self._variables:
                    value = self.settled(value)
                    assert value.type is not None
                    self._declare(name, value.type)
                slot, t = self._variables[name]
                value = self.fitted(value, t, target)
                self.line(f"store {t.llvm} {value.text}, ptr {slot}")
            case ast.Subscript(value=array, slice=index):
                pointer, of = self._element(array, index)
                value = self.stored(self.fitted(value, BOOL if of is BYTE else of, target), of)
                self.line(f"store {of.llvm} {value.text}, ptr {pointer}{of.alignment}")
            case _:
                raise self.wrong(target, "only a name or an element can be assigned to")

    def _for(self, name: str, args: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        bounds = [self.fitted(self._value(a), I64, a) for a in args]
        start, stop = (Value("0", I64), bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2].text if len(bounds) == 3 else "1"
        if name not in self._variables:
            self._declare(name, I64)
        slot, _ = self._variables[name]
        self.line(f"store i64 {start.text}, ptr {slot}")

        def more() -> str:
            return self.emit(f"icmp slt i64 {self.emit(f'load i64, ptr {slot}')}, {stop.text}")

        def advance() -> None:
            after = self.emit(f"add nsw i64 {self.emit(f'load i64, ptr {slot}')}, {step}")
            self.line(f"store i64 {after}, ptr {slot}")

        self._while(more, body, advance)

    def _while(
        self, more: Callable[[], str], body: Sequence[ast.stmt], advance: Callable[[], None] = lambda: None
    ) -> None:
        head, inside, after = self.labels("head", "inside", "after")
        self.line(f"br label %{head}")
        self.label(head)
        self.line(f"br i1 {more()}, label %{inside}, label %{after}")
        self.label(inside)
        self.run(body)
        advance()
        loop = self.module.loops
        self.module.loops += 1
        self.line(f"br label %{head}, !llvm.loop !{loop}")
        self.label(after)

    def _if(self, test: ast.expr, body: Sequence[ast.stmt], otherwise: Sequence[ast.stmt]) -> None:
        yes, no, after = self.labels("yes", "no", "after")
        self.line(f"br i1 {self._truth(test)}, label %{yes}, label %{no}")
        ended = []
        for label, part in ((yes, body), (no, otherwise)):
            self.label(label)
            self.run(part)
            ended.append(self.ended)
            if not self.ended:
                self.line(f"br label %{after}")
            self.ended = False
        if all(ended):
            self.ended = True
        else:
            self.label(after)

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
                return binary(self, op, self._value(left), self._value(right), node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return negative(self, self._value(operand))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Value(self.emit(f"xor i1 {self._truth(operand)}, true"), BOOL)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                x = self.settled(self._value(operand))
                assert x.type is not None
                return Value(self.emit(f"xor {x.type.llvm} {x.text}, {'true' if x.type is BOOL else -1}"), x.type)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return compare(self, op, self._value(left), self._value(right), node)
            case ast.BoolOp(op=op, values=values):
                made, *rest = (self._truth(v) for v in values)
                for text in rest:
                    made = self.emit(f"{'and' if isinstance(op, ast.And) else 'or'} i1 {made}, {text}")
                return Value(made, BOOL)
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                condition = self._truth(test)
                a, b, t = self.alike(self._value(body), self._value(otherwise), node)
                return Value(self.emit(f"select i1 {condition}, {t.llvm} {a.text}, {t.llvm} {b.text}"), t)
            case ast.Subscript(value=array, slice=index):
                pointer, of = self._element(array, index)
                loaded = self.emit(f"load {of.llvm}, ptr {pointer}{of.alignment}")
                return Value(self.emit(f"icmp ne i8 {loaded}, 0"), BOOL) if of is BYTE else Value(loaded, of)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args, node)
        raise self.wrong(node, "no such expression")

    def _variable(self, name: str, node: ast.AST) -> Value:
        if name == "inf" or name == "nan":
            return Value("", None, float(name))
        if name not in self._variables:
            raise self.wrong(node, f"{name!r} has no value yet")
        slot, t = self._variables[name]
        return Value(self.emit(f"load {t.llvm}, ptr {slot}"), t)

    def _truth(self, node: ast.expr) -> str:
        value = self._value(node)
        if value.type is not BOOL:
            raise self.wrong(node, "a condition is a bool")
        return value.text

    def _element(self, array: ast.expr, index: ast.expr) -> tuple[str, Type]:
        base = self._value(array)
        if base.type is None or base.type.of is None:
            raise self.wrong(array, "only an array has elements")
        at = self.fitted(self._value(index), I64, index)
        of = base.type.of
        return self.emit(f"getelementptr {of.llvm}, ptr {base.text}, i64 {at.text}"), of

    # ------------------------------------------------------------ calls

    def _call(self, name: str, nodes: Sequence[ast.expr], node: ast.AST) -> Value:
        if name in TYPES:
            return self.converted(self._value(nodes[0]), TYPES[name], node)
        if name == "stack":  # stack(f32, 16): an array that lives as long as the call
            of, count = TYPES[ast.unparse(nodes[0])], ast.literal_eval(nodes[1])
            self.count += 1
            self.slots.append(f"  %stack{self.count} = alloca [{count} x {of.llvm}], align 64")
            return Value(f"%stack{self.count}", array_of(of))
        if name == "address":  # the address that an i64 is, as an array of the type named first
            of = TYPES[ast.unparse(nodes[0])]
            at = self.fitted(self._value(nodes[1]), I64, node)
            return Value(self.emit(f"inttoptr i64 {at.text} to ptr"), array_of(of))
        if name == "view":  # the same memory as an array of the type named first
            return Value(self._value(nodes[1]).text, array_of(TYPES[ast.unparse(nodes[0])]))
        if name == "load_part":  # load_part(f32x16, x, count): its first `count` numbers, zeros behind them
            of = TYPES[ast.unparse(nodes[0])]
            mask = self.first_lanes(self.fitted(self._value(nodes[2]), I64, node), of)
            zeros = Value("zeroinitializer", of)
            alignment = Value(str(of.bits // 8), I32)
            return self.call(f"llvm.masked.load.{of.suffix}.p0", of, self._value(nodes[1]), alignment, mask, zeros)
        args = [self._value(n) for n in nodes]
        first = next((t for a in args if a.type is not None and (t := a.type.of or a.type).kind == "f"), F64)
        for template in (name, f"{name}_{first.name}"):
            if template in self.module.templates:
                return self._template(template, args)
        if name in FUNCTIONS:
            return FUNCTIONS[name](self, args, node)
        raise self.wrong(node, f"there is no function {name!r}")

    def _template(self, name: str, args: Sequence[Value]) -> Value:
        floats = [t for a in args if a.type is not None and (t := a.type.of or a.type).kind == "f"]
        ready = [
            self.fitted(a, floats[0], None) if isinstance(a.number, float) and floats else self.settled(a) for a in args
        ]
        types = tuple(a.type for a in ready if a.type is not None)
        label, result = self.module.template(name, types)
        passed = ", ".join(f"{t.llvm} {a.text}" for t, a in zip(types, ready, strict=True))
        if result is VOID:
            self.line(f"call void @{label}({passed})")
            return Value("", VOID)
        return Value(self.emit(f"call {result.llvm} @{label}({passed})"), result)

    def _declare(self, name: str, t: Type) -> None:
        slot = f"%{name}.slot"
        self.slots.append(f"  {slot} = alloca {t.llvm}")
        self._variables[name] = slot, t


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
