"""The kernel language as CUDA C: the same kernels that `native/language/` makes LLVM IR of, for a GPU.

Types and rules are those of the language; `thread` and `threads` count over the whole grid. Beside them a kernel knows
`this_block` of `block_count`, `thread_in_block` (of BLOCK), `shared(f32, 256)` (an array that the threads of a block
share) and `sync()`, which waits for all of them. Indices may have 32 bits. Vectors and addresses are not for GPUs.

The source includes nothing, so NVRTC compiles it as it is; with a few macros, so does any C++ compiler.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np

from flowloom.backends.native import language, mathematics
from flowloom.backends.native.language.values import (
    BOOL,
    BYTE,
    F32,
    F64,
    I32,
    I64,
    TYPES,
    VOID,
    KernelSourceError,
    Type,
    array_of,
)

BLOCK = 256  # threads in a block

_C = {
    "f32": "float",
    "f64": "double",
    "i64": "long long",
    "i32": "int",
    "i16": "short",
    "i8": "signed char",
    "u64": "unsigned long long",
    "u32": "unsigned int",
    "u16": "unsigned short",
    "u8": "unsigned char",
    "bool": "bool",
    "bool8": "unsigned char",
    "void": "void",
}
_PRELUDE = """
template <class T> __device__ inline T least(T a, T b) { return a != a ? a : b != b ? b : b < a ? b : a; }
template <class T> __device__ inline T most(T a, T b) { return a != a ? a : b != b ? b : b > a ? b : a; }
template <class T> __device__ inline T size_of(T x) { return x < T(0) ? T(0ULL - (unsigned long long)x) : x; }
template <class T, class F> __device__ inline T whole_of(F x, F low, F high, T lowest, T highest)
{ return x != x ? T(0) : x <= low ? lowest : x >= high ? highest : T(x); }
"""
_BITS = {
    "as_i32": ("__float_as_int", "float", I32),
    "as_u32": ("(unsigned int)__float_as_int", "float", TYPES["u32"]),
    "as_i64": ("__double_as_longlong", "double", I64),
    "as_u64": ("(unsigned long long)__double_as_longlong", "double", TYPES["u64"]),
    "as_f32": ("__int_as_float", "int", F32),
    "as_f64": ("__longlong_as_double", "long long", F64),
}
_FLOATS = {
    *("sqrt", "floor", "ceil", "trunc", "rint", "fabs", "fma", "copysign", "exp", "exp2", "expm1", "log", "log2"),
    *("log10", "log1p", "pow", "hypot", "fmod", "erf", "erfc", "lgamma", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
}  # CUDA has each of them for double, and with an f for float
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "/",
    ast.Mod: "%",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_GIVEN = {
    "thread": "blockIdx.x * (long long)blockDim.x + threadIdx.x",
    "threads": "gridDim.x * (long long)blockDim.x",
    "this_block": "blockIdx.x",
    "block_count": "gridDim.x",
    "thread_in_block": "threadIdx.x",
}  # what a kernel knows of where it runs


class _Value:
    """A value in a kernel: its C text, and its type. A number as written has none yet."""

    __slots__ = ("number", "text", "type")

    def __init__(self, text: str, type: Type | None, number: float | int | None = None) -> None:
        self.text, self.type, self.number = text, type, number


@cache
def kernel_name(source: str) -> str:
    """The name of a kernel: of what it is, and of the hash of its source."""
    function = list(language.definitions(source))[-1]
    return f"{function}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"


@cache
def cuda_source(source: str) -> str:
    """The CUDA C of the last function in `source`, as a kernel of its `kernel_name`. Raises KernelSourceError."""
    functions = language.definitions(source)
    *_, entry = functions.values()
    module = _Module({**language.definitions(mathematics.SOURCE), **functions})
    body = _Body(module, [(a.arg, language.annotation(a)) for a in entry.args.args], given=True)
    body.run(entry.body)
    args = ", ".join(f"{_named(t)}{' __restrict__' if t.kind == 'p' else ''} {n}_" for n, t in body.args)
    head = f'extern "C" __global__ void __launch_bounds__({BLOCK}) {kernel_name(source)}({args})'
    return "\n".join([_PRELUDE, *module.functions, f"{head} {{", *body.text(), "}", ""])


@cache
def parameter_types(source: str) -> list[Type]:
    """The types of a kernel's parameters, in order."""
    *_, entry = language.definitions(source).values()
    return [language.annotation(a) for a in entry.args.args]


