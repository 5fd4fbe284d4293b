"""The formula of a kind as people read it: from the scalar template of its op, or from the first line of its help."""

from __future__ import annotations

import re

from flowloom.graph.kinds import Kind
from flowloom.op import REGISTRY

_LONGEST = 90
_CHOICE = re.compile(r"where\(([^(),]* [<>]=? [^(),]*), ([^(),]*(?:\([^()]*\))?[^(),]*), (.*)\)")
_QUOTED = re.compile(r"(?:^|: )`([^`]*[ (][^`]*)`(?=[.:]|$)")
_CALL = re.compile(r"(\w+)\([\w{}, ]*\)")
_TRICK = re.compile(r"\{(\w+)\} (?:!=|-|==) \{\1\}")  # how a kernel asks for NaN or infinity
_SIGNS = (
    (r"\{(\w+)\}", r"\1"),
    (r"\b(\d+)\.0\b", r"\1"),
    (r" \* ", " · "),
    (r"<=", "≤"),
    (r">=", "≥"),
    (r"!=", "≠"),
    (r"\bsqrt\(", "√("),
    (r"\bpow\((\w+), (\w+)\)", r"\1^\2"),
)


def formula(kind: Kind) -> str:
    """What a node of the kind computes, such as "y = 1 / (1 + exp(-x))"; "" where there is no short one."""
    text = _of_op(kind) or _of_doc(kind.doc)
    for pattern, sign in _SIGNS:
        text = re.sub(pattern, sign, text)
    return f"{kind.outputs[0].name} = {text}" if text and len(text) <= _LONGEST and len(kind.outputs) == 1 else ""


def _of_op(kind: Kind) -> str:
    op = REGISTRY.get(kind.name)
    template = (op.template if op is not None else None) or ""
    if _TRICK.search(template) or template in ("{x}", "{a}"):
        return ""
    if (call := _CALL.fullmatch(template)) and call.group(1) not in (kind.name, "pow"):
        return ""  # another library's name for it
    chosen = ""
    while match := _CHOICE.fullmatch(template):
        chosen += f"{match.group(2)} where {match.group(1)}, else "
        template = match.group(3)
    return "" if "where(" in template else chosen + template


def _of_doc(doc: str) -> str:
    """What the first line gives as code, alone or after a colon."""
    match = _QUOTED.search(" ".join(doc.split("\n\n")[0].split()))
    return match.group(1) if match else ""
