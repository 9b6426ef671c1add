"""Colours of the procedural head: mean albedo and its components, linear RGB.

Paint is placed by the mean head's coordinates, so it moves with the shape.
"""

from __future__ import annotations

import numpy as np

from dcign_tf.rendering.head import sculpture
from dcign_tf.rendering.head.mesh import (
    HeadMesh,
    Part,
    beard_cover,
    hair_strands,
    hairline_height_mm,
)
from dcign_tf.rendering.masks import GREY, bump, painted, ramp, step, stroke

SKIN = np.array([0.48, 0.35, 0.28])
HAIR = np.array([0.105, 0.078, 0.056])
LIPS = np.array([0.32, 0.16, 0.145])
SCLERA = np.array([0.56, 0.54, 0.52])
IRIS = np.array([0.12, 0.085, 0.06])
DARK = np.array([0.05, 0.04, 0.04])

# As with shape: the components' numbers are extremes, people are drawn this much closer.
SPREAD = 0.75


class _Masks:
    """Where each pigment lies: arrays [V] in [0, 1]."""

    def __init__(self, mesh: HeadMesh):
        p = mesh.skin_mm
        q = sculpture.mirrored(p)
        skin = mesh.part == Part.SKIN
        front = skin * (p[:, 2] > 40)
        self.hair = (mesh.part == Part.HAIR).astype(float)
        self.beard_shell = (mesh.part == Part.BEARD).astype(float)
        self.skin = 1 - self.hair - self.beard_shell
        brow = stroke(q, [(10, 18.2, 92), (27, 22, 86), (46, 17, 64)], 4.8)
        self.brow = front * np.minimum(1.3 * brow, 1)
        self.brow_rim = front * stroke(q, [(8, 18, 92), (27, 22, 86), (50, 16.5, 62)], 7.5)
        self.brow_rim *= 1 - self.brow
        eye = q - sculpture.EYE_MM
        radius = np.linalg.norm(eye, axis=1)
        opening = sculpture.eye_opening(q)
        near = front * (radius < sculpture.EYEBALL_RADIUS_MM + 6)
        self.eye = (
            near
            * ramp(-opening, 0.7)
            * ramp(13.0 - np.abs(eye[:, 0]), 1.5)
            * (radius < sculpture.EYEBALL_RADIUS_MM + 1.2)
        )
        self.eye_corners = self.eye * np.clip(np.abs(eye[:, 0]) / 13.0, 0, 1) ** 3 * 0.75
        from_pupil = np.hypot(eye[:, 0], eye[:, 1] - 0.6)
        self.iris = self.eye * ramp(6.3 - from_pupil, 0.6)
        self.pupil = self.eye * ramp(2.4 - from_pupil, 0.7)
        upper = eye[:, 1] > 0.1 * eye[:, 0]
        self.lashes = near * np.exp(-(((opening - 0.6) / 1.3) ** 2)) * (0.35 + 0.65 * upper)
        self.lids = near * upper * np.exp(-(((opening - 4) / 3) ** 2))
        self.under_eye = front * bump(q, (31, -11, 74), (17, 5.5, 20))
        self.lips = front * _lips(q)
        mouth = [(0, -68.3, 97), (8, -67.5, 96), (17, -66.8, 91), (26, -64.8, 81)]
        self.mouth_line = front * stroke(q, mouth, 2.0)
        self.nostrils = front * bump(q, (7.3, -47.5, 101), (4, 3.2, 6))
        self.cheeks = front * bump(q, (42, -32, 66), (18, 16, 30))
        self.nose = front * bump(q, (0, -34, 108), (18, 16, 24))
        self.stubble = skin * beard_cover(p)
        self.moustache = self.stubble * bump(p, (0, -57, 92), (30, 9, 40))
        self.scalp = skin * step(hairline_height_mm(p) - 3, 6)
        self.forehead = front * bump(p, (0, 45, 85), (60, 26, 60))
        self.strands = self.hair * hair_strands(p)
        self.ears = np.isin(mesh.part, (Part.LEFT_EAR, Part.RIGHT_EAR)).astype(float)


def _lips(q: np.ndarray) -> np.ndarray:
    x, y = q[:, 0], q[:, 1]
    upper = np.interp(x, [0, 4, 9, 17, 27.5], [-61.2, -59.6, -60.6, -62.4, -64.6])
    lower = np.interp(x, [0, 10, 18, 27.5], [-78.2, -77.2, -72.6, -65.6])
    inside = np.minimum(np.minimum(upper - y, y - lower), (28 - x) * 0.8)
    return ramp(inside, 0.8)


