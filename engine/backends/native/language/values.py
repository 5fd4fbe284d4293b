"""What a kernel computes with: the types of the language, and values of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass


class KernelSourceError(SyntaxError):
    """Source that is not in the language. Generated source never is: this is a bug in what generated it."""


@dataclass(frozen=True, slots=True)
class Type:
    """A number ("f", "i", "u", "b") of some bits, `lanes` of them in a vector, or an array ("p") of `of`."""

    name: str
    llvm: str
    kind: str
    bits: int
    of: Type | None = None
    lanes: int = 1

    @property
    def suffix(self) -> str:
        """The type in the name of an intrinsic."""
        return self.name if self.lanes == 1 else f"v{self.lanes}{self.kind}{self.bits}"

    @property
    def alignment(self) -> str:
        """What a load or store says of its address: that of a vector is any that one of its numbers may have."""
        return "" if self.lanes == 1 else f", align {self.bits // 8}"

    def __repr__(self) -> str:
        return self.name


F32, F64 = Type("f32", "float", "f", 32), Type("f64", "double", "f", 64)
I64, I32, I16, I8 = (Type(f"i{b}", f"i{b}", "i", b) for b in (64, 32, 16, 8))
U64, U32, U16, U8 = (Type(f"u{b}", f"i{b}", "u", b) for b in (64, 32, 16, 8))
BOOL = Type("bool", "i1", "b", 1)
BYTE = Type("bool8", "i8", "b", 8)  # how an array holds truth values
VOID = Type("void", "void", "", 0)
VECTORS = [
    Type(f"{t.name}x{n}", f"<{n} x {t.llvm}>", "f", t.bits, lanes=n)
    for t, widest in ((F32, 16), (F64, 8))
    for n in (widest, widest // 2, widest // 4)
]
TYPES = {t.name: t for t in (F32, F64, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, BYTE, *VECTORS)}


def array_of(t: Type) -> Type:
    """An array of elements of that type."""
    return Type(f"[{t.name}]", "ptr", "p", 64, t)


def truths(lanes: int) -> Type:
    """What a comparison gives: a truth value, or one for each lane of vectors."""
    return BOOL if lanes == 1 else Type(f"boolx{lanes}", f"<{lanes} x i1>", "b", 1, lanes=lanes)


@dataclass(frozen=True, slots=True)
class Value:
    """A value in a kernel: its name in the IR, and its type. A number as written has none yet."""

    text: str
    type: Type | None
    number: float | int | None = None


def float_text(number: float, t: Type) -> str:
    """A float constant as LLVM reads it: the bits of a double, which must be exact in the type."""
    value = float(number)
    if t is F32:
        try:
            (value,) = struct.unpack("f", struct.pack("f", value))
        except OverflowError:
            value = float("inf") if value > 0 else float("-inf")
    return "0x" + struct.pack(">d", value).hex().upper()
