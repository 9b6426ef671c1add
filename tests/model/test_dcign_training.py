"""Training a DCIGN: loss scaling, replicas, `fit`, saving and going on."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcign_tf.model.muon import ConvMuon
from tests.helpers.tiny import (
    BATCH_SIZE,
    CODE,
    IMAGE_SHAPE,
    black,
    blinded,
    tiny_batch,
    tiny_batches,
    tiny_model,
    together,
    train,
)

BATCHES = tiny_batches(6)
PAIRS = [together(BATCHES[i : i + 2]) for i in range(0, 6, 2)]
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
def test_the_norm_of_the_gradient_is_that_of_the_step(loss_scale):
    """With plain gradient descent that is how far the weights go, over the rate."""
    optimizer = keras.optimizers.SGD(0.5)
    if loss_scale:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=loss_scale)
    model = tiny_model(optimizer, **STRONG)
    before = model.get_weights()
    logs = train(model, BATCHES[:1]).step_means["gradient_norm"]
    gone = sum(np.sum((a - b) ** 2.0) for a, b in zip(before, model.get_weights(), strict=True))
    steps = 1  # the weight that counts them
    np.testing.assert_allclose(logs.result(), np.sqrt(gone - steps) / 0.5, rtol=1e-4)


def test_validation_also_tells_what_training_minimises():
    model = tiny_model(step=3, warmup_steps=5, **STRONG)
    batch = {name: tf.constant(value) for name, value in BATCHES[0].items()}
    logs = model.test_step(batch)
    expected = model.training_losses(batch["image"], batch["factor"][0], noise=-1)["loss"]
    np.testing.assert_allclose(logs["objective"], expected, rtol=1e-6)
    np.testing.assert_allclose(logs["loss"], -logs["elbo"], rtol=1e-6)
    assert abs(logs["loss"] - logs["objective"]) > 1e-3


@pytest.fixture(scope="module")
def trained_on_pairs():
    """Two factor batches a step, on one device."""
    return train(tiny_model(keras.optimizers.SGD(0.05), **STRONG), PAIRS)


def assert_nearly_the_same(model, expected):
    assert int(model.step.numpy()) == int(expected.step.numpy())
    for mine, other in zip(weights(model), weights(expected), strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-5 * np.abs(other).max())
    for name, metric in model.loss_means["train"].items():
        means = expected.loss_means["train"][name].result()
        for key, value in metric.result().items():
            np.testing.assert_allclose(value, means[key], rtol=1e-5, err_msg=key)


@pytest.mark.parametrize("loss_scale", [None, 2.0**15])
def test_two_replicas_do_what_two_factor_batches_do(
    trained_on_pairs, mirrored_strategy, loss_scale
):
    with mirrored_strategy.scope():
        optimizer = keras.optimizers.SGD(0.05)
        if loss_scale:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=loss_scale)
        mirrored = tiny_model(optimizer, **STRONG)
    train(mirrored, PAIRS, mirrored_strategy)
    assert mirrored_strategy.num_replicas_in_sync == 2
    assert int(mirrored.step.numpy()) == len(PAIRS)
    assert_nearly_the_same(mirrored, trained_on_pairs)


def test_two_replicas_of_two_factor_batches(mirrored_strategy):
    fours = [together([*BATCHES[:3], tiny_batch("elevation", seed=9)]), together(BATCHES[2:])]
    alone = train(tiny_model(keras.optimizers.SGD(0.05), **STRONG), fours)
    with mirrored_strategy.scope():
        mirrored = tiny_model(keras.optimizers.SGD(0.05), **STRONG)
    assert_nearly_the_same(train(mirrored, fours, mirrored_strategy), alone)


def test_one_factor_batch_with_a_dimension_in_front_changes_no_bit(trained):
    single = train(tiny_model(**STRONG), [together([batch]) for batch in BATCHES])
    assert_same_bits(weights(single), weights(trained))
    for name, metric in single.loss_means["train"].items():
        expected = trained.loss_means["train"][name].result()
        for key, value in metric.result().items():
            np.testing.assert_array_equal(value, expected[key], err_msg=key)


def test_the_losses_of_several_factor_batches_are_averaged(trained_on_pairs):
    """Against each batch by itself, without noise: the same latents, logits and terms."""
    model = tiny_model(**STRONG)
    model._sample = lambda z_mean, z_log_var, step: z_mean
    pair = together(BATCHES[:2])
    images = pair["image"].reshape(-1, *IMAGE_SHAPE)
    with tf.GradientTape() as tape:
        terms = model.training_losses(images, pair["factor"][:, 0])
        loss = tf.reduce_mean(terms["loss"])
    gradients = tape.gradient(loss, model.trainable_variables)
    expected = [0.0] * len(gradients)
    for index, batch in enumerate(BATCHES[:2]):
        with tf.GradientTape() as tape:
            alone = model.training_losses(batch["image"], batch["factor"][0])
        for name, value in alone.items():
            np.testing.assert_allclose(terms[name][index], value, rtol=1e-5, err_msg=name)
        halves = tape.gradient(alone["loss"], model.trainable_variables)
        expected = [total + half / 2 for total, half in zip(expected, halves, strict=True)]
    for variable, mine, other in zip(model.trainable_variables, gradients, expected, strict=True):
        np.testing.assert_allclose(
            mine, other, rtol=0, atol=1e-5 * np.abs(other).max(), err_msg=variable.path
        )


def test_replicas_draw_noise_of_their_own(mirrored_strategy):
    with mirrored_strategy.scope():
        model = tiny_model()
    zeros = tf.zeros((BATCH_SIZE, CODE.latent_dim))
    drawn = mirrored_strategy.run(lambda: model._sample(zeros, zeros, step=0))
    both = np.concatenate([z.numpy() for z in mirrored_strategy.experimental_local_results(drawn)])
    alone = tiny_model()._sample(tf.tile(zeros, (2, 1)), tf.tile(zeros, (2, 1)), step=0)
    np.testing.assert_array_equal(both, alone)
    assert len(np.unique(both)) == both.size


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


def test_fit_takes_several_factor_batches_a_step(trained_on_pairs):
    model = tiny_model(keras.optimizers.SGD(0.05), **STRONG)
    history = model.fit(dataset(PAIRS), validation_data=dataset(PAIRS), verbose=0).history
    assert_same_bits(weights(model), weights(trained_on_pairs))
    per_factor = [history[f"val_elbo/{factor}"][0] for factor in CODE.factors]
    np.testing.assert_allclose(history["val_elbo"], np.mean(per_factor), rtol=1e-6)


@pytest.mark.parametrize("pairs", [PAIRS, None], ids=["in front", "one behind the other"])
def test_fit_under_a_strategy_gives_each_replica_a_factor_batch_of_its_own(
    trained_on_pairs, mirrored_strategy, pairs
):
    pairs = pairs or [
        {key: np.concatenate(list(value)) for key, value in pair.items()} for pair in PAIRS
    ]
    with mirrored_strategy.scope():
        model = tiny_model(keras.optimizers.SGD(0.05), **STRONG)
    history = model.fit(dataset(pairs), verbose=0).history
    assert_nearly_the_same(model, trained_on_pairs)
    per_factor = [history[f"loss/{factor}"][0] for factor in CODE.factors]
    np.testing.assert_allclose(history["loss"], np.mean(per_factor), rtol=1e-6)


def test_a_skipped_step_advances_the_noise_but_not_the_weights():
    """float16's non-finite steps: `optimizer.iterations` would not do as the step counter."""
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3))
    model = blinded(tiny_model(optimizer))
    before = weights(model)
    batch = tiny_batch("azimuth")
    model.train_step(black(batch))
    assert_same_bits(weights(model), before)
    assert int(optimizer.inner_optimizer.iterations.numpy()) == 0
    assert int(model.step.numpy()) == 1
    model.train_step(batch)
    assert model.step_means["gradient_norm"].result() > 0  # of the step that was taken


