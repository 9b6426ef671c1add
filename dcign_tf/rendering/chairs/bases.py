"""What a chair stands on: legs, columns, frames of tube, castors. All return their solids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dcign_tf.rendering.chairs.draw import Seat, both
from dcign_tf.rendering.chairs.outlines import curve, fillet, superellipse
from dcign_tf.rendering.chairs.solids import (
    Mesh,
    board,
    column,
    lathe,
    level,
    moved,
    sweep,
    tube,
    turned,
)

_CORNERS = [(right, front) for right in (1, -1) for front in (1, -1)]
_SIDES = [((1, 1), (1, -1)), ((-1, 1), (-1, -1)), ((1, 1), (-1, 1)), ((1, -1), (-1, -1))]

# (part of the thickest radius, height from foot to top)
_TURNINGS = np.array(
    [
        [(0.45, 0), (0.6, 0.04), (0.5, 0.1), (0.85, 0.3), (1, 0.42), (0.6, 0.5), (0.85, 0.53),
         (0.6, 0.56), (0.8, 1)],
        [(0.5, 0), (0.8, 0.06), (0.5, 0.12), (0.7, 0.45), (1, 0.62), (0.65, 0.66), (1, 0.7),
         (1, 0.8), (1, 1)],
        [(0.7, 0), (0.7, 0.02), (0.5, 0.05), (1, 0.16), (0.6, 0.26), (0.95, 0.6), (0.6, 0.68),
         (1, 0.74), (1, 1)],
    ]
)  # fmt: skip


class Legs(NamedTuple):
    """Four straight legs by their axes: corner (right, front) to a point [3]."""

    tops: dict[tuple[int, int], np.ndarray]
    feet: dict[tuple[int, int], np.ndarray]

    def at(self, corner: tuple[int, int], height: float) -> np.ndarray:
        """Where a leg's axis is at some height."""
        top, foot = self.tops[corner], self.feet[corner]
        return foot + height / top[1] * (top - foot)


def leg_axes(seat: Seat, *, inset: float, splay: float, rear_splay: float, sink: float) -> Legs:
    """Axes from the floor up into the seat.

    Args:
        seat: the seat.
        inset: of the legs' tops from its edges.
        splay: how far the feet stand out beyond the tops, to the sides and the front.
        rear_splay: and to the rear.
        sink: how far the tops stand below the seat's upper face.
    """
    tops, feet = {}, {}
    for right, front in _CORNERS:
        x, z = seat.corner(right, front, inset)
        tops[right, front] = np.array([x, seat.height - sink, z])
        outward = splay if front > 0 else rear_splay
        feet[right, front] = np.array([x + right * splay, 0.0, z + front * outward])
    return Legs(tops, feet)


def legs(axes: Legs, style: str, size: float) -> list[Mesh]:
    """Four legs: `square`, `tapered`, `round`, `dowel` (round, tapered), `turned-0` to `-2`."""
    ends = [(top, axes.feet[corner]) for corner, top in axes.tops.items()]
    if style.startswith("turned"):
        profile = _TURNINGS[int(style[-1])] * (size / 2, 1)
        return [lathe(profile, foot, top - foot, count=16) for top, foot in ends]
    foot_size = size * {"square": 1.0, "tapered": 0.55, "round": 1.0, "dowel": 0.5}[style]
    rounded = style in ("round", "dowel")
    return [column(top, foot, size, foot_size, round_=rounded) for top, foot in ends]


