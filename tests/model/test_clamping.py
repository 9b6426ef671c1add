"""clamp_inactive against NumPy, and against autodiff with the mean held constant."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.model.clamping import MODES, clamp_inactive

TOLERANCE = 1e-5


def clamp_in_numpy(z, active, mode, d_clamped, d_penalty):
    """The paper's rule, example by example and latent by latent, in float64."""
    z = z.astype(np.float64)
    examples, latents = z.shape
    clamped, d_z, penalty = np.empty_like(z), np.empty_like(z), 0.0
    for j in range(latents):
        reference = sum(z[:, j]) / examples if mode == "mean" else z[0, j]
        for i in range(examples):
            if active[j]:
                clamped[i, j] = z[i, j]
                d_z[i, j] = d_clamped[i, j]
            else:
                clamped[i, j] = reference
                d_z[i, j] = d_penalty * (z[i, j] - reference)
                penalty += 0.5 * (z[i, j] - reference) ** 2
    return clamped, penalty, d_z


def clamp_by_autodiff(z, active, mode):
    """The same objective without a custom gradient: the reference is a constant."""
    active = tf.constant(active, z.dtype)
    reference = tf.reduce_mean(z, axis=0, keepdims=True) if mode == "mean" else z[:1]
    reference = tf.stop_gradient(reference)
    penalty = 0.5 * tf.reduce_sum((1 - active) * tf.square(z - reference))
    return active * z + (1 - active) * reference, penalty


def gradient(clamp, z, d_clamped, d_penalty):
    z = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        outputs = clamp(z)
    upstream = [tf.constant(d_clamped), tf.constant(d_penalty, z.dtype)]
    return [output.numpy() for output in outputs], tape.gradient(outputs, z, upstream).numpy()


def relative_error(actual, expected, scale=None):
    largest = np.max(np.abs(expected if scale is None else scale), initial=1e-30)
    return np.max(np.abs(actual - expected), initial=0) / largest


@st.composite
def cases(draw):
    examples, latents = draw(st.integers(1, 32)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    active = np.array(draw(st.lists(st.integers(0, 1), min_size=latents, max_size=latents)))
    z = rng.normal(rng.normal(), 10 ** rng.uniform(-2, 2), (examples, latents))
    d_clamped = rng.normal(size=z.shape) * 10 ** rng.uniform(-3, 3)
    d_penalty = draw(st.sampled_from([0.0, 0.01, 1.0, -2.5, 2.0**15]))
    return z.astype(np.float32), active, d_clamped.astype(np.float32), d_penalty


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None)
@given(case=cases())
def test_equals_the_numpy_port(mode, case):
    z, active, d_clamped, d_penalty = case
    expected_clamped, expected_penalty, expected_d_z = clamp_in_numpy(
        z, active, mode, d_clamped, d_penalty
    )
    (clamped, penalty), d_z = gradient(
        lambda z: clamp_inactive(z, active, mode), z, d_clamped, d_penalty
    )
    assert relative_error(clamped, expected_clamped) < TOLERANCE
    # A deviation can be no more exact than the float32 latents it is the difference of.
    examples = z.shape[0]
    assert abs(penalty - expected_penalty) <= TOLERANCE * max(
        expected_penalty, examples * np.square(z).max() * 1e-6
    )
    inactive_scale = abs(d_penalty) * np.max(np.abs(z))
    on = active.astype(bool)
    np.testing.assert_array_equal(d_z[:, on], d_clamped[:, on])
    assert relative_error(d_z[:, ~on], expected_d_z[:, ~on], inactive_scale) < TOLERANCE


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None)
@given(case=cases())
def test_equals_autodiff_with_the_reference_held_constant(mode, case):
    z, active, d_clamped, d_penalty = case
    z, d_clamped = z.astype(np.float64), d_clamped.astype(np.float64)
    ours = gradient(lambda z: clamp_inactive(z, active, mode), z, d_clamped, d_penalty)
    plain = gradient(lambda z: clamp_by_autodiff(z, active, mode), z, d_clamped, d_penalty)
    for mine, theirs in ((ours[0][0], plain[0][0]), (ours[0][1], plain[0][1]), (ours[1], plain[1])):
        assert relative_error(mine, theirs) < TOLERANCE


def test_deviations_from_the_mean_cancel_so_holding_it_constant_changes_nothing():
    z = tf.constant(np.random.default_rng(0).normal(size=(20, 12)))
    with tf.GradientTape() as tape:
        tape.watch(z)
        moving = 0.5 * tf.reduce_sum(tf.square(z - tf.reduce_mean(z, axis=0)))
    through_the_mean = tape.gradient(moving, z)
    _, ours = gradient(lambda z: clamp_inactive(z, np.zeros(12)), z, np.zeros((20, 12)), 1.0)
    assert relative_error(ours, through_the_mean.numpy()) < TOLERANCE


