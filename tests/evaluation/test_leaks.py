"""What a pose leaves is learned from training people, and tried on others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.evaluation.leaks import encode_some, fit_factor, fit_leakage
from dcign_tf.evaluation.sweep_codes import Codes
from dcign_tf.factors import GraphicsCode
from dcign_tf.pixels import to_unit
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.leakage import Leakage

CODE = GraphicsCode.chairs(6)
OWN, INTRINSIC = CODE.slice("azimuth"), CODE.slice("intrinsic")


def people(count: int, *, leaks: float = 1.0, length: int = 12, seed: int = 0) -> list[np.ndarray]:
    """Codes of sweeps of one azimuth latent, the first, and five of identity.

    The first three of these tell a person. The last two hold what the person shows at that
    azimuth, and no other: latent 1 by latent 4, latent 2 by latent 5.
    """
    rng = np.random.default_rng(seed)
    sweeps = []
    for _ in range(count):
        z = np.zeros((length, 6))
        z[:, 0] = rng.normal(size=length)
        z[:, 1:4] = rng.normal(size=3)
        z[:, 4:] = leaks * np.sin(3 * rng.normal(size=(length, 2)))
        z[:, 1:3] += 0.7 * z[:, 4:]
        sweeps.append(z.astype(np.float32))
    return sweeps


def known(**leakage: Leakage) -> Calibration:
    return Calibration({}, leakage=leakage)


@pytest.mark.parametrize("length", [2, 5, 30])
def test_new_people_turned_far_are_as_all_of_their_pictures_have_them(length):
    leakage = fit_factor(people(150, length=length), people(20, seed=1), OWN, INTRINSIC)
    plain = cleaned = 0.0
    for z in people(50, seed=2):
        away = z[:, :1] + 10
        common = z[:, INTRINSIC].mean(axis=0)
        turned = scene.changed(z, CODE, {"azimuth": away}, known(azimuth=leakage))
        plain += np.square(z[:, INTRINSIC] - common).mean()
        cleaned += np.square(turned[:, INTRINSIC] - common).mean()
    assert cleaned < 0.3 * plain


def test_what_either_of_two_factors_takes_out_is_taken_out_once():
    """The last latent tells what is of this picture alone, whichever factor is changed."""
    code = GraphicsCode({"azimuth": 1, "light": 1, "intrinsic": 2})

    def sweeps(count: int, varied: int, seed: int) -> list[np.ndarray]:
        rng, found = np.random.default_rng(seed), []
        for person in rng.normal(size=count):
            z = np.tile(rng.normal(size=4), (12, 1))
            z[:, [varied, 3]] = rng.normal(size=(12, 2))
            z[:, 2] = person + z[:, 3]
            found.append(z.astype(np.float32))
        return found

    leakage = {
        factor: fit_factor(
            sweeps(100, place, 0), sweeps(20, place, 1), slice(place, place + 1), slice(2, 4)
        )
        for place, factor in enumerate(code.extrinsic)
    }
    z = np.concatenate(sweeps(50, 0, 2))
    person = z[:, 2] - z[:, 3]
    turned = scene.changed(z, code, {"azimuth": 20.0, "light": 20.0}, known(**leakage))
    assert np.square(turned[:, 2] - person).mean() < 0.5 * np.square(z[:, 2] - person).mean()


def test_of_a_single_intrinsic_latent_too():
    train, held_out = ([z[:, [0, 1, 4]] for z in people(60, seed=seed)] for seed in (0, 1))
    both = fit_factor(train, held_out, OWN, slice(1, 3))
    single = fit_factor(train, held_out, OWN, slice(1, 2))
    np.testing.assert_allclose(single.weights, both.weights[:, :1], rtol=0.1, atol=0.02)


@given(st.integers(0, 1000))
def test_where_nothing_is_left_nothing_is_taken_out(seed):
    """Of new people: what the ridge makes of the training people's noise is refused, or small."""
    train, held_out = (people(12, leaks=0.0, seed=seed + k) for k in (0, 1))
    rng = np.random.default_rng(seed)
    for z in (*train, *held_out):
        z[:, 1:] += 0.01 * rng.normal(size=z[:, 1:].shape).astype(np.float32)
    leakage = fit_factor(train, held_out, OWN, INTRINSIC)
    if leakage is not None:
        (new,) = people(1, leaks=0.0, seed=seed + 2)
        turned = scene.changed(new, CODE, {"azimuth": 9.0}, known(azimuth=leakage))
        assert np.abs(turned - new)[:, 1:].max() < 0.05


def test_without_a_sweep_of_two_pictures_it_is_not_known():
    sweeps = people(9)
    for train, held_out in (
        ([], sweeps),
        (sweeps, []),
        ([z[:1] for z in sweeps], sweeps),
        (sweeps, [z[:1] for z in sweeps]),
        ([z * (np.arange(6) > 0) for z in sweeps], sweeps),  # an azimuth that never moves
    ):
        assert fit_factor(train, held_out, OWN, INTRINSIC) is None


class Network:
    """Its pictures are its codes, [B, 1, 6, 1]."""

    code = CODE

    def encode(self, images: np.ndarray) -> np.ndarray:
        return 8 * images[:, 0, :, 0] - 4


def test_a_networks_codes_of_training_sweeps_are_what_it_is_learned_from():
    def pictures(sweeps):
        levels = [np.clip((z + 4) / 8 * 255, 0, 255).astype(np.uint8) for z in sweeps]
        return [{"image": z[:, None, :, None]} for z in levels]

    def codes(sweeps):
        return [Network().encode(to_unit(sweep["image"])) for sweep in sweeps]

    train, held_out = pictures(people(60, length=8)), pictures(people(20, seed=1))
    new = Codes(codes(held_out), identities=[])
    others = {"azimuth": new, "intrinsic": new}
    seen = encode_some(Network(), {"azimuth": train, "intrinsic": train})
    (found,) = fit_leakage(CODE, seen, others, known()).items()
    assert found == ("azimuth", fit_factor(codes(train), codes(held_out), OWN, INTRINSIC))
    nobody = {"azimuth": Codes([], identities=[])}
    assert fit_leakage(CODE, seen, nobody, known()) == {}
