"""Codes read as scenes, and changed: where latents become values, and values latents.

Codes are taken as the graphics code has them. In an entangled network a factor's latents
stand elsewhere, until evaluation finds them; `arranged` moves them to their places, in
the order that `GraphicsCode.order` makes of `Calibration.latents`, and `restored` moves
them back.

As in `calibration`, `xp` is `numpy`, or `keras.ops` for tensors, in a graph or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dcign_tf.factors import INTRINSIC, GraphicsCode
from dcign_tf.readouts.calibration import Calibration


class Reading(NamedTuple):
    """What codes say of one value of the scene.

    Attributes:
        value: in the unit that its name tells.
        error: the root mean square error of such readings, in the same unit.
    """

    value: Any
    error: Any


def arranged(z, order: Sequence[int], xp=np):
    """A network's own codes, as the graphics code has them.

    Args:
        z: codes [..., latent_dim], an array of `xp`.
        order: from which of the network's latents each one is taken (`GraphicsCode.order`).
        xp: see the module.

    Returns:
        A new array of the same shape.
    """
    return xp.take(z, np.asarray(order), axis=-1)


def restored(z, order: Sequence[int], xp=np):
    """The inverse of `arranged`: codes as the network's decoder takes them."""
    return arranged(z, np.argsort(order), xp)


def read(z, code: GraphicsCode, calibration: Calibration, xp=np) -> dict[str, Reading]:
    """What codes say of the scene.

    Args:
        z: codes [..., latent_dim], an array of `xp`.
        code: which latents belong to which factor.
        calibration: what they mean.
        xp: see the module.

    Returns:
        The names of values, such as `azimuth_deg`, to readings of the shape [...].
    """
    readings = {}
    for factor, calibrated in calibration.factors.items():
        latents = z[..., code.slice(factor)]
        readings[calibrated.name] = Reading(
            calibrated.to_value(latents, xp), calibrated.error(latents, xp)
        )
    return readings


def replaced(z, code: GraphicsCode, latents: Mapping[str, Any], xp=np):
    """Codes with some factors' latents replaced; all others are kept.

    Args:
        z: codes [..., latent_dim], an array of `xp`.
        code: which latents belong to which factor.
        latents: factor to what broadcasts to [..., latents of the factor].
        xp: see the module.

    Returns:
        A new array of the shape and type of `z`.

    Raises:
        KeyError: if the code has no such factor.
        ValueError: if something does not broadcast (with TensorFlow, InvalidArgumentError).
    """
    parts = {factor: z[..., code.slice(factor)] for factor in code.factors}
    for factor, given in latents.items():
        shape = xp.shape(z[..., code.slice(factor)])
        parts[factor] = xp.broadcast_to(xp.array(given, dtype=z.dtype), shape)
    return xp.concatenate(list(parts.values()), axis=-1)


def changed(
    z, code: GraphicsCode, latents: Mapping[str, Any], calibration: Calibration | None, xp=np
):
    """`replaced`, and what the old latents left in the intrinsic ones is taken out of these.

    Args:
        z: codes [..., latent_dim] of pictures as they are, an array of `xp`: of a code that was
            changed before, what was taken out would be taken out again.
        code: which latents belong to which factor.
        latents: factor to what broadcasts to [..., latents of the factor]. Intrinsic latents
            that are given stay as given.
        calibration: knows what some factors leave; without it nothing is taken out. Of several
            factors it is in the order of the code, each from what the last has left.
        xp: see the module.

    Returns:
        As `replaced`, which also says what is raised.
    """
    new = replaced(z, code, latents, xp)
    leakage = calibration.leakage if calibration else {}
    known = [factor for factor in code.extrinsic if factor in latents and factor in leakage]
    if not known or INTRINSIC in latents:
        return new
    intrinsic = z[..., code.slice(INTRINSIC)]
    for factor in known:  # one after the other, or what is in reach of all were taken out by each
        where = code.slice(factor)
        z = replaced(z, code, {INTRINSIC: intrinsic}, xp)
        moved = calibration.moved(factor, z[..., where], new[..., where], xp)
        intrinsic = intrinsic - leakage[factor].left(z, moved, xp)
    return replaced(new, code, {INTRINSIC: intrinsic}, xp)


def less_pose(z, code: GraphicsCode, calibration: Calibration, xp=np):
    """The intrinsic latents less all that pose, light and the like left in them: who it is.

    To compare objects by, not to be drawn: see `changed`.

    Args:
        z: codes [..., latent_dim] of pictures as they are, an array of `xp`.
        code: which latents belong to which factor.
        calibration: knows what some factors leave; of others nothing is taken out.
        xp: see the module.

    Returns:
        [..., intrinsic latents], of the type of `z`.
    """
    intrinsic = z[..., code.slice(INTRINSIC)]
    for factor in code.extrinsic:
        if factor in calibration.leakage:
            z = replaced(z, code, {INTRINSIC: intrinsic}, xp)
            intrinsic = intrinsic - calibration.leakage[factor].all_left(z, xp)
    return intrinsic