def cabriole_legs(seat: Seat, size: float, bulge: float) -> list[Mesh]:
    """Legs with a knee that swings out and an ankle that swings in."""
    height = seat.bottom + 10
    rise = np.array([0, 0.08, 0.25, 0.55, 0.8, 1.0])
    out = np.array([0.75, 0.5, 0.0, 0.35, 1.0, 0.6]) * bulge
    scale = np.interp(np.linspace(0, 1, 24), rise, [0.85, 0.5, 0.42, 0.62, 1.05, 1.1])
    solids = []
    for right, front in _CORNERS:
        x, z = seat.corner(right, front, size / 2 + bulge / 2)
        direction = np.array([right, 0, front]) / np.sqrt(2)
        points = np.array([x, 0, z]) + np.outer(out, direction)
        points[:, 1] = rise * height
        section = superellipse(size, size, 3, 16)
        side = np.array([right, 0, -front]) / np.sqrt(2)
        solids.append(sweep(curve(points, 24), section, side=side, scale=scale))
    return solids


def bar(
    start: Sequence[float], end: Sequence[float], width: float, height: float | None = None
) -> Mesh:
    """A straight rod between two points [3]: round, or a board on edge if it has a height."""
    path = np.linspace(start, end, 3)
    if height is None:
        return tube(path, width)
    side = np.cross(path[-1] - path[0], (0, 1, 0))
    return board(path, width, height, side / np.linalg.norm(side))


def crossbar(right: Sequence[float], width: float, height: float | None = None) -> Mesh:
    """A rod from a point [3] on the right to the same on the left."""
    return bar(right, np.multiply(right, (-1, 1, 1)), width, height)


def stretchers(
    axes: Legs, style: str, low: float, width: float, height: float | None = None
) -> list[Mesh]:
    """Bars between the legs at about the height `low`: `H`, `box`, `sides`, `rungs` or `X`."""

    def between(a: tuple[int, int], b: tuple[int, int], level: float) -> Mesh:
        return bar(axes.at(a, level), axes.at(b, level), width, height)

    sides = [between((right, 1), (right, -1), low) for right in (1, -1)]
    if style == "sides":
        return sides
    if style == "H":
        middles = [(axes.at((r, 1), low) + axes.at((r, -1), low)) / 2 for r in (1, -1)]
        return [*sides, bar(*middles, width, height)]
    if style == "box":
        return [*sides, *(between((1, front), (-1, front), low + 45) for front in (1, -1))]
    if style == "rungs":
        upper = [between((right, 1), (right, -1), 1.75 * low) for right in (1, -1)]
        fronts = [between((1, 1), (-1, 1), level) for level in (1.3 * low, 2.0 * low)]
        return [*sides, *upper, *fronts, between((1, -1), (-1, -1), 1.3 * low)]
    return [between((1, 1), (-1, -1), low), between((1, -1), (-1, 1), low + 0.4 * width)]


def apron(seat: Seat, axes: Legs, height: float, thickness: float) -> list[Mesh]:
    """Boards on edge under the seat, from leg to leg."""
    level = seat.bottom - height / 2 + 2
    return [bar(axes.at(a, level), axes.at(b, level), thickness, height) for a, b in _SIDES]


def ring(axes: Legs, height: float, diameter: float) -> Mesh:
    """A ring that holds four legs together."""
    places = np.array([axes.at(corner, height) for corner in axes.tops])
    middle = places[:, 2].mean()
    # A superellipse a fifth larger than the legs' square, of the power at which it meets them.
    width, depth = 2.4 * places[:, 0].max(), 2.4 * np.abs(places[:, 2] - middle).max()
    outline = superellipse(width, depth, np.log(2) / np.log(1.2), 64)
    return tube(level(outline) + np.array([0, height, middle]), diameter, closed=True)


def wire_legs(axes: Legs, diameter: float) -> list[Mesh]:
    """Four legs of thin rod, and rods that cross between them on all sides."""

    def at(corner: tuple[int, int], share: float) -> np.ndarray:
        return axes.at(corner, share * axes.tops[corner][1])

    low = diameter / 2
    solids = [bar(top, axes.at(corner, low), diameter) for corner, top in axes.tops.items()]
    for a, b in _SIDES:
        solids.append(bar(at(a, 0.93), at(b, 0.93), diameter))
        solids += [bar(at(x, 0.95), at(y, 0.35), 0.75 * diameter) for x, y in ((a, b), (b, a))]
    return solids