def _named(t: Type) -> str:
    """The type as C calls it."""
    return f"{_C[t.of.name]}*" if t.of is not None else _C[t.name]


class _Module:
    """The templates of one kernel, and what was made of them."""

    def __init__(self, templates: dict[str, ast.FunctionDef]) -> None:
        self.templates = templates
        self.functions: list[str] = []
        self._made: dict[tuple[str, tuple[Type, ...]], tuple[str, Type]] = {}

    def template(self, name: str, types: tuple[Type, ...]) -> tuple[str, Type]:
        """The name, and the type of the result, of a template on arguments of these types."""
        if (name, types) not in self._made:
            function, label = self.templates[name], f"{name}_{len(self._made)}"
            body = _Body(self, [(a.arg, t) for a, t in zip(function.args.args, types, strict=True)])
            body.run(function.body)
            args = ", ".join(f"{_named(t)} {n}_" for n, t in body.args)
            head = f"__device__ inline {_C[body.result.name]} {label}({args})"
            self.functions.append("\n".join([f"{head} {{", *body.text(), "}"]))
            self._made[name, types] = label, body.result
        return self._made[name, types]


class _Body:
    """One function being written. All its variables stand at its head, since the language knows no inner scopes.

    The variable `x` is `x_` in C, where so many words have a meaning already.
    """

    def __init__(self, module: _Module, args: Sequence[tuple[str, Type]], *, given: bool = False) -> None:
        self.module, self.args = module, args
        self.result = VOID
        self._variables: dict[str, Type] = dict(args)
        self._given = dict(_GIVEN) if given else {}
        self._heads: list[str] = []
        self._lines: list[str] = []
        self._indent = 1

    def text(self) -> list[str]:
        return [*(f"  {head}" for head in self._heads), *self._lines]

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    # ------------------------------------------------------------ statements

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[target], value=value):
                self._assign(target, self._value(value))
            case ast.AugAssign(target=target, op=op, value=value):
                read = ast.parse(ast.unparse(target), mode="eval").body
                self._assign(target, self._binary(op, self._value(read), self._value(value), node))
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=args), body=body):
                bounds = [self._fitted(self._value(a), self._counter(a), a).text for a in args]
                start, stop, step = ["0", *bounds, "1"] if len(bounds) == 1 else [*bounds, "1"][:3]
                kind = self._counter(args[-1])
                self._declare(name, kind)
                end = f"end{len(self._heads)}"
                self._heads.append(f"{_C[kind.name]} {end};")
                self._block(f"for ({name}_ = {start}, {end} = {stop}; {name}_ < {end}; {name}_ += {step})", body)
            case ast.While(test=test, body=body):
                self._block(f"while ({self._truth(test)})", body)
            case ast.If(test=test, body=body, orelse=otherwise):
                self._block(f"if ({self._truth(test)})", body)
                if otherwise:
                    self._block("else", otherwise)
            case ast.Return(value=None):
                self._line("return;")
            case ast.Return(value=ast.expr() as value):
                made = self._settled(self._value(value))
                assert made.type is not None
                self.result = made.type
                self._line(f"return {made.text};")
            case ast.Expr(value=ast.Call() as call):
                self._line(f"{self._value(call).text};")
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case _:
                raise _wrong(node, "no such statement")

    def _counter(self, bound: ast.expr) -> Type:
        """The type that a loop counts in: that of its bounds. On a GPU, 32 bits are several times as fast as 64."""
        return I32 if self._value(bound).type is I32 else I64

    def _assign(self, target: ast.expr, value: _Value) -> None:
        match target:
            case ast.Name(id=name):
                if name not in self._variables:
                    value = self._settled(value)
                    if value.text.startswith("__shared__"):
                        assert value.type is not None
                        self._variables[name] = value.type
                        self._heads.append(value.text.format(name=f"{name}_"))
                        return
                    assert value.type is not None
                    self._declare(name, value.type)
                self._line(f"{name}_ = {self._fitted(value, self._variables[name], target).text};")
            case ast.Subscript(value=array, slice=index):
                text, of = self._element(array, index)
                value = self._fitted(value, BOOL if of is BYTE else of, target)
                self._line(f"{text} = {value.text};")
            case _:
                raise _wrong(target, "only a name or an element can be assigned to")

    def _block(self, head: str, body: Sequence[ast.stmt]) -> None:
        self._line(f"{head} {{")
        self._indent += 1
        self.run(body)
        self._indent -= 1
        self._line("}")

    # ------------------------------------------------------------ expressions

    def _value(self, node: ast.expr) -> _Value:
        match node:
            case ast.Constant(value=bool(value)):
                return _Value("true" if value else "false", BOOL)
            case ast.Constant(value=int(value) | float(value)):
                return _Value("", None, value)
            case ast.Name(id="inf" | "nan" as name):
                return _Value("", None, float(name))
            case ast.Name(id=name) if name in self._given:
                self._variables[name] = I64
                self._heads.append(f"const long long {name}_ = {self._given.pop(name)};")
                return _Value(f"{name}_", I64)
            case ast.Name(id=name) if name in self._variables:
                return _Value(f"{name}_", self._variables[name])
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self._value(left), self._value(right), node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(self._value(operand))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _Value(f"(!{self._truth(operand)})", BOOL)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                x = self._settled(self._value(operand))
                assert x.type is not None
                return _Value(f"({_C[x.type.name]})({'!' if x.type is BOOL else '~'}{x.text})", x.type)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                a, b, _ = self._alike(self._value(left), self._value(right), node)
                return _Value(f"({a.text} {_OPERATORS[type(op)]} {b.text})", BOOL)
            case ast.BoolOp(op=op, values=values):
                symbol = " && " if isinstance(op, ast.And) else " || "
                return _Value(f"({symbol.join(self._truth(v) for v in values)})", BOOL)
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                a, b, t = self._alike(self._value(body), self._value(otherwise), node)
                return _Value(f"({self._truth(test)} ? {a.text} : {b.text})", t)
            case ast.Subscript(value=array, slice=index):
                text, of = self._element(array, index)
                return _Value(f"({text} != 0)", BOOL) if of is BYTE else _Value(text, of)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args, node)
        raise _wrong(node, "no such expression")

    def _binary(self, op: ast.operator, a: _Value, b: _Value, node: ast.AST) -> _Value:
        if a.type is not None and a.type.kind == "p" and isinstance(op, ast.Add):
            return _Value(f"({a.text} + {self._index(b, node)})", a.type)
        a, b, t = self._alike(a, b, node)
        if isinstance(op, ast.Mod) and t.kind == "f":
            return _Value(f"fmod{'f' if t is F32 else ''}({a.text}, {b.text})", t)
        wrapping = _wrapping(t) if t.kind in "iu" and isinstance(op, ast.Add | ast.Sub | ast.Mult) else ""
        return _Value(f"({_C[t.name]})({wrapping}{a.text} {_OPERATORS[type(op)]} {wrapping}{b.text})", t)

    def _negative(self, x: _Value) -> _Value:
        if x.number is not None:
            return _Value("", None, -x.number)
        assert x.type is not None
        if x.type.kind in "iu":
            return _Value(f"({_C[x.type.name]})(0 - {_wrapping(x.type)}{x.text})", x.type)
        return _Value(f"({_C[x.type.name]})(-{x.text})", x.type)

    def _truth(self, node: ast.expr) -> str:
        value = self._value(node)
        if value.type is not BOOL:
            raise _wrong(node, "a condition is a bool")
        return value.text

    def _element(self, array: ast.expr, index: ast.expr) -> tuple[str, Type]:
        base = self._value(array)
        if base.type is None or base.type.of is None:
            raise _wrong(array, "only an array has elements")
        return f"{base.text}[{self._index(self._value(index), index)}]", base.type.of

    def _index(self, x: _Value, node: ast.AST) -> str:
        return (x if x.type is I32 else self._fitted(x, I64, node)).text

    # ------------------------------------------------------------ calls

    def _call(self, name: str, nodes: Sequence[ast.expr], node: ast.AST) -> _Value:
        if name in ("stack", "shared"):  # an array that lives as long as the call, of this thread or of its block
            of, count = TYPES[ast.unparse(nodes[0])], ast.literal_eval(nodes[1])
            if name == "shared":
                return _Value(f"__shared__ {_C[of.name]} {{name}}[{count}];", array_of(of))
            label = f"stack{len(self._heads)}"
            self._heads.append(f"{_C[of.name]} {label}[{count}];")
            return _Value(label, array_of(of))
        if name == "sync":
            return _Value("__syncthreads()", VOID)
        args = [self._value(n) for n in nodes]
        if name in TYPES and TYPES[name].lanes == 1:
            return self._converted(args[0], TYPES[name], node)
        if name in ("min", "max"):
            return self._extreme(name, args, node)
        if name in _BITS:
            function, taken, t = _BITS[name]
            return _Value(f"{function}(({taken}){self._settled(args[0]).text})", t)
        if name == "where":
            a, b, t = self._alike(args[1], args[2], node)
            return _Value(f"({self._converted(args[0], BOOL, node).text} ? {a.text} : {b.text})", t)
        if name == "whole":
            return _Value(f"(int){self._settled(args[0]).text}", I32)
        if name == "abs":
            return self._absolute(args[0], node)
        if name in _FLOATS:
            return self._float(name, args, node)
        if name in self.module.templates:
            return self._template(name, args)
        raise _wrong(node, f"there is no function {name!r}")

    def _float(self, name: str, args: Sequence[_Value], node: ast.AST) -> _Value:
        t = next((a.type for a in args if a.type is not None), F64)
        if t.kind != "f":
            raise _wrong(node, f"{name} is of floats; got {t}")
        passed = ", ".join(self._fitted(a, t, node).text for a in args)
        return _Value(f"{name}{'f' if t is F32 else ''}({passed})", t)

    def _template(self, name: str, args: Sequence[_Value]) -> _Value:
        float_type = next((t for a in args if a.type is not None and (t := a.type.of or a.type).kind == "f"), None)
        ready = [
            self._fitted(a, float_type, None) if isinstance(a.number, float) and float_type else self._settled(a)
            for a in args
        ]
        label, result = self.module.template(name, tuple(a.type for a in ready if a.type is not None))
        return _Value(f"{label}({', '.join(a.text for a in ready)})", result)

    def _extreme(self, name: str, args: Sequence[_Value], node: ast.AST) -> _Value:
        made, *rest = args
        for other in rest:
            a, b, t = self._alike(made, other, node)
            made = _Value(f"{'least' if name == 'min' else 'most'}<{_C[t.name]}>({a.text}, {b.text})", t)
        return made

    def _absolute(self, x: _Value, node: ast.AST) -> _Value:
        x = self._settled(x)
        assert x.type is not None
        if x.type.kind == "f":
            return self._float("fabs", [x], node)
        return _Value(f"size_of<{_C[x.type.name]}>({x.text})", x.type) if x.type.kind == "i" else x

    def _converted(self, x: _Value, t: Type, node: ast.AST) -> _Value:
        """`x` as a number of type `t`; a float as an integer is truncated, to the nearest if it is out of range."""
        if x.type is None:
            return self._fitted(x, t, node)
        if x.type == t:
            return x
        if t is BOOL:
            return _Value(f"({x.text} != 0)", BOOL)
        if x.type.kind == "f" and t.kind in "iu":
            low, high = (0, 2**t.bits - 1) if t.kind == "u" else (-(2 ** (t.bits - 1)), 2 ** (t.bits - 1) - 1)
            ends = ", ".join([_float(low, x.type), _float(high, x.type), _integer(low, t), _integer(high, t)])
            return _Value(f"whole_of<{_C[t.name]}, {_C[x.type.name]}>({x.text}, {ends})", t)
        return _Value(f"({_C[t.name]}){x.text}", t)

    # ------------------------------------------------------------ types

    def _alike(self, a: _Value, b: _Value, node: ast.AST) -> tuple[_Value, _Value, Type]:
        t = a.type or b.type or (F64 if isinstance(a.number, float) or isinstance(b.number, float) else I64)
        if t is BOOL and b.type is not None:
            t = b.type  # beside a number, a truth value counts as 0 or 1
        a, b = (self._converted(x, t, node) if x.type is BOOL else x for x in (a, b))
        return self._fitted(a, t, node), self._fitted(b, t, node), t

    def _fitted(self, x: _Value, t: Type, node: ast.AST | None) -> _Value:
        """`x` as a `t`: a number as written becomes one, anything else must be one."""
        if x.type is not None:
            if x.type != t:
                raise _wrong(node, f"{x.type} where {t} is needed")
            return x
        assert x.number is not None
        if t.kind == "f":
            return _Value(_float(x.number, t), t)
        if t.kind in "iu" and x.number == int(x.number):
            return _Value(_integer(int(x.number), t), t)
        raise _wrong(node, f"{x.number} where {t} is needed")

    def _settled(self, x: _Value) -> _Value:
        return self._fitted(x, F64 if isinstance(x.number, float) else I64, None) if x.type is None else x

    def _declare(self, name: str, t: Type) -> None:
        if self._variables.setdefault(name, t) != t:
            raise KernelSourceError(f"{name!r} is {self._variables[name]} and {t}")
        declaration = f"{_named(t)} {name}_;"
        if declaration not in self._heads:
            self._heads.append(declaration)

    def _line(self, text: str) -> None:
        self._lines.append("  " * self._indent + text)


