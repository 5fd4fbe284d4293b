"""Op: one operation, declared in one place, and the registry of all of them.

The signature is the schema: positional parameters are ports, keyword-only ones are parameters, the docstring is the
help. The decorated function infers the spec of the result; kernel, gradient rule, scalar template and samples hang on
the declaration. Called on Specs an op infers, on arrays it computes, and on symbols (expressions, graph tensors) it
does what their class says in `__apply_op__`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, overload

import numpy as np

from flowloom.params import Param, complete, params_of, unknown_name
from flowloom.spec import Spec, SpecError, as_array

Family: TypeAlias = Literal[
    "data", "elementwise", "linalg", "shape", "reduction", "layer", "loss", "metric", "control", "random"
]
Specs: TypeAlias = Spec | tuple[Spec, ...]
Sample: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]
Samples: TypeAlias = Callable[[np.random.Generator], Iterable[Sample]]

REGISTRY: dict[str, Op] = {}


@dataclass(frozen=True, slots=True)
class Port:
    """An input of an op: its name, and whether it takes any number of tensors (a `*xs` parameter)."""

    name: str
    variadic: bool = False


@dataclass(eq=False, slots=True)
class Op:
    """An operation. Made by the `@op` decorator; compared by identity."""

    name: str
    family: Family
    rule: Callable[..., Specs]
    doc: str
    ports: tuple[Port, ...]
    params: dict[str, Param]
    view: bool = False
    differentiable: bool = True
    internal: bool = False
    version: int = 1
    outputs: tuple[str, ...] = ("y",)
    run: Callable[..., Any] | None = None
    takes_out: bool = False
    pull: Callable[..., tuple[Any, ...]] | None = None
    template: str | None = None
    cases: Samples | None = None

    def __call__(self, *args: Any, name: str | None = None, **params: Any) -> Any:
        """Apply the op: infers on Specs, computes on arrays, builds on symbols (a graph node takes the `name`).

        An op on any number of operands also takes them as one list. Raises SpecError if the operands do not fit,
        TypeError for a wrong number of them or an unknown parameter.
        """
        full = complete(self.params, params, f"{self.name}()")
        if len(args) == 1 and isinstance(args[0], list | tuple) and any(p.variadic for p in self.ports):
            args = tuple(args[0])
        self.check_count(len(args))
        for arg in args:
            if apply := getattr(type(arg), "__apply_op__", None):
                return apply(self, args, full, name)
        beside = [a.dtype for a in args if isinstance(a, Spec | np.ndarray)]
        try:
            operands = [a if isinstance(a, Spec) else as_array(a, beside=beside) for a in args]
        except SpecError as error:
            raise error.within(f"{self.name}()") from None
        spec = self.infer(*(a if isinstance(a, Spec) else Spec.of(a) for a in operands), **full)
        if any(isinstance(a, Spec) for a in operands):
            return spec
        return self.compute(np, *operands, **full)

    def infer(self, *specs: Spec, **params: Any) -> Specs:
        """The spec of the result (a tuple for several outputs); all parameters are given and checked already."""
        try:
            return self.rule(*specs, **params)
        except SpecError as error:
            raise error.within(self.describe(specs)) from None

    def compute(self, xp: Any, *arrays: Any, **params: Any) -> Any:
        """Run the kernel on arrays of the module `xp` (NumPy or CuPy)."""
        if self.run is None:
            raise NotImplementedError(f"{self.name} has no kernel")
        return self.run(xp, *arrays, **params)

    def describe(self, specs: Sequence[Any]) -> str:
        """The call as an error names it: "matmul(a: float32[3, 4], b: float32[5, 2])"."""
        return f"{self.name}({', '.join(f'{n}: {s}' for n, s in zip(self.port_names(len(specs)), specs, strict=True))})"

    def port_names(self, count: int) -> tuple[str, ...]:
        """The names of `count` operands; those of a variadic port `xs` are `xs.0`, `xs.1`, ..."""
        return port_names(self.ports, count)

    def check_count(self, count: int) -> None:
        """Raise TypeError unless the op takes `count` operands."""
        check_count(self.name, self.ports, count)

    # ------------------------------------------------------------ the declaration

    def kernel(self, function: Callable[..., Any]) -> Op:
        """Declare the kernel: `(xp, *arrays, **params[, out])`. With `out` it must write there and return it."""
        self.run = function
        self.takes_out = "out" in inspect.signature(function).parameters
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


@overload
def op(rule: Callable[..., Specs]) -> Op: ...
@overload
def op(
    *,
    family: Family = ...,
    name: str | None = ...,
    view: bool = ...,
    differentiable: bool = ...,
    internal: bool = ...,
    outputs: tuple[str, ...] = ...,
) -> Callable[[Callable[..., Specs]], Op]: ...
def op(
    rule: Callable[..., Specs] | None = None,
    *,
    family: Family = "elementwise",
    name: str | None = None,
    view: bool = False,
    differentiable: bool = True,
    internal: bool = False,
    outputs: tuple[str, ...] = ("y",),
) -> Any:
    """Declare an op from the function that infers its spec, and register it under the function's name.

    A trailing underscore is dropped from the name (`sum_` declares "sum"). `view`: the result is the first operand's
    memory seen otherwise, never written to. `internal`: made by gradient rules and layers, not offered in the palette.
    `outputs`: port names, where there are several.
    """

    def declare(function: Callable[..., Specs]) -> Op:
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
            outputs=outputs,
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


def ports_of(function: Callable[..., Any], skip: int = 0) -> tuple[Port, ...]:
    """The positional parameters of a declaration as ports, without the first `skip`."""
    positional = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    return tuple(Port(p.name, p.kind is p.VAR_POSITIONAL) for p in positional[skip:])


def port_names(ports: Sequence[Port], count: int) -> tuple[str, ...]:
    """The names of `count` operands of `ports`; those of a variadic port `xs` are `xs.0`, `xs.1`, ..."""

    def names() -> Iterator[str]:
        for port in ports:
            if port.variadic:
                yield from (f"{port.name}.{i}" for i in range(count - len(ports) + 1))
            else:
                yield port.name

    return tuple(names())


def check_count(owner: str, ports: Sequence[Port], count: int) -> None:
    """Raise TypeError unless `owner` with these ports takes `count` operands. A variadic port alone needs one."""
    variadic = any(p.variadic for p in ports)
    least = max(1, len(ports) - 1) if variadic else len(ports)
    if count == least or (variadic and count > least):
        return
    wants = ", ".join(f"*{p.name}" if p.variadic else p.name for p in ports)
    takes = f"{least} or more tensors" if variadic else f"{least} tensor{'' if least == 1 else 's'}"
    raise TypeError(f"{owner}({wants}) takes {takes}; got {count}")


def get_op(name: str, registry: Mapping[str, Op] = REGISTRY) -> Op:
    """The op of that name. Raises KeyError with the nearest name if there is none."""
    try:
        return registry[name]
    except KeyError:
        raise KeyError(unknown_name(name, registry, "there is no op")) from None
