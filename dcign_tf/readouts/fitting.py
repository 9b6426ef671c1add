"""How latents are calibrated against the true values of their factor.

Several latents of a factor have a curve (`curve_fitting`); what follows is of a single one.

The curve is an isotonic regression of the value on the latent, made invertible
(`monotone`), since what is read off by it has the least squared error, whatever the
shape. One curve serves both directions. At its ends it goes on to the lowest and the
highest value seen, within the latents seen.

Where the latent jumps (`jumps`), as the paper's azimuth does where the
face looks straight ahead, the values are cut, and each part has a curve, rising or
falling, of its own. If the latents of the parts overlap or have changed places, a
small decision tree says which latents are read by which part's curve. In an overlap
that is the wrong one for some images, as the error there shows. A circle is cut
where the latent jumps most, since every number must jump somewhere on its way round,
and is an interval from there on.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from dcign_tf.quantities import Quantity
from dcign_tf.readouts import samples
from dcign_tf.readouts.calibrated_factor import CalibratedFactor
from dcign_tf.readouts.calibration import Calibration, FactorCalibration, value_name
from dcign_tf.readouts.curve_fitting import fit_curve
from dcign_tf.readouts.jumps import find_jumps, largest_step_on_circle
from dcign_tf.readouts.monotone import Curve, fit_monotone, num_groups

_MIN_EXPLAINED = 0.25  # of the values' variance: with less the error is near the prior's
_MIN_FAITHFUL = 0.8  # of the variance of the latent's mean response to the value


def calibrate(
    latents: Mapping[str, Sequence[np.ndarray]],
    values: Mapping[str, Sequence[np.ndarray]],
    quantities: Mapping[str, Quantity],
    *,
    step: int,
    places: Mapping[str, tuple[int, ...]] | None = None,
) -> Calibration:
    """Calibrates every factor of `latents`.

    Args:
        latents: factor to its n latents in the images of its sweeps, of identities that
            training never saw (validation), [n_i, n] each. Factors without an image are
            left out.
        values: the same factors to the true values, [n_i] each.
        quantities: the same factors to what these values are.
        step: the model's.
        places: `Calibration.latents`.

    Raises:
        ValueError: if shapes differ.
    """
    factors = {}
    for factor, sweeps in latents.items():
        if sum(map(len, sweeps)):
            name, period = value_name(factor, quantities[factor].key), quantities[factor].period
            own, value = np.concatenate(list(sweeps)), pooled(values[factor])
            factors[factor] = fit_factor(own, value, name=name, period=period)
    return Calibration(factors, step=step, latents=dict(places or {}))


def pooled(sweeps: Sequence[np.ndarray]) -> np.ndarray:
    """What all sweeps hold, [N]; float64 [0] of none."""
    return np.concatenate([np.zeros(0), *map(np.ravel, sweeps)])


def fit_factor(
    latents: np.ndarray, value: np.ndarray, *, name: str, period: float | None = None
) -> CalibratedFactor:
    """Calibrates a factor; if its latents tell nothing, the result is uncalibrated and says why.

    Args:
        latents: of N images, [..., n]. Images with one that is not finite are left out.
        value: the true values, [...], likewise.
        name: of the value, e.g. `azimuth_deg`.
        period: once round, if the values lie on a circle. Where they leave a quarter
            of it free, they are calibrated as the interval that they are.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    latents, value, reason = samples.finite(latents, value, name)
    if reason:
        return samples.uncalibrated(name, value, reason)
    fit = _fit_latent if latents.shape[1] == 1 else fit_curve
    return fit(latents, value, name=name, period=period)


def _fit_latent(
    latents: np.ndarray, value: np.ndarray, *, name: str, period: float | None
) -> FactorCalibration:
    """Calibrates a single latent, [N, 1]."""
    latent = latents[:, 0]
    circle = None
    if period:
        value, circle = _unrolled(latent, value, period)
    low, high = circle or (value.min(), value.max())
    cuts = find_jumps(latent, value)
    curves = _fit_curves(latent, value, [low, *cuts, high])
    if curves is None:  # a part has one latent alone, or not even that
        cuts, curves = [], _fit_curves(latent, value, [low, high])
    if curves is None:
        return samples.uncalibrated(name, value, "its latent tells nothing of it")
    part = np.searchsorted(cuts, value, side="right")
    ends, owners = _ownership(latent, part)
    read_latents, read_values = _joined([curves[owner] for owner in owners], ends)
    write_values, write_latents = _joined([_by_value(curve) for curve in curves], cuts, circle)
    fitted = FactorCalibration(
        name=name,
        read_latents=read_latents,
        read_values=read_values,
        read_errors=(0.0,) * len(read_latents),  # known once it reads
        write_values=write_values,
        write_latents=write_latents,
        period=high - low if circle else None,
        cuts=(low, *cuts) if circle else tuple(cuts),
    )
    off = samples.difference(fitted.to_value(latents), value, fitted.period)
    if reason := _failure(fitted, latent, value, off):
        return samples.uncalibrated(name, value, reason)
    misread = np.mean(owners[np.searchsorted(ends, latent, side="right")] != part)
    return dataclasses.replace(
        fitted,
        read_errors=samples.local_errors(latent, off, np.array(fitted.read_latents)),
        note=_note(fitted, misread),
    )


