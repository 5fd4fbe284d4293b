"""The public face: every exported name with its signature, as `public_face.txt` has them, so that a change is seen.

After a wanted change: `python -c "from tests.test_public_face import publish; publish()"` from the root of the project.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

import flowloom as fl
from flowloom.op import Op
from flowloom.params import REQUIRED

SNAPSHOT = Path(__file__).with_name("public_face.txt")
LAZY = ["anywidget", "ipywidgets", "IPython", "traitlets", "plotly", "scipy", "sklearn", "pandas", "tqdm"]


def public_face() -> str:
    """One line for each public name, module by module."""
    return "\n".join([*_module("fl", fl), *_module("fl.widgets", fl.widgets)]) + "\n"


def publish() -> None:
    """Write the snapshot."""
    SNAPSHOT.write_text(public_face())


def _module(path: str, module: ModuleType) -> Iterator[str]:
    exported = getattr(module, "__all__", None) or [
        n for n, v in vars(module).items() if not n.startswith("_") and not isinstance(v, ModuleType)
    ]
    for name in sorted(exported):
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            yield from _module(f"{path}.{name}", value)
        elif getattr(value, "__module__", "flowloom").startswith("flowloom"):
            yield from _lines(f"{path}.{name}", value)


def _lines(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, Op):
        ports = [f"*{p.name}" if p.variadic else p.name for p in value.ports]
        params = [p.name if p.default is REQUIRED else f"{p.name}={p.default!r}" for p in value.params.values()]
        star = ["*"] if params and not any(p.variadic for p in value.ports) else []
        yield f"{path}({', '.join([*ports, *star, *params])})"
    elif inspect.isclass(value):
        yield f"{path}{_signature(value) if not issubclass(value, Exception) else ''}"
        for name, member in sorted(vars(value).items()):
            if name.startswith("_"):
                continue
            if isinstance(member, classmethod | staticmethod):
                member = member.__func__
            yield f"{path}.{name}{_signature(member) if inspect.isfunction(member) else ''}"
    elif callable(value) and not get_args(value):
        yield f"{path}{_signature(value)}"
    else:
        yield path


def _signature(value: Any) -> str:
    parameters = [p.replace(annotation=p.empty) for p in inspect.signature(value).parameters.values()]
    return str(inspect.Signature([p for p in parameters if p.name != "self"]))


def test_the_public_face_is_as_published() -> None:
    assert public_face().splitlines() == SNAPSHOT.read_text().splitlines()


def test_everything_of_the_design_is_there() -> None:
    expected = {
        *(
            "Graph",
            "input",
            "constant",
            "variable",
            "gradients",
            "compile",
            "load",
            "Trainer",
            "op",
            "Spec",
            "SpecError",
        ),
        *("data", "formats", "layers", "losses", "metrics", "optimizers"),
    }

    assert expected <= set(fl.__all__)
    assert all(hasattr(fl, name) for name in fl.__all__)


@pytest.mark.parametrize("name", [n for n in sorted(fl.__all__) if callable(getattr(fl, n))])
def test_every_public_name_is_explained(name: str) -> None:
    value = getattr(fl, name)

    assert (value.doc if isinstance(value, Op) else inspect.getdoc(value) or "").strip().endswith((".", "`"))


def test_importing_flowloom_imports_little_and_the_widgets_come_when_asked_for() -> None:
    code = f"""
import sys
import flowloom as fl
early = [m for m in {LAZY} if m in sys.modules]
assert early == [], f"imported too early: {{early}}"
assert "flowloom.widgets" not in sys.modules
assert fl.widgets.Studio and "anywidget" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = fl.nothing
