"""How heads differ: the shape components of the procedural head.

Each component is a sum of smooth displacement fields, given at one standard
deviation. All are left-right symmetric except those of `ASYMMETRIC`.
"""

from __future__ import annotations

import numpy as np

from dcign_tf.rendering.head import fields as fields
from dcign_tf.rendering.head.fields import Field
from dcign_tf.rendering.head.mesh import HeadMesh, Part, beard_cover
from dcign_tf.rendering.head.sculpture import step

_EYE = (31.5, 0, 72)
_JAW_ANGLE = (46, -80, 14)
_CHIN = (0, -103, 82)
_CHEEK = (42, -52, 52)
_MOUTH = (0, -68, 92)
_SAG = fields.push((36, -72, 62), (22, 22, 30), (2.5, -4, 2.5))
_NASOLABIAL = [(17, -38, 92), (24, -50, 88), (32, -66, 80)]

# The table's numbers go to the edge of caricature; identities are drawn this much closer.
SPREAD = 0.62

SYMMETRIC: dict[str, tuple[Field, ...]] = {
    # mixtures, in which many features go together
    "masculinity": (
        fields.push((27, 17, 86), (30, 10, 22), (0, -1.5, 3.0)),
        fields.push(_JAW_ANGLE, (26, 32, 44), (5, -2.5, 1)),
        fields.push(_CHIN, (26, 24, 34), (0, -4, 3)),
        fields.swell(_CHIN, (30, 24, 34), (0.16, 0, 0)),
        fields.swell((0, -28, 100), (22, 26, 26), (0.14, 0.1, 0.14)),
        fields.push((46, -122, 0), (40, 26, 70), (6, 0, 3)),
        fields.push(_CHEEK, (20, 26, 30), (-1, 0, -1.5)),
        fields.push((0, -66, 93), (26, 12, 16), (0, 0, -1.8)),
        fields.swell(_EYE, (18, 11, 18), (-0.06, -0.18, 0)),
        fields.grow(Part.BEARD, 2.6, beard_cover),
        fields.grow(Part.HAIR, -8, fields.curtain),
        fields.ears(flare=0.05),
        fields.grow(Part.HAIR, -1.5, fields.scalp),
    ),
    "weight": (
        fields.push(_CHEEK, (22, 28, 32), (4, 0, 2)),
        fields.push((34, -78, 56), (26, 22, 34), (4, -2, 2.5)),
        fields.push((0, -113, 42), (40, 18, 34), (0, -6, 3)),
        fields.push((46, -122, -10), (40, 26, 80), (5, 0, 4)),
    ),
    "age": (
        _SAG,
        fields.furrow(_NASOLABIAL, 4, 1.6),
        fields.push((31, -11.5, 74), (15, 4.5, 12), (0, -0.5, 1.5)),
        fields.push((36, 9, 77), (18, 6, 14), (0, -1.8, 1.2)),
        fields.furrow([(0, 42, 92), (30, 40, 84)], 3, 1.2),
        fields.furrow([(0, 54, 92), (30, 51, 84)], 3, 1.0),
        fields.ears(scale=0.06),
        fields.grow(Part.HAIR, -4, fields.front_edge),
        fields.push((0, -66, 93), (26, 8, 16), (0, 0, -1.2)),
    ),
    # the head as a whole
    "head width": (fields.stretch((0.05, 0, 0)),),
    "head length": (fields.stretch((0, 0, 0.045)),),
    "cranium height": (fields.stretch((0, 0.075, 0), above_mm=25),),
    "face length": (fields.stretch((0, 0.065, 0), below_mm=-5),),
    "occiput": (fields.push((0, 20, -98), (65, 52, 45), (0, 0, -7)),),
    "crown": (fields.push((0, 108, -12), (46, 34, 55), (0, 6, 0)),),
    "upper against lower width": (
        fields.push((68, 40, 0), (40, 42, 90), (4, 0, 0)),
        fields.push((50, -75, 20), (30, 36, 60), (-2.8, 0, 0)),
    ),
    # forehead and brow
    "forehead slope": (fields.push((0, 66, 78), (75, 36, 45), (0, 0, 7)),),
    "forehead breadth": (fields.push((54, 42, 62), (24, 32, 34), (4, 0, 2)),),
    "temples": (fields.push((66, 15, 52), (16, 26, 24), (4, 0, 0)),),
    "brow ridge": (fields.push((27, 17, 86), (30, 10, 22), (0, -0.8, 3.2)),),
    "brow height": (fields.push((30, 18, 82), (26, 9, 24), (0, 3.2, 0)),),
    "brow slant": (
        fields.push((12, 15, 86), (12, 9, 20), (0, -2.6, 0)),
        fields.push((45, 15, 66), (14, 10, 20), (0, 2.6, 0)),
    ),
    # eyes
    "eye spacing": (fields.push(_EYE, (20, 16, 22), (2.4, 0, 0)),),
    "eye size": (fields.swell(_EYE, (20, 13, 20), (0.1, 0.19, 0.06)),),
    "eye opening": (fields.swell(_EYE, (18, 9, 18), (0, 0.22, 0)),),
    "eye slant": (
        fields.push((45, 2, 66), (11, 10, 16), (0, 2.6, 0)),
        fields.push((18, -2, 74), (9, 9, 14), (0, -1.2, 0)),
    ),
    "eye depth": (fields.push((31, 2, 74), (20, 13, 20), (0, 0, 3.2)),),
    "hooded lids": (fields.push((34, 9.5, 77), (18, 6, 14), (0, -1.8, 2.4)),),
    "bags": (fields.push((31, -11.5, 74), (15, 4.5, 12), (0, -0.5, 1.8)),),
    # nose
    "nose length": (fields.push((0, -38, 105), (22, 17, 28), (0, -4, 0)),),
    "nose protrusion": (fields.push((0, -33, 112), (15, 18, 24), (0, 0, 4)),),
    "nose width": (fields.swell((0, -40, 100), (24, 15, 22), (0.24, 0, 0)),),
    "nose bridge height": (fields.push((0, 2, 90), (12, 18, 16), (0, 0, 3.6)),),
    "nose hump": (fields.push((0, -14, 98), (11, 12, 15), (0, 0, 3)),),
    "nose tip up": (fields.push((0, -38, 115), (12, 10, 14), (0, 3.4, 1)),),
    "nose tip bulb": (fields.swell((0, -36, 108), (15, 13, 15), (0.24, 0.16, 0.12)),),
    "nose bridge width": (fields.swell((0, -10, 92), (17, 24, 18), (0.28, 0, 0)),),
    "nostril wings": (fields.push((13, -41, 98), (9, 9, 12), (0.6, 2, 1)),),
    # mouth and chin
    "mouth width": (fields.swell(_MOUTH, (38, 15, 28), (0.16, 0, 0)),),
    "upper lip": (fields.push((0, -62, 95), (26, 6, 15), (0, 1.5, 1.8)),),
    "lower lip": (fields.push((0, -74, 93), (24, 6.5, 15), (0, -1.8, 2)),),
    "muzzle": (fields.push(_MOUTH, (36, 24, 30), (0, 0, 3.2)),),
    "mouth height": (fields.push(_MOUTH, (36, 14, 28), (0, -3, 0)),),
    "mouth corners": (fields.push((26, -68, 82), (12, 10, 15), (0, 2.8, -0.5)),),
    "overbite": (
        fields.push((0, -61, 94), (28, 8, 18), (0, 0, 2)),
        fields.push((0, -77, 92), (28, 9, 18), (0, 0, -2)),
    ),
    "mentolabial fold": (fields.push((0, -86, 92), (22, 7, 16), (0, 0, 2.2)),),
    "chin length": (fields.push(_CHIN, (30, 26, 40), (0, -4, 0)),),
    "chin protrusion": (fields.push(_CHIN, (26, 24, 34), (0, 0, 4)),),
    "chin width": (fields.swell(_CHIN, (30, 24, 34), (0.2, 0, 0)),),
    "chin cleft": (fields.furrow([(0, -96, 98), (0, -106, 96)], 4, 1.5),),
    # cheeks and jaw
    "jaw width": (fields.push(_JAW_ANGLE, (26, 34, 46), (4.5, 0, 0)),),
    "jaw angle": (fields.push((48, -84, 10), (24, 26, 34), (0, -6, 0)),),
    "cheekbone breadth": (fields.push((61, -14, 36), (22, 24, 42), (4, 0, 0)),),
    "cheekbones": (fields.push((42, -19, 66), (18, 15, 22), (2.5, 1, 3.6)),),
    "cheeks": (fields.push(_CHEEK, (22, 26, 32), (3, 0, 1.8)),),
    "apples of the cheeks": (fields.push((34, -32, 76), (14, 13, 16), (0.5, 0.5, 3)),),
    "nasolabial folds": (fields.furrow(_NASOLABIAL, 4, 1.3),),
    "jowls": (_SAG,),
    # neck and ears
    "neck width": (fields.push((50, -122, -15), (40, 26, 80), (6, 0, 0)),),
    "double chin": (fields.push((0, -113, 44), (34, 16, 30), (0, -7, 3)),),
    "nape": (fields.push((0, -95, -70), (50, 40, 40), (0, 0, -6)),),
    "ear size": (fields.ears(scale=0.12),),
    "ear height": (fields.ears(lift_mm=4),),
    "ear flare": (fields.ears(flare=0.16),),
    # hair and beard
    "hair volume": (
        fields.grow(Part.HAIR, 6, fields.scalp),
        fields.grow(Part.HAIR, 3, fields.curtain),
    ),
    "hair top": (fields.grow(Part.HAIR, 3.5, fields.scalp_near((0, 100, 25), (60, 40, 60))),),
    "hair sides": (fields.grow(Part.HAIR, 4, fields.scalp_near((72, 20, -15), (30, 50, 70))),),
    "hair back": (fields.grow(Part.HAIR, 5, fields.scalp_near((0, 20, -100), (70, 60, 50))),),
    "hair length": (fields.grow(Part.HAIR, 10, fields.curtain), fields.ears(flare=-0.08)),
    "hair length at the nape": (
        fields.grow(Part.HAIR, 6, lambda p: fields.curtain(p) * step(-40 - p[:, 2], 14)),
    ),
    "fringe": (fields.grow(Part.HAIR, 8, fields.fringe),),
    "hairline": (fields.grow(Part.HAIR, 4.5, fields.front_edge),),
    "temple recession": (
        fields.grow(Part.HAIR, -3, fields.scalp_near((48, 60, 45), (20, 24, 30))),
        fields.grow(Part.HAIR, 2, fields.scalp_near((0, 74, 70), (20, 20, 30))),
    ),
    "crown of hair": (fields.grow(Part.HAIR, 4, fields.scalp_near((0, 95, -60), (34, 34, 34))),),
    "beard": (fields.grow(Part.BEARD, 4.0, beard_cover),),
    "goatee": (fields.grow(Part.BEARD, 2.5, fields.goatee),),
    "moustache": (fields.grow(Part.BEARD, 2.2, fields.moustache),),
}

