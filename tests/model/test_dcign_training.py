"""Training a DCIGN: loss scaling, replicas, `fit`, saving and going on."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.tiny import (
    BATCH_SIZE,
    CODE,
    IMAGE_SHAPE,
    tiny_batch,
    tiny_batches,
    tiny_model,
    train,
)

BATCHES = tiny_batches(6)
# Large, so that a factor on the invariance gradient alone could not go unnoticed.
STRONG = {"invariance_weight": 10.0}


@pytest.fixture(scope="module", autouse=True)
def _arithmetic_as_written():
    """Else TensorFlow rewrites the two replicas' sums differently, by a last digit."""
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
    yield
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": True})


def weights(model):
    return [w.numpy() for w in model.trainable_variables]


def assert_same_bits(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def trained():
    """The reference: float32, one device, no loss scale."""
    return train(tiny_model(**STRONG), BATCHES)


def test_every_weight_is_trained(trained):
    for before, after in zip(weights(tiny_model()), weights(trained), strict=True):
        assert np.any(before != after)
    assert int(trained.step.numpy()) == len(BATCHES)


def test_the_comparisons_below_would_notice_a_change_of_the_invariance_gradient(trained):
    halved = train(tiny_model(invariance_weight=5.0), BATCHES)
    differences = [
        np.max(np.abs(a - b)) for a, b in zip(*map(weights, (trained, halved)), strict=True)
    ]
    assert max(differences) > 1e-3


def test_loss_scaling_changes_no_bit(trained):
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(1e-3), initial_scale=2.0**15
    )
    scaled = train(tiny_model(optimizer, **STRONG), BATCHES)
    assert_same_bits(weights(scaled), weights(trained))


@pytest.mark.parametrize("loss_scale", [None, 2.0**15])
def test_two_replicas_fed_the_same_batch_change_no_bit(trained, mirrored_strategy, loss_scale):
    with mirrored_strategy.scope():
        optimizer = keras.optimizers.Adam(1e-3)
        if loss_scale:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=loss_scale)
        mirrored = tiny_model(optimizer, **STRONG)
    train(mirrored, BATCHES, mirrored_strategy)
    assert mirrored_strategy.num_replicas_in_sync == 2
    assert int(mirrored.step.numpy()) == len(BATCHES)
    assert_same_bits(weights(mirrored), weights(trained))
    for name, metric in mirrored.loss_means["train"].items():
        expected = trained.loss_means["train"][name].result()
        for key, value in metric.result().items():
            np.testing.assert_allclose(value, expected[key], rtol=1e-6, err_msg=key)


def dataset(batches):
    return tf.data.Dataset.from_tensor_slices(
        {key: np.stack([batch[key] for batch in batches]) for key in ("image", "factor")}
    )


def test_fit_trains_the_same_weights(trained):
    model = tiny_model(**STRONG)
    history = model.fit(
        dataset(BATCHES[:3]).concatenate(dataset(BATCHES[3:])),
        validation_data=dataset(BATCHES[:2]),
        verbose=0,
    ).history
    assert_same_bits(weights(model), weights(trained))
    for name, value in trained.loss_means["train"]["loss"].result().items():
        np.testing.assert_allclose(history[name], [value], rtol=1e-6)
    assert {"val_elbo", "val_elbo/azimuth", "val_kl_loss", "val_reconstruction_loss"} < set(history)
    assert np.isfinite(history["val_elbo"][0])
    assert np.isnan(history["val_elbo/intrinsic"][0])