@pytest.mark.parametrize("blind", [0, 1])
@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, ConvMuon])
def test_all_replicas_skip_a_step_that_any_of_them_must(mirrored_strategy, optimizer, blind):
    halves = [tiny_batch("azimuth", seed=replica) for replica in range(2)]
    halves[blind] = black(halves[blind])
    pair = {key: np.concatenate([half[key] for half in halves]) for key in halves[0]}
    with mirrored_strategy.scope():
        scaled = keras.optimizers.LossScaleOptimizer(optimizer(1e-3), initial_scale=8.0)
        model = blinded(tiny_model(scaled))
    before = weights(model)
    train(model, [pair], mirrored_strategy)
    assert_same_bits(weights(model), before)
    assert float(scaled.dynamic_scale.numpy()) == 4
    assert int(scaled.inner_optimizer.iterations.numpy()) == 0


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
    model = blinded(tiny_model())
    batch = tiny_batch("azimuth")
    model.train_step(black(batch))
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
    # At 1e-2 it depends on the last bits, which differ by processor, whether all ReLUs die.
    model = tiny_model(keras.optimizers.Adam(3e-3))
    train(model, [batch] * 300)
    reconstructed = model(images)
    # Drawing the mean grey for all would be 0.24 off, and drawing them in reverse 0.48.
    assert np.mean(np.abs(reconstructed - images)) < 0.1
    reversed_azimuth = model.encode(images)[0][::-1, :1]
    rendered = model.rerender(images, azimuth=reversed_azimuth)
    assert np.mean(np.abs(rendered - images[::-1])) < 0.1
