"""The mean head as a signed distance, and rays that find its surface.

Solids are placed by the landmarks of anthropometry (pupils, tip of the nose,
stomion, gnathion, angles of the jaw …) at the distances usual in adults, and
blended smoothly; a point of the surface is where a ray from outside towards
`CENTRE_MM` meets the blend. The origin lies on the axis of the head at the height
of the pupils: x to the face's left, y up, z forward, in millimetres.
"""

from __future__ import annotations

import itertools

import numpy as np

from dcign_tf.rendering.masks import bump, limb, stroke

CENTRE_MM = np.array([0.0, -14.0, -4.0])
EYE_MM = np.array([31.5, 0.0, 65.0])
EYEBALL_RADIUS_MM = 12.4
NECK_CUT_MM = -136.0

_START_RADIUS_MM = 185.0


def smooth_min(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Union of two distances, its seam rounded over `width_mm`."""
    overlap = np.maximum(width_mm - np.abs(a - b), 0) / width_mm
    return np.minimum(a, b) - overlap**2 * width_mm / 4


def smooth_max(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Intersection of two distances, its edge rounded over `width_mm`."""
    return -smooth_min(-a, -b, width_mm)


def ellipsoid(p: np.ndarray, centre, radii) -> np.ndarray:
    """Approximate distance to an axis-aligned ellipsoid, first order at its surface."""
    q = (p - np.asarray(centre, float)) / np.asarray(radii, float)
    k = np.linalg.norm(q, axis=-1)
    gradient = np.linalg.norm(q / np.asarray(radii, float), axis=-1)
    return k * (k - 1) / np.maximum(gradient, 1e-6)


def mirrored(p: np.ndarray) -> np.ndarray:
    """Points folded onto the face's left, the fold rounded so that no crease is left."""
    return np.stack([np.sqrt(p[..., 0] ** 2 + 2.0), p[..., 1], p[..., 2]], axis=-1)


def eye_opening(p: np.ndarray) -> np.ndarray:
    """Signed frontal distance to the edge of the lids: negative between them, mm."""
    across = np.clip((p[..., 0] - EYE_MM[0]) / 14.5, -1.35, 1.35)
    height = p[..., 1] - EYE_MM[1] - 1.6 * across  # the outer corner is the higher one
    fall = 1 - across**2
    upper = 6.2 * np.sign(fall) * np.abs(fall) ** 0.75
    lower = -4.8 * fall
    return np.maximum(height - upper, lower - height)


def skull_distance(p: np.ndarray) -> np.ndarray:
    """Cranium, facial mass, jaw and neck, before any feature: mm, negative inside."""
    q = mirrored(p)
    d = ellipsoid(q, (0, 29, -10), (75, 82, 93))
    d = smooth_min(d, ellipsoid(q, (0, 38, 30), (62, 58, 60)), 20)  # forehead
    d = smooth_min(d, ellipsoid(q, (0, -36, 32), (55, 72, 58)), 24)  # maxilla
    jaw = [(53, -18, 2), (44, -77, 8), (15, -98, 75)]
    d = smooth_min(d, _bent(q, jaw, (11, 10, 11), 12), 30)
    d = smooth_min(d, ellipsoid(q, (0, -99, 80), (20, 13, 15.5)), 14)  # chin
    d = smooth_min(d, ellipsoid(q, (35, -50, 46), (25, 32, 33)), 24)  # cheek
    d = smooth_min(d, ellipsoid(q, (25, -77, 56), (22, 22, 24)), 22)  # jowl
    d = smooth_min(d, ellipsoid(q, (43, -20, 56), (17, 14, 20)), 22)  # cheekbone
    d = smooth_min(d, limb(q, (48, -14, 50), (60, -10, 0), 7, 6), 24)  # zygomatic arch
    d = smooth_min(d, limb(q, (0, -40, -22), (0, -170, -20), 47, 54), 14)  # neck
    return smooth_max(d, NECK_CUT_MM - p[..., 1], 14)


def head_distance(p: np.ndarray) -> np.ndarray:
    """The whole head without ears and hair: signed distance in mm, `[..., 3]` to `[...]`."""
    q = mirrored(p)
    d = skull_distance(p)
    # brow and sockets
    d = smooth_min(d, limb(q, (9, 18, 77.5), (30, 21, 73.5), 8, 7), 16)
    d = smooth_min(d, limb(q, (30, 21, 73.5), (50, 14, 55), 7, 6), 16)
    d = smooth_max(d, -ellipsoid(q, (34, 0, 96.5), (20, 12, 20)), 12)
    d = smooth_max(d, -ellipsoid(q, (15, 1, 94), (8, 10, 16)), 10)
    # muzzle and lips
    d = smooth_min(d, ellipsoid(q, (0, -66, 70), (33, 27, 27)), 16)
    upper = [(4, -63.4, 94.5), (15, -64.6, 90.5), (26, -64.8, 80)]
    lower = [(0, -73, 92), (12, -72, 89.5), (25, -65.9, 80)]
    d = smooth_min(d, _bent(q, upper, (4.8, 3.8, 1.2), 3), 6)
    d = smooth_min(d, _bent(q, lower, (5.6, 4.8, 1.2), 3), 6)
    # nose
    d = smooth_min(d, limb(q, (0, 9, 83), (0, -20, 96), 6.5, 7.5), 12)
    d = smooth_min(d, limb(q, (0, -20, 95), (0, -36, 106), 7.5, 8.5), 7)
    d = smooth_min(d, ellipsoid(q, (3.5, -37, 107.5), (7.5, 8.0, 8.5)), 6)
    d = smooth_min(d, limb(q, (0, -41, 108), (0, -47, 96), 4, 4), 5)
    d = smooth_min(d, ellipsoid(q, (14, -41, 85), (5, 6, 8)), 8)
    d = smooth_min(d, ellipsoid(q, (11.0, -40.5, 95.5), (6.0, 7.0, 11.5)), 7)
    d = smooth_max(d, -ellipsoid(q, (7.3, -47.5, 102.5), (3.6, 4.5, 6.5)), 2.5)
    # eyes
    eye = q - EYE_MM
    radius = np.linalg.norm(eye, axis=-1)
    lids = np.linalg.norm(eye * [0.93, 1, 1], axis=-1) - (EYEBALL_RADIUS_MM + 2.2)
    d = smooth_min(d, lids, 6)
    d = smooth_max(d, -np.maximum(eye_opening(q), radius - EYEBALL_RADIUS_MM - 3.5), 2.0)
    return np.minimum(d, radius - EYEBALL_RADIUS_MM) + _creases(q)


def _bent(q: np.ndarray, path, radii, width_mm: float) -> np.ndarray:
    """Distance to two limbs along a path of three points, of a radius given at each."""
    halves = zip(itertools.pairwise(path), itertools.pairwise(radii), strict=True)
    return smooth_min(*(limb(q, *ends, *ends_radii) for ends, ends_radii in halves), width_mm)


def _creases(q: np.ndarray) -> np.ndarray:
    """Depth in mm to take off the surface (negative: to put on)."""
    mouth = [(0, -68.3, 101), (8, -67.5, 99), (17, -66.8, 94), (24, -65.2, 88)]
    nasolabial = [(17, -38, 92), (24, -50, 88), (31, -64, 80)]
    lid_fold = [(20, 6, 76), (31, 10, 79), (43, 7, 72)]
    return (
        2.8 * stroke(q, mouth, 2.0)
        + 1.0 * stroke(q, [(0, -50, 98), (0, -57, 98)], 3.0)  # philtrum
        + 1.4 * stroke(q, nasolabial, 4.0)
        + 1.6 * stroke(q, lid_fold, 2.0)
        + 2.2 * stroke(q, [(0, -85, 95), (16, -84, 88)], 6.0)  # mentolabial
        + 3.5 * bump(q, (66, 18, 54), (16, 24, 22))  # temple
        + 0.5 * bump(q, (48, -52, 48), (16, 16, 22))  # below the cheekbone
        - 2.5 * bump(q, (34, -31, 76), (14, 13, 15))  # apple of the cheek
        - 1.5 * bump(q, (0, -103, 97), (10, 8, 10))
    )


def cast(distance, rays: np.ndarray) -> np.ndarray:
    """Where rays `[N, 3]` from outside towards `CENTRE_MM` first meet the zero of a distance."""
    radius = np.full(len(rays), _START_RADIUS_MM)
    moving = np.arange(len(rays))
    for _ in range(60):
        gap = distance(CENTRE_MM + radius[moving, None] * rays[moving])
        radius[moving] -= 0.8 * gap
        moving = moving[np.abs(gap) > 0.02]
    return CENTRE_MM + radius[:, None] * rays
