"""An entangled network's latents: found, put in their places, and used there by the model."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.codec import Codec
from dcign_tf.evaluation.entangled import find_latents, with_found_latents
from dcign_tf.evaluation.sweep_codes import Codes, encode_factors
from dcign_tf.factors import GraphicsCode
from dcign_tf.readouts.calibrated_factor import CalibrationError
from dcign_tf.readouts.calibration import Calibration
from tests.helpers.tiny import AZIMUTH, CODE, IMAGE_SHAPE, tiny_batch, tiny_model

FACES = GraphicsCode.faces(8)


def sweeps_in_which(spread: dict[int, float], count: int = 3, latent_dim: int = 8) -> Codes:
    """Latents, by number, that move within sweeps of 20 with these standard deviations."""
    rng = np.random.default_rng(sum(spread) if spread else 0)
    sweeps = []
    for _ in range(count):
        z = np.tile(rng.normal(0, 50, latent_dim), (20, 1))  # between sweeps all differ greatly
        for latent, deviation in spread.items():
            moves = rng.normal(size=20)
            z[:, latent] += deviation * (moves - moves.mean()) / moves.std()
        sweeps.append(z)
    return Codes(sweeps, identities=[np.zeros(20, int)] * count)


def latents_of(**spreads: dict[int, float]) -> dict[str, tuple[int, ...]]:
    codes = {factor: sweeps_in_which(spread) for factor, spread in spreads.items()}
    return {factor: own["latents"] for factor, own in find_latents(codes, FACES).items()}


class TestFinding:
    def test_the_largest_variance_within_sweeps(self):
        found = latents_of(
            azimuth={7: 1.0, 2: 3.0}, elevation={5: 0.1, 4: 0.2}, light_azimuth={0: 5.0, 2: 4.0}
        )
        assert found == {"azimuth": (2,), "elevation": (4,), "light_azimuth": (0,)}

    def test_two_factors_do_not_share_one(self):
        """Elevation loses less by taking its second than azimuth would, whatever their scales."""
        codes = {
            "azimuth": sweeps_in_which({3: 1.0, 6: 0.1}),
            "elevation": sweeps_in_which({3: 100.0, 1: 90.0}),
            "light_azimuth": sweeps_in_which({0: 1.0}),
        }
        found = find_latents(codes, FACES)
        assert {f: own["latents"] for f, own in found.items()} == {
            "azimuth": (3,),
            "elevation": (1,),
            "light_azimuth": (0,),
        }
        assert found["azimuth"]["relative_variance"] == pytest.approx((1.0,))
        assert found["elevation"]["relative_variance"] == pytest.approx((0.81,))

    def test_a_factor_of_two_latents(self):
        codes = {
            "azimuth": sweeps_in_which({0: 1.0}, latent_dim=6),
            "elevation": sweeps_in_which({5: 1.0, 2: 2.0, 0: 1.5}, latent_dim=6),
        }
        found = find_latents(codes, CODE)
        assert found["elevation"]["latents"] == (2, 5)
        assert found["elevation"]["relative_variance"] == pytest.approx((1.0, 0.25))

    def test_nothing_to_find_in(self):
        assert latents_of(azimuth={}, elevation={1: 1.0}, light_azimuth={2: 1.0}) == {
            "elevation": (1,),
            "light_azimuth": (2,),
        }
        broken = Codes([np.full((4, 8), np.nan)], identities=[np.zeros(4, int)])
        codes = {"azimuth": Codes([], identities=[]), "elevation": broken, "light_azimuth": broken}
        assert find_latents(codes, FACES) == {}


@given(st.permutations(range(8)))
def test_an_order_puts_latents_where_the_code_has_them(scrambled):
    azimuth, elevation, light, *_ = scrambled
    latents = {"azimuth": [azimuth], "elevation": [elevation], "light_azimuth": [light]}
    order = FACES.order(latents)
    assert order[:3] == (azimuth, elevation, light)
    assert sorted(order) == list(range(8))
    assert list(order[3:]) == sorted(order[3:])
    z = np.random.default_rng(0).normal(size=(2, 8))
    np.testing.assert_array_equal(z[:, order][:, np.argsort(order)], z)


def test_an_order_of_some_factors_alone():
    assert FACES.order({}) == tuple(range(8))
    assert FACES.order({"elevation": [0]}) == (1, 0, 2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    "latents",
    [{"azimuth": [8]}, {"azimuth": [-1]}, {"azimuth": [2], "elevation": [2]}, {"azimuth": [1, 2]}],
)
def test_an_order_of_what_are_not_latents(latents):
    with pytest.raises(ValueError, match="latents"):
        FACES.order(latents)


# === Networks and models, of the code azimuth 1, elevation 2, intrinsic 3 latents ===

IMAGES = tiny_batch("azimuth", seed=9)["image"]
FOUND = {"azimuth": (4,), "elevation": (5, 1)}
ORDER = [4, 5, 1, 0, 2, 3]


@pytest.fixture(scope="module")
def model():
    return tiny_model(
        procedure="entangled", calibration=Calibration({"azimuth": AZIMUTH}, latents=FOUND)
    )


def test_a_rearranged_network_is_the_same_network(model):
    plain = Codec(model)
    network = plain.rearranged(FOUND)
    z = network.encode(IMAGES)
    np.testing.assert_array_equal(z, model.encode(IMAGES)[0].numpy()[:, ORDER])
    np.testing.assert_array_equal(network.decode(z), plain.reconstruct(IMAGES))
    np.testing.assert_array_equal(network.rearranged({}).encode(IMAGES), plain.encode(IMAGES))
    assert network.code == CODE


def test_codes_are_rearranged_as_the_network_is(model):
    plain = Codec(model)
    sweeps = {"azimuth": [{"image": (IMAGES * 255).astype(np.uint8), "azimuth_deg": range(6)}] * 2}
    codes = encode_factors(plain, {**sweeps, "elevation": []}, {"azimuth": "azimuth_deg"})
    network, rearranged, found = with_found_latents(plain, codes)
    own = encode_factors(network, sweeps, {"azimuth": "azimuth_deg"})["azimuth"]
    np.testing.assert_array_equal(rearranged["azimuth"].z_mean, own.z_mean)
    np.testing.assert_array_equal(rearranged["azimuth"].values, own.values)
    assert set(found) == {"azimuth"}
    spread = np.var(rearranged["azimuth"].z_mean[0], axis=0)
    assert np.argmax(spread) == 0
    np.testing.assert_array_equal(found["azimuth"]["latents"], network.order[:1])


def test_an_entangled_model_is_read_where_its_latents_were_found(model):
    z = model.encode(IMAGES)[0].numpy()
    scene = model.infer_scene(IMAGES)
    np.testing.assert_allclose(scene["azimuth_deg"], 30 * np.clip(z[:, 4], -2, 2), rtol=1e-4)
    np.testing.assert_array_equal(scene["intrinsic"], z[:, [0, 2, 3]])


def test_an_entangled_model_is_turned_where_its_latents_were_found(model):
    z = model.encode(IMAGES)[0].numpy()
    z[:, 4], z[:, [5, 1]] = 1.0, [0.5, -0.5]
    rendered = model.rerender(IMAGES, azimuth_deg=30, elevation=[0.5, -0.5])
    np.testing.assert_allclose(rendered, model.decode(z), atol=1e-6)
    np.testing.assert_allclose(
        model.rerender(IMAGES, azimuth=1.0, elevation=[0.5, -0.5]), rendered, atol=1e-6
    )


def test_what_was_found_is_saved_with_the_model(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.calibration == model.calibration
    np.testing.assert_array_equal(
        loaded.rerender(IMAGES, azimuth_deg=20), model.rerender(IMAGES, azimuth_deg=20)
    )


def test_calibrations_saved_before_latents_were_looked_for_still_load():
    config = Calibration({"azimuth": AZIMUTH}).get_config()
    del config["latents"]
    assert Calibration.from_config(config) == Calibration({"azimuth": AZIMUTH})


def test_before_evaluation_an_entangled_model_cannot_be_turned():
    model = tiny_model(procedure="entangled")
    assert model.rerender(IMAGES).shape == (len(IMAGES), *IMAGE_SHAPE)
    for use in (model.infer_scene, lambda images: model.rerender(images, azimuth=1.0)):
        with pytest.raises(CalibrationError, match=r"not calibrated.*dcign-tf evaluate"):
            use(IMAGES)
