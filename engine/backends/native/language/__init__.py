"""The kernel language: a small typed subset of Python's syntax, compiled to LLVM IR.

A kernel is readable source. Its arguments have types (`x: [f32]` is an array, that is, a pointer; `n: i64` a number),
its other variables take that of their first value. `thread` and `threads` say which part of the work is meant:

    def scale(x: [f32], y: [f32], n: i64):
        for i in range(n * thread // threads, n * (thread + 1) // threads):
            y[i] = x[i] * 2.0

What looks like Python means nearly the same. The differences: numbers have a width and wrap around; `//` and `%` of
integers truncate; `min` and `max` give NaN if one is NaN; `a if c else b`, `and` and `or` compute both sides; arrays of
a kernel do not overlap; `x + 3` of an array is the array from its element 3 on; sums written `s += x` may be taken in
another order (always the same one). Functions without types are templates, inlined where they are called.

`f32x16` is a vector of 16 numbers (there are 4, 8 and 16 of f32, and 2, 4 and 8 of f64). Arithmetic, `fma`, `min`,
`max`, comparisons and `where` work lane by lane. `f32x16(x)` has `x` in all lanes; `view(f32x16, x + i)` is the memory
from `x[i]` on as such vectors. `load_part(f32x16, x, n)` and `store_part(x, v, n)` touch the first `n` numbers only;
`zip_low(v, w)` and `zip_high(v, w)` take the lanes of the lower or upper halves in turns.
"""

from __future__ import annotations

from flowloom.backends.native.language.translating import annotation, compile_kernel, definitions
from flowloom.backends.native.language.values import KernelSourceError

__all__ = ["KernelSourceError", "annotation", "compile_kernel", "definitions"]
