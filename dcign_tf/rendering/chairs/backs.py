"""Backs, drawn flat and then bent: x across, y up from the seat, z towards the sitter.

Every function returns solids about the x-y plane, for `solids.drape`. Those in `FILLINGS`
are set between two posts, whose half distance is `half` at the bottom and `half_top`
at the height `top`; the others are bent from rods.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dcign_tf.rendering.chairs.draw import Draw
from dcign_tf.rendering.chairs.outlines import (
    curve,
    evenly,
    inner_places,
    raised,
    rounded_rectangle,
    superellipse,
)
from dcign_tf.rendering.chairs.solids import Mesh, board, moved, slab, sweep, tube


class Frame(NamedTuple):
    """Two posts and what joins them at the top."""

    half: float  # from the middle to a post's axis, at the seat
    half_top: float  # the same at the top
    low: float  # where the filling starts
    top: float  # height of the posts
    size: float  # width of a post
    arch: float  # how far the crest rail rises in its middle
    crest: float  # height of the crest rail

    def half_at(self, y: float | np.ndarray) -> float | np.ndarray:
        """From the middle to a post's axis, at some height."""
        return self.half + y / self.top * (self.half_top - self.half)

    def places(self, count: int) -> np.ndarray:
        """x, at the seat, of so many rods between the posts."""
        return inner_places(count) * self.half

    def end(self, x: float) -> tuple[float, float]:
        """Where a rod ends at the crest that leaves the seat at x."""
        return x * self.half_top / self.half, self.under_crest(x)

    def under_crest(self, x: float) -> float:
        """Height of the crest rail's middle, where the filling may end."""
        return self.top - self.crest / 2 + self.arch * (1 - (x / self.half_top) ** 2)


def posts(frame: Frame, start: float, *, rounded: bool) -> list[Mesh]:
    """The two posts, from `start` (below the seat) up."""
    size = frame.size
    section = superellipse(size, size, count=14) if rounded else rounded_rectangle(size, size)
    y = np.linspace(start, frame.top + (0 if rounded else 2), 16)
    x = frame.half_at(np.maximum(y, 0))
    paths = [np.stack([right * x, y, 0 * y], 1) for right in (1, -1)]
    return [sweep(path, section, side=(1, 0, 0)) for path in paths]


def rail(frame: Frame, y: float, height: float, thickness: float, arch: float = 0.0) -> Mesh:
    """A bar across, from post to post, that rises by `arch` in its middle."""
    half = frame.half_at(y)
    x = np.linspace(-half, half, 17)
    path = np.stack([x, y + arch * (1 - (x / half) ** 2), 0 * x], 1)
    return board(path, height, thickness, (0, 1, 0))


def crest(frame: Frame, thickness: float, overhang: float, edge: float) -> Mesh:
    """The top rail; with an overhang it caps the posts."""
    half = frame.half_top + overhang
    x = np.linspace(-half, half, 21)
    y = frame.top - frame.crest / 2 + frame.arch * (1 - (x / half) ** 2)
    # Thinner ends: a crest is sawn from a board.
    scale = 1 - 0.25 * np.abs(x / half) ** 4
    section = rounded_rectangle(frame.crest, thickness, edge)
    return sweep(np.stack([x, y, 0 * x], 1), section, side=(0, 1, 0), scale=scale)


def ladder(frame: Frame, d: Draw) -> list[Mesh]:
    """Rails above each other."""
    count = d.count(2, 5)
    height = min(d.between(26, 80), 0.7 * (frame.top - frame.low) / count)
    arch = d.pick(0.0, 0.0, 0.3, 0.6) * height
    last = frame.top - frame.crest
    levels = np.linspace(frame.low + height / 2, last - height / 2 - 25, count)
    return [rail(frame, y, height, 13, arch) for y in levels]


def slats(frame: Frame, d: Draw) -> list[Mesh]:
    """Upright boards between a lower rail and the crest."""
    count = d.count(3, 8)
    width = min(d.between(18, 60), 1.3 * frame.half / count)
    boards = [_upright(frame, x, frame.low + 17, width, 11) for x in frame.places(count)]
    return [rail(frame, frame.low + 17, 34, 18), *boards]


