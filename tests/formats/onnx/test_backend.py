"""ONNX's own backend tests: each op alone, small models, and what PyTorch exports."""

from __future__ import annotations

import warnings

from onnx.backend.base import Backend
from onnx.backend.test import BackendTest

from tests.formats.onnx.backend import FlowloomBackend

EXCLUDED = {
    "test_image_decoder": "decoding image files is a matter of the data pipeline",
    "test_loop13_seq|test_loop16_seq_none": "a sequence that grows by a number of turns known only when it runs",
    "test_if_opt": "branches of which one gives a sequence and the other nothing",
    "test_split_to_sequence_1": "a sequence whose length is known only when it runs",
    "test_regex_full_match": "patterns of RE2, which Python's `re` may take for ever to match",
    "test_bernoulli|test_training_dropout(_default)?(_mask)?_cpu": "other random numbers than those that were drawn",
    "test_identity_sequence|test_sequence_insert": "inputs without a declared number of dimensions",
}


def cases(backend: type[Backend], module: str) -> dict[str, type]:
    """The test cases for a backend, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases are computed with overflows and divisions by zero on purpose
        suite = BackendTest(backend, module)
    for pattern in EXCLUDED:
        suite.exclude(pattern)
    found = {n: c for n, c in suite.test_cases.items() if n != "OnnxBackendRealModelTest"}  # which downloads
    for case in found.values():
        for test in [t for t in vars(case) if t.endswith("_cuda")]:
            delattr(case, test)
    return found


globals().update(cases(FlowloomBackend, __name__))
