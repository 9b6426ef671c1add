"""Lines of points that solids are made from: outlines in a plane, and paths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline


def rounded_rectangle(
    width: float, height: float, radius: float = 0.0, *, top_width: float | None = None
) -> np.ndarray:
    """Outline [k, 2] about the origin; with a `top_width`, a trapezoid.

    A radius of 0 gives creased corners.
    """
    radius = min(radius, 0.499 * width, 0.499 * height)
    quarter = np.linspace(0, np.pi / 2, 7) if radius else np.zeros(1)
    turn = quarter + np.arange(4)[:, None] * np.pi / 2
    signs = np.array([[(1, 1)], [(-1, 1)], [(-1, -1)], [(1, -1)]])
    centers = signs * (width / 2 - radius, height / 2 - radius)
    corners = centers + radius * np.stack([np.cos(turn), np.sin(turn)], -1)
    # Sides are divided so that they can be bent. Without a radius both ends stay: a crease.
    sides = np.linspace(corners[:, -1], np.roll(corners, -1, 0)[:, 0], 9, axis=1)
    outline = np.concatenate([corners, sides[:, 1:-1]], 1) if radius else sides
    outline = outline.reshape(-1, 2)
    if top_width is not None:
        share = outline[:, 1] / height + 0.5
        outline[:, 0] *= 1 + share * (top_width / width - 1)
    return outline


def superellipse(width: float, height: float, power: float = 2.0, count: int = 56) -> np.ndarray:
    """Outline [count, 2]: an ellipse at power 2, nearer to its rectangle above."""
    turn = 2 * np.pi * np.arange(count) / count
    wave = np.stack([np.cos(turn), np.sin(turn)], 1)
    return np.sign(wave) * np.abs(wave) ** (2 / power) * (width / 2, height / 2)


def raised(points: Sequence[Sequence[float]], z: float = 0.0) -> np.ndarray:
    """Points [n, 2] of a plane, as points [n, 3] at the height z above it."""
    return np.pad(points, [(0, 0), (0, 1)], constant_values=z)


def inner_places(count: int) -> np.ndarray:
    """So many places [count] between -1 and 1, as far from both as from each other."""
    return np.linspace(-1, 1, count + 2)[1:-1]


def fillet(points: Sequence[Sequence[float]], radius: float, *, closed: bool = False) -> np.ndarray:
    """A path [n, 3] along straight lines, its corners rounded as tubes are bent."""
    points = np.asarray(points, float)
    corners = range(len(points)) if closed else range(1, len(points) - 1)
    path = [] if closed else [points[:1]]
    for i in corners:
        before = points[i - 1] - points[i]
        after = points[(i + 1) % len(points)] - points[i]
        lengths = np.linalg.norm(before), np.linalg.norm(after)
        before, after = before / lengths[0], after / lengths[1]
        half = np.arccos(np.clip(before @ after, -1, 1)) / 2
        reach = min(radius / np.tan(half), 0.49 * min(lengths))
        start, end = points[i] + reach * before, points[i] + reach * after
        # A quadratic Bézier curve, which touches both lines, is round enough.
        t = np.linspace(0, 1, 9)[:, None]
        path.append((1 - t) ** 2 * start + 2 * t * (1 - t) * points[i] + t**2 * end)
    if not closed:
        path.append(points[-1:])
    return np.concatenate(path)


def curve(points: Sequence[Sequence[float]], count: int = 24) -> np.ndarray:
    """A smooth path [count, D] through points [n, D], at even steps of its length."""
    points = np.asarray(points, float)
    at = path_positions(points)
    spline = CubicSpline(at, points)
    return evenly(spline(np.linspace(0, at[-1], 8 * count)), count)


def evenly(path: np.ndarray, count: int) -> np.ndarray:
    """The path [n, D] at `count` even steps of its length."""
    at = path_positions(path)
    steps = np.linspace(0, at[-1], count)
    return np.stack([np.interp(steps, at, axis) for axis in path.T], 1)


def path_positions(path: np.ndarray) -> np.ndarray:
    """How far along the path [n, D] each of its points lies, [n]."""
    return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
