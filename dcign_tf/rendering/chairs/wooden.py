"""Wooden chairs with upright legs, each function one kind."""

from __future__ import annotations

import numpy as np

from dcign_tf.rendering.chairs import backs, bases, seats
from dcign_tf.rendering.chairs.draw import Draw, Part, Seat, both, on, parts
from dcign_tf.rendering.chairs.outlines import curve, raised, superellipse
from dcign_tf.rendering.chairs.solids import Mesh, Surface, board, level, moved, slab, sweep, tube


def dining(d: Draw) -> list[Part]:
    """Four legs, two posts, and one of many fillings between them."""
    wood, cover, size = d.wood(), d.cover(), d.between(28, 44)
    width = d.between(400, 500)
    height, depth = d.between(430, 480), d.between(380, 460)
    seat = Seat(height, width, depth, width * d.between(0.78, 1.0), d.between(20, 38))
    style = d.pick("board", "board", "pad", "pad", "slip", "slats")
    chair = _wooden_seat(seat, style, wood, cover, d)
    style = d.pick("square", "square", "tapered", "round", "dowel", "turned-0", "turned-1")
    splay, rear_splay = d.pick(0.0, 0.0, d.between(15, 55)), d.between(10, 60)
    axes = bases.leg_axes(seat, inset=size / 2 + 2, splay=splay, rear_splay=rear_splay, sink=8)
    chair += parts(wood, bases.legs(axes, style, size))
    if d.chance(0.75):
        chair += parts(wood, bases.apron(seat, axes, d.between(45, 75), 18))
    if d.chance(0.55):
        flat = d.between(22, 34) if style in ("square", "tapered") else None
        kind = d.pick("H", "box", "sides", "rungs")
        bars = bases.stretchers(axes, kind, d.between(90, 190), 17 if flat else 21, flat)
        chair += parts(wood, bars)
    frame, surface, back = _framed_back(seat, size, wood, cover, d)
    chair += back
    if d.chance(0.35):
        foot = None if d.chance(0.4) else axes.tops[1, 1] - (0, 10, 0)
        y = d.between(180, 240)
        start = on(surface, frame.half_at(y), y)
        chair += parts(wood, seats.wooden_arms(seat, start, d, size=size, foot=foot))
    if d.chance(0.06):
        chair += parts(wood, bases.rockers(axes, size * 0.9, d.between(110, 190)))
    return chair


def _wooden_seat(seat: Seat, style: str, wood: float, cover: float, d: Draw) -> list[Part]:
    outline = seats.seat_outline(seat, None, d.between(6, 60))
    if style == "slats":
        return parts(wood, seats.slatted(seat, d.count(4, 7), 4))
    chair = parts(wood, seats.plate(seat, outline, 6))
    if style == "board":
        return chair
    inset = 26 if style == "slip" else -3
    thickness = d.between(28, 60)
    outline = outline * (1 - 2 * inset / np.array([seat.width, seat.depth]))
    pad = seats.cushion(seat, outline, thickness, d.between(4, 22), lift=thickness - 6)
    return chair + parts(cover, pad)


def _framed_back(
    seat: Seat, size: float, wood: float, cover: float, d: Draw
) -> tuple[backs.Frame, Surface, list[Part]]:
    """Posts above the rear legs, a crest, and what fills them."""
    top = d.between(380, 640) if d.chance(0.75) else d.between(260, 360)
    half = seat.rear_width / 2 - size / 2
    frame = backs.Frame(
        half=half,
        half_top=half * d.between(0.92, 1.12),
        low=d.between(0.12, 0.4) * top,
        top=top,
        size=size * d.between(0.75, 0.95),
        arch=d.pick(0.0, 0.0, d.between(15, 50)),
        crest=d.between(40, 110),
    )
    surface = seat.back(
        lean_deg=d.between(3, 13),
        wrap=d.pick(0.0, 0.0, -d.between(10, 35)),
        bow=d.pick(0.0, d.between(20, 60)),
        inset=size / 2 + 2,
    )
    flat = backs.posts(frame, -seat.thickness - 30, rounded=d.chance(0.35))
    overhang = d.pick(-frame.size * 0.3, -frame.size * 0.3, d.between(20, 45))
    flat.append(backs.crest(frame, d.between(18, 28), overhang, d.pick(0.0, 6.0)))
    soft = []
    if d.chance(0.2):
        high = frame.top - frame.crest * 0.4
        width = 2 * frame.half_at(high) - 4
        soft.append(backs.pad(width, frame.low, high, d.between(26, 45), d))
        flat.append(backs.rail(frame, frame.low + 15, 30, 20))
    else:
        flat += d.pick(*backs.FILLINGS)(frame, d)
    back = parts(wood, flat, onto=surface) + parts(cover, soft, onto=surface)
    return frame, surface, back