ASYMMETRIC: dict[str, tuple[Field, ...]] = {
    "crooked nose": (fields.skew((0, -32, 108), (20, 22, 28), (2.6, 0, 0)),),
    "jaw aside": (fields.skew((0, -96, 60), (55, 32, 60), (3, 0, 0)),),
    "slanting mouth": (
        fields.skew((25, -68, 84), (18, 12, 22), (0, 1.6, 0)),
        fields.skew((-25, -68, 84), (18, 12, 22), (0, -1.6, 0)),
    ),
    "uneven eyes": (
        fields.skew((31, 4, 74), (22, 18, 24), (0, 1.4, 0)),
        fields.skew((-31, 4, 74), (22, 18, 24), (0, -1.4, 0)),
    ),
    "parting": (
        fields.grow(
            Part.HAIR,
            1.4,
            lambda p: fields.scalp(p) * np.tanh(p[:, 0] / 30) * step(p[:, 1] - 40, 15),
        ),
    ),
    "waves": (fields.grow(Part.HAIR, 1.6, fields.waves),),
    "swept fringe": (
        fields.grow(Part.HAIR, 1.8, lambda p: fields.fringe(p) * np.tanh(p[:, 0] / 22)),
    ),
}


def shape_basis_mm(mesh: HeadMesh) -> np.ndarray:
    """Every component's displacement at one standard deviation: float32 [S, V, 3]."""
    components = [*SYMMETRIC.values(), *ASYMMETRIC.values()]
    basis = np.stack([sum(field(mesh) for field in parts) for parts in components])
    return (SPREAD * basis).astype(np.float32)