def spindles(frame: Frame, d: Draw) -> list[Mesh]:
    """Upright rods, straight or with a bulge, from the seat or from a lower rail."""
    count, size = d.count(4, 9), d.between(12, 17)
    from_seat = d.chance(0.5)
    bulge = d.pick(0.0, 0.0, 0.7)
    solids = [] if from_seat else [rail(frame, frame.low + 13, 26, 20)]
    start = -12 if from_seat else frame.low + 13
    scale = 1 + bulge * np.exp(-(((np.linspace(0, 1, 16) - 0.35) / 0.13) ** 2))
    section = superellipse(size, size, count=10)
    for x in frame.places(count):
        path = raised(np.linspace((x, start), frame.end(x), 16))
        solids.append(sweep(path, section, side=(0, 0, 1), scale=scale))
    return solids


def cross(frame: Frame, d: Draw) -> list[Mesh]:
    """Two diagonals, straight or bent towards the middle."""
    low, high = frame.low + 17, frame.top - frame.crest / 2
    bent = d.chance(0.5)
    width = d.between(20, 36)
    solids = [rail(frame, low, 34, 18)]
    for right in (1, -1):
        ends = (right * frame.half, low), (-right * frame.half_at(high), high)
        middle = (0.12 * right * frame.half, (low + high) / 2)
        path = curve([ends[0], middle, ends[1]], 20) if bent else np.linspace(*ends, 20)
        solids.append(board(raised(path, 2.5 * right), 12, width, (0, 0, 1)))
    if d.chance(0.4):
        ring = superellipse(110, 110, count=32)
        path = raised(np.add(ring, (0, (low + high) / 2)))
        solids.append(sweep(path, rounded_rectangle(16, 18), side=(0, 0, 1), closed=True))
    return solids


def splat(frame: Frame, d: Draw) -> list[Mesh]:
    """One broad board in the middle, straight or shaped like a vase."""
    half = d.between(45, 85) * np.array(d.pick(*_SPLATS))
    start, end = frame.low, frame.under_crest(0)
    return [rail(frame, start + 15, 30, 20), shaped_board(half, start, end)]


def shaped_board(half_widths: np.ndarray, start: float, end: float) -> Mesh:
    """An upright board in the middle, from `start` to `end`, as wide as [n] say on its way."""
    y = np.linspace(start, end, len(half_widths))
    _, y, scale = curve(np.stack([0 * y, y, half_widths], 1), 24).T
    path = np.stack([0 * y, y, 0 * y], 1)
    return sweep(path, rounded_rectangle(2, 12 / 70), side=(1, 0, 0), scale=scale)


def open_frame(frame: Frame, d: Draw) -> list[Mesh]:
    """Nothing but one rail."""
    y = d.between(0.35, 0.6) * frame.top
    return [rail(frame, y, d.between(35, 110), 14, d.pick(0.0, 20.0))]


def panel(frame: Frame, d: Draw) -> list[Mesh]:
    """A board that fills the frame."""
    high = frame.top - frame.crest / 2
    width = 2 * min(frame.half_at(frame.low), frame.half_at(high))
    outline = rounded_rectangle(width, high - frame.low)
    plate = slab(outline, d.between(9, 14), rings=8)
    return [moved(plate, (0, (high + frame.low) / 2, 0)), rail(frame, frame.low + 12, 26, 20)]


def lattice(frame: Frame, d: Draw) -> list[Mesh]:
    """Thin bars both ways."""
    rows, columns = d.count(1, 3), d.count(2, 4)
    high = frame.top - frame.crest
    levels = np.linspace(frame.low, high, rows + 2)[1:-1]
    rails = [rail(frame, frame.low + 13, 26, 18), *(rail(frame, y, 15, 12) for y in levels)]
    return rails + [_upright(frame, x, frame.low + 13, 15, 9) for x in frame.places(columns)]


def _upright(frame: Frame, x: float, start: float, width: float, thickness: float) -> Mesh:
    return board(raised(np.linspace((x, start), frame.end(x), 14)), width, thickness, (1, 0, 0))


_SPLATS = (
    (1.0, 0.8, 0.55, 0.5, 0.7, 1.0, 1.2, 1.15, 0.9, 0.65, 0.6, 0.8, 1.1),
    (0.8, 0.75, 0.7, 0.65, 0.62, 0.6, 0.6, 0.62, 0.65, 0.7, 0.8, 0.95, 1.1),
    (1.0, 1.0, 1.0),
)
FILLINGS = (ladder, slats, spindles, cross, splat, open_frame, panel, lattice)