def windsor(d: Draw) -> list[Part]:
    """A saddle seat on splayed legs, under a hoop or a comb of rods."""
    wood = d.wood()
    width = d.between(420, 500)
    rear_width = width * d.between(0.78, 0.95)
    seat = Seat(d.between(430, 465), width, d.between(390, 440), rear_width, d.between(34, 46))
    outline = seats.seat_outline(seat, d.between(2.4, 4), 0)
    chair = parts(wood, seats.saddle(seat, outline, d.between(6, 14)))
    inset, splay, rear_splay = d.between(70, 90), d.between(50, 85), d.between(55, 95)
    axes = bases.leg_axes(seat, inset=inset, splay=splay, rear_splay=rear_splay, sink=16)
    style = d.pick("turned-0", "turned-1", "turned-2", "dowel")
    chair += parts(wood, bases.legs(axes, style, d.between(34, 44)))
    kind = d.pick("H", "H", "box")
    chair += parts(wood, bases.stretchers(axes, kind, d.between(130, 200), 22))
    top, half = d.between(430, 620), 0.36 * width
    surface = seat.back(
        lean_deg=d.between(8, 16), wrap=d.between(30, 70), inset=45, bow=d.pick(0, 30)
    )
    if d.chance(0.65):
        flat = backs.hoop(backs.Arch(half, top, d.between(2.2, 3.4)), d.between(19, 25), d)
    else:
        flat = backs.comb(half, top, d)
    chair += parts(wood, flat, onto=surface)
    if d.chance(0.45):
        chair += parts(wood, _arm_bow(seat, surface, half, d.between(200, 250)))
    if d.chance(0.12):
        chair += parts(wood, bases.rockers(axes, 32, d.between(120, 190)))
    return chair


def _arm_bow(seat: Seat, surface: Surface, half: float, y: float) -> list[Mesh]:
    """A bent arm that runs around the rods of the back, on two short ones at each side."""
    behind, beside = on(surface, 0, y), on(surface, half, y)
    x, front = seat.width / 2 + 18, 0.24 * seat.depth
    right = [(x - 4, behind[1], front), (x, behind[1], 0.05 * seat.depth)]
    right.append(np.add(beside, (6, 0, -4)))
    left = np.multiply(right[::-1], (-1, 1, 1))
    path = curve([*right, np.add(behind, (0, 0, -2)), *left], 60)
    rods = []
    for z in (front - 14, 0.02 * seat.depth):
        foot = (seat.half_width(z) - 30, seat.height - 16, z - 6)
        rods.append(tube(np.linspace((x, behind[1], z), foot, 6), 15))
    return [board(path, 26, 36, (0, 1, 0), edge=8), *both(*rods)]


def bistro(d: Draw) -> list[Part]:
    """Bent wood: a round seat, slender legs with a ring, a hoop for a back."""
    wood, cover = d.wood(), d.cover()
    width = d.between(400, 440)
    seat = Seat(d.between(450, 475), width, width * d.between(0.95, 1.02), width, 34)
    outline = seats.seat_outline(seat, 2.15, 0)
    chair = parts(wood, seats.plate(seat, outline, 10))
    if d.chance(0.5):
        chair += parts(cover, seats.cushion(seat, outline * 0.86, 22, d.between(4, 14), lift=14))
    size = d.between(26, 32)
    splay, rear_splay = d.between(25, 45), d.between(30, 60)
    axes = bases.leg_axes(seat, inset=72, splay=splay, rear_splay=rear_splay, sink=16)
    chair += parts(wood, bases.legs(axes, "dowel", size), bases.ring(axes, d.between(200, 270), 19))
    arch = backs.Arch(0.42 * width, d.between(380, 460), d.between(2.1, 3.2))
    edge = seats.edge_z(seat, 2.15, arch.half)
    wrap = (edge - seat.rear - 8) / 0.84**2  # follows the seat's edge
    surface = seat.back(lean_deg=d.between(7, 13), wrap=wrap, inset=18, bow=20)
    style = d.pick("hoop", "rails", "pad", "rods")
    soft = []
    flat = backs.hoop(arch, size, d) if style == "rods" else [tube(arch.path(below=60), size)]
    if style == "hoop":
        inner = arch.scaled(d.between(0.5, 0.68), d.between(0.68, 0.85))
        flat.append(tube(inner.path(below=18), 0.8 * size))
    elif style == "rails":
        for y in np.linspace(0.45, 0.78, d.count(1, 3)) * arch.top:
            flat.append(arch.rail(y, d.between(30, 60), 12))
    elif style == "pad":
        low = d.between(0.3, 0.45) * arch.top
        soft.append(arch.pad(low, 18))
        flat.append(arch.rail(low + 10, 30, 14))
    return chair + parts(wood, flat, onto=surface) + parts(cover, soft, onto=surface)


