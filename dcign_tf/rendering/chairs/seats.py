"""Seats, arms and upholstery: what touches the sitter, but for the backs."""

from __future__ import annotations

import numpy as np

from dcign_tf.rendering.chairs.draw import Draw, Seat, both
from dcign_tf.rendering.chairs.outlines import curve, fillet, rounded_rectangle, superellipse
from dcign_tf.rendering.chairs.solids import (
    Mesh,
    Surface,
    board,
    box,
    column,
    level,
    loft,
    lying,
    slab,
    tube,
)


def seat_outline(seat: Seat, power: float | None, radius: float) -> np.ndarray:
    """Outline [k, 2], y to the rear: a superellipse of that power, or a rounded trapezoid."""
    if power is not None:
        outline = superellipse(seat.width, seat.depth, power)
        share = outline[:, 1] / seat.depth + 0.5
        outline[:, 0] *= 1 + share * (seat.rear_width / seat.width - 1)
        return outline
    return rounded_rectangle(seat.width, seat.depth, radius, top_width=seat.rear_width)


def edge_z(seat: Seat, power: float, x: float) -> float:
    """z of the rear edge, at x, of a seat whose outline is a superellipse."""
    return seat.rear * (1 - (2 * x / seat.rear_width) ** power) ** (1 / power)


def plate(seat: Seat, outline: np.ndarray, edge: float, rings: int = 5) -> Mesh:
    """A flat seat."""
    mesh = slab(outline, seat.thickness, edge=edge, rings=rings)
    return lying(mesh, seat.height - seat.thickness / 2)


def saddle(seat: Seat, outline: np.ndarray, dip: float) -> Mesh:
    """A thick wooden seat with a hollow."""
    mesh = plate(seat, outline, 10, rings=12)
    x, y, z = mesh.vertices.T
    u, v = 2 * x / seat.width, 2 * z / seat.depth
    hollow = dip * np.exp(-(((np.abs(u) - 0.32) / 0.3) ** 2) - ((v + 0.1) / 0.5) ** 2)
    upper = (y > seat.height - seat.thickness / 2).astype(float)
    return Mesh(np.stack([x, y - upper * hollow, z], 1), mesh.triangles)


def cushion(
    seat: Seat, outline: np.ndarray, thickness: float, dome: float, *, lift: float = 0.0
) -> Mesh:
    """A pad whose upper rim is as far above the seat's height as `lift` says."""
    mesh = slab(outline, thickness, edge=0.45 * thickness, dome=dome)
    return lying(mesh, seat.height + lift - thickness / 2)


def slatted(seat: Seat, count: int, edge: float) -> list[Mesh]:
    """Boards from side to side with gaps between them, on two rails."""
    pitch = seat.depth / count
    solids = []
    for number in range(count):
        z = seat.depth / 2 - (number + 0.5) * pitch
        size = (2 * seat.half_width(z), 0.6 * seat.thickness, 0.78 * pitch)
        solids.append(box(size, (0, seat.height - 0.3 * seat.thickness, z), edge))
    rail = (24, 0.7 * seat.thickness, seat.depth - 6)
    x = 0.4 * seat.rear_width
    return [*solids, *both(box(rail, (x, seat.bottom + 0.35 * seat.thickness, 0)))]


def wooden_arms(
    seat: Seat, start: np.ndarray, d: Draw, *, size: float, foot: np.ndarray | None
) -> list[Mesh]:
    """Arm rests from the back to supports at the front.

    Args:
        seat: the seat.
        start: where the right arm meets the back [3].
        d: draws.
        size: width of the supports.
        foot: where the right support stands; None is on the seat's side.
    """
    if foot is None:
        front = d.between(0.1, 0.32) * seat.depth
        x = seat.half_width(front) + 0.4 * size
        foot = np.array([x, seat.bottom + 4, front - d.between(-12, 30)])
    else:
        x, front = foot[0], foot[2]
    drop, bulge = d.pick(0.0, 0.0, 14.0, -12.0), d.pick(0.0, 0.0, 16.0)
    reach = front + d.between(15, 40)
    middle = (x + bulge, start[1] + drop, (start[2] + reach) / 2)
    path = curve([start, middle, (x, start[1] + 0.5 * drop, reach)], 20)
    arm = board(path, d.between(34, 58), d.between(17, 26), (1, 0, 0), edge=8)
    top = np.array([x, path[np.abs(path[:, 2] - front).argmin(), 1], front])
    return both(arm, column(top, foot, 0.8 * size, size, round_=d.chance(0.5)))


def t_arms(seat: Seat, d: Draw) -> tuple[list[Mesh], list[Mesh]]:
    """An office chair's arms: (supports, pads)."""
    level, reach = d.between(180, 230), d.between(230, 290)
    x = seat.width / 2 + d.between(18, 36)
    z = d.between(-40, 30)
    width = d.between(35, 70)
    joint = np.array([0.5 * seat.width / 2, seat.bottom + 4, z])
    below = np.array([x, seat.bottom + 4, z])
    upper = np.array([x + 4, seat.height + level, z + d.between(-30, 20)])
    path = fillet([joint, below, upper], 35)
    support = board(path, width, 15, (0, 0, 1), edge=5)
    pad = box((d.between(60, 90), 28, reach), (upper[0], upper[1], upper[2] + 10), 12)
    return both(support), both(pad)


