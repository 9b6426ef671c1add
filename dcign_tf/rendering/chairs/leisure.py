"""Chairs to lean back in, and chairs to carry along, each function one kind."""

from __future__ import annotations

import numpy as np

from dcign_tf.rendering.chairs import backs, bases, seats
from dcign_tf.rendering.chairs.draw import Draw, Part, Seat, both, draped_slab, on, parts
from dcign_tf.rendering.chairs.outlines import curve, rounded_rectangle, superellipse
from dcign_tf.rendering.chairs.solids import (
    board,
    box,
    column,
    level_board,
    lying,
    moved,
    slab,
    turned,
)


def easy(d: Draw) -> list[Part]:
    """Low and leaning: an open frame with arms, loose cushions on it."""
    wood, cover = d.wood(), d.cover()
    width, depth = d.between(500, 600), d.between(500, 580)
    seat = Seat(d.between(320, 370), width, depth, width, 30)
    x, level, size = width / 2 + 22, d.between(190, 240), d.between(30, 42)
    arm_y, front, rear = seat.height + level, depth / 2 - 30, -depth / 2 + 40
    front_leg = (x, arm_y, front), (x, 0, front + d.between(-20, 40))
    rear_leg = (x, arm_y - 8, rear), (x, 0, rear - d.between(30, 110))
    rounded = d.chance(0.6)
    side = [column(*leg, size, 0.7 * size, round_=rounded) for leg in (front_leg, rear_leg)]
    reach = front + d.between(30, 60)
    arm = [(x, arm_y - d.between(0, 30), rear - 70), (x, arm_y, 0), (x, arm_y + 4, reach)]
    side.append(board(curve(arm, 16), d.between(45, 85), 24, (1, 0, 0), edge=9))
    rails = (x, seat.bottom + 15, front), (x, seat.bottom - 5, rear)
    side.append(bases.bar(*rails, 24, 52))
    chair = parts(wood, both(*side), [bases.crossbar(end, 24, 46) for end in rails])
    outline = rounded_rectangle(width - 6, depth - 10, d.between(30, 70))
    thickness = d.between(90, 130)
    tilt = turned(lying(slab(outline, thickness, edge=38, dome=16)), d.between(-5, -2), axis=0)
    chair += parts(cover, moved(tilt, (0, seat.height + thickness / 2 - 14, 12)))
    surface = seat.back(lean_deg=d.between(17, 27), inset=30)
    top = d.between(500, 640)
    frame = backs.Frame(width / 2 - 24, width / 2 - 30, 30, top, 30, 0.0, 60)
    flat = [*backs.posts(frame, -45, rounded=False), backs.crest(frame, 24, -8, 4)]
    flat += d.pick(backs.ladder, backs.slats, backs.spindles)(frame, d)
    chair += parts(wood, flat, onto=surface)
    soft = d.between(90, 130)
    pad = backs.pad(width - 30, thickness - 30, top + d.between(-20, 50), soft, d)
    return chair + parts(cover, moved(pad, (0, 0, soft / 2 + 8)), onto=surface)


def lounge(d: Draw) -> list[Part]:
    """A low shell with cushions on a star or a disc."""
    hard, cover = d.pick(d.wood(), d.cover()), d.cover()
    width, depth, height = d.between(540, 640), d.between(500, 560), d.between(330, 390)
    seat = Seat(height, width, depth, width, 24)
    outline = superellipse(width, depth, d.between(2.8, 4.5))
    chair = parts(hard, seats.plate(seat, outline, 9))
    soft = d.between(80, 120)
    pad = seats.cushion(seat, 0.97 * outline, soft, d.between(8, 24), lift=soft - 8)
    chair += parts(cover, pad)
    top, wrap = d.between(520, 680), d.between(20, 60)
    surface = seat.back(lean_deg=d.between(16, 27), inset=20, wrap=wrap)
    split = d.chance(0.5)
    pieces = [(0.0, 0.52 * top), (0.55 * top, top)] if split else [(0.0, top)]
    outline = rounded_rectangle(0.95 * width, top, 90)
    chair += parts(hard, draped_slab(surface, outline, top / 2 - 20, 22, edge=8, rings=10))
    for low, high in pieces:
        pad = backs.pad(0.9 * width, low + (60 if low == 0 else 0), high, d.between(70, 100), d)
        chair += parts(cover, moved(pad, (0, 0, 48)), onto=surface)
    if d.chance(0.6):
        level = d.between(200, 250)
        rest = box((90, 55, 300), (width / 2 + 30, height + level, -20), 22)
        stay = box((30, level + 10, 120), (width / 2 + 10, height + level / 2 - 10, -30), 8)
        chair += parts(cover, both(rest)) + parts(hard, both(stay))
    metal = d.metal()
    if d.chance(0.6):
        arms, glides = bases.star_base(
            d.pick(4, 5), d.between(280, 330), castors=False, size=44, hub_height=120
        )
        return chair + parts(metal, arms, glides, bases.gas_column(100, seat.bottom + 6, 80))
    return chair + parts(metal, bases.pedestal(seat.bottom + 4, "disc", d.between(250, 300), 40))


