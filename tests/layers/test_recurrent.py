"""Recurrent layers give what PyTorch's give with the same weights, and what their formulas say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

import flowloom as fl

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 6, 5)).astype("float32")
UNITS = 4
LAYERS = {"simple_rnn": ("RNN", 1), "lstm": ("LSTM", 4), "gru": ("GRU", 3)}


def build(kind: str, *, mask: str | None = None, **params: Any) -> tuple[fl.Graph, tuple[fl.Tensor, ...]]:
    with fl.Graph(kind) as g:
        x = fl.input("x", shape=("batch", "time", 5))
        m = None
        if mask is not None:
            m = fl.input("mask", shape=("batch", "time") if mask == "bool" else ("batch",), dtype=mask)
        made = getattr(fl.layers, kind)(x, m, units=UNITS, name="y", **params)
    return g, made if isinstance(made, tuple) else (made,)


def run(made: tuple[fl.Tensor, ...], feeds: dict[str, Array] | None = None) -> list[Array]:
    return list(fl.compile(list(made))({"x": X, **(feeds or {})}))


def weights(g: fl.Graph) -> dict[str, fl.Variable]:
    return {v.name.removeprefix("y/"): v for v in g.variables}


def theirs(kind: str, *, bidirectional: bool = False) -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return getattr(torch.nn, LAYERS[kind][0])(5, UNITS, batch_first=True, bidirectional=bidirectional)


def take_over(g: fl.Graph, module: Any, kind: str) -> None:
    """Give our variables the values of a PyTorch module. Its GRU has the reset gate first."""
    gates = LAYERS[kind][1]
    order = [1, 0, 2] if kind == "gru" else range(gates)
    state = {k: v.detach().numpy() for k, v in module.state_dict().items()}

    def arranged(name: str) -> Array:
        return np.concatenate([np.split(state[name], gates)[i] for i in order])

    ours = weights(g)
    for prefix, suffix in (("", ""), ("backward_", "_reverse"))[: 2 if module.bidirectional else 1]:
        ours[f"{prefix}kernel"].value = arranged(f"weight_ih_l0{suffix}").T
        ours[f"{prefix}recurrent_kernel"].value = arranged(f"weight_hh_l0{suffix}").T
        biases = [arranged(f"bias_{part}_l0{suffix}") for part in ("ih", "hh")]
        ours[f"{prefix}bias"].value = np.stack(biases) if kind == "gru" else biases[0] + biases[1]


def numbers(made: Any) -> list[Array]:
    """Outputs of a PyTorch module as arrays: all outputs, then the states, (ways, batch, units)."""
    y, states = made
    states = states if isinstance(states, tuple) else (states,)
    return [np.asarray(y.detach()), *(np.asarray(s.detach()) for s in states)]


@pytest.mark.parametrize("kind", LAYERS)
def test_it_is_the_layer_of_pytorch(kind: str) -> None:
    g, made = build(kind, return_sequences=True, return_state=True)
    module = theirs(kind)
    take_over(g, module, kind)

    y, *states = numbers(module(_tensor(X)))

    for ours, expected in zip(run(made), [y, *(s[0] for s in states)], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_both_directions_are_those_of_pytorch(kind: str) -> None:
    g, made = build(kind, return_sequences=True, return_state=True, bidirectional="concat")
    module = theirs(kind, bidirectional=True)
    take_over(g, module, kind)

    for ours, expected in zip(run(made), numbers(module(_tensor(X))), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("mask", ["bool", "int64"])
def test_sequences_of_several_lengths_are_those_packed_by_pytorch(kind: str, mask: str) -> None:
    how = {"return_sequences": True, "return_state": True, "zero_output_for_mask": True}
    g, made = build(kind, mask=mask, bidirectional="concat", **how)
    module = theirs(kind, bidirectional=True)
    take_over(g, module, kind)
    lengths = np.array([6, 1, 4])
    pack = _torch().nn.utils.rnn
    packed, states = module(pack.pack_padded_sequence(_tensor(X), _tensor(lengths), True, enforce_sorted=False))
    y, _ = pack.pad_packed_sequence(packed, batch_first=True)
    given = lengths if mask == "int64" else np.arange(6) < lengths[:, None]

    for ours, expected in zip(run(made, {"mask": given}), numbers((y, states)), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_the_gradients_are_those_of_pytorch() -> None:
    g, (y,) = build("lstm", return_sequences=True, bidirectional="concat")
    module = theirs("lstm", bidirectional=True)
    take_over(g, module, "lstm")
    with g:
        loss = fl.mean(fl.square(y))
    module(_tensor(X))[0].square().mean().backward()

    ours = fl.compile(fl.gradients(loss, [weights(g)["kernel"], weights(g)["backward_recurrent_kernel"]]))({"x": X})

    for mine, name in zip(ours, ("weight_ih_l0", "weight_hh_l0_reverse"), strict=True):
        np.testing.assert_allclose(mine, getattr(module, name).grad.numpy().T, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", LAYERS)
def test_it_can_begin_with_states(kind: str) -> None:
    """Reading the second half from the states after the first half is reading the whole."""
    g, made = build(kind, return_sequences=True, return_state=True)
    whole, *_ = run(made)
    first, *states = (fl.compile(list(made))({"x": X[:, :3]}),)[0]
    with g:
        names = ["initial_h", "initial_c"][: len(states)]
        begin = {n: fl.input(n, shape=("batch", UNITS)) for n in names}
        second = getattr(fl.layers, kind)(g["x"], **begin, units=UNITS, return_sequences=True, name="second")
    ours = weights(g)
    for v in g.variables:
        if v.name.startswith("second/"):
            v.value = ours[v.name.removeprefix("second/")].value

    rest = fl.compile(second)({"x": X[:, 3:], **dict(zip(names, states, strict=True))})

    np.testing.assert_allclose(np.concatenate([first, rest], axis=1), whole, rtol=1e-5, atol=1e-6)


def test_without_sequences_the_output_is_the_last_one_and_equals_the_state() -> None:
    g, (y, h, _c) = build("lstm", return_state=True)
    with g:
        every = fl.layers.lstm(g["x"], units=UNITS, return_sequences=True, name="every")
    for v in g.variables:
        if v.name.startswith("every/"):
            v.value = weights(g)[v.name.removeprefix("every/")].value

    last, state, steps = fl.compile([y, h, every])({"x": X})

    assert y.shape == ("batch", UNITS)
    np.testing.assert_array_equal(last, state)
    np.testing.assert_allclose(last, steps[:, -1], rtol=1e-6)


def test_backwards_is_forwards_on_the_reversed_sequence() -> None:
    g, (y,) = build("gru", return_sequences=True, go_backwards=True)
    with g:
        turned = fl.layers.gru(fl.flip(g["x"], axis=1), units=UNITS, return_sequences=True, name="turned")
    for v in g.variables:
        if v.name.startswith("turned/"):
            v.value = weights(g)[v.name.removeprefix("turned/")].value

    backwards, forwards = fl.compile([y, turned])({"x": X})

    np.testing.assert_allclose(backwards, forwards, rtol=1e-6)


@pytest.mark.parametrize("zero", [False, True])
def test_a_masked_step_changes_nothing_and_repeats_the_output_or_gives_zero(zero: bool) -> None:
    g, (y, h) = build("simple_rnn", mask="bool", return_sequences=True, return_state=True, zero_output_for_mask=zero)
    w = {k: v.value for k, v in weights(g).items()}
    mask = np.array([[1, 1, 0, 1, 0, 0]] * 3, bool)
    state, expected = np.zeros((3, UNITS)), []
    for t in range(6):
        if mask[0, t]:
            state = np.tanh(X[:, t] @ w["kernel"] + state @ w["recurrent_kernel"] + w["bias"])
        expected.append(state if mask[0, t] or not zero else np.zeros_like(state))

    outputs, last = run((y, h), {"mask": mask})

    np.testing.assert_allclose(outputs, np.stack(expected, axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last, state, rtol=1e-5, atol=1e-6)


def test_a_gru_that_resets_before_is_that_of_the_paper() -> None:
    """Cho et al. 2014, equations 5 to 8, with Keras' order of gates."""
    g, (y,) = build("gru", reset_after=False, bias_initializer="random_normal")
    w = {k: v.value for k, v in weights(g).items()}
    kernels, recurrents, biases = (np.split(w[n], 3, axis=-1) for n in ("kernel", "recurrent_kernel", "bias"))
    h = np.zeros((3, UNITS))
    for t in range(6):
        z, r = (expit(X[:, t] @ kernels[i] + h @ recurrents[i] + biases[i]) for i in range(2))
        h = z * h + (1 - z) * np.tanh(X[:, t] @ kernels[2] + (r * h) @ recurrents[2] + biases[2])

    np.testing.assert_allclose(run((y,))[0], h, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("merge", "joined"), [("sum", np.add), ("mul", np.multiply), ("ave", lambda a, b: (a + b) / 2)]
)
def test_two_directions_are_merged(merge: str, joined: Any) -> None:
    _, (side_by_side,) = build("lstm", bidirectional="concat", return_sequences=True)
    _, (merged,) = build("lstm", bidirectional=merge, return_sequences=True)
    both, one = run((side_by_side,))[0], run((merged,))[0]

    assert merged.shape == ("batch", "time", UNITS)
    np.testing.assert_allclose(one, joined(both[..., :UNITS], both[..., UNITS:]), rtol=1e-5, atol=1e-6)


