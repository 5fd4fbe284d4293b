"""What is wrong with an array is said in one line that names the feature and the row."""

import numpy as np
import pytest

from flowloom import data
from flowloom.data.features import as_features


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "a dataset needs at least one named array; got none"),
        ([1, 2], "a dataset is made from named arrays, such as image=X, label=y; got list"),
        ({"x": []}, "the dataset is empty: feature 'x' has 0 samples"),
        ({"x": np.zeros((0, 8, 8))}, "the dataset is empty: feature 'x' has 0 samples"),
        ({"x": [1, 2], "y": [1, 2, 3]}, "feature 'y' has 3 samples, but 'x' has 2"),
        ({"x": 3.0}, "feature 'x' is a single float; it needs one entry per sample"),
        ({"x": [[1, 2], [3, 4], [5]]}, "feature 'x' is ragged: row 2 has shape (1,), row 0 has (2,)"),
        ({"x": [[1, 2], 3]}, "feature 'x' is ragged: row 1 has shape (), row 0 has (2,)"),
        ({"x": [[1], [[1, 2], [3]]]}, "feature 'x' is ragged: row 1 has parts of different lengths"),
        (
            {"x": np.array([np.zeros(2), np.zeros(3)], dtype=object)},
            "feature 'x' is ragged: row 1 has shape (3,), row 0 has (2,)",
        ),
        ({"x": [1.0, None, 2.0]}, "feature 'x' holds NoneType at row 1; it must hold real numbers"),
        (
            {"x": np.array([1, 2], dtype=object)},
            "feature 'x' has dtype object; convert it to numbers with .astype(...)",
        ),
        ({"x": ["one", "two"]}, "feature 'x' has dtype <U3; it must hold real numbers"),
        ({"x": [1 + 2j]}, "feature 'x' has dtype complex128; it must hold real numbers"),
        (
            {"x": np.zeros(1, "M8[D]")},
            "feature 'x' has dtype datetime64[D]; it must hold real numbers",
        ),
        ({3: [1]}, "a feature's name must be text; got 3"),
        ({"": [1]}, "a feature's name must be text; got ''"),
    ],
)
def test_arrays_that_cannot_be_used_are_refused(source, message):
    with pytest.raises(data.DataError) as refusal:
        as_features(source)

    assert str(refusal.value) == message


def test_good_arrays_are_not_copied_and_become_read_only():
    x = np.zeros((3, 2), dtype=np.float32)

    feature = as_features({"x": x})["x"]

    assert np.shares_memory(feature, x)
    assert x.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        feature[0] = 1


def test_foreign_byte_order_and_memory_order_are_put_right():
    x = np.asfortranarray(np.arange(6, dtype=">f4").reshape(3, 2))

    feature = as_features({"x": x})["x"]

    assert feature.dtype == np.dtype("float32")
    assert feature.flags.c_contiguous
    assert feature.tolist() == x.tolist()


def test_a_feature_reads_like_a_spec():
    assert str(data.Feature((8, 8, 1), "float32")) == "float32[8, 8, 1]"
    assert str(data.Feature((), "int64")) == "int64"


def test_narrow_floats_are_numbers_too():
    half = np.array([[1.0], [np.nan]], dtype="bfloat16")

    made = data.from_arrays(x=half)

    assert made.features["x"].dtype == "bfloat16"
    with pytest.raises(data.DataError, match="feature 'x' holds nan at row 1"):
        made.check()