def medallion(d: Draw) -> list[Part]:
    """An oval cushion in a ring on two short posts; curved or turned legs."""
    wood, cover = d.wood(), d.cover()
    width = d.between(460, 540)
    seat = Seat(d.between(420, 450), width, d.between(430, 480), width * d.between(0.8, 0.92), 62)
    outline = seats.seat_outline(seat, d.pick(None, 4.0), 60)
    chair = parts(wood, seats.plate(seat, outline, 8))
    chair += parts(cover, seats.cushion(seat, 0.96 * outline, 55, d.between(10, 25), lift=44))
    size = d.between(40, 50)
    if d.chance(0.6):
        chair += parts(wood, bases.cabriole_legs(seat, size, d.between(40, 65)))
    else:
        axes = bases.leg_axes(seat, inset=30, splay=0, rear_splay=d.between(0, 40), sink=20)
        chair += parts(wood, bases.legs(axes, d.pick("turned-0", "turned-1", "turned-2"), size))
    surface = seat.back(lean_deg=d.between(7, 14), wrap=d.between(0, 25), inset=24)
    low, top, half = d.between(100, 150), d.between(520, 620), d.between(0.36, 0.46) * width
    thick, middle = d.between(36, 50), (0, (low + top) / 2, 0)
    outline = superellipse(2 * half, top - low, d.pick(2, 2, 2.6), 48)
    section = superellipse(0.8 * thick, thick, 3, 12)
    ring = moved(sweep(raised(outline), section, side=(0, 0, 1), closed=True), middle)
    inner = outline * (1 - 0.2 * thick / half)
    pad = moved(slab(inner, 0.9 * thick, edge=0.3 * thick, dome=0.35 * thick), middle)
    posts = [
        board(np.linspace((x, -70, 0), (0.8 * x, low + 60, 0), 9), 30, 28, (1, 0, 0))
        for x in (0.62 * half, -0.62 * half)
    ]
    chair += parts(wood, ring, posts, onto=surface) + parts(cover, pad, onto=surface)
    if d.chance(0.55):
        y = d.between(190, 230)
        at = half * np.sqrt(max(0.0, 1 - ((2 * y - low - top) / (top - low)) ** 2))
        start = on(surface, at, y)
        chair += parts(wood, seats.wooden_arms(seat, start, d, size=34, foot=None))
    return chair


def stool(d: Draw) -> list[Part]:
    """A bar stool: tall legs, bars for the feet, and a low back."""
    wood, cover, metal = d.wood(), d.cover(), d.metal()
    width = d.between(360, 430)
    seat = Seat(d.between(640, 760), width, d.between(340, 400), width, d.between(26, 45))
    power = d.pick(None, 2.1, 3.0)
    outline = seats.seat_outline(seat, power, d.between(20, 90))
    chair = parts(wood, seats.plate(seat, outline, 8))
    if d.chance(0.6):
        chair += parts(cover, seats.cushion(seat, 0.99 * outline, 46, d.between(5, 18), lift=40))
    if d.chance(0.7):
        size = d.between(28, 40)
        inset = size + 8 if power is None else 0.2 * width
        splay, rear_splay = d.between(25, 75), d.between(30, 75)
        axes = bases.leg_axes(seat, inset=inset, splay=splay, rear_splay=rear_splay, sink=14)
        style = d.pick("square", "tapered", "dowel", "round")
        chair += parts(wood, bases.legs(axes, style, size))
        if d.chance(0.4):
            chair += parts(metal, bases.ring(axes, d.between(190, 260), 20))
        else:
            chair += parts(wood, bases.stretchers(axes, "box", d.between(160, 240), 20))
    else:
        chair += parts(metal, bases.pedestal(seat.bottom + 4, "disc", d.between(200, 235), 26))
        loop = level(superellipse(0.75 * width, 0.75 * width, count=48))
        loop[:, 1] = 250
        bar = bases.crossbar((0.37 * width, 250, 0), 18)
        chair += parts(metal, tube(loop, 22, closed=True), bar)
    top, half = d.between(190, 330), 0.36 * width
    edge = seat.rear if power is None else seats.edge_z(seat, power, half)
    wrap = d.between(15, 40) + (edge - seat.rear) / 0.72**2
    surface = seat.back(lean_deg=d.between(5, 14), wrap=wrap, inset=26)
    if d.chance(0.4):
        flat = backs.hoop(backs.Arch(half, top, d.between(2.4, 3.6)), 22, d)
        return chair + parts(wood, flat, onto=surface)
    frame = backs.Frame(half, half, 0.3 * top, top, 26, d.pick(0.0, 15.0), d.between(60, 120))
    flat = [*backs.posts(frame, -16, rounded=True), backs.crest(frame, 24, 10, 6)]
    if d.chance(0.5):
        flat += d.pick(backs.ladder, backs.spindles, backs.slats)(frame, d)
    return chair + parts(wood, flat, onto=surface)