def _wrapping(t: Type) -> str:
    """The cast to a type without a sign: in C only such numbers wrap around, and what is narrower becomes an int."""
    return "(unsigned long long)" if t.bits == 64 else "(unsigned int)"


def _float(number: float, t: Type) -> str:
    """A number as a float of that type, which is exactly what the text says."""
    with np.errstate(over="ignore"):
        value = float(np.float32(number)) if t is F32 else float(number)
    if np.isfinite(value):
        return f"({value!r}{'f' if t is F32 else ''})"
    if t is F32:
        return f"__int_as_float({int(np.float32(value).view(np.int32))})"
    return f"__longlong_as_double({int(np.float64(value).view(np.int64))}LL)"


def _integer(number: int, t: Type) -> str:
    """A whole number as C writes it; the least of a type is written as a difference."""
    suffix = ("U" if t.kind == "u" else "") + ("LL" if t.bits == 64 else "")
    if t.kind == "i" and number == -(2 ** (t.bits - 1)):
        return f"({_C[t.name]})({number + 1}{suffix} - 1)"
    return f"({_C[t.name]}){number}{suffix}" if number >= 0 else f"({_C[t.name]})({number}{suffix})"


def _wrong(node: ast.AST | None, reason: str) -> KernelSourceError:
    return KernelSourceError(f"CUDA kernel: {reason}{f', in {ast.unparse(node)!r}' if node is not None else ''}")
