"""The objective's terms against NumPy, SciPy and closed forms; noise that is reproducible."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dcign_tf.model import losses

SEED = (3, 14)


def closed_form_kl(mean, log_var):
    mean, log_var = np.float64(mean), np.float64(log_var)
    return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)


@settings(deadline=None)
@given(mean=st.floats(-30, 30, width=32), log_var=st.floats(-60, 20, width=32))
def test_kl_equals_its_closed_form(mean, log_var):
    kl = losses.kl_divergence(tf.constant([[mean]]), tf.constant([[log_var]]))
    np.testing.assert_allclose(kl, [[closed_form_kl(mean, log_var)]], rtol=1e-5, atol=2e-7)


def test_kl_equals_that_of_whole_gaussians():
    rng = np.random.default_rng(0)
    mean, log_var = rng.normal(size=(2, 5, 7)).astype(np.float32)
    tfd = tfp.distributions
    whole = tfd.MultivariateNormalDiag(mean, np.exp(0.5 * log_var))
    expected = tfd.kl_divergence(whole, tfd.MultivariateNormalDiag(tf.zeros((5, 7)), tf.ones(7)))
    per_latent = losses.kl_divergence(mean, log_var)
    assert per_latent.shape == (5, 7)
    np.testing.assert_allclose(tf.reduce_sum(per_latent, axis=-1), expected, rtol=1e-5)


def test_kl_of_the_prior_is_zero_and_so_is_its_gradient():
    mean = log_var = tf.zeros((2, 3))
    with tf.GradientTape() as tape:
        tape.watch([mean, log_var])
        kl = losses.kl_divergence(mean, log_var)
    np.testing.assert_array_equal(kl, 0)
    np.testing.assert_array_equal(tape.gradient(kl, mean), 0)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_kl_of_half_precision_latents_does_not_overflow(dtype):
    kl = losses.kl_divergence(tf.constant([[300.0]], dtype), tf.constant([[0.0]], dtype))
    assert kl.dtype == tf.float32
    assert 40_000 < kl.numpy().item() < 50_000


def test_posterior_is_given_by_its_log_variance():
    posterior = losses.posterior(tf.constant([[1.0, -2.0]]), tf.constant([[0.0, np.log(4.0)]]))
    np.testing.assert_allclose(posterior.mean(), [[1, -2]])
    np.testing.assert_allclose(posterior.stddev(), [[1, 2]], rtol=1e-6)
    assert posterior.batch_shape == (1, 2)
    assert losses.prior().mean() == 0
    assert losses.prior().stddev() == 1


def bernoulli_in_numpy(images, logits):
    images, logits = np.float64(images), np.float64(logits)
    # log σ(l) = −log(1 + e^−l), without overflow on either side.
    log_likelihood = -images * np.logaddexp(0, -logits) - (1 - images) * np.logaddexp(0, logits)
    return log_likelihood.sum(axis=(1, 2, 3))


def random_images(rng, shape=(4, 9, 8, 3)):
    return rng.uniform(size=shape).astype(np.float32)


@pytest.mark.parametrize("scale", [0.1, 3.0, 100.0, 1e4])
@pytest.mark.parametrize("binary", [False, True])
def test_bernoulli_takes_grey_values_at_any_logit(scale, binary):
    rng = np.random.default_rng(1)
    images = random_images(rng)
    images = np.round(images) if binary else images
    logits = (scale * rng.normal(size=images.shape)).astype(np.float32)
    log_prob = losses.likelihood(logits).log_prob(images)
    assert log_prob.shape == (4,)
    np.testing.assert_allclose(log_prob, bernoulli_in_numpy(images, logits), rtol=1e-5)


def test_bernoulli_is_finite_at_extreme_logits_and_so_is_its_gradient():
    logits = tf.constant([[1e4, -1e4, 1e4, -1e4]])[..., None, None]
    images = tf.constant([[1.0, 0.0, 0.0, 0.25]])[..., None, None]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_prob = losses.likelihood(logits).log_prob(images)
    np.testing.assert_allclose(log_prob, [-1.25e4], rtol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(log_prob, logits)[0, :, 0, 0], [0, 0, -1, 0.25], atol=1e-6
    )


def test_bernoulli_gradient_is_image_minus_mean():
    rng = np.random.default_rng(2)
    images, logits = random_images(rng), tf.constant(random_images(rng))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_prob = losses.likelihood(logits).log_prob(images)
    expected = images - 1 / (1 + np.exp(-np.float64(logits)))
    np.testing.assert_allclose(tape.gradient(log_prob, logits), expected, atol=1e-6)


@pytest.mark.parametrize("stddev", [0.05, 1.0])
def test_gaussian_equals_scipy(stddev):
    rng = np.random.default_rng(3)
    images = random_images(rng)
    logits = rng.normal(size=images.shape).astype(np.float32)
    mean = 1 / (1 + np.exp(-np.float64(logits)))
    expected = stats.norm(mean, stddev).logpdf(images).sum(axis=(1, 2, 3))
    likelihood = losses.likelihood(logits, "gaussian", stddev)
    np.testing.assert_allclose(likelihood.log_prob(images), expected, rtol=1e-5)
    np.testing.assert_allclose(likelihood.mean(), mean, rtol=1e-5)


@pytest.mark.parametrize("kind", losses.LIKELIHOODS)
def test_likelihoods_are_computed_in_float32(kind):
    logits = tf.random.normal((2, 150, 150, 1), seed=0, dtype=tf.float32)
    half = tf.cast(logits, tf.bfloat16)
    images = tf.zeros(logits.shape)
    log_prob = losses.likelihood(half, kind).log_prob(images)
    assert log_prob.dtype == tf.float32
    expected = losses.likelihood(tf.cast(half, tf.float32), kind).log_prob(images)
    np.testing.assert_array_equal(log_prob, expected)


def test_rejects_unknown_likelihoods():
    with pytest.raises(ValueError, match="'laplace'; it is one of bernoulli, gaussian"):
        losses.likelihood(tf.zeros((1, 2, 2, 1)), "laplace")


# === Noise ===


def noise(shape=(20, 200), seed=SEED):
    return losses.standard_normal(shape, tf.constant(seed, tf.int64)).numpy()


def test_noise_is_a_function_of_its_seed():
    np.testing.assert_array_equal(noise(), noise())
    for other in ((4, 14), (3, 15), (14, 3), (3, -1)):
        assert np.mean(noise() == noise(seed=other)) < 0.01


def test_noise_has_the_same_bits_when_compiled():
    def draw(seed):
        return losses.standard_normal((50, 2000), seed)

    seed = tf.constant(SEED, tf.int64)
    eager = draw(seed).numpy()
    np.testing.assert_array_equal(tf.function(draw)(seed), eager)
    np.testing.assert_array_equal(tf.function(draw, jit_compile=True)(seed), eager)


def test_noise_is_standard_normal():
    sample = noise((1000, 1000)).ravel()
    assert sample.dtype == np.float32
    # Within 4 standard errors of each moment of a million standard normals.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        error = np.mean(sample.astype(np.float64) ** power) - moment
        assert abs(error) < 4 * np.sqrt(variance / sample.size)
    assert stats.kstest(sample, "norm").pvalue > 0.01
    tail = np.mean(np.abs(sample) > 4) / (2 * stats.norm.sf(4))
    assert 0.5 < tail < 1.6
    assert np.abs(sample).max() < 6.1


def test_noise_is_uncorrelated_between_places_and_steps():
    sample = np.concatenate([noise((2000, 20)), noise((2000, 20), (3, 15))], axis=1)
    correlation = np.corrcoef(sample, rowvar=False) - np.eye(40)
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)
    lag_one = np.corrcoef(sample.ravel()[:-1], sample.ravel()[1:])[0, 1]
    assert abs(lag_one) < 4 / np.sqrt(sample.size)
