"""Group-VAE: what the images of a factor batch share has one posterior, and an honest gradient.

The neighbour of the paper's procedure that is told the same: which one factor varies. The
posterior of each inactive latent is averaged over the batch, as it is here clamped to its mean; but
nothing is replaced on the way back, and the prior holds for all latents.

Source: Hosoya, *Group-based learning of disentangled representations with generalizability for
novel contents* (IJCAI 2019), as Locatello et al., *Weakly-supervised disentanglement without
compromises* (ICML 2020), §4, describe it ("GVAE"): arithmetic means of means and of variances.
There pairs of images are told apart by how many factors differ; here batches of any size by which.
"""

from __future__ import annotations

import tensorflow as tf


def share_inactive(
    z_mean: tf.Tensor, z_log_var: tf.Tensor, active_mask: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gives the inactive latents of a factor batch one posterior.

    Args:
        z_mean: float32 [R·B, latent_dim], of R factor batches one behind the other.
        z_log_var: the same.
        active_mask: 1 for an active latent, 0 for an inactive one, [R, latent_dim] (or
            [latent_dim] of one batch).

    Returns:
        Both, the inactive latents' means and variances replaced by their means over the
        factor batch. Gradients are those of these formulas.
    """
    latent_dim = z_mean.shape[-1]
    active = tf.cast(tf.reshape(active_mask, (-1, 1, latent_dim)), tf.bool)

    def shared(z: tf.Tensor) -> tf.Tensor:
        batches = tf.reshape(z, (tf.shape(active)[0], -1, latent_dim))
        mean = tf.reduce_mean(batches, axis=1, keepdims=True)
        return tf.reshape(tf.where(active, batches, mean), tf.shape(z))

    return shared(z_mean), tf.math.log(shared(tf.exp(z_log_var)))
