"""Principal components of images: what is left of an image that they are to draw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcign_tf.evaluation.metrics.eigenimages import component_errors, fit_components


def images_of(count: int, seed: int, shape: tuple[int, ...] = (4, 3, 2)) -> np.ndarray:
    return np.random.default_rng(seed).random((count, *shape), np.float32)


@given(st.integers(2, 30), st.integers(1, 30), st.integers(0, 99))
def test_errors_are_those_of_the_pictures_that_mean_and_components_draw(count, wanted, seed):
    fit, images = images_of(count, seed), images_of(5, seed + 1000)
    of_mean, of_components = component_errors(fit_components(fit, wanted), images)
    rows, seen = fit.reshape(count, -1).astype(float), images.reshape(5, -1).astype(float)
    mean = rows.mean(axis=0)
    axes = np.linalg.svd(rows - mean, full_matrices=False)[2][: min(wanted, count, 24)]
    drawn = mean + (seen - mean) @ axes.T @ axes
    np.testing.assert_allclose(of_mean, ((seen - mean) ** 2).mean(axis=1), rtol=1e-4)
    if wanted < min(count - 1, 24):  # the last of as many as there are images is any direction
        np.testing.assert_allclose(of_components, ((seen - drawn) ** 2).mean(axis=1), rtol=0.05)
    assert (of_components <= of_mean).all()


def test_images_that_the_components_span_are_drawn_without_error():
    rng = np.random.default_rng(0)
    scenes = rng.random((3, 5, 5, 1))
    fit, images = (
        np.einsum("nk,khwc->nhwc", rng.random((count, 3)), scenes).astype(np.float32)
        for count in (40, 6)
    )
    of_mean, of_components = component_errors(fit_components(fit, 3), images)
    assert of_components.max() < 1e-6 < 1e-3 < of_mean.min()


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_fitted_does_not_depend_on_whether_images_may_be_lost(overwrite):
    fit = images_of(20, 0)
    kept, expected = fit.copy(), fit_components(fit.copy(), 4)
    components = fit_components(fit, 4, overwrite=overwrite)
    np.testing.assert_array_equal(components.components_, expected.components_)
    assert overwrite or np.array_equal(fit, kept)
