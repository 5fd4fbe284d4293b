"""Numbers in few bits."""

from __future__ import annotations

import flowloom as fl
from tests.property.table import move
from tests.property.weaving import Weaver


@move
def there_and_back(w: Weaver) -> None:
    x = w.floats(1)
    scale, zero = w.constant(0.125, "float64"), w.constant(3, "int8")
    small = w.apply(fl.ops.quantize, x, scale, zero if w.choose.flag() else None, dtype="int8")
    w.apply(fl.ops.dequantize, small, w.source())
