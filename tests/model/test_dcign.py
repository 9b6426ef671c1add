"""DCIGN: its objective and gradients against plain autodiff, its losses, what one does with it."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcign_tf.factors import GraphicsCode
from dcign_tf.model import losses
from dcign_tf.model.dcign import DCIGN
from tests.helpers.tiny import (
    BATCH_SIZE,
    CODE,
    IMAGE_SHAPE,
    black,
    blinded,
    tiny_batch,
    tiny_batches,
    tiny_model,
)

TOLERANCE = 1e-5
LEARNING_RATE = 0.5


def plain_objective(model, batch, step):
    """The training objective in TensorFlow's own operations, the batch means held constant."""
    images = batch["image"]
    active = CODE.active_masks()[int(batch["factor"][0])]
    if model.procedure == "entangled":
        active = np.ones_like(active)
    outputs = model.encoder(images)
    clamped, penalty = {}, 0.0
    for name, z in outputs.items():
        reference = tf.reduce_mean(z, 0, keepdims=True) if model.clamp_mode == "mean" else z[:1]
        reference = tf.stop_gradient(reference)
        penalty += 0.5 * tf.reduce_sum((1 - active) * (z - reference) ** 2)
        clamped[name] = active * z + (1 - active) * reference
    mean, log_var = clamped["z_mean"], clamped["z_log_var"]
    noise = losses.standard_normal(mean.shape, tf.constant([model.seed, step], tf.int64))
    logits = model.decoder(mean + tf.exp(log_var / 2) * noise)
    if model.likelihood == "bernoulli":
        surprise = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
    else:
        stddev = model.observation_stddev
        surprise = (images - tf.sigmoid(logits)) ** 2 / (2 * stddev**2)
        surprise += np.log(stddev * np.sqrt(2 * np.pi))
    kl = 0.5 * tf.reduce_sum(active * (mean**2 + tf.exp(log_var) - 1 - log_var))
    warmth = min(1.0, (step + 1) / model.warmup_steps) if model.warmup_steps else 1.0
    return (
        tf.reduce_sum(surprise) + warmth * (kl + model.invariance_weight * penalty)
    ) / BATCH_SIZE


def plain_gradients(model, batch, step=0):
    with tf.GradientTape() as tape:
        objective = plain_objective(model, batch, step)
    return objective, tape.gradient(objective, model.trainable_variables)


def weight_update(model, batch):
    """What `train_step` takes off the weights, over the learning rate of plain SGD."""
    before = [w.numpy() for w in model.trainable_variables]
    model.train_step(batch)
    after = [w.numpy() for w in model.trainable_variables]
    return [(b.astype(float) - a) / LEARNING_RATE for b, a in zip(before, after, strict=True)]


# === The objective and its gradients ===

SETTINGS = [
    {},
    {"invariance_weight": 10.0},
    {"invariance_weight": 0.0},
    {"clamp_mode": "first", "invariance_weight": 1.0},
    {"procedure": "entangled"},
    {"likelihood": "gaussian", "observation_stddev": 0.3, "invariance_weight": 1.0},
    {"warmup_steps": 4, "invariance_weight": 10.0},
]


@pytest.mark.parametrize("factor", CODE.factors)
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_gradients_are_those_of_plain_autodiff(factor, setting):
    model = tiny_model(seed=5, **setting)
    batch = tiny_batch(factor)
    model.step.assign(3)
    with tf.GradientTape() as tape:
        loss = model.training_losses(batch["image"], batch["factor"][0])["loss"]
    gradients = tape.gradient(loss, model.trainable_variables)
    expected_loss, expected = plain_gradients(model, batch, step=3)
    np.testing.assert_allclose(loss, expected_loss, rtol=TOLERANCE)
    for variable, mine, plain in zip(model.trainable_variables, gradients, expected, strict=True):
        assert np.max(np.abs(mine - plain)) < TOLERANCE * np.max(np.abs(plain)), variable.path


