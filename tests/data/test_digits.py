"""The digits are scikit-learn's, split once and for all."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import sklearn.datasets

from flowloom import data


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def both(digits, feature):
    return np.concatenate([digits.train.arrays[feature], digits.test.arrays[feature]])


def test_every_digit_of_scikit_learn_is_there_once_with_its_label(digits):
    original = sklearn.datasets.load_digits()
    expected = sorted(np.column_stack([original.data, original.target]).tolist())

    pixels = both(digits, "image").reshape(-1, 64) * 16
    found = sorted(np.column_stack([pixels, both(digits, "label")]).tolist())

    assert len(found) == 1797
    assert found == expected


def test_images_and_labels_have_the_promised_form(digits):
    assert digits.train.features["image"] == data.Feature((8, 8, 1), "float32")
    assert digits.train.features["label"] == data.Feature((), "int64")
    assert (both(digits, "image").min(), both(digits, "image").max()) == (0.0, 1.0)


def test_a_fifth_of_each_digit_is_held_out(digits):
    held_out = np.bincount(digits.test.arrays["label"])
    total = np.bincount(both(digits, "label"))

    assert (digits.train.sample_count, digits.test.sample_count) == (1437, 360)
    assert (abs(held_out - total / 5) < 1).all()


def test_the_split_is_the_documented_one(digits):
    label = sklearn.datasets.load_digits().target
    keys = np.random.PCG64(0).random_raw(len(label))
    order = sorted(range(len(label)), key=lambda row: (label[row], int(keys[row])))

    assert digits.test.arrays["label"].tolist() == label[sorted(order[::5])].tolist()


def test_the_card_says_what_was_loaded(digits):
    info = digits.info

    assert info == data.info("digits")
    assert info.sizes == {"train": 1437, "test": 360}
    assert info.features["label"].classes == tuple("0123456789")
    assert {name: (feature.shape, feature.dtype) for name, feature in info.features.items()} == {
        name: (feature.shape, feature.dtype) for name, feature in digits.train.features.items()
    }
    assert "Alpaydin" in info.citation
    assert info.licence == "CC BY 4.0"


def test_the_checksum_is_that_of_the_original_pixels_and_labels(digits):
    original = sklearn.datasets.load_digits()
    content = (original.data / 16).astype("<f4").tobytes() + original.target.astype("<i8").tobytes()

    assert hashlib.sha256(content).hexdigest() == digits.info.checksum


def test_another_copy_is_refused_in_one_line(monkeypatch):
    from flowloom.data.digits import DIGITS

    original = sklearn.datasets.load_digits()
    original.images[3, 4, 5] += 1
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda: original)

    with pytest.raises(data.DataError, match=r"scikit-learn's copy has SHA-256 \w+, expected 8b3b6ae\w+$"):
        DIGITS.load.__wrapped__()


def test_a_missing_scikit_learn_is_said_in_one_line(monkeypatch):
    from flowloom.data.digits import DIGITS

    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)

    with pytest.raises(data.DataError, match="the digits come with scikit-learn; install it"):
        DIGITS.load.__wrapped__()


def test_scikit_learn_is_not_imported_before_it_is_needed():
    code = "import sys, flowloom.data; sys.exit('sklearn' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
