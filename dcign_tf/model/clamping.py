"""The paper's training procedure: clamp the inactive latents, pull them together.

In a batch only one factor varies. The latents of that factor are *active*; all
others are *inactive* and ought to be the same for every example, so they are
replaced by their mean over the batch (paper §3.1, steps 4 and 5):

                  forward                                backward
    active    z ───────────────▶ decoder        z ◀── ∂ loss/∂ clamped ── decoder
    inactive  z ──▶ batch mean ─▶ decoder       z ◀── weight · (z − batch mean)

Several such batches may pass through the networks together: each is clamped by itself.

Going back, an active latent receives its gradient unchanged and an inactive one
receives the invariance gradient and *nothing else*: what the decoder and the KL
divergence say of it is dropped.

The obvious implementation, a custom gradient that injects `weight · (z − mean)`
whatever its upstream gradient is, is wrong: the injected gradient escapes every
factor that the framework multiplies the loss by. A loss scale of 2¹⁵ then
divides the invariance away, and two replicas double it. Here the operation has a
second output, the penalty ½·Σ(z − mean)², whose upstream gradient carries those
factors; the caller adds `invariance_weight · penalty` to the loss. Because
Σ(z − mean) = 0, this equals differentiating that penalty with the mean held
constant, and also with the mean not held constant.

Differs from Torch7 (`willwhitney/dc-ign`), which clamps to the batch's *first*
example (`mode="first"` here; the paper's Fig. 3 says "out = mean"), applies
the invariance signal twice and with the sign that pushes latents apart, and has
it switched off by default.
"""

from __future__ import annotations

import tensorflow as tf

MODES = ("mean", "first")


def clamp_inactive(
    z: tf.Tensor, active_mask: tf.Tensor, mode: str = "mean"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Replaces the inactive latents by one value for the whole factor batch.

    Args:
        z: latents, or any statistic of them, float32 or float64 [B, latent_dim]; of R
            factor batches [R·B, latent_dim], one behind the other.
        active_mask: 1 for an active latent, 0 for an inactive one, [latent_dim]; of R
            factor batches [R, latent_dim].
        mode: `"mean"` clamps to the mean over the factor batch (paper §3.1),
            `"first"` to its first example (Torch7).

    Returns:
        `(clamped, invariance_penalty)`: as z, and ½·Σ(z − reference)² over examples and
        inactive latents, a scalar, or [R]. Their gradients with respect to z are
        `active · d clamped` and `d penalty · inactive · (z − reference)`: the reference
        is held constant in both modes.

    Raises:
        ValueError: for another mode, a half-precision z, or shapes that do not fit.
    """
    z = tf.convert_to_tensor(z)
    active = tf.cast(active_mask, tf.bool)
    if mode not in MODES:
        raise ValueError(f"Unknown clamping mode '{mode}'; it is one of {', '.join(MODES)}.")
    if z.dtype not in (tf.float32, tf.float64):
        raise ValueError(f"Latents must be clamped in float32 or float64, not {z.dtype.name}.")
    if z.shape.rank != 2 or active.shape.rank not in (1, 2) or active.shape[-1] != z.shape[1]:
        raise ValueError(
            f"Expected latents [B, latent_dim] and a mask [latent_dim], or [R·B, latent_dim]"
            f" and [R, latent_dim]; got {z.shape} and {active.shape}."
        )
    if active.shape.rank == 2 and z.shape[0] and active.shape[0]:
        batch_size, rest = divmod(z.shape[0], active.shape[0])
        if rest or (batch_size < 2 and active.shape[0] > 1):
            raise ValueError(
                f"{z.shape[0]} examples are not {active.shape[0]} factor batches of one size,"
                " at least 2."
            )
    active = tf.reshape(active, (-1, 1, z.shape[1]))  # [R, 1, latent_dim]

    @tf.custom_gradient
    def clamp(z):  # [R, B, latent_dim]
        reference = tf.reduce_mean(z, axis=1, keepdims=True) if mode == "mean" else z[:, :1]
        deviation = tf.where(active, tf.zeros_like(z), z - reference)

        def gradient(d_clamped, d_penalty):
            return tf.where(active, d_clamped, d_penalty[:, None, None] * deviation)

        clamped = tf.where(active, z, reference)
        return (clamped, 0.5 * tf.reduce_sum(tf.square(deviation), axis=(1, 2))), gradient

    clamped, penalty = clamp(tf.reshape(z, (tf.shape(active)[0], -1, z.shape[1])))
    return tf.reshape(clamped, tf.shape(z)), tf.reshape(penalty, tf.shape(active_mask)[:-1])
