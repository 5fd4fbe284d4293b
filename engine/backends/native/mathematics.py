"""Elementary functions in the kernel language, which LLVM vectorises where a call of libm would be made for each
element.

Each is free of branches: ranges are told apart by selections. A name that ends in a type is the form for that type,
and what has none here is libm's. BOUNDS are the errors in units in the last place, against exact values, that the
tests hold each to.

Method and reduced ranges of exp, log and tanh: Cephes, single precision (S. Moshier, 1989). erf: polynomials fitted for
this file to erf(x)/x and to log(erfc(x)).
"""

from __future__ import annotations

BOUNDS = {"exp": 1.5, "expm1": 4.0, "log": 1.5, "log1p": 3.0, "tanh": 2.0, "sigmoid": 3.0, "erf": 2.0}

SOURCE = """
def power_of_two(y, n):
    # y * 2**n in two factors, so that results below 2**-126 come out as the small numbers they are
    half = n >> i32(1)
    a = as_f32((half + i32(127)) << i32(23))
    b = as_f32((n - half + i32(127)) << i32(23))
    return y * a * b


def reduced_expm1(r):
    p = fma(f32(1.9875691500e-4), r, f32(1.3981999507e-3))
    p = fma(p, r, f32(8.3334519073e-3))
    p = fma(p, r, f32(4.1665795894e-2))
    p = fma(p, r, f32(1.6666665459e-1))
    p = fma(p, r, f32(5.0000001201e-1))
    return fma(p, r * r, r)


def exp_f32(x):
    low = x if x > f32(-104.0) else f32(-104.0)
    z = low if low < f32(89.0) else f32(89.0)
    k = floor(fma(z, f32(1.44269504088896341), f32(0.5)))
    r = fma(k, f32(2.12194440e-4), fma(k, f32(-0.693359375), z))
    return power_of_two(reduced_expm1(r) + f32(1.0), whole(k)) if x == x else x


def expm1_f32(x):
    return reduced_expm1(x) if fabs(x) < f32(0.35) else exp_f32(x) - f32(1.0)


def log_f32(x):
    tiny = x < f32(1.17549435e-38)
    bits = as_i32(x * f32(8388608.0) if tiny else x)
    # the mantissa in [sqrt(1/2), sqrt(2))
    offset = bits - i32(0x3F3504F3)
    e = f32(offset >> i32(23)) - (f32(23.0) if tiny else f32(0.0))
    z = as_f32((offset & i32(0x007FFFFF)) + i32(0x3F3504F3)) - f32(1.0)
    s = z * z
    y = fma(f32(7.0376836292e-2), z, f32(-1.1514610310e-1))
    y = fma(y, z, f32(1.1676998740e-1))
    y = fma(y, z, f32(-1.2420140846e-1))
    y = fma(y, z, f32(1.4249322787e-1))
    y = fma(y, z, f32(-1.6668057665e-1))
    y = fma(y, z, f32(2.0000714765e-1))
    y = fma(y, z, f32(-2.4999993993e-1))
    y = fma(y, z, f32(3.3333331174e-1))
    y = y * z * s
    y = fma(e, f32(-2.12194440e-4), y)
    y = fma(s, f32(-0.5), y)
    made = fma(e, f32(0.693359375), z + y)
    made = x if x == inf else made
    made = -inf if x == f32(0.0) else made
    return made if x >= f32(0.0) else f32(nan)


def log1p_f32(x):
    u = x + f32(1.0)
    made = log_f32(u) * (x / (u - f32(1.0)))
    made = x if u == f32(1.0) else made
    return made if u < inf else log_f32(u)


def tanh_f32(x):
    s = x * x
    p = fma(f32(-5.70498872745e-3), s, f32(2.06390887954e-2))
    p = fma(p, s, f32(-5.37397155531e-2))
    p = fma(p, s, f32(1.33314422036e-1))
    p = fma(p, s, f32(-3.33332819422e-1))
    near = fma(p * s, x, x)
    a = fabs(x)
    far = f32(1.0) - f32(2.0) / (exp_f32(a + a) + f32(1.0))
    return near if a < f32(0.625) else copysign(far, x)


def sigmoid_f32(x):
    return f32(1.0) / (f32(1.0) + exp_f32(-x))


def erf_f32(x):
    a = fabs(x)
    s = x * x
    p = fma(f32(8.5388379514e-05), s, f32(-8.1819269904e-04))
    p = fma(p, s, f32(5.2044359992e-03))
    p = fma(p, s, f32(-2.6860752800e-02))
    p = fma(p, s, f32(1.1283719723e-01))
    p = fma(p, s, f32(-3.7612635310e-01))
    p = fma(p, s, f32(1.2837916710e-01))
    near = fma(p, x, x)
    b = a if a < f32(4.0) else f32(4.0)
    q = fma(f32(-6.6280446094e-07), b, f32(-1.2330106774e-05))
    q = fma(q, b, f32(3.8478624759e-04))
    q = fma(q, b, f32(-4.0133989651e-03))
    q = fma(q, b, f32(2.4812799998e-02))
    q = fma(q, b, f32(-1.0790571156e-01))
    q = fma(q, b, f32(-6.3362730903e-01))
    q = fma(q, b, f32(-1.1293970663e+00))
    q = fma(q, b, f32(1.5338274564e-04))
    far = f32(1.0) - exp_f32(q)
    far = copysign(far, x)
    made = near if a < f32(0.9) else far
    return made if x == x else x


def sigmoid_f64(x):
    return 1.0 / (1.0 + exp(-x))
"""
