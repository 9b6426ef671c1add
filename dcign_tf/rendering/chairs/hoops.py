"""Backs bent from rods: hoops, combs of spindles. Drawn flat, as those of `backs`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dcign_tf.rendering.chairs.backs import Frame, crest, shaped_board
from dcign_tf.rendering.chairs.draw import Draw
from dcign_tf.rendering.chairs.outlines import evenly, inner_places, raised
from dcign_tf.rendering.chairs.solids import Mesh, board, slab, tube


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
