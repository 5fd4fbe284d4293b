"""What a random graph is made of: a move adds an op, or a few, on tensors that fit. A file per family."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
