"""Factor batches: a function of (seed, step) alone, one factor a batch."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.datasets.batch_plan import BatchPlan
from dcign_tf.datasets.factor_batches import (
    clear_data_errors,
    draw_images,
    evaluation_batches,
    factor_batches,
)
from dcign_tf.errors import DataError
from dcign_tf.factors import GraphicsCode

CODE = GraphicsCode.faces(10)
PAPER_RATIOS = [1, 1, 1, 10]
NUM_SWEEPS = {"azimuth": 5, "elevation": 3, "light_azimuth": 2, "intrinsic": 7}


class FakeSweeps:
    """Sweep i of a factor shows the factor's number, i, and the image's number."""

    def __init__(self, factor: str, as_png: bool = False, channels: int = 1):
        self._factor, self._as_png, self._channels = factor, as_png, channels

    def __len__(self) -> int:
        return NUM_SWEEPS[self._factor]

    def __getitem__(self, index: int) -> dict:
        if not 0 <= index < len(self):
            raise IndexError(index)
        images = np.zeros((4, 6, 5, self._channels), np.uint8)
        images[:, 0, 0] = CODE.index(self._factor)
        images[:, 1, 1] = index
        images[:, 2, 2] = np.arange(4)[:, np.newaxis]
        images[:, 3, 3] = 10 * np.arange(self._channels)
        return {"image": [png(image) for image in images] if self._as_png else images}


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, "png")
    return file.getvalue()


def fake_sweeps(**kwargs) -> dict[str, FakeSweeps]:
    return {factor: FakeSweeps(factor, **kwargs) for factor in NUM_SWEEPS}


def batches(**kwargs) -> list[dict[str, np.ndarray]]:
    sweeps = kwargs.pop("sweeps", None) or fake_sweeps()
    kwargs = {"ratios": PAPER_RATIOS, "seed": 3, **kwargs}
    return list(factor_batches(sweeps, CODE, **kwargs).as_numpy_iterator())


class Noted:
    """Sweeps that note what is read of them."""

    def __init__(self, sweeps, read: list[int]):
        self._sweeps, self._read = sweeps, read

    def __len__(self):
        return len(self._sweeps)

    def __getitem__(self, index):
        self._read.append(index)
        return self._sweeps[index]


def plan(**kwargs) -> BatchPlan:
    return BatchPlan(list(NUM_SWEEPS.values()), **{"ratios": PAPER_RATIOS, "seed": 3, **kwargs})


def factors(entries: BatchPlan, count: int) -> np.ndarray:
    """The factors of the first entries of a plan: int [count]."""
    return np.array([entries[i][0] for i in range(count)])


def shown(batch: dict[str, np.ndarray]) -> list[tuple[int, int]]:
    """The (factor, sweep) that each image of a batch says it is from."""
    levels = np.round(255 * batch["image"]).astype(int)
    assert levels[:, 2, 2, 0].tolist() == list(range(4)) * (len(levels) // 4)
    return list(zip(levels[:, 0, 0, 0].tolist(), levels[:, 1, 1, 0].tolist(), strict=True))


def assert_same(first: list[dict], second: list[dict]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_nobody_waits_for_a_thread_that_tunes_when_an_iterator_ends():
    """It would be up to a minute, in which a scheduler's patience ends."""
    training = factor_batches(fake_sweeps(), CODE, ratios=PAPER_RATIOS, seed=3)
    for dataset in (training, evaluation_batches(fake_sweeps(), CODE)):
        assert dataset.options().autotune.enabled is False


