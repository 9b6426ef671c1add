"""Colours for the Surrey Face Model, whose public file has none.

Landmarks are placed on the mean face, in millimetres right and up from the tip of
its nose, left and right alike; paint moves with the shape. The colours are
invented, not measured: a plausible range of lightness and complexion.
"""

from __future__ import annotations

import numpy as np

from dcign_tf.rendering.masks import GREY, bump, painted, ramp, stroke

VERSION = 1
"""Raised whenever a colour changes: data versions hang on it."""

SKIN = np.array([0.54, 0.38, 0.30])
BROW = np.array([0.09, 0.065, 0.05])
LIPS = np.array([0.40, 0.20, 0.18])
SCLERA = np.array([0.58, 0.55, 0.52])
IRIS = np.array([0.13, 0.09, 0.06])
DARK = np.array([0.05, 0.04, 0.04])

_EYE = np.array([33.0, 34.2])
_BROW_PATH = [(10, 50), (24, 54.5), (40, 55.5), (54, 50)]


def _eye_opening(p: np.ndarray) -> np.ndarray:
    """Depth within the opening between the lids, negative outside, mm."""
    across = (p[:, 0] - 33) / 13.5
    height = p[:, 1] - 33.8 - 1.2 * across
    fall = np.maximum(1 - across**2, -1)
    return np.minimum(6.0 * fall - height, height + 4.8 * fall)


def _lip_depth(p: np.ndarray) -> np.ndarray:
    """Depth within the outline of the lips, negative outside, mm."""
    upper = np.interp(p[:, 0], [0, 3, 8, 18, 26], [-29.4, -28.2, -28.6, -31, -35.3])
    lower = np.interp(p[:, 0], [0, 10, 18, 26], [-43.2, -42.6, -40.3, -36])
    return np.minimum(np.minimum(upper - p[:, 1], p[:, 1] - lower), 26 - p[:, 0])


def paint(mean_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean albedo and albedo components of the Surrey mean face.

    Args:
        mean_mm: [V, 3], upright and looking along +z.

    Returns:
        Linear RGB, float32 [V, 3], and its change at one standard deviation by
        component, float32 [A, V, 3].
    """
    from_nose = mean_mm - mean_mm[np.argmax(mean_mm[:, 2])]
    p = np.stack([np.abs(from_nose[:, 0]), from_nose[:, 1]], axis=1)
    # Where each colour lies: [V] in [0, 1].
    brow = stroke(p, _BROW_PATH, 4.2)
    brow_rim = stroke(p, _BROW_PATH, 7.5) * (1 - brow)
    opening = _eye_opening(p)
    eye = ramp(opening, 0.8)
    from_pupil = np.linalg.norm(p - _EYE, axis=1)
    iris = eye * ramp(6.2 - from_pupil, 0.8)
    pupil = eye * ramp(2.3 - from_pupil, 0.8)
    upper = np.where(p[:, 1] > _EYE[1], 1.0, 0.35)
    lashes = upper * np.exp(-(((opening + 0.5) / 1.5) ** 2))
    around_eye = bump(p, _EYE, (21, 13)) * (1 - eye)
    under_eye = bump(p, (31, 23), (14, 5.5))
    lips = ramp(_lip_depth(p), 1.0)
    mouth_line = stroke(p, [(0, -34.8), (24, -34.8)], 0.9)
    nostrils = bump(p, (8, -10.5), (4, 3))
    nose = bump(p, (0, -2), (15, 13))
    cheeks = bump(p, (42, 0), (19, 17))
    forehead = bump(p, (0, 78), (55, 24))
    beard_line = np.interp(p[:, 0], [0, 22, 45, 65, 75], [-14, -20, -33, -12, 20])
    beard = ramp(beard_line - p[:, 1], 7) * (1 - lips)
    moustache = bump(p, (9, -22), (19, 6)) * (1 - lips)
    layers = [
        (0.15 * cheeks + 0.12 * nose, LIPS),
        (0.22 * around_eye + 0.12 * under_eye, 0.6 * SKIN),
        (0.16 * beard + 0.08 * moustache, BROW),
        (0.8 * lips, LIPS),
        (0.7 * mouth_line, DARK),
        (0.6 * nostrils, DARK),
        (np.minimum(1, 1.2 * brow), BROW),
        (eye, SCLERA),
        (iris, IRIS),
        (pupil, DARK),
        (0.85 * lashes, DARK),
    ]
    bare = (1 - eye) * (1 - 0.8 * lashes) * (1 - 0.8 * brow) * (1 - 0.6 * mouth_line)
    bare *= 1 - 0.6 * nostrils
    across, up = np.tanh(from_nose[:, 0] / 60), np.tanh(from_nose[:, 1] / 60)
    tint = SKIN / SKIN.mean()
    components = (
        (bare, 0.28 * SKIN),  # lightness of the skin
        (bare, np.array([0.035, -0.012, -0.02])),  # ruddy against sallow
        (brow, 0.035 * GREY),  # fair brows
        (brow_rim, -0.09 * tint),  # broad brows
        (lips, np.array([0.05, 0.055, 0.055])),  # pale lips
        (lips, np.array([0.03, -0.025, -0.02])),  # red lips
        (iris * (1 - pupil), np.array([0.03, 0.04, 0.05])),  # light eyes
        (beard, -0.06 * tint),  # shadow of a beard
        (moustache, -0.05 * tint),
        (cheeks, np.array([0.015, -0.018, -0.018])),
        (nose, np.array([0.01, -0.015, -0.015])),
        (around_eye + under_eye, -0.035 * tint),
        (forehead, 0.03 * tint),
        (bare * up, 0.02 * tint),
        (bare * across, 0.012 * tint),
        (bare * (across**2 - 0.3), 0.02 * tint),
        (bare * across * up, 0.015 * tint),
    )
    basis = np.stack([mask[:, None] * change for mask, change in components])
    return painted(SKIN, layers).astype(np.float32), basis.astype(np.float32)
