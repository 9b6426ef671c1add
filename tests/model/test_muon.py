import keras
import numpy as np
import pytest

from dcign_tf.model.muon import ConvMuon
from dcign_tf.model.networks import build_encoder

RATE = 0.01


def stepped(optimizer, shape, gradients):
    """What a weight that was 0 becomes."""
    weight = keras.Variable(np.zeros(shape, np.float32))
    optimizer.build([weight])
    for gradient in gradients:
        optimizer.apply([gradient.astype(np.float32)])
    return weight.numpy()


def gradients(shape, count, seed=0):
    return list(np.random.default_rng(seed).normal(size=(count, *shape)))


def orthogonalised(matrix):
    """Five steps of the quintic iteration of Jordan et al. (2024)."""
    x = matrix / np.linalg.norm(matrix)
    for _ in range(5):
        square = x.T @ x
        x = x @ (3.4445 * np.eye(len(square)) - 4.7750 * square + 2.0315 * square @ square)
    return x


def test_a_kernel_is_stepped_along_its_orthogonalised_momentum():
    shape, weight, momentum = (3, 3, 8, 6), 0.0, 0.0
    given = gradients(shape, 3)
    for gradient in given:
        momentum = 0.95 * momentum + gradient.reshape(72, 6)
        step = orthogonalised(gradient.reshape(72, 6) + 0.95 * momentum)
        weight = weight - RATE * 0.2 * np.sqrt(72) * step
    np.testing.assert_allclose(
        stepped(ConvMuon(RATE), shape, given).reshape(72, 6), weight, atol=1e-6
    )


def test_directions_that_the_gradient_hardly_shows_are_learned_as_fast():
    shape = (3, 3, 8, 6)
    u, _, v = np.linalg.svd(gradients((72, 6), 1)[0], full_matrices=False)
    gradient = u @ np.diag([100.0, 30.0, 10.0, 3.0, 2.0, 1.0]) @ v
    stepped_by = stepped(ConvMuon(RATE), shape, [gradient.reshape(shape)]).reshape(72, 6)
    sizes = np.linalg.svd(stepped_by, compute_uv=False) / (RATE * 0.2 * np.sqrt(72))
    assert sizes.min() > 0.3  # of the gradient's own: 100 to 1
    assert sizes.max() < 1.3


@pytest.mark.parametrize("shape", [(5, 5, 1, 32), (7, 7, 32, 3), (40, 30), (6,)])
def test_all_other_weights_are_steps_of_adam(shape):
    given = gradients(shape, 3)
    adam = keras.optimizers.Adam(RATE, beta_1=0.9, beta_2=0.99)
    ours = ConvMuon(RATE, adam_beta_1=0.9, adam_beta_2=0.99)
    np.testing.assert_allclose(stepped(ours, shape, given), stepped(adam, shape, given), rtol=1e-5)


def test_nothing_decays_that_was_not_asked_to():
    for shape in ((3, 3, 8, 6), (40, 30)):
        weight = keras.Variable(np.ones(shape, np.float32))
        optimizer = ConvMuon(RATE)
        optimizer.build([weight])
        optimizer.apply([np.zeros(shape, np.float32)])
        np.testing.assert_array_equal(weight.numpy(), 1)


def test_it_is_saved_with_its_state_and_goes_on(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_encoder((30, 30, 1), 4, filters=(6, 8), kernel_size=3)
    model.compile(ConvMuon(RATE), loss="mse")
    x = np.random.default_rng(0).uniform(size=(8, 30, 30, 1)).astype(np.float32)
    y = {"z_mean": np.ones((8, 4)), "z_log_var": np.zeros((8, 4))}
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, ConvMuon)
    for either in (model, loaded):
        either.train_on_batch(x, y)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