@pytest.mark.parametrize("factor", CODE.factors)
def test_train_step_takes_the_gradient_off_the_weights(factor):
    model = tiny_model(keras.optimizers.SGD(LEARNING_RATE), invariance_weight=1.0)
    _, expected = plain_gradients(model, tiny_batch(factor))
    update = weight_update(model, tiny_batch(factor))
    for variable, mine, plain in zip(model.trainable_variables, update, expected, strict=True):
        # Weights near 1 keep 2⁻²⁴ of themselves, whatever the size of the update.
        np.testing.assert_allclose(
            mine, plain, rtol=0, atol=1e-5 * np.max(np.abs(plain)) + 2**-22, err_msg=variable.path
        )


def test_warm_up_ends_after_its_steps():
    model, batch = tiny_model(warmup_steps=3, invariance_weight=10.0), tiny_batch("azimuth")
    for step, warmth in enumerate((1 / 3, 2 / 3, 1.0, 1.0)):
        model.step.assign(step)
        losses_now = model.training_losses(batch["image"], batch["factor"][0])
        terms = {name: float(value) for name, value in losses_now.items()}
        others = terms["active_kl_loss"] + terms["invariance_loss"]
        expected = terms["clamped_reconstruction_loss"] + warmth * others
        assert terms["loss"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("factor", CODE.factors)
def test_inactive_latents_hear_of_nothing_but_invariance(factor):
    """In the columns of the two heads: exactly nothing at weight 0, the penalty's otherwise."""
    inactive = CODE.active_masks()[CODE.index(factor)] == 0
    batch = tiny_batch(factor)

    def head_gradients(weight):
        model = tiny_model(invariance_weight=weight)
        heads = [model.encoder.get_layer(name) for name in ("z_mean", "z_log_var")]
        with tf.GradientTape(persistent=True) as tape:
            loss = model.training_losses(batch["image"], batch["factor"][0])["loss"]
            penalty = 0.0
            for z in model.encode(batch["image"]):
                deviation = (z - tf.stop_gradient(tf.reduce_mean(z, axis=0))) * inactive
                penalty += weight * 0.5 * tf.reduce_sum(deviation**2) / BATCH_SIZE
        kernels = [head.kernel for head in heads]
        return tape.gradient(loss, kernels), tape.gradient(penalty, kernels)

    for gradient in head_gradients(0.0)[0]:
        np.testing.assert_array_equal(gradient.numpy()[:, inactive], 0)
        assert np.all(np.any(gradient.numpy()[:, ~inactive] != 0, axis=0))
    for gradient, expected in zip(*head_gradients(10.0), strict=True):
        gradient, expected = gradient.numpy()[:, inactive], expected.numpy()[:, inactive]
        assert np.max(np.abs(gradient - expected)) < TOLERANCE * np.max(np.abs(expected))


def test_entangled_procedure_is_a_plain_variational_autoencoder():
    model = tiny_model(procedure="entangled", invariance_weight=10.0)
    per_factor = [
        model.training_losses(tiny_batch(f)["image"], CODE.index(f)) for f in CODE.factors
    ]
    for terms in per_factor:
        assert terms["loss"] == per_factor[0]["loss"]
        assert terms["invariance_loss"] == 0
        total = terms["reconstruction_loss"] + terms["kl_loss"]
        np.testing.assert_allclose(terms["loss"], total, rtol=1e-6)
    mean, log_var = (np.float64(z) for z in model.encode(tiny_batch("azimuth")["image"]))
    kl = 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var) / BATCH_SIZE
    np.testing.assert_allclose(per_factor[0]["kl_loss"], kl, rtol=TOLERANCE)


def test_noise_depends_on_the_seed_and_the_step_alone():
    batch = tiny_batch("azimuth")

    def loss(step, seed=0):
        model = tiny_model(seed=seed)
        model.step.assign(step)
        return float(model.training_losses(batch["image"], batch["factor"][0])["loss"])

    assert loss(7) == loss(7)
    assert len({loss(7), loss(8), loss(7, seed=1), loss(8, seed=1)}) == 4

    # Rolled back to an earlier step, training repeats itself.
    model = tiny_model(keras.optimizers.SGD(0.01))
    batches = tiny_batches(3)
    model.train_step(batches[0])
    kept = model.get_weights()
    runs = []
    for _ in range(2):
        model.set_weights(kept)
        for batch in batches[1:]:
            model.train_step(batch)
        runs.append(model.get_weights())
    assert int(model.step.numpy()) == 3
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