class TestImagesPerBatch:
    def chosen(self, **kwargs) -> np.ndarray:
        """Which images of its sweep each batch shows: int [num_steps, images_per_batch]."""
        drawn = batches(images_per_batch=3, **{"num_steps": 30, **kwargs})
        return np.array([np.round(255 * b["image"][:, 2, 2, 0]).astype(int) for b in drawn])

    @pytest.mark.parametrize("as_png", [False, True])
    def test_distinct_images_of_the_planned_sweep_drawn_anew(self, as_png):
        chosen = self.chosen(sweeps=fake_sweeps(as_png=as_png))
        assert chosen.shape == (30, 3)
        assert all(len(set(row)) == 3 for row in chosen.tolist())
        assert set(chosen.ravel().tolist()) == {0, 1, 2, 3}
        assert len({tuple(row) for row in chosen.tolist()}) > 10
        for step, batch in enumerate(batches(images_per_batch=3, num_steps=9)):
            factor, sweep = plan()[step]
            assert batch["factor"].tolist() == [factor] * 3
            levels = np.round(255 * batch["image"]).astype(int)
            assert (levels[:, 0, 0, 0] == factor).all()
            assert (levels[:, 1, 1, 0] == sweep).all()

    def test_the_same_whenever_one_resumes(self):
        whole = batches(images_per_batch=2, num_steps=12)
        assert_same(whole[7:], batches(images_per_batch=2, num_steps=12, start_step=7))

    def test_the_batches_of_a_step_are_drawn_each_for_itself(self):
        alone = batches(images_per_batch=2, num_steps=12)
        both = batches(images_per_batch=2, num_steps=6, batches_per_step=2)
        images = [image for batch in both for image in batch["image"]]
        np.testing.assert_array_equal(images, [batch["image"] for batch in alone])

    @given(st.integers(1, 12), st.integers(0, 8), st.integers(2, 20))
    def test_repetitions_come_only_where_they_must(self, distinct, repeated, count):
        example = {"image": np.zeros((distinct + repeated, 1, 1, 1)), "distinct": distinct}
        drawn = draw_images(np.random.default_rng(0), example, count)
        times = np.bincount(drawn, minlength=distinct)
        assert len(drawn) == count
        assert len(times) == distinct
        assert times.max() - times.min() <= 1

    @pytest.mark.parametrize("count", [1, 5])
    def test_an_impossible_number(self, count):
        with pytest.raises(ValueError, match=f"is {count}; it must be from 2 to the 4 images"):
            batches(images_per_batch=count, num_steps=1)


class TestDrawnFactors:
    def test_the_papers_ratio(self):
        steps = 20_000
        drawn = factors(plan(seed=0), steps)
        share = np.bincount(drawn, minlength=4) / steps
        expected = np.array(PAPER_RATIOS) / 13
        # Four standard deviations of a binomial share.
        margin = 4 * np.sqrt(expected * (1 - expected) / steps)
        assert (np.abs(share - expected) < margin).all()

    def test_a_draw_does_not_depend_on_the_one_before(self):
        drawn = factors(BatchPlan([1, 1], ratios=[1, 1], seed=0), 10_000)
        repeats = (drawn[1:] == drawn[:-1]).mean()
        assert abs(repeats - 0.5) < 4 * 0.5 / 100

    def test_a_factor_of_ratio_0_is_never_drawn(self):
        drawn = factors(plan(ratios=[0, 1, 0, 2]), 5000)
        assert set(drawn) == {1, 3}

    def test_ratios_change_at_their_step(self):
        ratios = [(0, [1, 0, 0, 0]), (100, [0, 1, 0, 0]), (5000, [0, 0, 0, 1])]
        drawn = factors(plan(ratios=ratios), 6000)
        assert drawn.tolist() == [0] * 100 + [1] * 4900 + [3] * 1000

    def test_seeds_differ(self):
        first, second = (factors(plan(ratios=[1, 1, 1, 1], seed=seed), 1000) for seed in (0, 1))
        assert (first == second).mean() < 0.4

    def test_two_numbers_serve_any_number_of_factors(self):
        both = [factors(plan(ratios=ratios), 5000) for ratios in (PAPER_RATIOS, [1, 10])]
        np.testing.assert_array_equal(*both)
        alone = BatchPlan([5, 5], ratios=[(0, [0, 1]), (70, [1, 0])], seed=0)
        assert factors(alone, 100).tolist() == [1] * 70 + [0] * 30

    @pytest.mark.parametrize(
        ("ratios", "message"),
        [
            ([1, 1, 1], "4 numbers"),
            ([1, -1], "at least 0"),
            ([1], "or two, .each extrinsic, intrinsic."),
            ([1, 1, -1, 1], "at least 0"),
            ([0, 0, 0, 0], "not all 0"),
            ([1, 1, float("nan"), 1], "at least 0"),
            ([1, 1, float("inf"), 1], "at least 0"),
            ([(5, [1, 1, 1, 1])], "begin with 0"),
            ([(0, [1, 1, 1, 1]), (0, [1, 1, 1, 1])], "increase"),
        ],
    )
    def test_impossible_ratios(self, ratios, message):
        with pytest.raises(ValueError, match=message):
            plan(ratios=ratios)


