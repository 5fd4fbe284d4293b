"""How many of ONNX's backend tests pass, by op: `python tests/formats/onnx/coverage.py [-v] [name ...]`."""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from time import perf_counter
from typing import Any

import numpy as np
from onnx.backend.test.loader import load_model_tests
from onnx.backend.test.runner import Runner

from tests.formats.onnx.backend import FlowloomBackend


def main() -> None:
    """Run the node tests whose name has one of the given parts, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names of tests or ops; none: all")
    parser.add_argument("-v", action="store_true", help="print why each one fails")
    given = parser.parse_args()
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    reasons: dict[str, int] = defaultdict(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    start = perf_counter()
    for case in cases:
        op = _op_of(case)
        if given.names and not any(n == op or n in case.name for n in given.names):
            continue
        why = failure(case)
        counts[op][why is None] += 1
        if why is not None:
            reasons[why.split(":")[-1].strip()[:80]] += 1
            if given.v:
                print(f"{case.name}: {why}")
    for op, (failed, passed) in sorted(counts.items()):
        if failed:
            print(f"{op:32} {passed:4} of {passed + failed:4}")
    for why, many in sorted(reasons.items(), key=lambda r: -r[1])[:15]:
        print(f"{many:5} {why}")
    passed = sum(p for _, p in counts.values())
    print(f"{passed} of {sum(map(sum, counts.values()))} pass, in {perf_counter() - start:.1f} s")


def _op_of(case: Any) -> str:
    """The op that a test is for: of the expanded ones, the op that was expanded."""
    nodes = case.model.graph.node
    if "_expanded" in case.name:
        return case.name.removeprefix("test_").partition("_expanded")[0].split("_")[0] + "*"
    return str(nodes[0].op_type)


def failure(case: Any) -> str | None:
    """Why a test fails; None if it passes."""
    try:
        model = FlowloomBackend.prepare(case.model)
        for inputs, expected in case.data_sets:
            made = model.run([array(x) for x in inputs])
            Runner.assert_similar_outputs([array(e) for e in expected], made, case.rtol, case.atol)
    except Exception as error:
        return f"{type(error).__name__}: " + " ".join(str(error).split())[:300]
    return None


def array(value: Any) -> Any:
    """A test's value, which may be a TensorProto."""
    import onnx

    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
