"""Text and labels, as ONNX's own examples have them; what its tests do not look at is here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowloom as fl
from flowloom.ops import count_ngrams, label_encode, string_concat, string_normalizer, string_split
from flowloom.spec import SpecError


def words(*texts: Any) -> Any:
    return np.array(texts, object)


def test_text_goes_through_a_graph() -> None:
    with fl.Graph() as g:
        text = fl.input("text", ("batch",), dtype="object")
        code = label_encode(string_concat(text, text), keys=("aa", "bb"), values=(0, 1))

    np.testing.assert_array_equal(fl.compile(code)({"text": words("b", "a", "c")}), [1, 0, -1])
    assert g.inputs[0].spec.dtype == object


def test_accents_go_and_stop_words_are_found_in_either_case() -> None:
    np.testing.assert_array_equal(string_normalizer(words("Été", "THE"), stopwords=("the",)), ["Ete"])


def test_nan_is_a_label_and_float32_labels_are_found() -> None:
    x = np.array([0.1, np.nan, 2], np.float32)

    found = label_encode(x, keys=(0.1, float("nan")), values=("low", "none"), default="?", dtype="object")

    np.testing.assert_array_equal(found, ["low", "none", "?"])


def test_parts_are_filled_up_and_counted() -> None:
    parts, counts = string_split(words("a-b", "c"), delimiter="-")

    assert parts.tolist() == [["a", "b"], ["c", ""]]
    assert counts.tolist() == [2, 1]


def test_words_between_are_skipped_evenly() -> None:
    x = np.array([1, 7, 2, 2])

    assert count_ngrams(x, ngrams=((1, 2),), columns=(0,), max_skip_count=2).tolist() == [2.0]


def test_numbers_are_no_text() -> None:
    with pytest.raises(SpecError, match="strings are needed"):
        string_concat(np.ones(3), np.ones(3))
