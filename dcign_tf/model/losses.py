"""The terms of the variational objective, −log P(x | z) + KL(Q(z | x) ‖ P(z)).

Distributions are TensorFlow Probability's, in float32: a float16 KL divergence
overflows, and a sum over 22,500 pixels has no meaning in bfloat16.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.special
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions

LIKELIHOODS = ("bernoulli", "gaussian")


def posterior(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tfd.Normal:
    """Q(z | x) = N(z_mean, diag(exp(z_log_var))) (paper §3): one Normal a latent.

    Args:
        z_mean: float32 [B, latent_dim].
        z_log_var: float32 [B, latent_dim].

    Returns:
        A distribution of batch shape [B, latent_dim]; sum over the last axis for
        the code as a whole.
    """
    return tfd.Normal(tf.cast(z_mean, tf.float32), tf.exp(0.5 * tf.cast(z_log_var, tf.float32)))


def prior() -> tfd.Normal:
    """P(z): a standard Normal for each latent, batch shape []."""
    return tfd.Normal(tf.constant(0.0), tf.constant(1.0))


def kl_divergence(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tf.Tensor:
    """KL(Q(z | x) ‖ P(z)) of each latent, in nats: float32 [B, latent_dim]."""
    return tfd.kl_divergence(posterior(z_mean, z_log_var), prior())


def likelihood(
    logits: tf.Tensor, kind: str = "bernoulli", observation_stddev: float = 0.1
) -> tfd.Independent:
    """P(x | z), whose mean is sigmoid(logits) for either kind.

    `bernoulli` takes grey values in [0, 1] as its outcomes, as Torch7 does (its
    `main.lua` notes that squared error does not work well); computed from the
    logits, it is finite for any of them.

    Args:
        logits: the decoder's output, [B, H, W, C].
        kind: `"bernoulli"` or `"gaussian"`.
        observation_stddev: standard deviation of a pixel, for `gaussian`.

    Returns:
        A distribution of batch shape [B] and event shape [H, W, C].

    Raises:
        ValueError: for another kind.
    """
    logits = tf.cast(logits, tf.float32)
    if kind == "bernoulli":
        pixels = tfd.Bernoulli(logits=logits, dtype=tf.float32)
    elif kind == "gaussian":
        pixels = tfd.Normal(tf.sigmoid(logits), tf.constant(observation_stddev, tf.float32))
    else:
        raise ValueError(f"Unknown likelihood '{kind}'; it is one of {', '.join(LIKELIHOODS)}.")
    return tfd.Independent(pixels, reinterpreted_batch_ndims=3)


def standard_normal(shape: tuple[int, ...] | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Standard normal noise, the same bits for a seed on every device: float32.

    TensorFlow's own normals (and Keras's and TFP's) come out differently when the
    same function is compiled by XLA; so do, in their last bits, logarithms and
    polynomials. What does not differ is raw Philox bits, a table and one addition:
    each number is the sum of two quantiles of N(0, ½), picked by 16 bits each.

    Args:
        shape: of the result.
        seed: integers [2].
    """
    bits = tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    table = tf.constant(_half_variance_quantiles())
    halves = (tf.bitwise.right_shift(bits, 16), tf.bitwise.bitwise_and(bits, 0xFFFF))
    first, second = (tf.gather(table, tf.cast(half, tf.int32)) for half in halves)
    return first + second


@functools.cache
def _half_variance_quantiles() -> np.ndarray:
    """N(0, ½) at the centres of 2¹⁶ equally likely cells, its variance exact: float32."""
    quantiles = scipy.special.ndtri((np.arange(2**16) + 0.5) / 2**16)
    return (quantiles / quantiles.std() * 0.5**0.5).astype(np.float32)
