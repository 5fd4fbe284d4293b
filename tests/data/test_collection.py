"""The collection is found by name."""

import pytest

from flowloom import data


def test_the_collection_is_listed():
    assert data.list() == ["digits", "circle", "xor", "gaussians", "spiral"]


@pytest.mark.parametrize("name", data.list())
def test_every_dataset_has_a_full_card_that_fits_its_data(name):
    card, loaded = data.info(name), data.load(name)

    assert card.name == name
    assert all([card.description, card.licence, card.citation, card.source])
    assert card.sizes == {"train": loaded.train.sample_count, "test": loaded.test.sample_count}
    for part in (loaded.train, loaded.test):
        assert {key: str(feature) for key, feature in part.features.items()} == {
            key: str(feature) for key, feature in card.features.items()
        }
        part.check(labels={"label": len(card.features["label"].classes)})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.load("digit"), "load: unknown dataset 'digit'; did you mean 'digits'?"),
        (lambda: data.info("spirals"), "info: unknown dataset 'spirals'; did you mean 'spiral'?"),
        (
            lambda: data.load("zzz"),
            "load: unknown dataset 'zzz'; there are: digits, circle, xor, gaussians, spiral",
        ),
        (lambda: data.load(None), "load: unknown dataset None; there are: digits, circle, xor, gaussians, spiral"),
        (lambda: data.load("digits", noise=1), "load('digits'): unknown option 'noise'; this dataset takes none"),
    ],
)
def test_unknown_names_are_answered_with_known_ones(call, message):
    with pytest.raises(data.DataError) as refusal:
        call()

    assert str(refusal.value) == message


def test_loaded_data_says_what_it_is():
    assert repr(data.load("spiral", samples=10)) == "<spiral: 5 train and 5 test samples>"