def test_noise_is_independent_per_example_on_clamped_latents_too():
    model = tiny_model()
    mean = log_var = tf.zeros((BATCH_SIZE, CODE.latent_dim))
    z = model._sample(mean, log_var, step=0).numpy()
    assert len(np.unique(z)) == z.size


# === Losses that are logged ===


def test_training_losses_are_means_over_all_batches_and_per_factor():
    model = tiny_model(keras.optimizers.SGD(0.0))
    factors = ("azimuth", "azimuth", "intrinsic")
    expected = []
    for seed, factor in enumerate(factors):
        batch = tiny_batch(factor, seed)
        terms = model.training_losses(batch["image"], batch["factor"][0])
        expected.append({name: float(value) for name, value in terms.items()})
        logs = model.train_step(batch)

    names = ("loss", "clamped_reconstruction_loss", "active_kl_loss", "invariance_loss")
    assert set(expected[0]) == set(names)
    per_factor = {f"{n}/{f}" for n, f in itertools.product(names, CODE.factors)}
    assert set(logs) == {*names, *per_factor, "gradient_norm"}
    for name in names:
        values = [terms[name] for terms in expected]
        np.testing.assert_allclose(logs[name], np.mean(values), rtol=1e-6)
        np.testing.assert_allclose(logs[f"{name}/azimuth"], np.mean(values[:2]), rtol=1e-6)
        np.testing.assert_allclose(logs[f"{name}/intrinsic"], values[2], rtol=1e-6)
        assert np.isnan(logs[f"{name}/elevation"])
    total = sum(expected[0][name] for name in names[1:])
    np.testing.assert_allclose(expected[0]["loss"], total, rtol=1e-6)


def test_a_loss_that_is_not_finite_stays_with_its_factor():
    model = blinded(tiny_model(keras.optimizers.SGD(0.0)))
    batch = tiny_batch("elevation")
    model.train_step(black(batch))
    model.set_weights(tiny_model().get_weights())
    logs = model.train_step(tiny_batch("azimuth"))
    assert np.isfinite(logs["loss/azimuth"])
    assert np.isnan(logs["loss/elevation"])
    assert np.isnan(logs["loss"])


def test_metrics_are_what_keras_resets():
    model = tiny_model()
    model.train_step(tiny_batch("azimuth"))
    model.test_step(tiny_batch("azimuth"))
    *of_losses, norm = model.metrics
    assert len(of_losses) == 4 + 5
    assert norm.result() > 0
    for metric in model.metrics:
        metric.reset_state()
    assert all(np.isnan(mean) for metric in of_losses for mean in metric.result().values())
    assert norm.result() == 0


def test_test_step_measures_the_whole_evidence_lower_bound():
    model = tiny_model(seed=2)
    batch = tiny_batch("elevation")
    logs = model.test_step(batch)
    mean, log_var = model.encode(batch["image"])
    noise = losses.standard_normal(mean.shape, tf.constant([2, -1], tf.int64))
    logits = np.float64(model.decoder(mean + tf.exp(0.5 * log_var) * noise))
    images, mean, log_var = (np.float64(x) for x in (batch["image"], mean, log_var))
    surprise = images * np.logaddexp(0, -logits) + (1 - images) * np.logaddexp(0, logits)
    kl = 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var)
    for name, expected in (
        ("reconstruction_loss", surprise.sum() / BATCH_SIZE),
        ("kl_loss", kl / BATCH_SIZE),
        ("elbo", -(surprise.sum() + kl) / BATCH_SIZE),
    ):
        np.testing.assert_allclose(logs[name], expected, rtol=TOLERANCE)
        assert logs[f"{name}/elevation"] == logs[name]
        assert np.isnan(logs[f"{name}/azimuth"])