def garden(d: Draw) -> list[Part]:
    """Boards: a sloping seat, a fan of slats behind, broad arms."""
    wood = d.wood()
    half, slope_deg = d.between(250, 290), d.between(9, 15)
    front_y, front, rear = d.between(330, 380), 250.0, -230.0
    fall = np.tan(np.radians(slope_deg))
    rear_y = front_y - fall * (front - rear)
    arm_y = front_y + d.between(170, 210)
    x = half - 20
    leg = [(x, 8, rear - d.between(150, 230)), (x, rear_y - 20, rear + 20)]
    beam = bases.bar((x, front_y - 50, front), (x, rear_y - 50, rear), 26, 90)
    stay = box((28, arm_y, 95), (half + 2, arm_y / 2, front - 40))
    chair = parts(wood, both(level_board(leg, 26, 110), beam, stay))
    count = d.count(5, 7)
    slat = turned(box((2 * half - 12, 20, 344 / (count - 1)), (0, 0, 0), 4), -slope_deg, axis=0)
    for z in np.linspace(front, rear + 50, count):
        chair += parts(wood, moved(slat, (0, front_y - fall * (front - z), z)))
    level = rear_y + 10
    seat = Seat(level, 2 * half, -2 * rear, 2 * half, 20)
    surface = seat.back(lean_deg=d.between(18, 26), inset=24, wrap=d.between(0, 40))
    count, top, arch = d.count(5, 7), d.between(600, 720), d.between(0, 170)
    width, fan = 1.72 * half / count, d.between(1.0, 1.3)
    flat = []
    for share in np.linspace(-1, 1, count):
        foot = share * (half - 40 - width / 2)
        path = np.linspace((foot, -40, 0), (fan * foot, top - arch * share**2, 0), 10)
        flat.append(board(path, width, 20, (1, 0, 0), 6))
    for y in (130, arm_y - level - 20):
        path = np.linspace((-half - 16, y, -20), (half + 16, y, -20), 12)
        flat.append(board(path, 60, 24, (0, 1, 0)))
    end = on(surface, half, arm_y - level)[2] - 40
    path = np.linspace((half + 22, arm_y + 10, front + 40), (half + 22, arm_y + 10, end), 9)
    arm = board(path, d.between(90, 140), 22, (1, 0, 0), 8)
    return chair + parts(wood, flat, onto=surface) + parts(wood, both(arm))


def folding(d: Draw) -> list[Part]:
    """Legs crossed at the sides, one pair of which carries the back."""
    wood, cover = d.wood(), d.cover()
    width, height, depth = d.between(390, 480), d.between(420, 470), d.between(350, 430)
    top, size = height + d.between(300, 450), d.between(24, 38)
    x = width / 2
    foot, head = np.array([x, 0, 0.5 * depth]), np.array([x, top, -0.5 * depth - 90])
    short = [(x - 21, 0, -0.55 * depth), (x - 21, height - 12, 0.42 * depth)]
    legs = [level_board([foot, head], 20, size + 10), level_board(short, 20, size + 8)]

    def at(y: float) -> np.ndarray:
        return foot + y / top * (head - foot)

    bars = [bases.crossbar(at(y), 22) for y in (0.18 * height, height - 26)]
    for y, z in ((0.14 * height, -0.42 * depth), (height - 36, 0.36 * depth)):
        bars.append(bases.crossbar((x - 15, y, z), 20))
    count = d.count(1, 4)
    for y in np.linspace(top - 35, height + 0.45 * (top - height), count):
        path = np.linspace(at(y), at(y) * (-1, 1, 1), 13)
        path[:, 2] -= 18 * (1 - np.linspace(-1, 1, 13) ** 2)
        bars.append(board(path, 130 / count + 20, 13, (0, 1, -0.3), 4))
    chair = parts(wood, both(*legs), bars)
    seat = Seat(height, width - 6, depth, width - 30, 26)
    if d.chance(0.6):
        return chair + parts(wood, seats.slatted(seat, d.count(5, 8), 3))
    outline = rounded_rectangle(width - 26, depth, 30)
    return chair + parts(cover, seats.cushion(seat, outline, 24, 6))


def director(d: Draw) -> list[Part]:
    """Legs crossed in front and behind, arms, and cloth for seat and back."""
    wood, cover = d.wood(), d.cover()
    width, depth, height = d.between(480, 540), d.between(400, 440), d.between(430, 470)
    level, top = height + d.between(170, 210), height + d.between(360, 430)
    x, front, rear = width / 2 + 6, depth / 2 - 20, -depth / 2 + 20
    feet = [(r * (width / 2 - 14), z + 10 * r) for z in (front - 10, rear + 10) for r in (1, -1)]
    legs = [level_board([(a, 10, z), (-a, height - 10, z)], 30, 20) for a, z in feet]
    side = [
        box((34, 32, depth + 30), (x - 20, 16, 0), 4),  # on the floor
        box((34, 32, depth + 30), (x - 20, height, 0), 4),  # holds the cloth
        column((x, level, front), (x - 14, height - 10, front), 26, 26),
        column((x, top, rear - 30), (x - 14, height - 10, rear), 26, 26),
        box((d.between(45, 70), 22, depth + 60), (x, level, 0), 7),
    ]
    chair = parts(wood, legs, both(*side))
    cloth = lying(slab(rounded_rectangle(width - 20, depth - 20), 8, rings=12), height + 4)
    u = 2 * cloth.vertices[:, 0] / width
    sag = np.outer(24 * (1 - u**2), (0, 1, 0))
    chair += parts(cover, cloth._replace(vertices=cloth.vertices - sag))
    tall = d.between(130, 210)
    middle = np.array([0, top - tall / 2 - 5, rear - 26])
    back = slab(rounded_rectangle(2 * x + 24, tall), 30, edge=10, rings=8)
    return chair + parts(cover, moved(back, middle))
