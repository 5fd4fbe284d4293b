"""Control flow: a branch, a loop while something holds, and a scan over the steps of a sequence.

Each is one expression whose bodies are Functions. `cond` and `scan` have gradients, made of a `cond` and of a `scan`
that runs the other way; the states this needs are an output of the forward scan, kept only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import accumulate, pairwise
from typing import Any

from flowloom.compiler.expr import Expr, build_whole, items, placeholder
from flowloom.compiler.function import INDEX, Function, begin, close
from flowloom.compiler.gradient import pull_back, zeros
from flowloom.op import Op, Port
from flowloom.ops import add
from flowloom.spec import Dim, Spec, SpecError, is_float, merge, shape_text

Exprs = Sequence[Expr]


# ---------------------------------------------------------------- building


def cond(condition: Expr, then: Callable[..., Exprs], otherwise: Callable[..., Exprs], operands: Exprs) -> Exprs:
    """What `then(*operands)` gives where the bool scalar `condition` holds, else what `otherwise` gives.

    Only one is computed, as far as it depends on the operands. Raises SpecError if their specs differ.
    """
    zone = begin_cond(condition, operands)
    _, *handed = items(zone)
    return end_cond(zone, then(*handed), otherwise(*handed))


def while_loop(
    condition: Callable[..., Expr], body: Callable[..., Exprs], initial: Exprs, *, collected: int = 0
) -> Exprs:
    """The states after `states = body(index, *states)` while `condition(index, *states)`, a bool scalar, holds.

    `index` counts from 0. Of what the body gives, the last `collected` are no states: each is stacked over the steps
    and follows the states. It has no gradient. Raises SpecError if a state changes its spec.
    """
    zone = begin_loop(initial)
    handed = items(zone)
    return end_while(zone, condition(*handed), body(*handed), collected=collected)


def scan(
    step: Callable[..., Exprs], initial: Exprs, xs: Exprs, *, length: int | None = None, reverse: bool = False
) -> Exprs:
    """The states after `step(index, *states, *slices)` for each slice of `xs` along their first axis, in order.

    Of what a step gives, those beyond the states are stacked over the steps and follow the states. `reverse` begins
    with the last slice. Without `xs`, `length` says how many steps. Raises SpecError if a state changes its spec.
    """
    zone = begin_scan(initial, xs)
    return end_scan(zone, step(*items(zone)), states=len(initial), length=length, reverse=reverse)


def begin_cond(condition: Expr, operands: Exprs, zone: str | None = None) -> Expr:
    """Begin the branches of a condition: they get the condition and the operands. Raises SpecError if it is none."""
    _check_condition(condition.spec)
    return begin((condition, *operands), [e.spec for e in (condition, *operands)], zone)


def begin_loop(initial: Exprs, shapes: Sequence[Sequence[Dim] | None] = (), zone: str | None = None) -> Expr:
    """Begin the body of a loop: it gets its index and its states, in `shapes` where they are not as at first."""
    loose = [*shapes, *(None for _ in range(len(initial) - len(shapes)))]
    specs = [e.spec if s is None else _loosened(e.spec, s) for e, s in zip(initial, loose, strict=True)]
    return begin(initial, (INDEX, *specs), zone)


def begin_scan(initial: Exprs, xs: Exprs, zone: str | None = None) -> Expr:
    """Begin the body of a scan: it gets its index, its states and a slice of each of `xs`."""
    for x in xs:
        if not x.spec.ndim:
            raise SpecError("a scan goes along the first axis of a tensor; got a scalar", dimension="0 dimensions")
    slices = [x.spec.with_shape(x.shape[1:]) for x in xs]
    return begin((*initial, *xs), (INDEX, *(e.spec for e in initial), *slices), zone)


def end_cond(zone: Expr, then: Exprs, otherwise: Exprs) -> tuple[Expr, ...]:
    """End a zone that begins the branches of a condition: what each gives. Raises SpecError if they differ."""
    body, captures = close(zone, (*then, *otherwise))
    params = {
        "then": Function(body.inputs[1:], body.outputs[: len(then)], body.sources),
        "otherwise": Function(body.inputs[1:], body.outputs[len(then) :], body.sources),
    }
    return items(build_whole(COND, (*zone.args, *captures), params))


def end_while(zone: Expr, condition: Expr, made: Exprs, *, collected: int = 0) -> tuple[Expr, ...]:
    """End the body of a loop: whether it goes on, and what it gives. Raises SpecError as `while_loop` does."""
    body, captures = close(zone, (condition, *made))
    params = {
        "condition": Function(body.inputs, body.outputs[:1], body.sources),
        "body": Function(body.inputs, body.outputs[1:], body.sources),
        "states": len(made) - collected,
    }
    return items(build_whole(WHILE, (*zone.args, *captures), params))


def end_scan(zone: Expr, made: Exprs, *, states: int, length: int | None = None, reverse: bool = False) -> Exprs:
    """End the body of a scan: what it gives. Raises SpecError as `scan` does."""
    body, captures = close(zone, made)
    params = {"body": body, "states": states, "slices": len(zone.args) - states, "length": length, "reverse": reverse}
    whole = build_whole(SCAN, (*zone.args, *captures), params)
    return items(whole)[: len(made)]


# ---------------------------------------------------------------- cond


def _infer_cond(condition: Spec, *operands: Spec, then: Function, otherwise: Function) -> tuple[Spec, ...]:
    _check_condition(condition)
    if len(then.outputs) != len(otherwise.outputs):
        raise SpecError(f"one branch gives {len(then.outputs)} results and the other {len(otherwise.outputs)}")
    return tuple(
        _same(f"both branches must give one spec as result {i}", a.spec, b.spec)
        for i, (a, b) in enumerate(zip(then.outputs, otherwise.outputs, strict=True))
    )


def _run_cond(xp: Any, condition: Any, *operands: Any, then: Any, otherwise: Any) -> tuple[Any, ...]:
    return tuple((then if bool(condition) else otherwise)(*operands))


def _pull_cond(g: Any, y: Any, condition: Expr, *operands: Expr, then: Function, otherwise: Function) -> Any:
    arriving = [i for i, gi in enumerate(g) if gi is not None]
    floats = [i for i, e in enumerate(operands) if is_float(e.dtype)]
    seeds = _leaves(then, [g[i].spec for i in arriving])

    def backward(branch: Function) -> Function:
        wrt = [branch.inputs[i] for i in floats]
        made = pull_back([branch.outputs[i] for i in arriving], seeds, wrt)
        found = (zeros(w) if m is None else m for w, m in zip(wrt, made, strict=True))
        return Function((*branch.inputs, *seeds), tuple(found))

    params = {"then": backward(then), "otherwise": backward(otherwise)}
    made = items(build_whole(COND, (condition, *operands, *(g[i] for i in arriving)), params))
    found = dict(zip(floats, made, strict=True))
    return (None, *(found.get(i) for i in range(len(operands))))


# ---------------------------------------------------------------- while


def _infer_while(*operands: Spec, condition: Function, body: Function, states: int) -> tuple[Spec, ...]:
    _check_condition(condition.outputs[0].spec)
    kept = _check_states(body, states)
    return (*kept, *(e.spec.with_shape((None, *e.shape)) for e in body.outputs[states:]))


def _run_while(xp: Any, *operands: Any, condition: Any, body: Any, states: int) -> tuple[Any, ...]:
    carry, captures = list(operands[:states]), operands[states:]
    steps: list[list[Any]] = []
    index = 0
    while True:
        arguments = (xp.asarray(index), *carry, *captures)
        if not bool(condition(*arguments)[0]):
            break
        made = body(*arguments)
        carry = made[:states]
        steps.append(made[states:])
        index += 1
    return (*carry, *(_stacked(xp, [s[i] for s in steps], e.spec) for i, e in enumerate(body.outputs[states:])))


def _pull_while(g: Any, y: Any, *operands: Expr, **params: Any) -> Any:
    raise SpecError("while_loop has no gradient; use scan, which takes a number of steps known beforehand")


# ---------------------------------------------------------------- scan


def _infer_scan(
    *operands: Spec, body: Function, states: int, slices: int, length: int | None, reverse: bool
) -> tuple[Spec, ...]:
    steps: Dim = length
    if not slices and length is None:
        raise SpecError("a scan over nothing needs the number of its steps: length")
    for x in operands[states : states + slices]:
        try:
            steps = merge(steps, x.shape[0])
        except SpecError:
            raise SpecError(
                f"all sequences must have as many steps; got {steps} and {x.shape[0]}",
                dimension=f"{steps} != {x.shape[0]} steps",
            ) from None
    kept = _check_states(body, states)
    stacked = (s.with_shape((steps, *s.shape)) for s in (*(e.spec for e in body.outputs[states:]), *kept))
    return (*kept, *stacked)


def _run_scan(
    xp: Any, *operands: Any, body: Any, states: int, slices: int, length: int | None, reverse: bool, wanted: Any
) -> tuple[Any, ...]:
    carry, xs, captures = operands[:states], operands[states : states + slices], operands[states + slices :]
    steps = range(xs[0].shape[0] if xs else length or 0)
    kept: dict[int, list[Any]] = {i: [] for i in wanted if i >= states}
    many = len(body.outputs)
    for n in reversed(steps) if reverse else steps:
        before = carry
        made = body(xp.asarray(n), *carry, *(x[n, ...] for x in xs), *captures)
        carry = made[:states]
        for i, values in kept.items():
            values.append(made[i] if i < many else before[i - many])
    specs = (*(e.spec for e in body.outputs), *(e.spec for e in body.outputs[:states]))
    stacked = {i: _stacked(xp, v[::-1] if reverse else v, specs[i]) for i, v in kept.items()}
    return (*carry, *(stacked.get(i) for i in range(states, many + states)))


def _pull_scan(
    g: Any, y: Any, *operands: Expr, body: Function, states: int, slices: int, length: int | None, reverse: bool
) -> Any:
    """The gradient of a scan: a scan the other way, whose states are the gradients of the states and of the captures.

    With s' , y = f(s, x, c):  ds = f_s^T (ds', dy),  dx = f_x^T (ds', dy),  dc += f_c^T (ds', dy), last step first. The
    state s before each step comes from the history that the scan kept.
    """
    many = len(body.outputs)
    index, *inputs = body.inputs
    floats = [i for i, e in enumerate(inputs) if is_float(e.dtype)]
    carried = [i for i in floats if i < states]
    sliced = [i for i in floats if states <= i < states + slices]
    shared = [i for i in floats if i >= states + slices]
    arriving = [i for i in range(states, many) if g[i] is not None]
    revisited = [i for i in carried if g[many + i] is not None]

    # The leaves of a backward step, besides the state, slices and captures of its forward step.
    wanted = ([inputs[i] for i in carried], [inputs[i] for i in shared], [body.outputs[i] for i in arriving])
    leaves = _leaves(body, [e.spec for group in (*wanted, [inputs[i] for i in revisited]) for e in group])
    ends = list(accumulate(len(group) for group in wanted))
    seeds, totals, steps, extras = (leaves[a:b] for a, b in pairwise([0, *ends, len(leaves)]))
    made = pull_back([body.outputs[i] for i in (*carried, *arriving)], [*seeds, *steps], [inputs[i] for i in floats])
    pulled, extra = dict(zip(floats, made, strict=True)), dict(zip(revisited, extras, strict=True))
    before = [*inputs[states : states + slices], *inputs[:states]]
    back = Function(
        (index, *seeds, *totals, *before, *steps, *extras, *inputs[states + slices :]),
        (
            *(_total(inputs[i], pulled[i], extra.get(i)) for i in carried),
            *(_total(inputs[i], t, pulled[i]) for i, t in zip(shared, totals, strict=True)),
            *(_total(inputs[i], pulled[i]) for i in sliced),
        ),
    )
    initial = [*(zeros(operands[i]) if g[i] is None else g[i] for i in carried), *(zeros(operands[i]) for i in shared)]
    histories, xs, captures = y[many:], operands[states : states + slices], operands[states + slices :]
    sequences = [*xs, *histories, *(g[i] for i in arriving), *(g[many + i] for i in revisited)]
    params = {"body": back, "states": len(initial), "slices": len(sequences), "length": length, "reverse": not reverse}
    results = items(build_whole(SCAN, (*initial, *sequences, *captures), params))
    found = dict(zip((*carried, *shared, *sliced), results, strict=False))
    return tuple(found.get(i) for i in range(len(operands)))


def _total(like: Expr, *terms: Expr | None) -> Expr:
    """The sum of the terms that are there; zeros like `like` if none is."""
    present = [t for t in terms if t is not None]
    return reduce(add, present) if present else zeros(like)


# ---------------------------------------------------------------- the rules


def _check_condition(condition: Spec) -> None:
    if condition.dtype.kind != "b" or condition.ndim:
        raise SpecError(f"the condition must be one bool; got {condition}", dimension=str(condition))


def _check_states(body: Function, states: int) -> list[Spec]:
    """The specs of the states, as the body gets them. Raises SpecError if it gives others."""
    if len(body.outputs) < states:
        raise SpecError(f"the body must give the {states} states it gets; it gives {len(body.outputs)}")
    return [
        _same(f"state {i} must keep its spec", before.spec, after.spec, ("it begins as", "and becomes"))
        for i, (before, after) in enumerate(zip(body.inputs[1 : states + 1], body.outputs, strict=False))
    ]


def _same(rule: str, one: Spec, other: Spec, words: tuple[str, str] = ("got", "and")) -> Spec:
    """The spec that both are. Raises SpecError, with the rule and `words` before each, where they differ."""
    try:
        if one.dtype != other.dtype or one.ndim != other.ndim:
            raise SpecError("")
        return one.with_shape(d if d is None else merge(d, e) for d, e in zip(one.shape, other.shape, strict=True))
    except SpecError:
        raise SpecError(f"{rule}; {words[0]} {one} {words[1]} {other}", dimension=f"{one} != {other}") from None


def _loosened(spec: Spec, shape: Sequence[Dim]) -> Spec:
    if len(shape) != spec.ndim:
        raise SpecError(f"a state of {spec} cannot have the shape {shape_text(shape)}")
    return spec.with_shape(shape)


def _leaves(body: Function, specs: Sequence[Spec]) -> list[Expr]:
    """Leaves of these specs that are none of the inputs of `body`, whose own gradient may be taken next."""
    return [placeholder(f"gradient {len(body.inputs) + i}", s) for i, s in enumerate(specs)]


def _stacked(xp: Any, values: list[Any], spec: Spec) -> Any:
    """`values` as one array along a new first axis; of none, an empty one."""
    if values:
        return xp.stack(values)
    return xp.empty((0, *(d if isinstance(d, int) else 0 for d in spec.shape)), spec.dtype)


def _declare(name: str, doc: str, infer: Any, run: Any, pull: Any, *, selective: bool = False) -> Op:
    return Op(
        name,
        "control",
        infer,
        doc,
        (Port("operands", variadic=True),),
        {},
        narrow=True,
        run=run,
        pull=pull,
        selective=selective,
    )


COND = _declare("cond", "One of two branches.", _infer_cond, _run_cond, _pull_cond)
WHILE = _declare("while_loop", "A loop while a condition holds.", _infer_while, _run_while, _pull_while)
SCAN = _declare("scan", "A loop over the steps of sequences.", _infer_scan, _run_scan, _pull_scan, selective=True)
