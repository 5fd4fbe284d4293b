"""Products of matrices, equations, decompositions, spectra."""

from __future__ import annotations

import numpy as np

import flowloom as fl
from tests.property.table import move, move_for
from tests.property.weaving import Rejected, Strand, Weaver


def numbered(s: Strand, axis: int = -1) -> bool:
    """Whether the size along an axis is known by number."""
    return isinstance(s.shape[axis], int)


@move
def dense(w: Weaver) -> None:
    """A product with a matrix of its own."""
    x = w.pick(lambda s: s.dtype.kind == "f" and s.known and 1 <= s.ndim <= 4 and numbered(s) and s.sizes[-1] > 0)
    w.apply(fl.matmul, x, w.source(x.sizes[-1], w.choose.number(1, 4)))


@move
def matmul(w: Weaver) -> None:
    a = w.floats(1, 3)
    b = w.pick(
        lambda s: (
            s.dtype.kind == "f"
            and s.known
            and 1 <= s.ndim <= 3
            and s.shape[max(-2, -s.ndim)] == a.shape[-1]
            and (s.ndim < 3 or a.ndim < 3 or s.shape[0] == a.shape[0] or 1 in (s.shape[0], a.shape[0]))
        )
    )
    w.apply(fl.matmul, a, b)


@move
def gram(w: Weaver) -> None:
    x = w.floats(2, 3)
    w.apply(lambda a: fl.matmul(fl.swapaxes(a, axis1=-1, axis2=-2), a), x)


@move
def outer(w: Weaver) -> None:
    w.apply(fl.outer, w.floats(1, 1), w.floats(1, 1))


@move
def tensordot(w: Weaver) -> None:
    a = w.floats(2, 3)
    b = w.pick(lambda s: s.dtype.kind == "f" and s.known and 1 <= s.ndim <= 3 and s.shape[0] == a.shape[-1])
    w.apply(fl.tensordot, a, b, axes=1)


@move
def einsum(w: Weaver) -> None:
    a = w.floats(1, 3)
    letters = "ijk"[: a.ndim]
    first = w.choose.of(letters)
    size = a.shape[letters.index(first)]
    other = w.pick(lambda s: s.dtype.kind == "f" and s.known and 1 <= s.ndim <= 2 and s.shape[0] == size)
    second = first + "m" * (other.ndim - 1)
    free = [c for c in dict.fromkeys(letters + second) if w.choose.flag()]
    w.apply(fl.einsum, a, other, equation=f"{letters},{second}->{''.join(free)}")


@move
def einsum_alone(w: Weaver) -> None:
    a = w.floats(1, 3)
    letters = "ijk"[: a.ndim]
    kept = "".join(letters[i] for i in w.choose.order(a.ndim)[: w.choose.number(0, a.ndim)])
    w.apply(fl.einsum, a, equation=f"{letters}->{kept}")


def square(w: Weaver) -> Strand:
    """A square matrix, or a stack of them, far from singular: near 3 on the diagonal."""

    def fits(s: Strand) -> bool:
        matrices = s.dtype.kind == "f" and 2 <= s.ndim <= 3 and s.known and numbered(s)
        return matrices and s.shape[-1] == s.shape[-2] and 0 < s.sizes[-1] < 5

    there = any(fits(s) for s in w.strands)
    x = w.pick(fits) if there else w.source(*w.choose.of([(3, 3), ("batch", 2, 2)]))
    return w.apply(lambda a: fl.tanh(a) * 0.5 + np.eye(x.sizes[-1]) * 3.0, x)


def symmetric(w: Weaver) -> Strand:
    """A symmetric, positive matrix with eigenvalues apart."""
    x = square(w)
    n = x.sizes[-1]
    return w.apply(lambda a: a + fl.swapaxes(a, axis1=-1, axis2=-2) + np.diag(np.arange(n) * 4.0), x)


@move_for("det", "inv", "slogdet")
def of_matrix(w: Weaver, op: str) -> None:
    w.apply(getattr(fl.ops, op), square(w))


@move_for("cholesky", "eigh", "qr", "svd")
def decompose(w: Weaver, op: str) -> None:
    w.apply(getattr(fl.ops, op), symmetric(w))


@move_for("solve", "triangular_solve")
def equations(w: Weaver, op: str) -> None:
    a = square(w)
    if op == "triangular_solve":
        a = w.apply(fl.tril, a)
    b = w.source(*a.shape[:-1], w.choose.number(1, 3))
    w.apply(getattr(fl.ops, op), a, b)


@move_for("rfft", "dct", "idct")
def spectrum(w: Weaver, op: str) -> None:
    x = w.floats(1, 3)
    axis = w.choose.axis(x.ndim)
    if not numbered(x, axis) or not x.sizes[axis]:
        raise Rejected
    w.apply(getattr(fl.ops, op), x, axis=axis, norm=w.choose.of(["backward", "ortho"]))


@move_for("fft", "ifft", "irfft")
def of_pairs(w: Weaver, op: str) -> None:
    x = w.ranked(w.choose.number(2, 3), last=2)
    if not numbered(x, -2) or x.sizes[-2] < 2:
        raise Rejected
    w.apply(getattr(fl.ops, op), x, norm=w.choose.of(["backward", "ortho", "forward"]))


@move
def stft(w: Weaver) -> None:
    x = w.source(w.choose.of(["batch", 2]), 9)
    window = w.source(4) if w.choose.flag() else None
    w.apply(fl.ops.stft, x, window, frame_length=4, frame_step=w.choose.number(1, 3), onesided=w.choose.flag())


@move
def dot(w: Weaver) -> None:
    a = w.floats(1, 2)
    b = w.pick(lambda s: s.dtype.kind == "f" and s.known and 1 <= s.ndim <= 2 and s.shape[0] == a.shape[-1])
    w.apply(fl.dot, a, b)


@move
def istft(w: Weaver) -> None:
    x = w.source(w.choose.of(["batch", 2]), w.choose.number(2, 4), 3, 2)
    w.apply(fl.ops.istft, x, frame_step=2)


@move
def matmul_integer(w: Weaver) -> None:
    given = [w.apply(fl.clip, x, low=0, high=5) for x in (w.whole(7, w.choose.of(["batch", 2]), 3), w.whole(5, 3, 2))]
    small = [w.apply(fl.cast, x, dtype="uint8") for x in given]
    w.apply(fl.ops.matmul_integer, *small, *([w.constant(2, "uint8")] if w.choose.flag() else []))
