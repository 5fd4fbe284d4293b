"""A dataset gives the right samples in a right and repeatable order."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowloom import data


def numbered(count):
    """A dataset whose samples are the numbers from 0, and their squares."""
    return data.from_arrays(number=np.arange(count), square=np.arange(count)[:, np.newaxis] ** 2)


def numbers(dataset, epoch=0):
    """The batches of an epoch as lists of numbers, after a look that features stay together."""
    batches = list(dataset.batches(epoch=epoch))
    assert all((batch["square"][:, 0] == batch["number"] ** 2).all() for batch in batches)
    return [batch["number"].tolist() for batch in batches]


def flat(dataset, epoch=0):
    """The numbers of an epoch, batch after batch."""
    return list(itertools.chain.from_iterable(numbers(dataset, epoch)))


def test_without_batches_it_gives_single_samples():
    samples = list(numbered(3))

    assert [sample["number"] for sample in samples] == [0, 1, 2]
    assert samples[2]["square"].tolist() == [4]


def test_batches_keep_the_order_and_the_short_last_one():
    dataset = numbered(7).batch(3)

    assert numbers(dataset) == [[0, 1, 2], [3, 4, 5], [6]]
    assert (len(dataset), dataset.batch_count, dataset.sample_count, dataset.batch_size) == (3, 3, 7, 3)


def test_drop_remainder_leaves_out_the_short_batch():
    dataset = numbered(7).batch(3, drop_remainder=True)

    assert numbers(dataset) == [[0, 1, 2], [3, 4, 5]]
    assert dataset.sample_count == 6


def test_iterating_a_batched_dataset_gives_its_batches():
    assert [batch["number"].tolist() for batch in numbered(3).batch(2)] == [[0, 1], [2]]


def test_take_and_skip_count_samples_before_batch_and_batches_after():
    assert numbers(numbered(10).skip(1).take(5).batch(2)) == [[1, 2], [3, 4], [5]]
    assert numbers(numbered(10).batch(2).skip(1).take(2)) == [[2, 3], [4, 5]]


def test_take_more_than_there_is_takes_all():
    assert len(numbered(3).take(10)) == 3


def test_shuffle_gives_every_sample_once_in_another_order_each_epoch():
    dataset = numbered(100).shuffle(seed=5).batch(8)
    epochs = [flat(dataset, epoch) for epoch in range(3)]

    assert all(sorted(epoch) == list(range(100)) for epoch in epochs)
    assert all(one != other for one, other in itertools.combinations(epochs, 2))


def test_the_same_seed_gives_the_same_batches_and_another_seed_others():
    assert numbers(numbered(50).shuffle(seed=1).batch(7)) == numbers(numbered(50).shuffle(seed=1).batch(7))
    assert numbers(numbered(50).shuffle(seed=1).batch(7)) != numbers(numbered(50).shuffle(seed=2).batch(7))


def test_the_order_is_the_one_that_sorts_numpys_guaranteed_integers():
    keys = np.random.PCG64(np.random.SeedSequence(9, spawn_key=(0, 4))).random_raw(20)
    expected = sorted(range(20), key=lambda row: int(keys[row]))

    assert flat(numbered(20).shuffle(seed=9).batch(6), epoch=4) == expected


def test_two_shuffles_of_one_seed_are_independent():
    once = flat(numbered(30).shuffle(seed=0).batch(30))
    twice = flat(numbered(30).shuffle(seed=0).shuffle(seed=0).batch(30))

    assert twice != [once[place] for place in once]


def test_shuffle_after_batch_moves_whole_batches_and_leaves_the_short_one_last():
    batches = numbers(numbered(43).batch(4).shuffle(seed=0))

    assert sorted(batches[:-1]) == [list(range(start, start + 4)) for start in range(0, 40, 4)]
    assert batches[:-1] != sorted(batches[:-1])
    assert batches[-1] == [40, 41, 42]


def test_each_epoch_false_cuts_a_dataset_in_two_for_good():
    whole = numbered(20).shuffle(seed=3, each_epoch=False)
    train, held_out = whole.take(15), whole.skip(15)

    for epoch in range(3):
        parts = [flat(part.batch(4), epoch) for part in (train, held_out)]
        assert sorted(parts[0] + parts[1]) == list(range(20))
        assert parts[1] == flat(held_out.batch(4))


@pytest.mark.parametrize("dataset", [numbered(23).shuffle(1).batch(4), numbered(23).batch(4).shuffle(1)])
def test_an_epoch_goes_on_from_any_batch_as_if_never_interrupted(dataset):
    whole = numbers(dataset, epoch=2)

    for start in range(dataset.batch_count + 1):
        rest = [batch["number"].tolist() for batch in dataset.batches(epoch=2, start=start)]
        assert rest == whole[start:]


def test_arrays_are_those_of_epoch_0_in_order():
    dataset = numbered(11).shuffle(2).batch(3).shuffle(3).skip(1)

    assert dataset.arrays["number"].tolist() == flat(dataset)
    assert numbered(5).skip(2).arrays["square"].tolist() == [[4], [9], [16]]


def test_features_are_described_without_the_sample_axis():
    dataset = data.from_arrays(image=np.zeros((4, 8, 8, 1), np.float32), label=np.zeros(4, np.int64)).batch(2)

    assert dataset.features == {"image": data.Feature((8, 8, 1), "float32"), "label": data.Feature((), "int64")}
    assert repr(dataset) == "<Dataset 4 samples of (image: float32[8, 8, 1], label: int64).batch(2)>"


def test_a_dict_and_names_make_the_same_dataset():
    named, from_dict = data.from_arrays(x=[1, 2]), data.Dataset.from_arrays({"x": [1, 2]})

    assert named.arrays["x"].tolist() == from_dict.arrays["x"].tolist() == [1, 2]


def test_steps_leave_the_dataset_they_start_from_alone():
    base = numbered(10)
    base.shuffle(0).batch(3)

    assert base.steps == ()
    assert base.batch_size is None


def test_changing_a_batch_never_changes_the_dataset():
    dataset = numbered(10).shuffle(0).batch(4)
    before = numbers(dataset)
    for batch in dataset:
        batch["number"][:] = -1

    assert numbers(dataset) == before
    with pytest.raises(ValueError, match="read-only"):
        next(iter(numbered(10).batch(4)))["number"][:] = -1


def test_copies_and_pickles_give_the_same_batches():
    dataset = numbered(10).shuffle(0).batch(4)

    assert numbers(copy.deepcopy(dataset)) == numbers(dataset)
    assert numbers(pickle.loads(pickle.dumps(dataset))) == numbers(dataset)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: numbered(5).batch(0), "batch: size must be a whole number of at least 1; got 0"),
        (lambda: numbered(5).batch(True), "batch: size must be a whole number of at least 1; got True"),
        (lambda: numbered(5).batch(2.5), "batch: size must be a whole number; got 2.5"),
        (lambda: numbered(5).batch(2).batch(2), "batch(2): the dataset is in batches of 2 already"),
        (
            lambda: numbered(5).batch(6, drop_remainder=True),
            "batch(6, drop_remainder=True): nothing is left of 5 samples",
        ),
        (lambda: numbered(5).skip(5), "skip(5): nothing is left of 5 samples"),
        (lambda: numbered(5).batch(2).skip(3), "skip(3): nothing is left of 3 batches"),
        (lambda: numbered(5).skip(-1), "skip: n must be a whole number of at least 0; got -1"),
        (lambda: numbered(5).take(0), "take: n must be a whole number of at least 1; got 0"),
        (lambda: numbered(5).shuffle(-1), "shuffle: seed must be a whole number of at least 0; got -1"),
        (lambda: numbered(5).shuffle(None), "shuffle: seed must be a whole number; got None"),
        (lambda: numbered(5).batches(), "batches(): the dataset is not in batches; call .batch(size) first"),
        (lambda: numbered(5).batch_count, "batch_count: the dataset is not in batches; call .batch(size) first"),
        (lambda: numbered(5).batch(2).batches(start=4), "batches: start is 4, but an epoch has 3 batches"),
        (lambda: numbered(5).batch(2).batches(epoch=-1), "batches: epoch must be a whole number of at least 0; got -1"),
        (
            lambda: data.from_arrays({"x": [1]}, y=[2]),
            "from_arrays: give either one dict of arrays or arrays by name, not both",
        ),
    ],
)
def test_what_cannot_be_done_is_said_at_the_call(call, message):
    with pytest.raises(data.DataError) as refusal:
        call()

    assert str(refusal.value) == message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 17, 299_999])
def test_check_finds_the_row_that_is_not_finite(bad, row):
    image = np.zeros((300_000, 2, 3), dtype=np.float32)
    image[row, 1, 2] = bad

    with pytest.raises(data.DataError) as refusal:
        data.from_arrays(label=np.zeros(300_000, int), image=image).shuffle(0).batch(8).check()

    assert str(refusal.value) == f"feature 'image' holds {bad} at row {row}"


def test_check_looks_only_at_samples_that_can_come():
    dataset = data.from_arrays(x=[np.nan, 1.0, 2.0, np.inf])

    dataset.skip(1).take(2).shuffle(0).batch(1).check()
    dataset.batch(1).skip(1).take(2).check()
    dataset.check(finite=False)
    with pytest.raises(data.DataError, match="holds inf at row 3"):
        dataset.skip(1).shuffle(0).take(2).check()


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([0, 1, 2, 3], "feature 'label' holds 3 at row 3; labels must be from 0 to 2"),
        ([0, -1, 7], "feature 'label' holds -1 at row 1; labels must be from 0 to 2"),
        ([0.0, 1.0], "feature 'label' has dtype float64; labels must be whole numbers"),
        ([True, False], "feature 'label' has dtype bool; labels must be whole numbers"),
    ],
)
def test_check_finds_labels_out_of_range(label, message):
    with pytest.raises(data.DataError) as refusal:
        data.from_arrays(label=label).check(labels={"label": 3})

    assert str(refusal.value) == message


def test_check_counts_label_rows_in_the_source():
    with pytest.raises(data.DataError, match="holds 9 at row 4"):
        data.from_arrays(label=[0, 9, 0, 1, 9]).skip(2).check(labels={"label": 2})


def test_check_names_the_feature_that_was_meant():
    with pytest.raises(data.DataError) as refusal:
        numbered(3).check(labels={"nubmer": 3})

    assert str(refusal.value) == "unknown feature 'nubmer'; did you mean 'number'?"


# A pipeline as plain lists: a second, obvious implementation to compare with.

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 30)),
        st.tuples(st.just("skip"), st.integers(0, 10)),
        st.tuples(st.just("shuffle"), st.integers(0, 3)),
    ),
    max_size=4,
)


def applied(dataset, steps):
    for name, argument in steps:
        dataset = getattr(dataset, name)(argument)
    return dataset


@given(count=st.integers(1, 40), before=STEPS, size=st.integers(1, 9), after=STEPS, drop=st.booleans())
def test_any_composition_keeps_its_promises(count, before, size, after, drop):
    try:
        samples = applied(numbered(count), before)
        dataset = applied(samples.batch(size, drop), after)
    except data.DataError:
        return  # nothing was left

    pool = flat(samples.batch(1), epoch=1)
    batches = numbers(dataset, epoch=1)
    # Batches are cut from the samples in their order, whatever the size; later steps choose among them.
    cuts = [pool[start : start + size] for start in range(0, len(pool), size)]
    assert all(batch in cuts for batch in batches)
    assert len(set(flat(dataset, epoch=1))) == len(flat(dataset, epoch=1))
    assert all(len(batch) == size for batch in batches[:-1])
    assert not drop or len(batches[-1]) == size
    # Counts are told without looking, and hold in every epoch.
    for epoch in range(3):
        assert len(numbers(dataset, epoch)) == len(dataset) == dataset.batch_count
        assert sum(map(len, numbers(dataset, epoch))) == dataset.sample_count
    assert dataset.arrays["number"].tolist() == flat(dataset)


@given(count=st.integers(1, 40), steps=STEPS)
def test_take_and_skip_are_slices_wherever_they_stand(count, steps):
    try:
        dataset = applied(numbered(count), steps)
        longer = [dataset.skip(1), dataset.take(3)]
    except data.DataError:
        return  # nothing was left

    everything = flat(dataset.batch(5), epoch=2)

    assert [flat(part.batch(4), epoch=2) for part in longer] == [everything[1:], everything[:3]]