def test_it_begins_with_an_open_forget_gate_and_an_orthogonal_recurrent_kernel() -> None:
    g, _ = build("lstm")
    w = {k: v.value for k, v in weights(g).items()}

    np.testing.assert_array_equal(w["bias"], np.repeat([0, 1, 0, 0], UNITS))
    np.testing.assert_allclose(w["recurrent_kernel"] @ w["recurrent_kernel"].T, np.eye(UNITS), atol=1e-6)
    assert {k: v.shape for k, v in w.items()} == {"kernel": (5, 16), "recurrent_kernel": (4, 16), "bias": (16,)}
    closed, _ = build("lstm", unit_forget_bias=False)
    assert not weights(closed)["bias"].value.any()


def test_dropout_draws_once_for_all_steps_and_only_while_learning() -> None:
    """With a kernel of ones and a linear unit, a step gives the sum of what it reads."""
    with fl.Graph("thin") as g:
        x = fl.input("x", shape=("batch", "time", 5))
        y = fl.layers.simple_rnn(
            x, units=1, activation="linear", dropout=0.4, return_sequences=True, kernel_initializer="ones"
        )
    g.variables[1].value = [[0.0]]
    ones = np.ones((50, 4, 5), "float32")

    still, learning = (fl.compile(y, training=t)({"x": ones})[..., 0] for t in (False, True))

    np.testing.assert_allclose(still, 5)
    assert set(np.round(learning.reshape(-1) * 0.6).astype(int)) <= set(range(6))
    assert learning.std() > 0
    np.testing.assert_allclose(learning, learning[:, :1].repeat(4, axis=1))