def pad(
    width: float,
    low: float,
    top: float,
    thickness: float,
    d: Draw,
    *,
    top_width: float | None = None,
) -> Mesh:
    """A cushion: its outline a rounded rectangle, an oval or something between."""
    height = top - low
    style = d.pick("rectangle", "rectangle", "superellipse")
    if style == "rectangle":
        radius = d.between(0.1, 0.35) * min(width, height)
        outline = rounded_rectangle(width, height, radius, top_width=top_width)
    else:
        outline = superellipse(width, height, d.between(2.2, 4))
    mesh = slab(outline, thickness, edge=0.48 * thickness, dome=d.between(0, 0.35) * thickness)
    return moved(mesh, (0, (low + top) / 2, 0))


class Arch(NamedTuple):
    """Half a superellipse that stands on the seat."""

    half: float  # of its width, at the seat
    top: float
    power: float  # 2: an ellipse; above, nearer to its rectangle

    def scaled(self, across: float, up: float) -> Arch:
        """An arch of the same power."""
        return Arch(across * self.half, up * self.top, self.power)

    def half_at(self, y: float) -> float:
        """Half the width at some height."""
        return self.half * (1 - (y / self.top) ** self.power) ** (1 / self.power)

    def path(self, *, below: float = 0.0) -> np.ndarray:
        """A hoop [n, 3]: up from (half, -below), over, and down to (-half, -below)."""
        turn = np.linspace(0, np.pi, 161)
        wave = np.stack([np.cos(turn), np.sin(turn)], 1)
        points = np.sign(wave) * np.abs(wave) ** (2 / self.power) * (self.half, self.top)
        points = evenly(points, 33)
        if below:
            points = np.concatenate([[(self.half, -below)], points, [(-self.half, -below)]])
        return raised(points)

    def rail(self, y: float, height: float, thickness: float) -> Mesh:
        """A rail across."""
        x = self.half_at(y)
        return board(np.linspace((-x, y, 0), (x, y, 0), 15), height, thickness, (0, 1, 0))

    def pad(self, low: float, thickness: float) -> Mesh:
        """A cushion that fills the arch from the height `low` up."""
        arch = self.path()[:, :2]
        x = self.half_at(low)
        floor = np.linspace((-x, low), (x, low), 13)[1:-1]
        outline = np.concatenate([[(x, low)], arch[arch[:, 1] > low], [(-x, low)], floor])
        return slab(outline, thickness, edge=0.45 * thickness, dome=0.3 * thickness)


def hoop(arch: Arch, size: float, d: Draw) -> list[Mesh]:
    """A bent hoop over rods that stand in the seat (Windsor), or over a smaller hoop."""
    solids = [tube(arch.path(below=18), size)]
    style = d.pick("rods", "rods", "fan", "hoop", "splat")
    if style == "hoop":
        return [*solids, tube(arch.scaled(0.62, 0.78).path(below=18), 0.9 * size)]
    spread = 0.6 if style == "fan" else 1.0
    for share in inner_places(d.count(5, 9)):
        if style != "splat" or abs(share) >= 0.25:  # there the splat stands
            x = share * arch.half
            end = arch.top * (1 - abs(share) ** arch.power) ** (1 / arch.power)
            rod = np.linspace((spread * x, -12, 0), (x, end, 0), 12)
            solids.append(tube(rod, 0.55 * size, count=8))
    if style == "splat":
        form = np.array([1, 0.75, 0.6, 0.75, 1.05, 1.1, 0.85, 0.6, 0.55])
        solids.append(shaped_board(0.2 * arch.half * form, -5, arch.top))
    return solids


def comb(half: float, top: float, d: Draw) -> list[Mesh]:
    """Rods that fan out from the seat to a crest rail (Windsor)."""
    frame = Frame(
        half=0.62 * half,
        half_top=1.1 * half,
        low=60,
        top=top,
        size=20,
        arch=d.between(8, 30),
        crest=d.between(55, 90),
    )
    solids = [crest(frame, 20, 18, 6)]
    for share in np.linspace(-1, 1, d.count(6, 9)):
        x = 0.92 * share * frame.half_top
        rod = np.linspace((share * frame.half, -14, 0), (x, frame.under_crest(x), 0), 12)
        solids.append(tube(rod, 13, count=8))
    return solids