class TestBatchPlan:
    @settings(max_examples=25, deadline=None)
    @given(
        seed=st.integers(0, 2**32),
        change=st.integers(1, 9000),
        later=st.lists(st.floats(0.1, 10), min_size=4, max_size=4),
    )
    def test_other_ratios_later_change_nothing_before(self, seed, change, later):
        entries = np.unique(np.linspace(0, change - 1, 50).astype(int))
        before = plan(seed=seed)
        after = plan(seed=seed, ratios=[(0, PAPER_RATIOS), (change, later)])
        assert [before[i] for i in entries] == [after[i] for i in entries]

    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 2**32), start=st.integers(0, 20_000))
    def test_an_entry_does_not_depend_on_those_asked_for_before(self, seed, start):
        asked = plan(seed=seed)
        for entry in range(0, start, 97):
            asked[entry]
        assert asked[start] == plan(seed=seed)[start]

    def test_every_sweep_is_used_once_an_epoch(self):
        endless = plan()
        entries = [endless[i] for i in range(10_000)]
        for factor, count in enumerate(NUM_SWEEPS.values()):
            used = [sweep for drawn, sweep in entries if drawn == factor]
            epochs = [used[i : i + count] for i in range(0, len(used) - count + 1, count)]
            assert len(epochs) > 10
            assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
            assert len({tuple(epoch) for epoch in epochs}) > 1

    def test_several_batches_a_step_share_the_sequence_of_one(self):
        alone, three = plan(), plan(batches_per_step=3)
        assert [three[i] for i in range(300)] == [alone[i] for i in range(300)]

    def test_a_schedule_counts_steps_not_entries(self):
        ratios = [(0, [1, 0, 0, 0]), (10, [0, 1, 0, 0])]
        drawn = factors(plan(ratios=ratios, batches_per_step=3), 33)
        assert drawn.tolist() == [0] * 30 + [1] * 3

    def test_a_factor_without_sweeps(self):
        """It is never drawn; the others are, as often as each other's ratios say."""
        drawn = factors(BatchPlan([3, 4, 0], ratios=[(0, (1, 9)), (5, [3, 1, 9])], seed=0), 3000)
        np.testing.assert_allclose(np.bincount(drawn) / 3000, [0.75, 0.25], atol=0.03)
        for ratios in ([0, 0, 1], [(0, (1, 9)), (5, [0, 0, 9])]):
            with pytest.raises(ValueError, match="A factor is drawn, but none that is has a sweep"):
                BatchPlan([3, 4, 0], ratios=ratios, seed=0)