def _failure(
    fitted: FactorCalibration, latent: np.ndarray, value: np.ndarray, off: np.ndarray
) -> str:
    """Why the curves are of no use; empty if they are."""
    share = samples.explained(off, value)
    if share < _MIN_EXPLAINED:
        jumps = ", ".join(f"{cut:.4g}" for cut in fitted.cuts)
        told = f"its latent tells {share:.0%} of the variance of its validation values"
        return f"{told}, and jumps at {jumps}" if jumps else told
    # A latent that folds back may still tell the value in part: by its mean, at other latents.
    by_value = np.array_split(np.argsort(value, kind="stable"), num_groups(latent.size))
    response = [latent[group].mean() for group in by_value]
    written = [fitted.to_latents(value[group]).mean() for group in by_value]
    if np.corrcoef(response, written)[0, 1] ** 2 < _MIN_FAITHFUL:
        return "its latent folds back: it is the same for quite different values"
    return ""


# === Curves ===


def _fit_curves(
    latent: np.ndarray, value: np.ndarray, bounds: Sequence[float]
) -> list[Curve] | None:
    """A curve between each two neighbouring bounds; None if one of them cannot be made."""
    part = np.searchsorted(bounds[1:-1], value, side="right")
    curves = [
        fit_monotone(latent[part == i], value[part == i], low, high)
        for i, (low, high) in enumerate(itertools.pairwise(bounds))
    ]
    return None if any(curve is None for curve in curves) else curves


def _unrolled(
    latent: np.ndarray, value: np.ndarray, period: float
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """The values of a circle counted from where it is cut open, and where it begins and ends.

    Values that leave a large part of it free are cut there, and None is returned
    with them: they are an interval.
    """
    middle, _, is_whole = samples.widest_gap(value, period)
    cut = largest_step_on_circle(latent, value, period) if is_whole else middle - period
    value = cut + np.mod(value - cut, period)
    return value, (cut, cut + period) if is_whole else None


# === Which curve reads which latents ===


def _ownership(latent: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latents [P − 1] at which another part begins to be read, and the P parts in turn."""
    num_parts = part.max() + 1
    if num_parts == 1:
        return np.zeros(0), np.zeros(1, int)
    tree = DecisionTreeClassifier(
        max_leaf_nodes=2 * num_parts - 1, min_samples_leaf=5, random_state=0
    ).fit(latent[:, np.newaxis], part)
    ends = np.sort(tree.tree_.threshold[tree.tree_.feature >= 0])
    edges = np.concatenate([[latent.min()], ends, [latent.max()]])
    owners = tree.predict((edges[:-1] + edges[1:])[:, np.newaxis] / 2)
    changes = owners[1:] != owners[:-1]
    return ends[changes], owners[np.append(True, changes)]


def _joined(
    curves: Sequence[Curve], ends: Sequence[float], circle: tuple[float, float] | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The knots of curves in turn, one from each of the ends to the next.

    `circle` is where the first begins and the last ends, if not where they do themselves.
    """
    first, last = circle or (None, None)
    pieces = [
        _between(*curve, low, high)
        for curve, low, high in zip(curves, [first, *ends], [*ends, last], strict=True)
    ]
    x, y = map(np.concatenate, zip(*pieces, strict=True))
    return tuple(x.tolist()), tuple(y.tolist())


def _by_value(curve: Curve) -> Curve:
    """Values, ascending, and their latents."""
    x, y = curve
    return (y, x) if y[0] < y[-1] else (y[::-1], x[::-1])


def _between(
    x: np.ndarray, y: np.ndarray, low: float | None, high: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """A curve from `low` to `high`, level beyond its own ends; None is where it ends itself."""
    if low is None:
        low = x[0] if high is None or x[0] < high else high - 1
    if high is None:
        high = x[-1] if x[-1] > low else low + 1
    knots = np.concatenate([[low], x[(x > low) & (x < high)], [high]])
    return knots, np.interp(knots, x, y)


def _note(fitted: FactorCalibration, misread: float) -> str:
    """What there is to say of the jumps."""
    sentences, jumps = [], fitted.cuts
    if fitted.period:
        sentences.append(f"The circle is cut open at {fitted.name} = {jumps[0]:.4g}.")
        jumps = jumps[1:]
    for cut in jumps:
        before, after = np.compress(np.equal(fitted.write_values, cut), fitted.write_latents)
        sentences.append(
            f"At {fitted.name} = {cut:.4g} the latent jumps from {before:.3g} to {after:.3g}."
        )
    if misread:
        sentences.append(
            f"{misread:.1%} of the validation images have latents that stand for values beyond"
            " a jump as well, and are read as such."
        )
    return " ".join(sentences)
