"""Chairs of metal, plastic and few boards, each function one kind."""

from __future__ import annotations

import numpy as np

from dcign_tf.rendering.chairs import backs, bases, seats
from dcign_tf.rendering.chairs.draw import BLACK, Draw, Part, Seat, both, draped_slab, on, parts
from dcign_tf.rendering.chairs.outlines import fillet, raised, rounded_rectangle
from dcign_tf.rendering.chairs.solids import board, box, moved, slab, tube


def office(d: Draw) -> list[Part]:
    """Five arms with castors, a gas column, a padded seat and back."""
    metal, cover = d.pick(d.metal(), BLACK), d.cover()
    width, thickness = d.between(450, 540), d.between(55, 95)
    height, depth = d.between(450, 540), d.between(430, 500)
    seat = Seat(height, width, depth, width * d.between(0.88, 1.0), thickness)
    arms, wheels = bases.star_base(
        5, d.between(290, 340), castors=True, size=d.between(36, 52), hub_height=d.between(110, 150)
    )
    plate = box((170, 40, 230), (0, seat.bottom - 8, -10), 12)
    column = bases.gas_column(105, seat.bottom + 10, 56)
    chair = parts(metal, arms) + parts(BLACK, wheels, column, plate)
    outline = seats.seat_outline(seat, d.pick(None, 3.0, 4.0), d.between(50, 120))
    chair += parts(cover, seats.cushion(seat, outline, thickness, d.between(2, 20)))
    chair += _office_back(seat, metal, cover, d)
    if d.chance(0.4):
        supports, pads = seats.t_arms(seat, d)
        chair += parts(metal, supports) + parts(BLACK, pads)
    elif d.chance(0.5):
        y = seat.bottom + 13
        joints = [bases.bar((0.3 * width, y, z), (width / 2 + 21, y, z), 24) for z in (60.0, -60.0)]
        chair += parts(metal, seats.loop_arms(seat, d, 30), both(*joints))
    return chair


def _office_back(seat: Seat, metal: float, cover: float, d: Draw) -> list[Part]:
    """A pad, or a net in a frame, on a bent spine."""
    kind = d.pick("task", "high", "executive", "net")
    low, top, thickness = {
        "task": (d.between(90, 150), d.between(380, 470), 50),
        "high": (50, d.between(540, 640), 55),
        "executive": (15, d.between(620, 740), 90),
        "net": (70, d.between(500, 620), 12),
    }[kind]
    surface = seat.back(
        lean_deg=d.between(4, 14),
        wrap=d.between(20, 60),
        inset=-0.3 * thickness,
        bow=d.pick(0, 40),
    )
    width = seat.rear_width * d.between(0.82, 1.0)
    top_width = width * d.between(0.78, 1.0)
    soft, hard = [], []
    if kind == "net":
        loop = rounded_rectangle(width, top - low, d.between(50, 110), top_width=top_width)
        middle = (0, (top + low) / 2, 0)
        hard.append(tube(raised(loop) + middle, 26, closed=True))
        soft.append(moved(slab(0.97 * loop, thickness, rings=8), middle))
    else:
        soft.append(backs.pad(width, low, top, thickness, d, top_width=top_width))
    if kind == "executive" and d.chance(0.7):
        for bottom, height, share in ((top - 150, 130, 0.62), (low + 60, 170, 0.8)):
            rest = backs.pad(share * width, bottom, bottom + height, 64, d)
            soft.append(moved(rest, (0, 0, 27)))
    if kind == "high" and d.chance(0.5):
        soft.append(backs.pad(0.55 * width, top + 35, top + 165, 55, d))
        stays = [np.linspace((x, top - 60, -8), (x, top + 80, -8), 6) for x in (50, -50)]
        hard += [tube(stay, 14) for stay in stays]
    behind = on(surface, 0, low + 0.35 * (top - low)) - (0, 0, 0.35 * thickness)
    under = seat.bottom + 2
    spine = fillet([(0, under, -40), (0, under, behind[2] - 34), behind], 60)
    chair = parts(cover, soft, onto=surface) + parts(metal, hard, onto=surface)
    return chair + parts(metal, board(spine, d.between(60, 110), 18, (1, 0, 0), edge=6))