def _blotches(p: np.ndarray, seed: int, wavelength_mm: float) -> np.ndarray:
    """A smooth random field of about unit variance, the same on every machine."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=(24, 3)) * (2 * np.pi / wavelength_mm)
    phases = rng.uniform(0, 2 * np.pi, 24)
    return np.sqrt(2 / 24) * np.cos(p @ waves.T + phases).sum(axis=1)


def head_paint(mesh: HeadMesh) -> tuple[np.ndarray, np.ndarray]:
    """Mean albedo and albedo components of the procedural head.

    Returns:
        Linear RGB, float32 [V, 3], and its change at one standard deviation by
        component, float32 [A, V, 3].
    """
    m, p = _Masks(mesh), mesh.skin_mm
    layers = [
        (0.1 * m.cheeks + 0.08 * m.nose + 0.1 * m.ears, LIPS),
        (0.25 * m.under_eye + 0.3 * m.lids, 0.6 * SKIN),
        (0.18 * m.stubble + 0.5 * m.scalp, HAIR),
        (0.8 * m.lips, LIPS),
        (0.8 * m.mouth_line, DARK),
        (0.75 * m.nostrils, DARK),
        (0.9 * m.brow, 0.55 * HAIR),
        (0.85 * m.lashes, DARK),
        (m.eye, SCLERA),
        (m.eye_corners, DARK),
        (m.iris, IRIS),
        (m.pupil, DARK),
        (0.6 * m.lashes * m.eye, DARK),
        (m.hair + m.beard_shell, HAIR),
    ]
    colour = painted(SKIN, layers)
    colour *= 1 + 0.25 * m.strands[:, None]
    bare = m.skin * (1 - m.eye) * (1 - 0.75 * m.lashes) * (1 - 0.6 * m.mouth_line)
    bare *= 1 - 0.4 * m.lips
    bare *= 1 - 0.15 * m.stubble
    bare *= 1 - 0.8 * m.brow
    bare *= 1 - 0.6 * m.nostrils
    bare *= 1 - 0.35 * m.scalp
    hairy = m.hair + m.beard_shell + 0.5 * m.brow + 0.3 * m.scalp + 0.12 * m.stubble
    symmetric = np.abs(p) * [1, 0, 0] + p * [0, 1, 1]
    components = (
        (bare, SKIN * 0.25, hairy, HAIR * 0.17),
        (hairy, 0.024 * np.array([1.2, 1.0, 0.75])),
        (hairy, 0.012 * GREY),  # greying
        (bare, np.array([0.035, -0.012, -0.02])),  # ruddy against sallow
        (bare, np.array([0.02, 0.012, -0.03])),  # golden against rosy
        (m.brow, -0.03 * GREY),
        (m.brow_rim, -0.09 * SKIN / SKIN.mean()),  # broad brows
        (m.lips, 0.03 * np.array([0.8, 1.1, 1.1])),
        (m.lips, np.array([0.05, -0.03, -0.02])),
        (m.iris * (1 - m.pupil), 0.07 * np.array([0.8, 1.0, 1.2])),
        (m.stubble, -0.055 * GREY),
        (m.moustache, -0.05 * GREY),
        (m.cheeks, np.array([0.03, -0.04, -0.04])),
        (m.under_eye + 0.6 * m.lids, -0.035 * GREY),
        (m.forehead, 0.035 * SKIN / SKIN.mean(), m.stubble, -0.03 * SKIN / SKIN.mean()),
        (m.nose + 0.7 * m.ears, np.array([0.02, -0.04, -0.04])),
        (m.scalp, 0.05 * GREY),  # shaven against bare scalp
        (m.strands, 0.012 * GREY),  # streaked hair
        (m.hair * np.tanh(p[:, 1] / 100), 0.015 * GREY),  # bleached top
        (m.beard_shell, 0.015 * GREY),
        (m.eye * (1 - m.iris), 0.06 * GREY),
        (bare * _blotches(symmetric, 1, 160), 0.012 * SKIN / SKIN.mean()),
        (bare * _blotches(p, 2, 110), 0.01 * SKIN / SKIN.mean()),
        (bare * _blotches(p, 3, 45), 0.008 * SKIN / SKIN.mean()),  # freckles and blotches
    )
    basis = [
        sum(mask[:, None] * tint for mask, tint in zip(parts[::2], parts[1::2], strict=True))
        for parts in components
    ]
    # 1 from the chin up, falling to 0 where the neck is cut off: a lit stump would be the strongest
    # sign of pose, and one that moves to either side when the head looks up, as its azimuth has it.
    out_of_the_dark = np.clip((p[:, 1:2] + 138) / 35, 0, 1)
    changes = SPREAD * np.stack(basis) * out_of_the_dark
    return (colour * out_of_the_dark).astype(np.float32), changes.astype(np.float32)
