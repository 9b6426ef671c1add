"""Upholstered chairs, each function one kind."""

from __future__ import annotations

from dcign_tf.rendering.chairs import backs, bases, seats
from dcign_tf.rendering.chairs.draw import Draw, Part, Seat, draped_slab, parts
from dcign_tf.rendering.chairs.outlines import rounded_rectangle, superellipse
from dcign_tf.rendering.chairs.solids import Mesh, box, moved


def club(d: Draw) -> list[Part]:
    """An armchair: a block, a cushion, thick arms and a thick back."""
    cover = d.cover()
    width, depth = d.between(460, 620), d.between(470, 580)
    seat = Seat(d.between(390, 450), width, depth, width, 20)
    bottom = d.between(60, 160)
    chair = _body(seat, bottom, d.between(100, 150), cover, d)
    level, arm = d.between(150, 230), d.between(60, 170)
    chair += parts(cover, seats.box_arms(seat, level, arm, bottom, d))
    thickness, top = d.between(110, 190), d.between(300, 480)
    surface = seat.back(lean_deg=d.between(6, 15), inset=-0.1 * thickness)
    span = width + (2 * arm - 10 if d.chance(0.5) else -6)
    radius = d.between(20, 60)
    outline = rounded_rectangle(span, top + seat.height - bottom, radius)
    middle = (top + (bottom - seat.height)) / 2
    edge = 0.3 * thickness
    body = draped_slab(surface, outline, middle, thickness, edge=edge, dome=4, rings=6)
    chair += parts(cover, body)
    if d.chance(0.5):
        pad = backs.pad(width - 10, 10, top + d.between(-40, 20), d.between(90, 140), d)
        albedo = cover if d.chance(0.8) else d.cover()
        chair += parts(albedo, moved(pad, (0, 0, 0.6 * thickness)), onto=surface)
    whole = seat._replace(width=width + 1.7 * arm)
    return chair + parts(d.wood(), _feet(whole, bottom, 20, d))


def wing(d: Draw) -> list[Part]:
    """A high back with wings."""
    cover = d.cover()
    width, depth = d.between(470, 560), d.between(470, 540)
    seat = Seat(d.between(410, 460), width, depth, width * d.between(0.88, 1.0), 20)
    bottom = d.between(110, 180)
    chair = _body(seat, bottom, d.between(90, 130), cover, d)
    level, arm = d.between(160, 220), d.between(60, 95)
    chair += parts(cover, seats.box_arms(seat, level, arm, bottom, d))
    thickness, top = d.between(100, 140), d.between(600, 740)
    surface = seat.back(lean_deg=d.between(7, 14), inset=0)
    half = seat.rear_width / 2
    outline = superellipse(2 * half + 40, top + seat.height - bottom, d.between(5, 9), 72)
    low, edge = bottom - seat.height, 0.4 * thickness
    body = draped_slab(surface, outline, (top + low) / 2, thickness, edge=edge, dome=8, rings=8)
    chair += parts(cover, body)
    chair += parts(cover, seats.wings(seat, surface, low + 20, top, d.between(130, 230), 62))
    whole = seat._replace(width=width + 1.6 * arm)
    return chair + parts(d.wood(), _feet(whole, bottom, 20, d))