def test_fit_under_a_strategy_gives_each_replica_a_factor_batch_of_its_own(mirrored_strategy):
    """Two factor batches to a global batch; the same as averaging their two gradients."""
    pairs = list(zip(BATCHES[::2], BATCHES[1::2], strict=True))
    learning_rate = 0.05
    plain = tiny_model(**STRONG)
    for pair in pairs:
        with tf.GradientTape() as tape:
            losses = [
                plain.training_losses(batch["image"], batch["factor"][0])["loss"] for batch in pair
            ]
            objective = sum(losses) / 2
        gradients = tape.gradient(objective, plain.trainable_variables)
        for variable, gradient in zip(plain.trainable_variables, gradients, strict=True):
            variable.assign_sub(learning_rate * gradient)
        plain.step.assign_add(1)

    with mirrored_strategy.scope():
        model = tiny_model(keras.optimizers.SGD(learning_rate), **STRONG)
    global_batches = [{key: np.concatenate([a[key], b[key]]) for key in a} for a, b in pairs]
    history = model.fit(dataset(global_batches), verbose=0).history
    for mine, expected in zip(weights(model), weights(plain), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert int(model.step.numpy()) == len(pairs)
    per_factor = [history[f"loss/{factor}"][0] for factor in CODE.factors]
    np.testing.assert_allclose(history["loss"], np.mean(per_factor), rtol=1e-6)


def test_a_skipped_step_advances_the_noise_but_not_the_weights():
    """float16's non-finite steps: `optimizer.iterations` would not do as the step counter."""
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3))
    model = tiny_model(optimizer)
    before = weights(model)
    batch = tiny_batch("azimuth")
    model.train_step({**batch, "image": batch["image"] * np.inf})
    assert_same_bits(weights(model), before)
    assert int(optimizer.inner_optimizer.iterations.numpy()) == 0
    assert int(model.step.numpy()) == 1


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_saved_and_loaded_training_goes_on_bit_for_bit(tmp_path, set_dtype_policy, policy):
    set_dtype_policy(policy)
    setting = {
        "procedure": "clamped",
        "clamp_mode": "first",
        "invariance_weight": 0.5,
        "likelihood": "gaussian",
        "observation_stddev": 0.3,
        "seed": 11,
    }
    model = tiny_model(**setting)
    for batch in BATCHES[:3]:
        model.train_step(batch)
    path = tmp_path / "model.keras"
    model.save(path)
    set_dtype_policy("float32")  # what was saved decides, not where it is loaded
    loaded = keras.saving.load_model(path)

    assert loaded.code == CODE
    assert {name: getattr(loaded, name) for name in setting} == setting
    assert loaded.encoder.get_layer("conv1").compute_dtype == policy.removeprefix("mixed_")
    assert int(loaded.step.numpy()) == 3
    is_scaled = [
        isinstance(m.optimizer, keras.optimizers.LossScaleOptimizer) for m in (model, loaded)
    ]
    assert is_scaled == [policy == "mixed_float16"] * 2
    images = BATCHES[0]["image"]
    assert_same_bits(loaded.encode(images), model.encode(images))
    assert_same_bits(loaded(images), model(images))
    assert_same_bits(all_state(loaded), all_state(model))

    for batch in BATCHES[3:]:
        model.train_step(batch)
        loaded.train_step(batch)
    assert_same_bits(all_state(loaded), all_state(model))


def all_state(model):
    """Weights, step, and everything that the optimiser remembers."""
    return model.get_weights() + [v.numpy() for v in model.optimizer.variables]


def test_loss_scale_is_kept(tmp_path, set_dtype_policy):
    set_dtype_policy("mixed_float16")
    model = tiny_model()
    batch = tiny_batch("azimuth")
    model.train_step({**batch, "image": batch["image"] * np.nan})
    model.train_step(batch)
    initial = model.optimizer.initial_scale
    assert float(model.optimizer.dynamic_scale.numpy()) == initial / 2
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.dynamic_scale.numpy()) == initial / 2
    assert int(loaded.optimizer.step_counter.numpy()) == 1


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_learns_what_it_is_shown(set_dtype_policy, policy):
    """Overfits a sweep of grey levels: the images, and the level in the azimuth latent."""
    set_dtype_policy(policy)
    levels = np.linspace(0.1, 0.9, BATCH_SIZE, dtype=np.float32)
    images = np.ones((BATCH_SIZE, *IMAGE_SHAPE), np.float32) * levels[:, None, None, None]
    batch = {"image": images, "factor": np.zeros(BATCH_SIZE, np.int32)}
    model = tiny_model(keras.optimizers.Adam(1e-2))
    train(model, [batch] * 200)
    reconstructed = model(images)
    # Drawing the mean grey for all would be 0.24 off, and drawing them in reverse 0.48.
    assert np.mean(np.abs(reconstructed - images)) < 0.1
    reversed_azimuth = model.encode(images)[0][::-1, :1]
    rendered = model.rerender(images, azimuth=reversed_azimuth)
    assert np.mean(np.abs(rendered - images[::-1])) < 0.1