@pytest.mark.parametrize("mode", MODES)
def test_neither_gradient_leaks_into_the_other_latents(mode):
    z = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
    active = np.array([1, 0, 0, 1, 0])
    d_clamped = np.full_like(z, np.nan)
    d_clamped[:, active == 1] = 3.0
    _, d_z = gradient(lambda z: clamp_inactive(z, active, mode), z, d_clamped, 0.0)
    np.testing.assert_array_equal(d_z[:, active == 0], 0.0)
    np.testing.assert_array_equal(d_z[:, active == 1], 3.0)
    _, d_z = gradient(lambda z: clamp_inactive(z, active, mode), z, np.zeros_like(z), 1.0)
    np.testing.assert_array_equal(d_z[:, active == 1], 0.0)
    assert np.all(np.any(d_z[:, active == 0] != 0, axis=0))


def test_an_output_that_the_loss_does_not_use_sends_nothing_back():
    z = tf.constant(np.random.default_rng(2).normal(size=(4, 3)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        clamped, penalty = clamp_inactive(z, [1, 0, 0])
        doubled = 2 * penalty
    expected = np.zeros((4, 3))
    expected[:, 0] = 1
    np.testing.assert_array_equal(tape.gradient(clamped, z), expected)
    deviation = np.array(z - tf.reduce_mean(z, axis=0))
    deviation[:, 0] = 0
    np.testing.assert_allclose(tape.gradient(doubled, z), 2 * deviation, rtol=1e-12)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graph_functions_take_any_batch_size_and_mask(jit_compile):
    signature = [tf.TensorSpec([None, 6]), tf.TensorSpec([6])]

    @tf.function(input_signature=signature, jit_compile=jit_compile)
    def in_graph(z, active):
        with tf.GradientTape() as tape:
            tape.watch(z)
            clamped, penalty = clamp_inactive(z, active)
            loss = tf.reduce_sum(tf.square(clamped)) + 0.1 * penalty
        return clamped, penalty, tape.gradient(loss, z)

    rng = np.random.default_rng(3)
    for examples, active in ((1, [0] * 6), (5, [1, 0, 0, 1, 1, 0]), (20, [1] * 6)):
        z = rng.normal(size=(examples, 6)).astype(np.float32)
        clamped, penalty, d_z = in_graph(tf.constant(z), tf.constant(active, tf.float32))
        expected = clamp_in_numpy(z, active, "mean", 2.0 * z, 0.1)
        for actual, wanted in zip((clamped, penalty, d_z), expected, strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=TOLERANCE, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, "bfloat16", np.int32])
def test_rejects_latents_that_a_mean_would_round(dtype):
    with pytest.raises(ValueError, match="float32 or float64, not"):
        clamp_inactive(tf.zeros((2, 3), dtype), tf.ones(3))


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None)
@given(groups=st.integers(1, 6), size=st.integers(2, 9), seed=st.integers(0, 2**32))
def test_each_factor_batch_is_clamped_by_itself(mode, groups, size, seed):
    rng = np.random.default_rng(seed)
    active = rng.integers(0, 2, (groups, 7))
    z, d_clamped = rng.normal(size=(2, groups, size, 7)).astype(np.float32)
    d_penalties = rng.normal(size=groups)
    outputs, d_z = gradient(
        lambda z: clamp_inactive(z, active, mode),
        z.reshape(-1, 7),
        d_clamped.reshape(-1, 7),
        d_penalties,
    )
    clamped, penalties = outputs
    assert penalties.shape == (groups,)
    alone = [
        clamp_in_numpy(*case[:2], mode, *case[2:])
        for case in zip(z, active, d_clamped, d_penalties, strict=True)
    ]
    for mine, expected in zip((clamped, penalties, d_z), zip(*alone, strict=True), strict=True):
        expected = np.reshape(expected, mine.shape)
        np.testing.assert_allclose(mine, expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_one_factor_batch_of_several_is_what_it_is_alone():
    z, active = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32), [1, 0, 0, 1, 0]
    alone, penalty = clamp_inactive(z, active)
    together, penalties = clamp_inactive(z, [active])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(penalties, [penalty])


@pytest.mark.parametrize(("examples", "groups"), [(4, 4), (5, 2), (3, 4)])
def test_rejects_factor_batches_of_no_size(examples, groups):
    with pytest.raises(ValueError, match=rf"{examples} examples are not {groups} factor batches"):
        clamp_inactive(tf.zeros((examples, 3)), tf.ones((groups, 3)))


@pytest.mark.parametrize(
    ("z_shape", "mask_shape"),
    [((4, 3), (2,)), ((4, 3), (2, 2)), ((4, 3), (1, 2, 3)), ((3,), (3,)), ((2, 4, 3), (3,))],
)
def test_rejects_shapes_that_do_not_fit(z_shape, mask_shape):
    with pytest.raises(ValueError, match=r"Expected latents \[B, latent_dim\]"):
        clamp_inactive(tf.zeros(z_shape), tf.ones(mask_shape))


def test_rejects_unknown_modes():
    with pytest.raises(ValueError, match="'median'; it is one of mean, first"):
        clamp_inactive(tf.zeros((2, 3)), tf.ones(3), "median")
