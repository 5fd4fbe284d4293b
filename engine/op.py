"""Op: one operation, declared in one place, and the registry of all of them.

The signature is the schema: positional parameters are ports, keyword-only ones are parameters, the docstring is the
help. The decorated function infers the spec of the result; kernel, gradient rule, scalar template and samples hang on
the declaration. Called on Specs an op infers, on arrays it computes, and on symbols (expressions, graph tensors) it
does what their class says in `__apply_op__`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, overload

import numpy as np

from flowloom.params import Param, complete, parameter_names, params_of, unknown_name
from flowloom.spec import Spec, SpecError, as_array, is_narrow, wide_dtype

Family: TypeAlias = Literal[
    "data", "elementwise", "linalg", "shape", "reduction", "layer", "loss", "metric", "control", "random"
]
Specs: TypeAlias = Spec | tuple[Spec, ...]
Sample: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]
Samples: TypeAlias = "Callable[[np.random.Generator], Iterable[Sample]]"

REGISTRY: dict[str, Op] = {}


@dataclass(frozen=True, slots=True)
class Port:
    """A port: its name, whether it takes any number of tensors (a `*xs` parameter), and whether it may stay open."""

    name: str
    variadic: bool = False
    optional: bool = False


@dataclass(eq=False)
class Op:
    """An operation. Made by the `@op` decorator; compared by identity. Its help and signature are its declaration's.

    `rule` infers the spec of the result; of a composite it is the whole op, made of other ops. `narrow`: the kernel
    takes bfloat16 and the types of 8, 4 and 2 bits as they are; for all others they are widened and rounded back.
    `selective`: the kernel is told by `wanted` which of its outputs are read.
    """

    name: str
    family: Family
    rule: Callable[..., Any]
    doc: str
    ports: tuple[Port, ...]
    params: dict[str, Param]
    view: bool = False
    differentiable: bool = True
    internal: bool = False
    composite: bool = False
    narrow: bool = False
    version: int = 1
    outputs: tuple[Port, ...] = (Port("y"),)
    run: Callable[..., Any] | None = None
    takes_out: bool = False
    selective: bool = False
    pull: Callable[..., tuple[Any, ...]] | None = None
    template: str | None = None
    cases: Samples | None = None

    def __post_init__(self) -> None:
        self.__doc__, self.__name__ = self.doc, self.name  # what `?` and help() show

    def __getattr__(self, name: str) -> Any:
        """The signature as callers see it, when it is first asked for."""
        if name != "__signature__":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__signature__ = called(self.rule)
        return self.__signature__

    def __call__(self, *args: Any, name: str | None = None, **params: Any) -> Any:
        """Apply the op: infers on Specs, computes on arrays, builds on symbols (a graph node takes the `name`).

        An op on any number of operands also takes them as one list. Raises SpecError if the operands do not fit,
        TypeError for a wrong number of them or an unknown parameter.
        """
        if len(args) == 1 and isinstance(args[0], list | tuple) and any(p.variadic for p in self.ports):
            args = tuple(args[0])
        try:
            operands, values = operands_of(self.name, self.ports, args, params, self.params)
            full = complete(self.params, values, f"{self.name}()")
        except (TypeError, SpecError) as error:
            for arg in (*args, *params.values()):
                if locate := getattr(type(arg), "__locate_error__", None):
                    raise locate(arg, error, self.name, name, args) from None
            raise
        for arg in operands:
            if apply := getattr(type(arg), "__apply_op__", None):
                return apply(self, operands, full, name)
        return self._apply(operands, full)

    def _apply(self, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Infer on Specs, compute on arrays."""
        beside = [a.dtype for a in operands if isinstance(a, Spec | np.ndarray)]
        try:
            ready = [a if a is None or isinstance(a, Spec) else as_array(a, beside=beside) for a in operands]
        except SpecError as error:
            raise error.within(f"{self.name}()") from None
        specs = [a if a is None or isinstance(a, Spec) else Spec.of(a) for a in ready]
        spec = self.infer(*specs, **params)
        if any(isinstance(a, Spec) for a in ready):
            return spec
        sizes = (d for s in (spec if isinstance(spec, tuple) else (spec,)) for d in s.shape)
        if name := next((d for d in sizes if isinstance(d, str)), None):
            rule = f"only a graph knows the size {name!r}, and there one begins with a tensor"
            hint = "fl.broadcast_to(fl.constant(0.0), shape=...) gives one of that size"
            raise SpecError(f"{rule}; {hint}", dimension=name, call=f"{self.name}()")
        made = self.compute(np, *ready, **params)
        return tuple(np.asarray(m) for m in made) if isinstance(made, tuple) else np.asarray(made)

    def infer(self, *specs: Spec | None, **params: Any) -> Specs:
        """The spec of the result (a tuple for several outputs); all parameters are given and checked already."""
        return self.expand(*specs, **params)  # type: ignore[no-any-return]

    def expand(self, *operands: Any, **params: Any) -> Any:
        """What the declaration says of these operands: their result's spec, or, of a composite, the result itself."""
        try:
            return self.rule(*operands, **params)
        except SpecError as error:
            call = self.describe([getattr(a, "spec", a) for a in operands])
            raise (error.called(call) if self.composite else error.within(call)) from None

    def compute(self, xp: Any, *arrays: Any, **params: Any) -> Any:
        """Run the kernel on arrays of the module `xp` (NumPy or CuPy)."""
        if self.composite:
            return unwrapped(self.rule(*(None if a is None else Eager(xp, a) for a in arrays), **params))
        return self.kernel_for(Spec.of(a) for a in arrays)(xp, *arrays, **params)

    def kernel_for(self, specs: Iterable[Specs]) -> Callable[..., Any]:
        """The kernel `(xp, *arrays, **params)` for operands of these specs."""
        if self.run is None:
            raise NotImplementedError(f"{self.name} has no kernel")
        if not self.narrow and any(isinstance(s, Spec) and is_narrow(s.dtype) for s in specs):
            return self._compute_wide
        return self.run

    def _compute_wide(self, xp: Any, *arrays: Any, out: Any = None, **params: Any) -> Any:
        """The kernel in float32 (or 8 bits, for integers), rounded to what the result should be."""
        assert self.run is not None
        spec = self.infer(*(Spec.of(a) for a in arrays), **params)
        made = self.run(xp, *(a.astype(wide_dtype(a.dtype), copy=False) for a in arrays), **params)
        if not isinstance(spec, Spec):
            return tuple(m.astype(s.dtype, copy=False) for m, s in zip(made, spec, strict=True))
        if out is None:
            return made.astype(spec.dtype, copy=False)
        out[...] = made
        return out

    def describe(self, specs: Sequence[Any]) -> str:
        """The call as an error names it: "matmul(a: float32[3, 4], b: float32[5, 2])"."""
        named = zip(self.port_names(len(specs)), specs, strict=True)
        return f"{self.name}({', '.join(f'{n}: {s}' for n, s in named if s is not None)})"

    def port_names(self, count: int) -> tuple[str, ...]:
        """The names of `count` operands; those of a variadic port `xs` are `xs.0`, `xs.1`, ..."""
        return port_names(self.ports, count)

    # ------------------------------------------------------------ the declaration

    def kernel(self, function: Callable[..., Any]) -> Op:
        """Declare the kernel: `(xp, *arrays, **params[, out])`. With `out` it must write there and return it."""
        self.run = function
        self.takes_out = "out" in parameter_names(function)[1]
        return self

    def vjp(self, function: Callable[..., tuple[Any, ...]]) -> Op:
        """Declare the gradient rule: `(g, y, *inputs, **params)` gives one expression, or None, for each input.

        Gradients of broadcast inputs need not be summed back: `gradients()` does that for all ops.
        """
        self.pull = function
        return self

    def scalar(self, template: str) -> Op:
        """Declare what one element computes, in C-like Python with the inputs in braces: "min(max({x}, 0), 1)"."""
        self.template = template
        return self

    def samples(self, function: Samples) -> Op:
        """Declare example calls `(arrays, params)`; required: the conformance test and the docs are made from them."""
        self.cases = function
        return self

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class Eager:
    """An array that composites compute with: its operators are ops, so promotion and rules are those of any tensor."""

    __slots__ = ("array", "xp")

    def __init__(self, xp: Any, array: Any) -> None:
        self.xp, self.array = xp, array

    @staticmethod
    def __apply_op__(op: Op, args: tuple[Any, ...], params: dict[str, Any], name: str | None) -> Any:
        xp = next(a.xp for a in args if isinstance(a, Eager))
        beside = [a.dtype for a in args if isinstance(a, Eager)]
        arrays = [
            a.array if isinstance(a, Eager) else a if a is None else xp.asarray(as_array(a, beside=beside))
            for a in args
        ]
        op.infer(*(None if a is None else Spec.of(a) for a in arrays), **params)
        made = op.compute(xp, *arrays, **params)
        return tuple(Eager(xp, m) for m in made) if isinstance(made, tuple) else Eager(xp, made)

    @property
    def spec(self) -> Spec:
        """Shape and dtype."""
        return Spec.of(self.array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes."""
        return self.array.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of an element."""
        return self.array.dtype  # type: ignore[no-any-return]


def unwrapped(value: Any) -> Any:
    """The arrays in what a composite made of Eagers."""
    if isinstance(value, tuple):
        return tuple(unwrapped(v) for v in value)
    return value.array if isinstance(value, Eager) else value


@overload
def op(rule: Callable[..., Any]) -> Op: ...
@overload
def op(
    *,
    family: Family = ...,
    name: str | None = ...,
    view: bool = ...,
    differentiable: bool = ...,
    internal: bool = ...,
    composite: bool = ...,
    narrow: bool = ...,
    outputs: tuple[str, ...] = ...,
) -> Callable[[Callable[..., Any]], Op]: ...
def op(
    rule: Callable[..., Any] | None = None,
    *,
    family: Family = "elementwise",
    name: str | None = None,
    view: bool = False,
    differentiable: bool = True,
    internal: bool = False,
    composite: bool = False,
    narrow: bool = False,
    outputs: tuple[str, ...] = ("y",),
) -> Any:
    """Declare an op from the function that infers its spec, and register it under the function's name.

    A trailing underscore is dropped from the name (`sum_` declares "sum"). `view`: the result is the first operand's
    memory seen otherwise, never written to. `internal`: made by gradient rules and layers, not offered in the palette.
    `composite`: the function is made of other ops and is itself the op; ports with the default None may stay open.
    `narrow`: the kernel takes bfloat16 and the like as they are. `outputs`: port names, where there are several; one
    written "*parts" stands for any number.
    """

    def declare(function: Callable[..., Any]) -> Op:
        declared = Op(
            name=name or function.__name__.rstrip("_"),
            family=family,
            rule=function,
            doc=inspect.getdoc(function) or "",
            ports=ports_of(function),
            params=params_of(function),
            view=view,
            differentiable=differentiable,
            internal=internal,
            composite=composite,
            narrow=narrow or view,
            outputs=tuple(Port(o.removeprefix("*"), variadic=o.startswith("*")) for o in outputs),
        )
        there = REGISTRY.get(declared.name)
        if there is not None and not same_place(there.rule, function):
            raise ValueError(f"an op named {declared.name!r} is declared already")
        REGISTRY[declared.name] = declared
        return declared

    return declare(rule) if rule is not None else declare


def same_place(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Whether two functions are one definition: a notebook cell that runs again declares anew what it declared."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


def called(declaration: Callable[..., Any], skip: int = 0) -> inspect.Signature:
    """The signature of what is declared as callers see it: with a name, without the first `skip` parameters."""
    parameters = list(inspect.signature(declaration).parameters.values())[skip:]
    name = inspect.Parameter("name", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="str | None")
    return inspect.Signature([*parameters, name])


def ports_of(function: Callable[..., Any], skip: int = 0) -> tuple[Port, ...]:
    """The positional parameters of a declaration as ports, without the first `skip`."""
    positional, _, variadic = parameter_names(function)
    defaults = function.__defaults__ or ()
    optional = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    ports = [Port(name, optional=name in optional) for name in positional[skip:]]
    return tuple(ports if variadic is None else [*ports, Port(variadic, variadic=True)])


def port_names(ports: Sequence[Port], count: int) -> tuple[str, ...]:
    """The names of `count` operands of `ports`; those of a variadic port `xs` are `xs.0`, `xs.1`, ..."""
    names: list[str] = []
    for port in ports:
        if port.variadic:
            names += [f"{port.name}.{i}" for i in range(count - len(ports) + 1)]
        else:
            names.append(port.name)
    return tuple(names)


def operands_of(
    owner: str, ports: Sequence[Port], args: Sequence[Any], keywords: Mapping[str, Any], declared: Iterable[str]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What is given for each of the `ports`, by position or by name, None for those that stay open; and the parameters.

    Raises TypeError for a wrong number of operands, naming the `declared` parameters that were meant, SpecError for
    None where something is needed. A variadic port alone needs one.
    """
    operands, params = list(args), dict(keywords)
    if any(p.variadic for p in ports):
        if len(operands) < max(1, len(ports) - 1):
            raise _wrong_count(owner, ports, len(operands))
        if isinstance(operands[0], list | tuple) and _is_symbolic(operands[0]):
            raise _wrong_count(owner, ports, len(operands), zip(declared, operands[1:], strict=False))
        return tuple(operands), params
    for port in ports[len(operands) :]:
        if port.name not in params and not port.optional:
            raise _wrong_count(owner, ports, len(operands))
        operands.append(params.pop(port.name, None))
    if len(operands) > len(ports):
        raise _wrong_count(owner, ports, len(operands), zip(declared, operands[len(ports) :], strict=False))
    for port, operand in zip(ports, operands, strict=True):
        if port.name in params:
            raise TypeError(f"{owner}() is given {port.name!r} twice")
        if operand is None and not port.optional:
            raise SpecError("None is not an array of numbers", call=f"{owner}()")
    return tuple(operands), params


def _is_symbolic(operand: Any) -> bool:
    """Whether it is a tensor of a graph or the like, or a list with one."""
    return any(hasattr(type(x), "__apply_op__") for x in (operand if isinstance(operand, list | tuple) else [operand]))


def _wrong_count(owner: str, ports: Sequence[Port], count: int, beyond: Iterable[tuple[str, Any]] = ()) -> TypeError:
    """The error for `count` operands. `beyond`: those that no port takes, with the parameters they may have meant."""
    wants = ", ".join(f"*{p.name}" if p.variadic else f"{p.name}=None" if p.optional else p.name for p in ports)
    least = max(1, len(ports) - 1) if any(p.variadic for p in ports) else sum(not p.optional for p in ports)
    most = len(ports)
    if any(p.variadic for p in ports):
        takes = f"{least} or more tensors"
    elif least < most:
        takes = f"{least} to {most} tensors"
    else:
        takes = f"{least} tensor{'' if least == 1 else 's'}"
    meant = ", ".join(f"{name}={value!r}" for name, value in beyond if not _is_symbolic(value))
    hint = f". Parameters are given by name: {meant}" if 0 < len(meant) <= 80 else ""
    return TypeError(f"{owner}({wants}) takes {takes}; got {count}{hint}")


def get_op(name: str, registry: Mapping[str, Op] = REGISTRY) -> Op:
    """The op of that name. Raises KeyError with the nearest name if there is none."""
    try:
        return registry[name]
    except KeyError:
        raise KeyError(unknown_name(name, registry, "there is no op")) from None
