"""Rewriting as a whole: its report, what it does with rules that fail or never end, origins, depth, whole models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.backends.portable import evaluate
from flowloom.compiler.expr import Expr, placeholder, toposort
from flowloom.compiler.gradient import Origins, gradients
from flowloom.compiler.rewriting import PHASES, RULES, RewriteError, Rules, rewrite
from flowloom.graph.lower import lower
from flowloom.op import REGISTRY
from flowloom.ops import add, exp, log, mean, negative, softmax, square, sum, tanh
from flowloom.spec import Spec, is_float

Array = np.ndarray[Any, Any]
X = placeholder("x", Spec((3, 4), "float64"))


# ---------------------------------------------------------------- the report


def test_each_phase_says_what_it_did() -> None:
    y = log(softmax(negative(-X))) * 1.0 + 0.0
    made = rewrite([y])

    assert [p.name for p in made.phases] == ["stabilise", "loops", "canonicalise", "fold", "algebra"]
    assert made.phases[0].rules == {"log_of_softmax": 1}
    assert made.phases[2].rules == {"negative_of_negative": 1}
    assert made.phases[4].rules == {"neutral_operand": 2}
    assert [(p.before, p.after) for p in made.phases] == [(6, 5), (5, 5), (5, 3), (3, 3), (3, 1)]
    assert all(p.milliseconds >= 0 for p in made.phases)


def test_the_expressions_after_each_phase_can_be_looked_at() -> None:
    y = log(softmax(negative(-X)))
    made = rewrite([y])
    values = [evaluate(p.outputs, {X: np.eye(3, 4)})[0] for p in made.phases]

    assert made.phases[0].outputs[0].op.name == "log_softmax"
    assert made.outputs == made.phases[-1].outputs
    for value in values:
        np.testing.assert_allclose(value, evaluate([y], {X: np.eye(3, 4)})[0], rtol=1e-14)


def test_some_phases_alone() -> None:
    y = log(softmax(X)) + 0.0
    made = rewrite([y], phases=["stabilise"])

    assert [p.name for p in made.phases] == ["stabilise"]
    assert made.outputs[0].op is add


def test_nothing_to_rewrite_is_nothing_done() -> None:
    made = rewrite([X, tanh(X)])

    assert made.outputs == (X, tanh(X))
    assert all(p.rules == {} for p in made.phases)
    assert rewrite([]).outputs == ()


def test_the_rules_of_each_phase_have_names_of_their_own() -> None:
    names = [name for phase in RULES.names.values() for name in phase]

    assert list(RULES.names) == list(PHASES)
    assert len(names) == len(set(names)) > 50


# ---------------------------------------------------------------- rules that fail


def table(function: Callable[[Expr], Any], *, drops: bool = False) -> Rules:
    rules = Rules()
    rules.rule("algebra", tanh, drops=drops)(function)
    return rules


def test_a_rule_that_raises_is_named_with_the_expression() -> None:
    def broken(e: Expr) -> Expr:
        raise ZeroDivisionError("no")

    with pytest.raises(
        RewriteError, match=r"'broken' failed at tanh\(float64\[3, 4\]\): ZeroDivisionError: no"
    ) as caught:
        rewrite([exp(tanh(X))], rules=table(broken))
    assert caught.value.rule == "broken"
    assert caught.value.expr is tanh(X)


def test_a_rule_that_changes_a_spec_is_named() -> None:
    def shrinks(e: Expr) -> Any:
        return sum(e)

    with pytest.raises(RewriteError, match=r"'shrinks' failed at .*: it gives float64\[\], not float64\[3, 4\]"):
        rewrite([tanh(X)], rules=table(shrinks))


def test_rules_that_grow_for_ever_are_stopped() -> None:
    def grows(e: Expr) -> Any:
        return tanh(e.args[0] * 2.0)

    with pytest.raises(RewriteError, match=r"'grows' .* did not come to rest after 31 of them"):
        rewrite([tanh(X)], rules=table(grows), most=30)
    with pytest.raises(RewriteError, match="did not come to rest"):
        rewrite([tanh(X)], rules=table(grows))


def test_rules_that_undo_each_other_are_stopped() -> None:
    rules = Rules()
    rules.rule("algebra", tanh)(lambda e: exp(e.args[0]))

    @rules.rule("algebra", exp)
    def back(e: Expr) -> Any:
        return tanh(e.args[0])

    with pytest.raises(RewriteError, match=r"'back' .* comes back to what it began with"):
        rewrite([tanh(X) + 1.0], rules=rules)


def test_a_rule_that_wraps_what_it_finds_is_stopped() -> None:
    def wraps(e: Expr) -> Any:
        return e * 1.0

    with pytest.raises(RewriteError, match=r"'wraps' .* comes back"):
        rewrite([tanh(X)], rules=table(wraps))


# ---------------------------------------------------------------- origins


def test_new_expressions_come_from_what_they_replace() -> None:
    origins = Origins()
    one, two = softmax(X), log(softmax(X))
    three = mean(square(two) * 1.0)
    for e, node in ((one, "n1"), (two, "n2"), (three, "n3")):
        origins.claim([e], (node,))
    made = rewrite([three], origins=origins).outputs

    found = {e.op.name: origins.of(e) for e in toposort(made) if e.args}
    assert found == {"log_softmax": ("n2",), "multiply": ("n3",), "mean": ("n3",)}


def test_every_op_of_a_training_step_still_knows_its_node() -> None:
    graph = model_normalized()
    lowered = lower(graph, [graph["loss"]], {"x": Spec((8, 6)), "y": Spec((8,), "int64")}, training=True)
    trainable = [v.expr for v in lowered.variables.values() if v.trainable]
    outputs = [lowered.outputs[0], *gradients(lowered.outputs[0], trainable, origins=lowered.origins)]
    made = rewrite(outputs, origins=lowered.origins).outputs

    nameless = [e for e in toposort(made) if e.args and not lowered.origins.of(e)]
    assert nameless == []


# ---------------------------------------------------------------- size


def test_rewriting_takes_no_recursion_however_deep() -> None:
    y: Any = X
    for _ in range(17_000):
        y = tanh(y * 1.0) + X
    made = rewrite([y])

    assert made.phases[-1].before == 51_000
    assert made.phases[-1].rules["neutral_operand"] == 17_000


def test_a_chain_of_constants_comes_down_to_one() -> None:
    y: Any = X
    for _ in range(3000):
        y = -(y * 2.0) / 2.0 + 0.0
    made = rewrite([y]).outputs

    assert made == (X,)


# ---------------------------------------------------------------- every op


def test_every_op_on_its_samples_is_the_same_rewritten() -> None:
    """With samples as leaves, and as constants, which are computed beforehand where that is possible."""
    for name, op in REGISTRY.items():
        for arrays, params in () if op.cases is None else op.cases(np.random.default_rng(0)):
            values = [None if a is None else np.asarray(a) for a in arrays]
            if not values:
                continue
            leaves = [None if a is None else placeholder(f"s{i}", Spec.of(a)) for i, a in enumerate(values)]
            feeds = {e: a for e, a in zip(leaves, values, strict=True) if e is not None}
            constants = [None if a is None else fl.compiler.expr.constant(a) for a in values]
            for operands in (leaves, constants):
                made = op(*operands, **params)
                outputs = [e for e in (made if isinstance(made, tuple) else (made,)) if isinstance(e, Expr)]
                assert_same(name, outputs, feeds)


def assert_same(name: str, outputs: list[Expr], feeds: dict[Expr, Any]) -> None:
    made = rewrite(outputs).outputs
    assert [e.spec for e in made] == [e.spec for e in outputs], name
    for before, after in zip(evaluate(outputs, feeds), evaluate(made, feeds), strict=True):
        assert before.dtype == after.dtype, name
        if not is_float(before.dtype):
            np.testing.assert_array_equal(after, before, err_msg=name)
            continue
        rtol = 1e-12 if before.dtype == np.float64 else 1e-5 if before.dtype == np.float32 else 1e-2
        np.testing.assert_allclose(after.astype(float), before.astype(float), rtol=rtol, atol=rtol, err_msg=name)


# ---------------------------------------------------------------- whole models


def model_normalized() -> fl.Graph:
    with fl.Graph("normalized", seed=1) as graph:
        x = fl.input("x", shape=("batch", 6))
        y = fl.input("y", shape=("batch",), dtype="int64")
        h = fl.layers.batch_normalization(fl.layers.dense(x, units=8, activation="tanh"))
        h = fl.layers.layer_normalization(fl.layers.dropout(h, rate=0.2) + h)
        fl.losses.softmax_cross_entropy(fl.layers.dense(h, units=3, activation="gelu"), y, name="loss")
    return graph


def model_attending() -> fl.Graph:
    with fl.Graph("attending", seed=1) as graph:
        x = fl.input("x", shape=("batch", 6), dtype="int64")
        y = fl.input("y", shape=("batch",), dtype="int64")
        places = fl.layers.embedding(fl.constant(np.arange(6)), input_dim=6, output_dim=8)
        h = fl.layers.embedding(x, input_dim=9, output_dim=8) + places
        h = h + fl.layers.multi_head_attention(h, num_heads=2, key_dim=4, use_causal_mask=True)
        logits = fl.layers.dense(fl.mean(fl.layers.layer_normalization(h), axis=1), units=3)
        fl.losses.softmax_cross_entropy(logits, y, name="loss")
    return graph


def model_recurrent() -> fl.Graph:
    with fl.Graph("recurrent", seed=1) as graph:
        x = fl.input("x", shape=("batch", 6))
        y = fl.input("y", shape=("batch",), dtype="int64")
        steps = fl.expand_dims(x, axis=-1)
        h = fl.layers.lstm(steps, units=4, return_sequences=True)
        h = fl.layers.gru(h, units=3)
        fl.losses.softmax_cross_entropy(fl.layers.dense(h, units=3), y, name="loss")
    return graph


def model_convolving() -> fl.Graph:
    with fl.Graph("convolving", seed=1) as graph:
        x = fl.input("x", shape=("batch", 6))
        y = fl.input("y", shape=("batch",), dtype="int64")
        image = fl.reshape(x, shape=("batch", 2, 3, 1))
        h = fl.layers.batch_normalization(fl.layers.conv2d(image, filters=4, kernel_size=2, padding="same"))
        h = fl.layers.max_pooling2d(fl.relu(h), pool_size=(1, 2), padding="same")
        fl.losses.softmax_cross_entropy(fl.layers.dense(fl.flatten(h, first=1), units=3), y, name="loss")
    return graph


@pytest.mark.parametrize("model", [model_normalized, model_attending, model_recurrent, model_convolving])
def test_a_training_step_in_double_precision_is_the_same(model: Callable[[], fl.Graph]) -> None:
    graph = model()
    rng = np.random.default_rng(0)
    whole = graph["x"].dtype.kind == "i"
    x = rng.integers(0, 9, (8, 6)) if whole else rng.normal(size=(8, 6)).astype("float32")
    specs = {"x": Spec.of(x), "y": Spec((8,), "int64")}
    lowered = lower(graph, [graph["loss"]], specs, training=True)
    trainable = [v.expr for v in lowered.variables.values() if v.trainable]
    outputs = [lowered.outputs[0], *gradients(lowered.outputs[0], trainable), *lowered.updates.values()]
    doubled = fl.checking._in_double(outputs)
    before = [doubled[e] for e in outputs]
    after = rewrite(before).outputs
    leaves = {e for e in toposort(before) if not e.args and e.op.name == "input"}
    feeds: dict[Expr, Array] = {}
    for e in leaves:
        drawn = rng.normal(size=e.shape)
        feeds[e] = np.abs(drawn) if is_float(e.dtype) else rng.integers(0, 3, e.shape).astype(e.dtype)

    assert [e.spec for e in after] == [e.spec for e in before]
    for one, other in zip(evaluate(before, feeds), evaluate(after, feeds), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-12)


def test_a_model_that_learns_an_unstable_loss_learns_it_from_any_start() -> None:
    """A cross-entropy as in a book, on logits so large that its softmax is 0 or 1 in float32."""
    with fl.Graph("book", seed=0) as graph:
        x = fl.input("x", shape=("batch", 2))
        y = fl.input("y", shape=("batch", 3))
        logits = fl.layers.dense(x, units=3, kernel_initializer={"name": "random_normal", "stddev": 300.0})
        e = fl.exp(logits)
        p = e / fl.sum(e, axis=-1, keepdims=True)
        fl.mean(-fl.sum(y * fl.log(p), axis=-1), name="loss")
    rng = np.random.default_rng(0)
    batch = {"x": rng.normal(size=(32, 2)).astype("float32"), "y": np.eye(3, dtype="float32")[rng.integers(0, 3, 32)]}
    data = fl.data.from_arrays(**batch).batch(32)
    losses = fl.Trainer(graph["loss"], fl.optimizers.sgd(1.0)).fit(data, epochs=5, progress=False).history["loss"]

    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
