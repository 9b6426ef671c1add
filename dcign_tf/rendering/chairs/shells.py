"""Chairs whose seat and back are one shell, each function one kind."""

from __future__ import annotations

import numpy as np

from dcign_tf.rendering.chairs import bases, seats
from dcign_tf.rendering.chairs.draw import BLACK, Draw, Part, Seat, draped_slab, on, parts
from dcign_tf.rendering.chairs.outlines import curve, fillet, path_positions, superellipse
from dcign_tf.rendering.chairs.solids import Surface, box, moved, slab, tube


def shell_surface(profile: np.ndarray, width: float, dish: float, wrap: float) -> Surface:
    """The surface of a shell: x across, y along its profile.

    Args:
        profile: (z, height) [n, 2] from the front edge of the seat to the top of the back.
        width: at which `dish` and `wrap` are reached.
        dish: how far the sides of the seat rise.
        wrap: how far the sides of the back come forward.
    """
    at = path_positions(profile)
    slope = np.gradient(profile, at, axis=0)

    def surface(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        z, height = (np.interp(y, at, axis) for axis in profile.T)
        forward, up = (np.interp(y, at, axis) for axis in slope.T)
        lift = (dish * np.abs(forward) + wrap * np.maximum(up, 0)) * (2 * x / width) ** 2
        return np.stack([x, height - forward * lift, z + up * lift], axis=1)  # to the sitter's side

    return surface


def shell(d: Draw) -> list[Part]:
    """One bent shell for seat and back, on any base."""
    cover = d.cover()
    width, depth, height = d.between(430, 520), d.between(400, 460), d.between(420, 460)
    top, lean = height + d.between(330, 470), d.between(50, 130)
    front, rear = depth / 2, -depth / 2
    corners = [
        (front, height - d.between(10, 30)),
        (front - 60, height),
        (rear + 110, height - d.between(0, 22)),
        (rear + 10, height + 55),
        (rear - 0.45 * lean, (height + top) / 2),
        (rear - lean, top),
    ]
    profile = curve(corners, 80)
    length = path_positions(profile)[-1]
    surface = shell_surface(profile, width, d.between(15, 45), d.between(20, 80))
    waist, shoulders, head = d.between(0.72, 1.0), d.between(0.85, 1.02), d.between(0.75, 0.95)
    widths = width * np.array([0.96, 1.0, 1.0, waist, shoulders, head, 0.8])
    thickness = d.between(12, 18)
    outline = superellipse(1, length, d.between(3, 6), 96)
    outline[:, 1] += length / 2
    share = outline[:, 1] / length
    outline[:, 0] *= np.interp(share, np.linspace(0, 1, len(widths)), widths)
    edge = 0.45 * thickness
    chair = parts(cover, draped_slab(surface, outline, 0, thickness, edge=edge, rings=16))
    if d.chance(0.3):
        outline = superellipse(0.74 * width, 0.36 * length, d.between(3, 5), 64)
        pad = moved(slab(outline, 30, edge=13, dome=5, rings=10), (0, 0.22 * length, 14))
        chair += parts(d.cover(), pad, onto=surface)
    level = float(np.interp(0.0, profile[::-1, 0], profile[::-1, 1])) - thickness / 2
    return chair + _base_under(level, surface, profile, 0.62 * width, 0.62 * depth, d)


def _base_under(
    level: float, surface: Surface, profile: np.ndarray, width: float, depth: float, d: Draw
) -> list[Part]:
    """Any base, for a shell whose lower face is at the height `level` in its middle.

    The base's own seat is a thought rectangle, `width` by `depth`.
    """
    metal, wood = d.metal(), d.wood()
    seat = Seat(level + 4, width, depth, width, 8)
    kind = d.pick(
        "dowel", "wire", "metal", "star", "castors", "sled", "tulip", "disc", "cantilever"
    )
    if kind in ("tulip", "disc"):
        foot = bases.pedestal(level + 3, kind, d.between(210, 270), d.between(22, 36))
        return parts(metal, foot)
    if kind in ("star", "castors"):
        wheeled = kind == "castors"
        arms, wheels = bases.star_base(
            5 if wheeled else 4, d.between(250, 320), castors=wheeled, size=40, hub_height=110
        )
        column = bases.gas_column(90, level - 4, 46)
        plate = box((150, 26, 200), (0, level - 8, 0), 8)
        return parts(metal, arms, column, plate) + parts(BLACK, wheels)
    if kind == "sled":
        loops = bases.sled(seat, d.between(14, 20), 40, 10, d.between(10, 40))
        bars = [box((width, 14, 24), (0, level - 4, z)) for z in (0.3 * depth, -0.3 * depth)]
        return parts(metal, loops, bars)
    if kind == "cantilever":
        low, high, x, z = 12.0, level - 9, 0.62 * width, 0.72 * depth
        right = np.array([(x, low, -z), (x, low, z), (x, high, z), (x, high, -0.5 * z)])
        path = fillet([*right, *(right[::-1] * (-1, 1, 1))], 60, closed=True)
        plate = box((1.24 * width, 12, 40), (0, level - 3, 0.2 * z))
        return parts(metal, tube(path, 24, closed=True), plate)
    splay = d.between(60, 100)
    axes = bases.leg_axes(seat, inset=15, splay=splay, rear_splay=splay, sink=0)
    for top in axes.tops.values():  # up to the shell, whose sides rise
        y = np.interp(-top[2], -profile[:, 0], path_positions(profile))
        top[1] = on(surface, top[0], y)[1]
    if kind == "wire":
        return parts(metal, bases.wire_legs(axes, 13))
    bars = [bases.crossbar(axes.at((1, front), level - 4), 26, 12) for front in (1, -1)]
    if d.chance(0.5):
        bars += bases.stretchers(axes, "X", level - 90, 10)
    if kind == "metal":
        return parts(metal, bases.legs(axes, "round", 20), bars)
    return parts(wood, bases.legs(axes, "dowel", d.between(30, 40))) + parts(metal, bars)


def bucket(d: Draw) -> list[Part]:
    """A thin wall around the seat, arms and back in one, on legs or a pedestal."""
    cover, metal = d.cover(), d.metal()
    width, depth, height = d.between(440, 520), d.between(420, 480), d.between(400, 440)
    seat = Seat(height, width, depth, width, 40)
    thickness = d.between(16, 34)
    wall = seats.tub(
        seat,
        bottom=height - 30,
        rear_top=height + d.between(300, 420),
        arm_top=height + d.between(60, 230),
        thickness=thickness,
        opening_deg=d.between(38, 75),
        flare=d.between(20, 80),
        power=d.between(1.0, 3.0),
    )
    outline = superellipse(width + 8, depth + 8, 2.6)
    chair = parts(cover, wall, seats.plate(seat, outline, 12))
    if d.chance(0.6):
        albedo, dome = d.cover(), d.between(4, 18)
        chair += parts(albedo, seats.cushion(seat, 0.95 * outline, 46, dome, lift=30))
    kind = d.pick("tulip", "disc", "dowel", "round", "star")
    if kind in ("tulip", "disc"):
        foot = bases.pedestal(seat.bottom + 4, kind, d.between(220, 280), d.between(24, 40))
        return chair + parts(d.pick(metal, cover), foot)
    if kind == "star":
        arms, wheels = bases.star_base(4, 300, castors=False, size=38, hub_height=110)
        return chair + parts(metal, arms, bases.gas_column(90, seat.bottom + 4, 60), wheels)
    splay, rear_splay = d.between(40, 90), d.between(40, 90)
    axes = bases.leg_axes(seat, inset=95, splay=splay, rear_splay=rear_splay, sink=20)
    size = d.between(30, 40) if kind == "dowel" else d.between(18, 24)
    return chair + parts(d.wood() if kind == "dowel" else metal, bases.legs(axes, kind, size))