def rockers(axes: Legs, size: float, reach: float) -> list[Mesh]:
    """Two bent runners under legs whose feet stand on them; they reach below the floor."""
    solids = []
    for right in (1, -1):
        front, rear = axes.feet[right, 1], axes.feet[right, -1]
        x = (front[0] + rear[0]) / 2
        z = np.linspace(front[2] + reach, rear[2] - 1.4 * reach, 25)
        share = (z - (front[2] + rear[2]) / 2) / (front[2] - rear[2])
        path = np.stack([np.full(25, x), 170 * (share**2 - 0.25) * (z[0] - z[-1]) / 900, z], 1)
        solids.append(board(path, size, 1.2 * size, (1, 0, 0)))
    return solids


def star_base(
    arms: int, radius: float, *, castors: bool, size: float, hub_height: float
) -> tuple[list[Mesh], list[Mesh]]:
    """A swivel chair's foot: its arms with the hub, and its castors or glides."""
    floor = 62.0 if castors else 14.0
    hub = lathe([(26, floor + 4), (38, floor + 12), (38, hub_height - 8), (28, hub_height)])
    spine = [(0, hub_height - 34, 0), (0.5 * radius, floor + 40, 0), (radius, floor + 8, 0)]
    section, scale = superellipse(size, size, 3, 16), np.linspace(1.15, 0.7, 12)
    arm = sweep(curve(spine, 12), section, side=(0, 0, 1), scale=scale)
    if castors:
        wheel = lathe([(12, -21), (27, -17), (27, -4), (13, -3), (13, 3), (27, 4), (27, 17)])
        stem = lathe([(9, 20), (9, floor + 14)], (radius - 4, 0, 0), count=12)
        foot = [moved(turned(wheel, 90, axis=0), (radius + 4, 27, 0)), stem]
    else:
        foot = [lathe([(16, 0), (18, 4), (10, floor + 12)], (radius - 6, 0, 0))]
    turns = [90 + 360 * number / arms for number in range(arms)]
    feet = [turned(part, turn) for turn in turns for part in foot]
    return [hub, *(turned(arm, turn) for turn in turns)], feet


def gas_column(low: float, high: float, diameter: float) -> Mesh:
    """The lift of a swivel chair: a sleeve and a thinner piston."""
    step = low + 0.6 * (high - low)
    radius, thin = diameter / 2, 0.6 * diameter / 2
    profile = [(radius, low), (radius, step), (radius, step), (thin, step), (thin, step)]
    return lathe([*profile, (thin, high)])


def pedestal(top: float, style: str, radius: float, stem: float) -> Mesh:
    """One foot in the middle: `tulip` or `disc`."""
    if style == "tulip":
        profile = [(radius, 0), (radius, 6), (0.82 * radius, 14), (0.45 * radius, 34)]
        profile += [(stem, 0.28 * top), (0.8 * stem, 0.5 * top), (stem, 0.75 * top)]
        profile += [(1.9 * stem, 0.93 * top), (3.2 * stem, top)]
        return lathe([*profile[:2], *curve(profile[2:], 24)], count=36)
    plate = [(radius, 0), (radius, 14), (radius, 14), (0.93 * radius, 20), (stem, 26)]
    return lathe([*plate, (stem, top - 14), (stem, top - 14), (3 * stem, top)], count=36)


def sled(seat: Seat, diameter: float, radius: float, inset: float, lean: float) -> list[Mesh]:
    """A runner on each side: up the front, along beneath the seat, down the rear."""
    floor, under = diameter / 2, seat.bottom - diameter / 2 + 3
    z = seat.depth / 2 - inset
    x = seat.rear_width / 2 - inset
    foot = x + lean
    loop = [(foot, floor, z + lean), (x, under, z), (x, under, -z), (foot, floor, -z - lean)]
    return both(tube(fillet(loop, radius, closed=True), diameter, closed=True))