def test_a_sequence_of_unknown_length_and_batch_is_read() -> None:
    with fl.Graph("loose"):
        y = fl.layers.gru(fl.input("x", shape=(None, None, 5)), units=2, return_sequences=True)

    assert y.shape == (None, None, 2)
    assert fl.compile(y)({"x": X}).shape == (3, 6, 2)


def test_what_does_not_fit_is_named() -> None:
    with fl.Graph("wrong"):
        x = fl.input("x", shape=("batch", "time", 5))
        with pytest.raises(fl.SpecError, match=r"sequences \(batch, time, features\); got float32\[batch, 5\]"):
            fl.layers.lstm(fl.input("row", shape=("batch", 5)))
        with pytest.raises(fl.SpecError, match=r"mask is bool \(batch, time\), or integers \(batch,\)"):
            fl.layers.lstm(x, fl.input("mask", shape=("batch", "time")))
        with pytest.raises(fl.SpecError, match=r"first state must be \[batch, 4\]; got \[batch, 3\]"):
            fl.layers.gru(x, initial_h=fl.input("h", shape=("batch", 3)), units=4)
        with pytest.raises(fl.SpecError, match="leave go_backwards out"):
            fl.layers.gru(x, bidirectional="sum", go_backwards=True)


def _torch() -> Any:
    return pytest.importorskip("torch")


def _tensor(array: Array) -> Any:
    return _torch().tensor(array)
