"""share_inactive against NumPy, and the procedures beside the paper's."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dcign_tf.model.grouping import share_inactive
from dcign_tf.model.losses import kl_divergence
from tests.helpers.tiny import CODE, tiny_batch, tiny_model


def shared_in_numpy(z_mean, z_log_var, active):
    """Group by group and latent by latent, in float64."""
    groups, latents = active.shape
    size = len(z_mean) // groups
    mean, log_var = z_mean.astype(float), z_log_var.astype(float)
    for g in range(groups):
        rows = slice(g * size, (g + 1) * size)
        for j in range(latents):
            if not active[g, j]:
                mean[rows, j] = np.mean(z_mean[rows, j].astype(float))
                log_var[rows, j] = np.log(np.mean(np.exp(z_log_var[rows, j].astype(float))))
    return mean, log_var


@st.composite
def cases(draw):
    groups, size, latents = (draw(st.integers(1, most)) for most in (4, 6, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    z = rng.normal(size=(2, groups * size, latents)).astype(np.float32)
    return z[0], z[1], rng.integers(0, 2, (groups, latents)).astype(np.float32)


@given(cases())
@settings(max_examples=50, deadline=None)
def test_inactive_latents_have_the_mean_posterior_of_their_batch(case):
    z_mean, z_log_var, active = case
    for ours, expected in zip(
        share_inactive(z_mean, z_log_var, active), shared_in_numpy(*case), strict=True
    ):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    if len(active) == 1:
        alone = share_inactive(z_mean, z_log_var, active[0])
        np.testing.assert_allclose(alone[0], shared_in_numpy(*case)[0], atol=1e-5)


def test_what_the_decoder_says_of_a_shared_latent_reaches_every_image():
    """The paper's procedure drops it."""
    z = tf.constant(np.random.default_rng(0).normal(size=(4, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(z)
        mean, _ = share_inactive(z, z, tf.constant([1.0, 0.0, 0.0]))
        said = tf.reduce_sum(mean * tf.constant([[1.0], [2.0], [3.0], [6.0]]))
    gradient = tape.gradient(said, z).numpy()
    np.testing.assert_allclose(gradient[:, 0], [1, 2, 3, 6])
    np.testing.assert_allclose(gradient[:, 1:], 3)


def loss_in_numpy(model, batch):
    """The ELBO of the batch with shared posteriors, the KL of all latents times beta."""
    factor = int(batch["factor"][0])
    mean, log_var = shared_in_numpy(
        *(z.numpy() for z in model.encode(batch["image"])), CODE.active_masks()[[factor]]
    )
    mean, log_var = mean.astype(np.float32), log_var.astype(np.float32)
    noise = model._sample(tf.zeros_like(mean), tf.zeros_like(mean), model.step)
    logits = model.decoder(mean + np.exp(log_var / 2) * noise)
    surprise = tf.nn.sigmoid_cross_entropy_with_logits(labels=batch["image"], logits=logits)
    kl = tf.reduce_sum(kl_divergence(mean, log_var))
    return float(tf.reduce_sum(surprise) + model.beta * kl) / len(batch["image"])


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_a_group_vae_minimises_the_bound_with_shared_posteriors(beta):
    model, batch = tiny_model(procedure="grouped", beta=beta), tiny_batch("elevation")
    expected = loss_in_numpy(model, batch)
    logs = model.train_step(batch)
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
    assert logs["invariance_loss"] == 0
    assert set(logs) >= {"grouped_reconstruction_loss", "grouped_kl_loss/elevation"}


@pytest.mark.parametrize("procedure", ["clamped", "entangled", "grouped"])
def test_beta_weighs_the_kl_and_nothing_else(procedure):
    batch = tiny_batch("azimuth")
    plain, heavy = (tiny_model(procedure=procedure, beta=b, step=5) for b in (1.0, 8.0))
    terms = plain.training_losses(batch["image"], batch["factor"][0])
    weighed = heavy.training_losses(batch["image"], batch["factor"][0])
    (kl,) = (name for name in terms if "kl" in name)
    np.testing.assert_allclose(
        float(weighed["loss"] - terms["loss"]), 7 * float(terms[kl]), rtol=1e-2, atol=1e-3
    )
    for name in set(terms) - {"loss"}:
        np.testing.assert_array_equal(weighed[name], terms[name])


def test_several_groups_are_shared_each_by_itself():
    batches = [tiny_batch(factor, seed) for seed, factor in enumerate(("azimuth", "intrinsic"))]
    model = tiny_model(keras.optimizers.SGD(0.0), procedure="grouped")
    together = {key: np.stack([b[key] for b in batches]) for key in batches[0]}
    losses = model.train_step(together)
    expected = [shared_in_numpy(
        *(z.numpy() for z in model.encode(b["image"])),
        CODE.active_masks()[[int(b["factor"][0])]],
    ) for b in batches]  # fmt: skip
    for batch, (mean, log_var) in zip(batches, expected, strict=True):
        kl = float(tf.reduce_sum(kl_divergence(mean.astype("f"), log_var.astype("f"))))
        factor = CODE.factors[int(batch["factor"][0])]
        np.testing.assert_allclose(
            losses[f"grouped_kl_loss/{factor}"], kl / len(batch["image"]), rtol=1e-4
        )