def loop_arms(seat: Seat, d: Draw, diameter: float) -> list[Mesh]:
    """A closed loop on each side."""
    level, reach = d.between(170, 220), d.between(0.28, 0.4) * seat.depth
    x = seat.width / 2 + diameter * 0.7
    rear = -reach + d.between(-40, 0)
    low = seat.bottom + diameter / 2 - 2
    corners = [(x, low, reach - 30), (x, seat.height + level, reach + d.between(0, 30))]
    corners += [(x, seat.height + level, rear - 10), (x, low, rear + d.between(0, 60))]
    path = fillet(corners, d.between(30, 90), closed=True)
    return both(tube(path, diameter, closed=True))


def box_arms(seat: Seat, level: float, width: float, bottom: float, d: Draw) -> list[Mesh]:
    """Upholstered arms from the base up: straight, sloping, or with a roll on top."""
    x = seat.width / 2 + width / 2 - 3
    height = seat.height + level - bottom
    style = d.pick("straight", "straight", "slope", "roll")
    edge = d.between(12, 32)
    arm = box((width, height, seat.depth), (x, bottom + height / 2, 0), edge)
    if style == "slope":
        share = np.clip(arm.vertices[:, 2] / seat.depth + 0.5, 0, 1)
        upper = np.clip((arm.vertices[:, 1] - seat.height) / level, 0, 1)
        lift = np.outer(0.55 * level * (0.5 - share) * upper, (0, 1, 0))
        arm = Mesh(arm.vertices + lift, arm.triangles)
    solids = [arm]
    if style == "roll":
        diameter = min(1.24 * width, 130)
        z = np.linspace(seat.rear, seat.depth / 2 + 4, 5)
        path = np.stack([np.full(5, x + 0.2 * width), np.full(5, bottom + height - 8), z], 1)
        solids.append(tube(path, diameter, count=28))
    return both(*solids)


def wings(
    seat: Seat, back: Surface, bottom: float, top: float, reach: float, thickness: float
) -> list[Mesh]:
    """The wings of a wing chair: they run up both sides of the back, and forward at the head.

    Args:
        seat: the seat.
        back: the back's surface.
        bottom: where they start, above the seat (below it, if negative).
        top: where they end.
        reach: how far they come forward.
        thickness: of a wing.
    """
    y = np.linspace(bottom, top - 12, 22)
    share = np.clip(y / y[-1], 0, 1)
    forward = reach * (0.25 + 0.75 * np.clip(3.2 * (share - 0.3), 0, 1) - 0.45 * share**6)
    rear = back(np.full(len(y), seat.rear_width / 2 + 0.3 * thickness), y)
    rings = []
    for point, ahead in zip(rear, forward, strict=True):
        section = rounded_rectangle(thickness, ahead + 50, 0.45 * thickness)
        rings.append(level(section) + point + np.array([0.1 * ahead, 0, (ahead - 50) / 2]))
    return both(loft(np.stack(rings)))


def tub(
    seat: Seat,
    *,
    bottom: float,
    rear_top: float,
    arm_top: float,
    thickness: float,
    opening_deg: float,
    flare: float,
    power: float,
) -> Mesh:
    """A wall that runs around the seat, high behind and lower as it comes forward.

    Args:
        seat: the seat within.
        bottom: height at which the wall starts.
        rear_top: height of its top behind.
        arm_top: and at the front, where it comes down round.
        thickness: of the wall.
        opening_deg: angle from straight ahead at which it ends, on both sides.
        flare: how far its top stands out beyond its bottom.
        power: how the height falls: 1 evenly, more: late.
    """
    count = 49
    angle = np.radians(np.linspace(opening_deg, 360 - opening_deg, count))
    outward = np.stack([np.sin(angle), np.zeros(count), np.cos(angle)], 1)
    reach = np.array([seat.width, 0, seat.depth]) / 2 + thickness / 2 - 6
    foot = reach * np.sign(outward) * np.abs(outward) ** (2 / 2.6) * (1, 0, 1) + (0, bottom, 0)

    forward = np.abs(np.linspace(-1, 1, count))  # 0 behind, 1 where it ends
    height = rear_top + forward**power * (arm_top - rear_top) - bottom
    rounding = np.clip((1 - forward) / 0.1, 0, 1)
    height -= (1 - np.sqrt(1 - (1 - rounding) ** 2)) * 0.5 * height.min()

    half, round_ = thickness / 2, np.linspace(0, np.pi, 9)
    cap = np.minimum(half, 0.4 * height)[:, None]
    # The wall's sections [49, 13]: up inside, over the rounded top, down outside.
    up = np.pad(height[:, None] - cap + cap * np.sin(round_), [(0, 0), (2, 2)])
    across = np.pad(-half * np.cos(round_), 2, constant_values=(-half, half))
    across = (across + flare * up / (rear_top - bottom))[..., None]
    return loft(foot[:, None] + across * outward[:, None] + up[..., None] * (0, 1, 0))
