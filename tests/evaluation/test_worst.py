"""The pictures that a network draws and reads worst."""

from __future__ import annotations

import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.evaluation.worst import worst, worst_figures
from dcign_tf.factors import GraphicsCode
from dcign_tf.quantities import Quantity
from tests.evaluation.test_picture_errors import errors_of

CODE = GraphicsCode({"azimuth": 1, "intrinsic": 1})
ERRORS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), min_size=1)


@given(ERRORS, st.integers(1, 8))
def test_the_largest_error_of_each_identity(drawn, count):
    errors, identities = np.array(drawn, float).T
    chosen = worst(errors, identities, count)
    largest = {who: errors[identities == who].max() for who in identities}
    np.testing.assert_array_equal(errors[chosen], sorted(largest.values(), reverse=True)[:count])
    assert len(set(identities[chosen])) == len(chosen)


def test_an_error_that_is_not_known_is_none_of_the_largest():
    assert worst(np.array([1, np.nan, 3, np.inf]), np.arange(4), 4).tolist() == [2, 0]


def evaluated(curve):
    """Two sweeps of two people; a reading is the latent itself, 2 off in one of all images."""
    images = (np.arange(24).reshape(2, 3, 2, 2, 1) * 10).astype(np.uint8)
    sweeps = {"azimuth": [{"image": of_sweep} for of_sweep in images], "intrinsic": []}
    values = [np.array([0.0, 10, 20]), np.array([5.0, 15, 25])]
    z_mean = [np.stack([v, v], axis=1) for v in values]
    z_mean[1][2] += 2
    z_mean[0][0] -= 1
    codes = types.SimpleNamespace(
        z_mean=z_mean,
        values=values,
        identities=[np.full(3, 0), np.full(3, 1)],
        pooled=lambda where: np.concatenate(z_mean)[:, where],
    )
    return types.SimpleNamespace(
        network=types.SimpleNamespace(code=CODE, reconstruct=lambda images: images),
        sweeps=sweeps,
        tested=["azimuth"],
        test={"azimuth": codes},
        quantities={"azimuth": Quantity("azimuth_deg")},
        curve=lambda factor: curve,
    )


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_what_is_shown():
    reads = types.SimpleNamespace(to_value=lambda latents: latents[:, 0])
    errors = {
        "azimuth": [errors_of([0.1, 0.3, 0.2], [0, 0, 0]), errors_of([0, 0, 0.5], [1, 1, 1])],
        "intrinsic": [],
    }
    figures = dict(worst_figures(evaluated(reads), errors))
    title, *shown = texts(figures["worst_reconstructions"])
    assert "The worst of 6 reconstructions" in " ".join(title.split())
    assert shown[:2] == ["5.0e-01", "3.0e-01"]
    assert texts(figures["worst_readings"])[1:] == [
        *("is 25°\nread 27°", "is 0°\nread −1°", "azimuth"),
    ]


@pytest.mark.parametrize("errors", [{}, {"azimuth": []}])
def test_nothing_to_show(errors):
    assert dict(worst_figures(evaluated(None), errors)) == {}
