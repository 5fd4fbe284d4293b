"""The catalogue: the palette and the inspector are made from the declarations alone."""

from __future__ import annotations

import msgspec

from flowloom.op import REGISTRY
from flowloom.widgets.catalogue import catalogue

KINDS = {k.kind: k for k in catalogue()}


def test_every_op_has_its_entry_and_those_that_are_internal_say_so() -> None:
    assert set(REGISTRY) <= set(KINDS)
    assert all(KINDS[name].internal == op.internal for name, op in REGISTRY.items())


def test_every_kind_has_help_in_one_sentence_and_can_be_sent() -> None:
    assert all(k.summary and k.doc for k in KINDS.values())
    msgspec.json.encode(list(KINDS.values()))


def test_label_is_the_name_without_its_namespace() -> None:
    assert (KINDS["layers.dense"].label, KINDS["matmul"].label) == ("dense", "matmul")


def test_fields_come_from_annotations_and_defaults() -> None:
    fields = {f.name: f for f in KINDS["layers.dense"].fields}

    assert (fields["units"].control, fields["units"].minimum, fields["units"].default) == ("integer", 1, 32)
    assert fields["use_bias"].control == "boolean"
    assert fields["activation"].control == "choice"
    assert "relu" in fields["activation"].choices
    rate = next(f for f in KINDS["layers.dropout"].fields if f.name == "rate")
    assert (rate.control, rate.minimum, rate.maximum) == ("number", 0, 1)


def test_optional_and_compound_parameters_have_a_form_too() -> None:
    constant = {f.name: f.control for f in KINDS["constant"].fields}
    conv = {f.name: f.control for f in KINDS["layers.conv2d"].fields}

    assert constant["dtype"] == "choice"
    assert conv["kernel_size"] == "json"


def test_choices_with_parameters_of_their_own_have_a_form_for_them() -> None:
    initializer = next(f for f in KINDS["layers.dense"].fields if f.name == "kernel_initializer")
    variants = {v.name: v for v in initializer.variants}

    assert (initializer.control, initializer.default) == ("choice", "glorot_uniform")
    assert {"zeros", "constant", "variance_scaling"} <= set(initializer.choices)
    assert [(f.name, f.control, f.default) for f in variants["constant"].fields] == [("value", "number", 0.0)]
    assert "zeros" not in variants


def test_a_name_or_a_list_is_typed_with_the_names_suggested() -> None:
    padding = next(f for f in KINDS["layers.conv2d"].fields if f.name == "padding")

    assert (padding.control, padding.choices[:2]) == ("json", ["valid", "same"])


def test_choices_keep_the_order_in_which_they_are_declared() -> None:
    dtype = next(f for f in KINDS["cast"].fields if f.name == "dtype")

    assert dtype.choices[:3] == ["float32", "float64", "float16"]


def test_ports_that_may_stay_open_say_so() -> None:
    ports = {p.name: p.optional for p in KINDS["layers.multi_head_attention"].inputs}

    assert (ports["query"], ports["mask"]) == (False, True)


def test_a_summary_does_not_end_within_a_citation() -> None:
    assert all(k.summary.count("(") == k.summary.count(")") for k in KINDS.values() if "[" not in k.summary)
