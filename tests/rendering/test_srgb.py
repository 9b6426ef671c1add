"""The curve of sRGB at values that the standard and every table of it give."""

from __future__ import annotations

import numpy as np
import pytest

from dcign_tf.pixels import to_levels
from dcign_tf.rendering import srgb


@pytest.mark.parametrize(
    ("linear", "level"),
    [(0.0, 0), (0.0015, 5), (0.0331, 51), (0.1, 89), (0.2140, 127), (0.5, 188), (1.0, 255)],
)
def test_known_values(linear, level):
    assert to_levels(srgb.encode(np.array(linear))) == level
    assert srgb.decode(np.array(level / 255)) == pytest.approx(linear, abs=0.004)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decode_undoes_encode(dtype):
    linear = np.linspace(0, 1, 1001, dtype=dtype)
    display = srgb.encode(linear)
    assert display.dtype == dtype
    assert (np.diff(display) > 0).all()
    np.testing.assert_allclose(srgb.decode(display), linear, atol=1e-6)