def test_test_step_changes_nothing_and_repeats_itself():
    model, batch = tiny_model(), tiny_batch("azimuth")
    weights = model.get_weights()
    results = []
    for step in (0, 40):
        model.step.assign(step)
        for metric in model.metrics:
            metric.reset_state()
        results.append(float(model.test_step(batch)["elbo"]))
        assert int(model.step.numpy()) == step
    assert results[0] == results[1]
    model.step.assign(0)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("step", ["train_step", "test_step"])
def test_rejects_batches_in_which_several_factors_vary(step):
    batch = tiny_batch("azimuth")
    mixed = {**batch, "factor": np.array([0, 0, 1, 0, 0, 2])}
    model = tiny_model()
    eager = getattr(model, step)
    for replica_step, error in (
        (eager, ValueError),
        (tf.function(eager, autograph=False), tf.errors.InvalidArgumentError),
    ):
        with pytest.raises(error, match="Several factors in one batch"):
            replica_step(mixed)


# === Use ===


@pytest.fixture(scope="module")
def model():
    return tiny_model()


IMAGES = tiny_batch("azimuth", seed=9)["image"]


def test_reconstructions_are_images_through_the_posterior_mean(model):
    z_mean, _ = model.encode(IMAGES)
    expected = 1 / (1 + np.exp(-np.float64(model.decoder(z_mean))))
    images = model(IMAGES)
    assert images.shape == (BATCH_SIZE, *IMAGE_SHAPE)
    np.testing.assert_allclose(images, expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), images, rtol=1e-5)


@pytest.mark.parametrize(
    "latents",
    [
        {},
        {"azimuth": 1.5},
        {"azimuth": -1, "elevation": 0.25},
        {"elevation": [2.0, -1.0]},
        {"azimuth": np.linspace(-2, 2, BATCH_SIZE)[:, None]},
        {"intrinsic": np.arange(3.0 * BATCH_SIZE).reshape(BATCH_SIZE, 3)},
    ],
    ids=str,
)
def test_rerender_changes_the_latents_asked_for_and_no_other(model, latents):
    z = model.encode(IMAGES)[0].numpy()
    for factor, value in latents.items():
        z[:, CODE.slice(factor)] = value
    rendered = model.rerender(IMAGES, **latents)
    np.testing.assert_array_equal(rendered, model.decode(z))
    assert np.any(rendered != model(IMAGES)) == bool(latents)


def test_rerender_runs_in_a_graph_with_any_batch_size(model):
    @tf.function(input_signature=[tf.TensorSpec([None, *IMAGE_SHAPE]), tf.TensorSpec([])])
    def turned(images, azimuth):
        return model.rerender(images, azimuth=azimuth)

    for size in (1, 4):
        expected = model.rerender(IMAGES[:size], azimuth=0.5)
        np.testing.assert_allclose(turned(IMAGES[:size], 0.5), expected, rtol=1e-5)


def test_rerender_rejects_unknown_factors_and_wrong_widths(model):
    with pytest.raises(KeyError, match="'pose'; this code has azimuth, elevation, intrinsic"):
        model.rerender(IMAGES, pose=1.0)
    with pytest.raises(ValueError, match="does not fit 6 pictures, 2 for each"):
        model.rerender(IMAGES, elevation=[1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"procedure": "clamp"}, "procedure 'clamp'; it is one of clamped, entangled"),
        ({"clamp_mode": "last"}, "clamp_mode 'last'; it is one of mean, first"),
        ({"likelihood": "mse"}, "likelihood 'mse'; it is one of bernoulli, gaussian"),
        ({"invariance_weight": -1.0}, "must be ≥ 0"),
        ({"observation_stddev": 0.0}, "observation_stddev > 0"),
        ({"warmup_steps": -1}, "must be ≥ 0"),
    ],
)
def test_rejects_settings_that_mean_nothing(setting, message):
    with pytest.raises(ValueError, match=message):
        tiny_model(**setting)


def test_rejects_networks_of_another_code(model):
    other = tiny_model()
    with pytest.raises(ValueError, match="encoder's z_mean has 6 latents, the graphics code 7"):
        DCIGN(other.encoder, other.decoder, GraphicsCode.faces(7))
    decoder = keras.Sequential([keras.Input((7,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="decoder has 7 latents, the graphics code 6"):
        DCIGN(other.encoder, decoder, CODE)