def parsons(d: Draw) -> list[Part]:
    """A dining chair all in cloth, seat and back at right angles."""
    cover = d.cover()
    width, depth = d.between(430, 500), d.between(430, 490)
    thickness = d.between(80, 130)
    seat = Seat(d.between(460, 495), width, depth, width * d.between(0.9, 1.0), thickness)
    outline = seats.seat_outline(seat, None, d.between(10, 50))
    chair = parts(cover, seats.cushion(seat, outline, thickness, d.between(4, 16)))
    back, top = d.between(55, 95), d.between(420, 620)
    surface = seat.back(
        lean_deg=d.between(4, 14), inset=0.5 * back, wrap=d.pick(0, 0, 60), bow=d.pick(0, 40)
    )
    span = seat.rear_width * d.between(0.96, 1.02)
    tall = top + 0.6 * thickness
    if d.chance(0.6):
        radius, top_width = d.between(12, 90), span * d.between(0.85, 1.1)
        shape = rounded_rectangle(span, tall, radius, top_width=top_width)
    else:
        shape = superellipse(span, tall, d.between(3, 6), 64)
    middle = (top - 0.6 * thickness) / 2
    panel = draped_slab(surface, shape, middle, back, edge=0.4 * back, dome=6, rings=8)
    chair += parts(cover, panel)
    if d.chance(0.3):
        level, arm = d.between(150, 210), d.between(50, 70)
        chair += parts(cover, seats.box_arms(seat, level, arm, seat.bottom, d))
    if d.chance(0.12):  # a skirt to the floor
        skirt = box((width - 6, seat.bottom + 20, depth - 8), (0, (seat.bottom + 20) / 2, 0), 12)
        return chair + parts(cover, skirt)
    splay, rear_splay, sink = d.pick(0, 0, 25), d.between(0, 60), thickness - 15
    axes = bases.leg_axes(seat, inset=30, splay=splay, rear_splay=rear_splay, sink=sink)
    style = d.pick("square", "tapered", "tapered", "dowel", "turned-0", "turned-2")
    return chair + parts(d.wood(), bases.legs(axes, style, d.between(36, 50)))


def barrel(d: Draw) -> list[Part]:
    """A thick wall around a round seat."""
    cover = d.cover()
    width, depth, height = d.between(460, 560), d.between(440, 540), d.between(390, 440)
    seat = Seat(height, width, depth, width, 20)
    bottom, thickness, cushion = d.between(50, 170), d.between(70, 120), d.between(90, 140)
    wall = seats.tub(
        seat,
        bottom=height - cushion,
        rear_top=height + d.between(240, 420),
        arm_top=height + d.between(100, 220),
        thickness=thickness,
        opening_deg=d.between(32, 60),
        flare=d.between(0, 50),
        power=d.between(1.0, 3.5),
    )
    whole = seat._replace(width=width + 1.7 * thickness, depth=depth + 1.7 * thickness)
    rim = height - cushion + 14
    block = whole._replace(height=rim, thickness=rim - bottom)
    chair = parts(cover, wall, seats.plate(block, superellipse(whole.width, whole.depth, 2.6), 10))
    outline = superellipse(width + 14, depth + 14, 2.6)
    pad = moved(seats.cushion(seat, outline, cushion, d.between(8, 26)), (0, 0, 0.4 * thickness))
    chair += parts(cover if d.chance(0.7) else d.cover(), pad)
    if d.chance(0.3):
        return chair + parts(d.metal(), bases.pedestal(bottom + 6, "disc", d.between(200, 260), 40))
    return chair + parts(d.wood(), _feet(whole, bottom, 70, d, block=0))


def _body(seat: Seat, bottom: float, cushion: float, cover: float, d: Draw) -> list[Part]:
    """The block under the seat and the cushion on it."""
    block = seat.height - cushion - bottom + 10
    body = box((seat.width, block, seat.depth), (0, bottom + block / 2, 0), 10)
    outline = rounded_rectangle(seat.width - 4, seat.depth + 6, d.between(25, 60))
    pad = moved(seats.cushion(seat, outline, cushion, d.between(8, 30)), (0, 0, 8))
    other = cover if d.chance(0.75) else d.cover()
    return parts(cover, body) + parts(other, pad)


def _feet(seat: Seat, bottom: float, inset: float, d: Draw, block: float = 0.2) -> list[Mesh]:
    """Short feet, or with that chance a block, under a body that ends at the height `bottom`."""
    if d.chance(block):
        size = seat.width - 2 * inset, bottom + 8, seat.depth - 2 * inset
        return [box(size, (0, (bottom + 8) / 2, 0), 6)]
    base = seat._replace(height=bottom + 8, rear_width=seat.width)
    splay, rear_splay = d.pick(0, 12, 25), d.pick(0, 15)
    axes = bases.leg_axes(base, inset=inset + 25, splay=splay, rear_splay=rear_splay, sink=0)
    return bases.legs(axes, d.pick("square", "tapered", "dowel", "turned-1"), d.between(34, 52))