class TestFactorBatches:
    def test_a_batch_is_the_planned_sweep(self):
        expected = plan()
        for step, batch in enumerate(batches(num_steps=60)):
            assert shown(batch) == [expected[step]] * 4
            assert batch["factor"].tolist() == [expected[step][0]] * 4
        assert step == 59

    def test_elements_have_static_shapes(self):
        for batches_per_step, leading in ((1, []), (2, [2])):
            dataset = factor_batches(
                fake_sweeps(),
                CODE,
                ratios=PAPER_RATIOS,
                seed=0,
                batches_per_step=batches_per_step,
            )
            assert dataset.element_spec == {
                "image": tf.TensorSpec([*leading, 4, 6, 5, 1], tf.float32),
                "factor": tf.TensorSpec([*leading, 4], tf.int32),
            }

    @pytest.mark.parametrize("channels", [1, 3])
    def test_png_files_are_decoded(self, channels):
        arrays = batches(num_steps=20, sweeps=fake_sweeps(channels=channels))
        files = batches(num_steps=20, sweeps=fake_sweeps(channels=channels, as_png=True))
        assert files[0]["image"].shape == (4, 6, 5, channels)
        assert_same(arrays, files)

    def test_levels_are_scaled_to_1(self):
        sweeps = fake_sweeps()
        white = {"image": np.full((4, 6, 5, 1), 255, np.uint8)}
        sweeps["intrinsic"] = [white] * 7
        batch = batches(num_steps=1, sweeps=sweeps, ratios=[0, 0, 0, 1])[0]
        assert batch["image"].dtype == np.float32
        assert (batch["image"] == 1).all()

    @pytest.mark.parametrize("batches_per_step", [1, 2])
    def test_a_resumed_run_sees_what_it_would_have_seen(self, batches_per_step):
        whole = batches(num_steps=30, batches_per_step=batches_per_step)
        rest = batches(num_steps=30, batches_per_step=batches_per_step, start_step=17)
        assert len(rest) == 13
        assert_same(whole[17:], rest)

    def test_endless_without_num_steps(self):
        dataset = factor_batches(fake_sweeps(), CODE, ratios=PAPER_RATIOS, seed=3)
        assert_same(batches(num_steps=50), list(dataset.take(50).as_numpy_iterator()))

    def test_several_batches_a_step_are_whole_sweeps(self):
        alone, together = batches(num_steps=30), batches(num_steps=10, batches_per_step=3)
        for step, batch in enumerate(together):
            for index in range(3):
                one = {name: value[index] for name, value in batch.items()}
                assert_same([one], [alone[3 * step + index]])

    @pytest.mark.parametrize(("num_replicas", "processes"), [(2, 1), (3, 3), (6, 2)])
    def test_replicas_share_the_batches_of_a_step(self, num_replicas, processes):
        """In order; a process reads its own, resumed or not."""
        kwargs = {"num_steps": 9, "batches_per_step": 6, "start_step": 4}
        whole, each = batches(**kwargs), num_replicas // processes
        for process in range(processes):
            mine = range(process * each, (process + 1) * each)
            read: list[int] = []
            sweeps = {name: Noted(source, read) for name, source in fake_sweeps().items()}
            got = batches(sweeps=sweeps, num_replicas=num_replicas, replicas=mine, **kwargs)
            for number, batch in enumerate(got):
                step, replica = whole[number // each], mine[number % each]
                of_replica = {n: np.split(v, num_replicas)[replica] for n, v in step.items()}
                if num_replicas == 6:
                    of_replica = {name: value[0] for name, value in of_replica.items()}
                assert_same([batch], [of_replica])
            assert len(got) == 5 * each
            assert len(read) == 1 + 5 * 6 // processes  # and one for its size

    def test_replicas_that_cannot_share_evenly(self):
        with pytest.raises(ValueError, match=r"^2 replicas cannot share 3 batches evenly\.$"):
            batches(num_steps=1, batches_per_step=3, num_replicas=2)

    def test_a_missing_factor(self):
        sweeps = fake_sweeps()
        del sweeps["elevation"]
        with pytest.raises(ValueError, match="No sweeps of factor 'elevation'; there are some of"):
            batches(sweeps=sweeps, num_steps=1)

    def test_of_one_object_nothing_intrinsic_is_drawn(self):
        sweeps = {**fake_sweeps(), "intrinsic": []}
        drawn = [int(b["factor"][0]) for b in batches(sweeps=sweeps, num_steps=40)]
        assert set(drawn) == set(range(len(sweeps) - 1))
        with pytest.raises(ValueError, match="No sweeps of factor 'elevation'"):
            batches(sweeps={**fake_sweeps(), "elevation": []}, num_steps=1)

    def test_sweeps_of_another_length_are_an_error(self):
        sweeps = fake_sweeps()
        sweeps["intrinsic"] = [{"image": np.zeros((3, 6, 5, 1), np.uint8)}] * 7
        with pytest.raises(tf.errors.InvalidArgumentError):
            batches(sweeps=sweeps, num_steps=20)

    def test_a_data_error_keeps_its_message(self):
        class Damaged(FakeSweeps):
            def __getitem__(self, index):
                raise DataError("Data file x is damaged; delete it.")

        sweeps = {**fake_sweeps(), "intrinsic": Damaged("intrinsic")}
        with pytest.raises(DataError) as caught, clear_data_errors():
            batches(sweeps=sweeps, num_steps=20)
        assert str(caught.value) == "Data file x is damaged; delete it."

    def test_other_errors_stay_what_they_are(self):
        error = tf.errors.InternalError(None, None, "something else")
        with pytest.raises(tf.errors.InternalError), clear_data_errors():
            raise error


def test_evaluation_sees_every_sweep_once_in_order():
    expected = [(f, i) for f, count in enumerate(NUM_SWEEPS.values()) for i in range(count)]
    dataset = evaluation_batches(fake_sweeps(), CODE)
    assert dataset.cardinality() == len(expected)
    for _ in range(2):
        seen = list(dataset.as_numpy_iterator())
        assert [shown(batch) for batch in seen] == [[entry] * 4 for entry in expected]
        assert [batch["factor"].tolist() for batch in seen] == [[f] * 4 for f, _ in expected]


def test_evaluation_passes_over_factors_without_sweeps():
    sweeps = fake_sweeps()
    sweeps["azimuth"] = sweeps["intrinsic"] = []
    seen = list(evaluation_batches(sweeps, CODE).as_numpy_iterator())
    expected = [NUM_SWEEPS[f] * [CODE.index(f)] for f in ("elevation", "light_azimuth")]
    assert [batch["factor"][0] for batch in seen] == [*expected[0], *expected[1]]
    with pytest.raises(ValueError, match="There are no sweeps of any factor"):
        evaluation_batches({factor: [] for factor in sweeps}, CODE)