def cantilever(d: Draw) -> list[Part]:
    """One bent tube without rear legs, that carries seat and back."""
    metal, cover, size = d.metal(), d.cover(), d.between(22, 30)
    height, width, depth = d.between(430, 470), d.between(430, 500), d.between(420, 480)
    top, lean = height + d.between(340, 460), d.between(60, 130)
    x, z, low = width / 2, depth / 2, size / 2
    rear, front = -z + d.between(-20, 30), z + d.between(-30, 20)
    half = [(x, low, rear), (x, low, front), (x, height - 6, z), (x, height - 14, 20 - z)]
    half = np.array([*half, (x, top, -z - lean)])
    joined = d.chance(0.5)  # above the back, too
    path = fillet([*half, *(half[::-1] * (-1, 1, 1))], d.between(45, 120), closed=joined)
    if not joined:
        path = np.concatenate([half[::-1], half * (-1, 1, 1)])
        path = fillet(path, d.between(45, 120))
    chair = parts(metal, tube(path, size, closed=joined, count=14))
    thickness = d.pick(46.0, 24.0, 14.0)
    seat = Seat(height + thickness / 2, width, depth, width, thickness)
    outline = rounded_rectangle(width + d.between(0, 30), depth - 40, 25)
    chair += parts(cover, seats.cushion(seat, outline, thickness, 6))
    slope = (lean + 20) / (top - height + 14)

    def surface(across: np.ndarray, y: np.ndarray) -> np.ndarray:
        hollow = 26 * np.minimum(0, (across / x) ** 2 - 1)
        return np.stack([across, height + y, 20 - z - slope * (y + 14) + hollow], 1)

    end = top - height - (0 if joined else 6)
    start = d.between(0.3, 0.6) * end
    panel = rounded_rectangle(width + 20, end - start, 30)
    middle = (start + end) / 2
    chair += parts(cover, draped_slab(surface, panel, middle, 28, edge=12, dome=4, rings=8))
    if d.chance(0.5):
        joint = on(surface, x, d.between(200, 240))
        arm = fillet([joint, (x + 14, joint[1], z - 40), (x + 4, height - 8, z - 60)], 70)
        ends = (x + 3, joint[1] + 12, joint[2] + 60), (x + 12, joint[1] + 12, z - 90)
        rest = board(np.linspace(*ends, 6), 44, 20, (1, 0, 0), 8)
        chair += parts(metal, both(tube(arm, 0.85 * size))) + parts(BLACK, both(rest))
    return chair


def school(d: Draw) -> list[Part]:
    """Stacking: a frame of thin tube, a bent board to sit on and one to lean on."""
    metal, size = d.metal(), d.between(18, 25)
    colour = d.pick(d.wood(), d.cover())
    height, width, depth = d.between(430, 460), d.between(380, 440), d.between(370, 420)
    top, lean = height + d.between(330, 400), d.between(60, 110)
    x, z = width / 2 - 20, depth / 2 - 20
    under = height - size / 2 - 8
    side = fillet([(x, 0, z + 30), (x, under, z), (x, under, -z), (x, top - 20, -z - lean)], 55)
    foot = x + 6, 0, -z - d.between(40, 90)
    rear = fillet([foot, (x + 6, under - 2, -z + 70), (x, under, -z + 150)], 40)
    bars = [bases.crossbar((x, under, at), 0.8 * size) for at in (z - 30, -z + 80)]
    chair = parts(metal, both(tube(side, size), tube(rear, size)), bars)
    radius, rear_width = d.between(30, 90), width * d.between(0.85, 1)
    outline = rounded_rectangle(width, depth, radius, top_width=rear_width)
    dish = d.between(5, 22)

    def seat_surface(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        v = 2 * b / depth
        y = height + dish * (2 * a / width) ** 2 * (v > -2) - 26 * np.clip(-v - 0.55, 0, None) ** 2
        return np.stack([a, y, -b], 1)

    chair += parts(colour, draped_slab(seat_surface, outline, 0, 13, edge=5, rings=14))
    slope = lean / (top - under)
    wrap = d.between(15, 45)

    def back_surface(a: np.ndarray, y: np.ndarray) -> np.ndarray:
        bent = ((a / x) ** 2 - 1) * wrap
        return np.stack([a, y, -z - slope * (y - under) + bent + 4], 1)

    tall = d.between(110, 220)
    panel = rounded_rectangle(width + d.between(0, 25), tall, d.between(20, 55))
    back = draped_slab(back_surface, panel, top - tall / 2, 13, edge=5, rings=8)
    return chair + parts(colour, back)


def boards(d: Draw) -> list[Part]:
    """Few boards: one folded from the floor to the back, or seat and back between two sides."""
    colour = d.pick(d.wood(), d.cover())
    width, depth, height = d.between(370, 480), d.between(390, 480), d.between(420, 460)
    top, lean = height + d.between(300, 440), d.between(20, 90)
    thickness, z = d.between(22, 55), depth / 2
    if d.chance(0.5):
        low, level = thickness / 2, height - thickness / 2
        # From the floor to the seat's front edge: slanting (a Z), or along the floor, then up.
        foot = (z - 10, 20 - z) if d.chance(0.5) else (-z, z)
        corners = [(0, low, at) for at in foot] + [(0, level, z), (0, level, -z)]
        path = fillet([*corners, (0, top, -z - lean)], d.pick(4.0, d.between(40, 120)))
        return parts(colour, board(path, width, thickness, (1, 0, 0)))
    seat = Seat(height, width, depth, width, thickness)
    level = height + d.pick(1.0, d.between(170, 220))
    side = (width + thickness) / 2 - 4
    chair = parts(colour, both(box((thickness, level, depth), (side, level / 2, 0), 3)))
    plate = seats.plate(seat, rounded_rectangle(width, depth), 0)
    chair += parts(d.pick(colour, d.cover()), plate)
    surface = seat.back(lean_deg=d.between(0, 12), inset=thickness / 2 + 2)
    tall = top - height
    panel = rounded_rectangle(width, tall + thickness)
    back = draped_slab(surface, panel, (tall - thickness) / 2, thickness, rings=4)
    return chair + parts(colour, back)
