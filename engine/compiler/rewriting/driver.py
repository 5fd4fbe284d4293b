"""One pass of rules over expressions: bottom-up, to a fixed point, without recursion along the graph.

An expression is looked at once its arguments are at rest. What a rule makes of it is looked at in turn, with all that
is new in it. So each expression is visited a bounded number of times, however deep the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from flowloom.compiler.expr import ITEM, Expr, item, toposort, with_args
from flowloom.compiler.function import Function
from flowloom.compiler.rewriting.refusals import may_refuse
from flowloom.compiler.rewriting.rules import Applicable, Rule

Attribute: TypeAlias = Callable[[Expr, Expr], None]  # the new expression, and what it is instead of


class RewriteError(RuntimeError):
    """A rule that failed: it raised an error, changed a spec, or did not come to rest. Names rule and expression."""

    def __init__(self, rule: str, expr: Expr, reason: str) -> None:
        super().__init__(f"the rewrite rule {rule!r} failed at {described(expr)}: {reason}")
        self.rule, self.expr, self.reason = rule, expr, reason


def described(e: Expr) -> str:
    """An expression with the specs of its arguments, as an error names it."""
    params = "".join(f", {k}={'...' if isinstance(v, Function) else repr(v)}" for k, v in e.params)
    return f"{e.op.name}({', '.join(str(a.spec) for a in e.args)}{params})"


class Pass:
    """The rules of one phase on one set of expressions. `fired` counts how often each rule was applied.

    At most `most` rules are applied, which stops rules that would go on for ever.
    """

    def __init__(self, rules: Applicable, most: int, attribute: Attribute | None = None) -> None:
        self.fired: dict[str, int] = {}
        self._rules, self._left, self._attribute = rules, most, attribute
        self._latest = ""
        self._dropped = self._lost_inside = False
        self._rest: dict[Expr, Expr] = {}  # what each expression came to
        self._instead: dict[Expr, Expr] = {}  # what one is replaced by, while that is not at rest
        self._known: set[Expr] = set()  # all sizes there and further up are numbers
        self._read: dict[Expr, set[int]] = {}  # of an op with several outputs, those that are read
        self._readers: dict[Expr, int] = {}  # at least; what a rewriting leaves behind still counts
        self._functions: dict[Function, Function] = {}

    def run(self, roots: Sequence[Expr], order: Sequence[Expr]) -> tuple[Expr, ...]:
        """What `roots` come to; `order` is all that they need, arguments first. Raises RewriteError."""
        for e in order:
            self._count_reads(e)
        for e in roots:
            self._readers[e] = self._readers.get(e, 0) + 1
        rest = self._rest
        for e in order:
            if e not in rest:
                made = self._step(e)
                if made in rest:
                    rest[e] = rest[made]
                else:
                    self._instead[e] = made
                    self._settle(e)
        return tuple(self._rest[r] for r in roots)

    def lost(self, order: Iterable[Expr], made: Iterable[Expr]) -> bool:
        """Whether a check of values in `order` is not made any more in `made`, for a rule dropped what led to it."""
        if self._lost_inside or not self._dropped:
            return self._lost_inside
        there = set(made)
        ends = (self._rest[e] for e in order if may_refuse(e))
        return any(may_refuse(e) and e not in there for e in ends)

    # ------------------------------------------------------------

    def _settle(self, root: Expr) -> None:
        """Bring `root`, and all that is new under it, to rest."""
        rest, instead = self._rest, self._instead
        stack = [root]
        while stack:
            e = stack[-1]
            if e in rest:
                stack.pop()
                continue
            pending = [a for a in e.args if a not in rest]
            if not pending:
                made = instead.get(e) or self._step(e)
                if made in rest:
                    rest[e] = rest[made]
                    instead.pop(e, None)
                    stack.pop()
                    continue
                instead[e] = made
                pending = [made]
            for a in pending:
                if a in instead and instead[a] not in rest:
                    raise RewriteError(self._latest, a, "it comes back to what it began with")
            stack.extend(reversed(pending))

    def _step(self, e: Expr) -> Expr:
        """`e` on the arguments that its own came to, which is at rest; or what a rule makes of that, which may not be.

        All arguments are at rest.
        """
        now = self._on_rest(e)
        if now in self._rest:
            return now
        made = self._instead.get(now) or (self._rewritten(now) if self._note_sizes(now) else None)
        if made is None:
            self._rest[now] = now
            return now
        self._instead[now] = made
        return made

    def _on_rest(self, e: Expr) -> Expr:
        rest = self._rest
        changed = False
        for a in e.args:
            changed = changed or rest[a] is not a
        params = self._params(e) if e.op.family == "control" else e.params
        if not changed and params is e.params:
            return e
        now = with_args(e, [rest[a] for a in e.args], params)
        self._follow(e, now, (now,))
        return now

    def _rewritten(self, e: Expr) -> Expr | None:
        """What the first rule that applies makes of `e`; None if none does."""
        for rule in self._rules.by_op.get(e.op, self._rules.anywhere) if e.args else ():
            if rule.alone and self._readers[e.args[0]] > 1:
                continue
            try:
                made: Expr | None = self._of_outputs(rule, e) if rule.reads else rule.rewrite(e)
            except Exception as error:
                raise RewriteError(rule.name, e, f"{type(error).__name__}: {error}") from error
            if made is not None and made is not e:
                self._count(rule, e, made)
                self._follow(e, made, self._new(made))
                return made
        return None

    def _of_outputs(self, rule: Rule, e: Expr) -> Expr | None:
        """What a rule makes of one output of an op that has several, knowing which of them are read."""
        whole = e.args[0]
        read = frozenset(self._read[whole])
        made = rule.rewrite(e, read)
        if made is not None:
            for index in read:  # what all of them will read is known before the next of them is looked at
                if (other := rule.rewrite(item(whole, index), read)) is not None:
                    self._new(other)
        return made

    def _count(self, rule: Rule, e: Expr, made: Expr) -> None:
        if made.spec != e.spec:
            raise RewriteError(rule.name, e, f"it gives {made.spec}, not {e.spec}")
        self._latest = rule.name
        self.fired[rule.name] = self.fired.get(rule.name, 0) + 1
        self._dropped = self._dropped or rule.drops
        self._left -= 1
        if self._left < 0:
            raise RewriteError(rule.name, e, f"the rules did not come to rest after {sum(self.fired.values())} of them")

    # ------------------------------------------------------------ what is known of expressions

    def _follow(self, e: Expr, made: Expr, new: Iterable[Expr]) -> None:
        """Note what `made`, which replaces `e`, has from it: its origin, its readers, the outputs that are read."""
        self._readers[made] = self._readers.get(made, 0) + self._readers.get(e, 0)
        if e in self._read:
            self._read.setdefault(made, set()).update(self._read[e])
        if self._attribute is not None:
            for n in new:
                self._attribute(n, e)

    def _new(self, made: Expr) -> list[Expr]:
        """Every expression under `made` that was not there before."""
        found: dict[Expr, None] = {}
        stack = [made]
        while stack:
            e = stack.pop()
            if e.args and e not in found and e not in self._rest:
                found[e] = None
                stack.extend(e.args)
                self._count_reads(e)
        return list(found)

    def _count_reads(self, e: Expr) -> None:
        readers = self._readers
        for a in e.args:
            readers[a] = readers.get(a, 0) + 1
        if e.op is ITEM:
            self._read.setdefault(e.args[0], set()).add(e.params[0][1])

    def _note_sizes(self, e: Expr) -> bool:
        """Whether all sizes are known, so that rules may look at them; else nothing is rewritten from here on."""
        known = self._known
        for a in e.args:
            if a not in known:
                return False
        for s in e.specs:
            if not _all_numbers(s.shape):
                return False
        known.add(e)
        return True

    # ------------------------------------------------------------ bodies

    def _params(self, e: Expr) -> tuple[tuple[str, Any], ...]:
        """The parameters of `e` with the bodies among them rewritten; themselves if nothing changed."""
        made = tuple((k, self._body(v) if isinstance(v, Function) else v) for k, v in e.params)
        return e.params if all(a[1] is b[1] for a, b in zip(made, e.params, strict=True)) else made

    def _body(self, function: Function) -> Function:
        if function not in self._functions:
            sources = dict(function.sources)

            def attribute(new: Expr, old: Expr) -> None:
                if old in sources:
                    sources.setdefault(new, sources[old])

            inner = Pass(self._rules, self._left, attribute)
            inner.fired = self.fired
            order = toposort(function.outputs)
            outputs = inner.run(function.outputs, order)
            self._left, self._latest = inner._left, inner._latest
            self._lost_inside = self._lost_inside or inner.lost(order, toposort(outputs))
            made = function if outputs == function.outputs else Function(function.inputs, outputs, sources)
            self._functions[function] = self._functions[made] = made
        return self._functions[function]


@lru_cache(1 << 12)
def _all_numbers(shape: tuple[Any, ...]) -> bool:
    return all(type(d) is int for d in shape)


def size_of(order: Iterable[Expr]) -> int:
    """How many ops there are in `order`, those in the bodies of loops and branches among them; leaves are none."""
    total = 0
    for e in order:
        total += bool(e.args)
        if e.op.family == "control":
            total += sum(size_of(toposort(v.outputs)) for _, v in e.params if isinstance(v, Function))
    return total
