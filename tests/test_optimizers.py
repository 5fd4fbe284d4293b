"""Optimizers take the steps that their papers' formulas give, computed here in NumPy's float64; and PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.optimizers import Optimizer
from tests.waiting import eventually

Array = np.ndarray[Any, Any]
STEPS = 12
START = np.array([1.0, -2.0, 0.5])
PULL = np.random.default_rng(9).normal(size=(STEPS, 3))  # the loss of step i is w . PULL[i] + |w|^2 / 2


def bowl(dtype: str = "float64") -> fl.Graph:
    """A graph whose node "loss" is a bowl that leans another way at each step, with its variable "w" at START."""
    with fl.Graph("bowl") as g:
        w = fl.variable("w", (3,), dtype=dtype)
        pull = fl.input("pull", shape=("batch", 3), dtype="float64")
        fl.add(fl.sum(fl.mean(pull, axis=0) * w), fl.sum(w * w) / 2.0, name="loss")
    g.variables[0].value = START
    return g


def trained(
    optimizer: Optimizer, *, dtype: str = "float64", change: tuple[int, dict[str, float]] | None = None
) -> Array:
    """The variable after each step: (STEPS, 3). `change` sets hyperparameters after so many steps."""
    g = bowl(dtype)
    seen = []
    run = fl.Trainer(g["loss"], optimizer).start(fl.data.from_arrays(pull=PULL).batch(1), paused=True)
    for i in range(STEPS):
        if change is not None and change[0] == i:
            run.set(**change[1])
        run.step()
        eventually(lambda i=i: run.step_count == i + 1 and (run.status == "paused" or i == STEPS - 1))
        seen.append(g.variables[0].value)
    run.wait()
    return np.array(seen)


def gradient(i: int, w: Array) -> Array:
    return PULL[i] + w


def close(result: Array, expected: Any) -> None:
    """Hyperparameters are float32: 1 - 0.999 has a relative error of 1e-5 there."""
    np.testing.assert_allclose(result, list(expected), rtol=2e-5, atol=2e-6)


# ------------------------------------------------------------ the formulas of the papers


def descent(learning_rate: float) -> Iterator[Array]:
    w = START
    for i in range(STEPS):
        w = w - learning_rate * gradient(i, w)
        yield w


def momentum(learning_rate: float, mu: float) -> Iterator[Array]:
    """Polyak (1964), as in Sutskever et al. (2013) eq. 1 and 2."""
    w, v = START, np.zeros(3)
    for i in range(STEPS):
        v = mu * v - learning_rate * gradient(i, w)
        w = w + v
        yield w


def nesterov(learning_rate: float, mu: float) -> Iterator[Array]:
    """Sutskever et al. (2013) eq. 3 and 4, whose gradient is taken ahead at theta + mu v.

    That look-ahead point is what is stored here, as in Keras, so it is what is compared.
    """
    theta, v = START, np.zeros(3)
    for i in range(STEPS):
        v = mu * v - learning_rate * gradient(i, theta + mu * v)
        theta = theta + v
        yield theta + mu * v


def adagrad(learning_rate: float, start: float, epsilon: float) -> Iterator[Array]:
    """Duchi et al. (2011), section 5 for diagonal matrices; `epsilon` under the root, as in Keras."""
    w, total = START, np.full(3, start)
    for i in range(STEPS):
        g = gradient(i, w)
        total = total + g**2
        w = w - learning_rate * g / np.sqrt(total + epsilon)
        yield w


def rmsprop(learning_rate: float, rho: float, mu: float, epsilon: float, *, centered: bool) -> Iterator[Array]:
    """Tieleman & Hinton (2012), slide 29; centered: Graves (2013) eq. 38 to 41."""
    w, square, mean, change = START, np.zeros(3), np.zeros(3), np.zeros(3)
    for i in range(STEPS):
        g = gradient(i, w)
        square = rho * square + (1 - rho) * g**2
        mean = rho * mean + (1 - rho) * g
        change = mu * change - learning_rate * g / np.sqrt(square - mean**2 * centered + epsilon)
        w = w + change
        yield w


def adam(
    learning_rate: float, beta_1: float, beta_2: float, epsilon: float, *, amsgrad: bool = False, decay: float = 0.0
) -> Iterator[Array]:
    """Kingma & Ba (2015), algorithm 1, with the note after it: epsilon stands beside the uncorrected root.

    AMSGrad: Reddi et al. (2018), algorithm 2. Decay: Loshchilov & Hutter (2019), algorithm 2.
    """
    w, m, v, largest = START, np.zeros(3), np.zeros(3), np.zeros(3)
    for i in range(STEPS):
        g, t = gradient(i, w), i + 1
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        largest = np.maximum(largest, v) if amsgrad else v
        rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        w = w - learning_rate * decay * w - rate * m / (np.sqrt(largest) + epsilon)
        yield w


def adamax(learning_rate: float, beta_1: float, beta_2: float, epsilon: float) -> Iterator[Array]:
    """Kingma & Ba (2015), algorithm 2; epsilon as in Keras."""
    w, m, u = START, np.zeros(3), np.zeros(3)
    for i in range(STEPS):
        g = gradient(i, w)
        m = beta_1 * m + (1 - beta_1) * g
        u = np.maximum(beta_2 * u, abs(g))
        w = w - learning_rate / (1 - beta_1 ** (i + 1)) * m / (u + epsilon)
        yield w


def nadam(learning_rate: float, beta_1: float, beta_2: float, epsilon: float) -> Iterator[Array]:
    """Dozat (2016), algorithm 2, with mu_t = beta_1 (1 - 0.96^t / 2), section 3.2 (psi = 1)."""
    w, m, v = START, np.zeros(3), np.zeros(3)
    mu = [beta_1 * (1 - 0.5 * 0.96**t) for t in range(1, STEPS + 2)]
    for i in range(STEPS):
        g = gradient(i, w)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        ahead = mu[i + 1] * m / (1 - np.prod(mu[: i + 2])) + (1 - mu[i]) * g / (1 - np.prod(mu[: i + 1]))
        w = w - learning_rate * ahead / (np.sqrt(v / (1 - beta_2 ** (i + 1))) + epsilon)
        yield w


def adadelta(learning_rate: float, rho: float, epsilon: float) -> Iterator[Array]:
    """Zeiler (2012), algorithm 1."""
    w, square, change = START, np.zeros(3), np.zeros(3)
    for i in range(STEPS):
        g = gradient(i, w)
        square = rho * square + (1 - rho) * g**2
        step = -np.sqrt(change + epsilon) / np.sqrt(square + epsilon) * g
        change = rho * change + (1 - rho) * step**2
        w = w + learning_rate * step
        yield w


def lion(learning_rate: float, beta_1: float, beta_2: float) -> Iterator[Array]:
    """Chen et al. (2023), algorithm 2."""
    w, m = START, np.zeros(3)
    for i in range(STEPS):
        g = gradient(i, w)
        w = w - learning_rate * np.sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g
        yield w


def lamb(learning_rate: float, beta_1: float, beta_2: float, epsilon: float) -> Iterator[Array]:
    """You et al. (2020), algorithm 2 with phi the identity and lambda 0."""
    w, m, v = START, np.zeros(3), np.zeros(3)
    for i in range(STEPS):
        g = gradient(i, w)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        r = m / (1 - beta_1 ** (i + 1)) / (np.sqrt(v / (1 - beta_2 ** (i + 1))) + epsilon)
        w = w - learning_rate * np.linalg.norm(w) / np.linalg.norm(r) * r
        yield w


def ftrl(alpha: float, start: float, l1: float, l2: float, beta: float) -> Iterator[Array]:
    """McMahan et al. (2013), algorithm 1, with lambda_2 as Keras counts it (twice as strong)."""
    w, z, n = START, np.zeros(3), np.full(3, start)
    for i in range(STEPS):
        g = gradient(i, w)
        sigma = (np.sqrt(n + g**2) - np.sqrt(n)) / alpha
        z = z + g - sigma * w
        n = n + g**2
        w = np.where(abs(z) <= l1, 0.0, -(z - np.sign(z) * l1) / ((beta + np.sqrt(n)) / alpha + 2 * l2))
        yield w


o = fl.optimizers
PAPERS: dict[str, tuple[Optimizer, Iterator[Array]]] = {
    "sgd": (o.sgd(0.1), descent(0.1)),
    "momentum": (o.sgd(0.1, momentum=0.9), momentum(0.1, 0.9)),
    "nesterov": (o.sgd(0.1, momentum=0.9, nesterov=True), nesterov(0.1, 0.9)),
    "adagrad": (o.adagrad(0.3), adagrad(0.3, 0.1, 1e-7)),
    "adagrad from elsewhere": (
        o.adagrad(0.3, initial_accumulator_value=1.0, epsilon=0.1),
        adagrad(0.3, 1.0, 0.1),
    ),
    "rmsprop": (o.rmsprop(0.05), rmsprop(0.05, 0.9, 0.0, 1e-7, centered=False)),
    "rmsprop centered with momentum": (
        o.rmsprop(0.02, rho=0.8, momentum=0.7, epsilon=1e-3, centered=True),
        rmsprop(0.02, 0.8, 0.7, 1e-3, centered=True),
    ),
    "adam": (o.adam(0.05), adam(0.05, 0.9, 0.999, 1e-7)),
    "adam with other betas": (o.adam(0.05, beta_1=0.0, beta_2=0.5, epsilon=1e-2), adam(0.05, 0.0, 0.5, 1e-2)),
    "amsgrad": (o.adam(0.05, beta_2=0.5, amsgrad=True), adam(0.05, 0.9, 0.5, 1e-7, amsgrad=True)),
    "adamw": (o.adamw(0.05), adam(0.05, 0.9, 0.999, 1e-7, decay=0.004)),
    "adamw that decays much": (o.adamw(0.05, weight_decay=0.5), adam(0.05, 0.9, 0.999, 1e-7, decay=0.5)),
    "adamax": (o.adamax(0.05), adamax(0.05, 0.9, 0.999, 1e-7)),
    "nadam": (o.nadam(0.05), nadam(0.05, 0.9, 0.999, 1e-7)),
    "adadelta": (o.adadelta(1.0, rho=0.9, epsilon=1e-3), adadelta(1.0, 0.9, 1e-3)),
    "lion": (o.lion(0.05), lion(0.05, 0.9, 0.99)),
    "lamb": (o.lamb(0.05), lamb(0.05, 0.9, 0.999, 1e-7)),
    "ftrl": (o.ftrl(0.3), ftrl(0.3, 0.1, 0.0, 0.0, 0.0)),
    "ftrl with penalties": (
        o.ftrl(0.3, l1_regularization_strength=0.7, l2_regularization_strength=0.2, beta=0.5),
        ftrl(0.3, 0.1, 0.7, 0.2, 0.5),
    ),
}


@pytest.mark.parametrize("name", PAPERS)
def test_the_steps_are_those_of_the_paper(name: str) -> None:
    optimizer, expected = PAPERS[name]

    close(trained(optimizer), expected)


# ------------------------------------------------------------ PyTorch

# What differs there: decay is part of the gradient in SGD, so none is compared; Adagrad, RMSprop and Adam add epsilon
# to the root after it was corrected, so it is tiny here; Adagrad starts from 0; NAdam slows its decay by 0.004.
TORCH: dict[str, tuple[Optimizer, dict[str, Any]]] = {
    "SGD": (o.sgd(0.1, momentum=0.0), {"lr": 0.1}),
    "Adagrad": (
        o.adagrad(0.3, initial_accumulator_value=0.1, epsilon=1e-12),
        {"lr": 0.3, "initial_accumulator_value": 0.1, "eps": 1e-12},
    ),
    "RMSprop": (
        o.rmsprop(0.02, rho=0.8, momentum=0.7, epsilon=1e-12, centered=True),
        {"lr": 0.02, "alpha": 0.8, "momentum": 0.7, "eps": 1e-12, "centered": True},
    ),
    "Adam": (o.adam(0.05, epsilon=1e-12), {"lr": 0.05, "eps": 1e-12}),
    "AdamW": (
        o.adamw(0.05, weight_decay=0.1, epsilon=1e-12, amsgrad=True),
        {"lr": 0.05, "weight_decay": 0.1, "eps": 1e-12, "amsgrad": True},
    ),
    "NAdam": (o.nadam(0.05, epsilon=1e-12), {"lr": 0.05, "eps": 1e-12, "momentum_decay": 1.0}),
    "Adamax": (o.adamax(0.05, epsilon=1e-12), {"lr": 0.05, "eps": 1e-12}),
    "Adadelta": (o.adadelta(1.0, rho=0.9, epsilon=1e-6), {"lr": 1.0, "rho": 0.9, "eps": 1e-6}),
}


@pytest.mark.parametrize("name", TORCH)
def test_the_steps_are_those_of_pytorch_where_it_means_the_same(name: str) -> None:
    torch = pytest.importorskip("torch")
    optimizer, arguments = TORCH[name]
    w = torch.tensor(START, requires_grad=True)
    theirs = getattr(torch.optim, name)([w], **arguments)
    expected = []
    for pull in torch.tensor(PULL):
        theirs.zero_grad()
        (w @ pull + w @ w / 2).backward()
        theirs.step()
        expected.append(w.detach().numpy().copy())

    np.testing.assert_allclose(trained(optimizer), expected, rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------ what every optimizer can do

MAKERS = [o.sgd, o.adam, o.adamw, o.nadam, o.adamax, o.lamb, o.adagrad, o.rmsprop, o.adadelta, o.lion, o.ftrl]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("make", MAKERS)
def test_a_variable_keeps_its_dtype(make: Callable[..., Optimizer], dtype: str) -> None:
    result = trained(make(0.1), dtype=dtype)

    assert result.dtype == dtype
    np.testing.assert_allclose(result, trained(make(0.1)), rtol=0.05, atol=0.02)


@pytest.mark.parametrize("make", MAKERS)
def test_every_optimizer_makes_the_loss_smaller(make: Callable[..., Optimizer]) -> None:
    g = bowl()
    still = fl.data.from_arrays(pull=np.zeros((50, 3))).batch(1)

    run = fl.Trainer(g["loss"], make(0.05)).start(still, epochs=4).wait()

    assert run.history["loss"][-1] < 0.99 * run.history["loss"][0]


def test_weight_decay_shrinks_apart_from_the_gradient() -> None:
    """Loshchilov & Hutter (2019), algorithm 1: it is added after momentum, and never becomes part of it."""

    def expected() -> Iterator[Array]:
        w, v = START, np.zeros(3)
        for i in range(STEPS):
            v = 0.9 * v - 0.1 * gradient(i, w)
            w = w - 0.1 * 0.3 * w + v
            yield w

    close(trained(o.sgd(0.1, momentum=0.9, weight_decay=0.3)), expected())


def test_variables_may_be_excluded_from_weight_decay_by_a_part_of_their_name() -> None:
    close(trained(o.sgd(0.1, weight_decay=0.3, exclude_from_weight_decay=["bias", "w"])), descent(0.1))


def clipped(clip: Callable[[Array], Array]) -> Iterator[Array]:
    w = START
    for i in range(STEPS):
        w = w - 0.1 * clip(gradient(i, w))
        yield w


@pytest.mark.parametrize(
    ("how", "clip"),
    [
        ({"clipvalue": 0.4}, lambda g: np.clip(g, -0.4, 0.4)),
        ({"clipnorm": 0.8}, lambda g: g * min(1, 0.8 / np.linalg.norm(g))),
        ({"global_clipnorm": 0.8}, lambda g: g * min(1, 0.8 / np.linalg.norm(g))),
    ],
    ids=str,
)
def test_gradients_are_clipped(how: dict[str, float], clip: Callable[[Array], Array]) -> None:
    close(trained(o.sgd(0.1, **how)), clipped(clip))  # type: ignore[arg-type]


def test_the_global_norm_is_that_of_all_gradients_together() -> None:
    """Two variables with gradients (3, 0) and (0, 4): the norm is 5, so with the limit 1 both shrink by 5."""
    with fl.Graph("two") as g:
        a, b = fl.variable("a", (2,)), fl.variable("b", (2,))
        loss = fl.sum(a * np.float32([3, 0])) + fl.sum(b * np.float32([0, 4]))

    fl.Trainer(loss, o.sgd(1.0, global_clipnorm=1.0)).start(fl.data.from_arrays(x=[1.0]).batch(1)).wait()

    np.testing.assert_allclose([v.value for v in g.variables], [[-0.6, 0], [0, -0.8]], rtol=1e-6)


def test_a_gradient_of_zero_is_not_clipped_to_nan() -> None:
    with fl.Graph("flat") as g:
        loss = fl.sum(fl.square(fl.variable("w", (2,))))

    fl.Trainer(loss, o.sgd(1.0, clipnorm=1.0)).start(fl.data.from_arrays(x=[1.0]).batch(1)).wait()

    np.testing.assert_array_equal(g.variables[0].value, [0, 0])


def test_accumulated_gradients_are_averaged_for_one_update() -> None:
    result = trained(o.adam(0.05, gradient_accumulation_steps=3))

    averaged, w = np.array([[1.0, -2.0, 0.5]]), START
    m, v = np.zeros(3), np.zeros(3)
    for t, pulls in enumerate(PULL.reshape(4, 3, 3), start=1):
        g = pulls.mean(0) + w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - 0.05 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
        averaged = np.vstack([averaged, w])
    close(result[2::3], averaged[1:])
    for i in range(STEPS):
        np.testing.assert_array_equal(result[i], START if i < 2 else result[i - (i + 1) % 3])


def test_a_moving_average_is_kept_and_taken_at_the_end() -> None:
    optimizer = o.sgd(0.1, use_ema=True, ema_momentum=0.8)
    steps = list(descent(0.1))
    average = steps[0]
    for w in steps[1:]:
        average = 0.8 * average + 0.2 * w

    result = trained(optimizer)

    close(result[:-1], steps[:-1])
    np.testing.assert_allclose(result[-1], average, rtol=2e-5)


def test_a_moving_average_may_be_taken_on_the_way() -> None:
    result = trained(o.sgd(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4))

    w = average = START
    for i in range(STEPS):
        w = w - 0.1 * gradient(i, w)
        average = w if i == 0 else 0.8 * average + 0.2 * w
        w = average if i % 4 == 3 else w
        np.testing.assert_allclose(result[i], w, rtol=2e-5, atol=2e-6)


def test_validation_measures_the_moving_average() -> None:
    g = bowl()
    data = fl.data.from_arrays(pull=PULL).batch(1)

    run = fl.Trainer(g["loss"], o.sgd(0.5, use_ema=True)).start(data, validation=data, epochs=2).wait()

    expected = fl.evaluate(g["loss"], data)
    assert run.history["val_loss"][-1] == pytest.approx(expected, rel=1e-6)


def test_a_run_that_is_stopped_before_its_first_update_leaves_the_variables() -> None:
    g = bowl()
    run = fl.Trainer(g["loss"], o.sgd(0.1, use_ema=True, gradient_accumulation_steps=5)).start(
        fl.data.from_arrays(pull=PULL).batch(1), paused=True
    )
    run.step()
    run.stop()
    run.wait()

    np.testing.assert_array_equal(g.variables[0].value, START)


# ------------------------------------------------------------ hyperparameters


def test_a_learning_rate_set_on_the_way_acts_from_the_next_step() -> None:
    half = STEPS // 2
    result = trained(fl.optimizers.sgd(0.1), change=(half, {"learning_rate": 0.01}))

    w = START
    for i in range(STEPS):
        w = w - (0.1 if i < half else 0.01) * gradient(i, w)
        np.testing.assert_allclose(result[i], w, rtol=1e-5)


def test_a_schedule_is_followed_until_a_learning_rate_is_set() -> None:
    half, schedule = STEPS // 2, fl.optimizers.schedules.exponential_decay(0.1, 2, 0.5)
    result = trained(fl.optimizers.sgd(schedule), change=(half, {"learning_rate": 0.01}))

    w = START
    for i in range(STEPS):
        w = w - (0.1 * 0.5 ** (i / 2) if i < half else 0.01) * gradient(i, w)
        np.testing.assert_allclose(result[i], w, rtol=1e-5)


def test_a_learning_rate_set_before_the_run_takes_the_place_of_the_schedule() -> None:
    """As the board does it: by an optimizer with other hyperparameters."""
    optimizer = o.sgd(o.schedules.exponential_decay(0.5, 2, 0.5))
    rate = replace(optimizer.hyperparameters["learning_rate"], value=0.1)

    close(
        trained(replace(optimizer, hyperparameters={**optimizer.hyperparameters, "learning_rate": rate})), descent(0.1)
    )


def test_a_run_says_which_learning_rate_its_schedule_gave() -> None:
    g, schedule = bowl(), fl.optimizers.schedules.polynomial_decay(0.1, 10, 0.01)
    run = fl.Trainer(g["loss"], fl.optimizers.adam(schedule)).start(fl.data.from_arrays(pull=PULL).batch(1))

    assert run.wait().hyperparameters["learning_rate"] == pytest.approx(0.01)
    assert run.optimizer.hyperparameters["learning_rate"].value == 0.1


def test_a_warmup_may_start_at_zero() -> None:
    schedule = fl.optimizers.schedules.linear_warmup(0.1, 4)
    result = trained(fl.optimizers.sgd(schedule))

    np.testing.assert_array_equal(result[0], START)
    np.testing.assert_allclose(result[1], START - 0.025 * gradient(1, START), rtol=1e-6)


def test_the_defaults_are_those_of_keras() -> None:
    defaults = {
        "sgd": {"learning_rate": 0.01, "momentum": 0.0},
        "adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
        "adamw": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": 0.004},
        "nadam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
        "adamax": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
        "lamb": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
        "adagrad": {"learning_rate": 0.001, "epsilon": 1e-7},
        "rmsprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7},
        "adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
        "lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
    }
    for name, expected in defaults.items():
        made = getattr(fl.optimizers, name)()
        assert {n: h.value for n, h in made.hyperparameters.items()} == expected, name
        assert made.name == name


@pytest.mark.parametrize("value", [0.0, -1.0, 1e9, float("nan"), float("inf"), "0.1", True, None])
def test_a_learning_rate_that_makes_no_sense_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="learning_rate must be"):
        fl.optimizers.adam(value)


def test_an_unknown_hyperparameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="adam has no hyperparameter 'learning_rat'; did you mean 'learning_rate'"):
        fl.optimizers.adam().check("learning_rat", 0.1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"clip": 1.0}, r"adam\(\) has no argument 'clip'; did you mean 'clipnorm'"),
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "only one of .* can be given; got clipnorm, clipvalue"),
        ({"clipnorm": -1.0}, "clipnorm must be from"),
        ({"weight_decay": 2.0}, "weight_decay must be from 0 to 1; got 2.0"),
        ({"use_ema": True, "ema_momentum": 1.5}, "ema_momentum must be from 0 to 1"),
        ({"ema_overwrite_frequency": 0}, "ema_overwrite_frequency must be a whole number of at least 1; got 0"),
        ({"gradient_accumulation_steps": 2.5}, "gradient_accumulation_steps must be a whole number"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint):
        fl.optimizers.adam(**arguments)
