"""What is evaluated only of faces made with a face model: factors, people, shape.

Disentanglement, recognition and shape estimation are scored on test images with all
factors drawn independently; what has to be fitted is fitted on training identities. New
people are drawn as well. Nothing here is needed for other data.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dcign_tf.datasets.sweeps import FaceDataset, evenly
from dcign_tf.evaluation.figures.roc_curves import recognition as recognition_chart
from dcign_tf.evaluation.figures.sheets import sheet
from dcign_tf.evaluation.intervals import Intervals, placed
from dcign_tf.evaluation.metrics import recognition
from dcign_tf.evaluation.metrics.eigenimages import fit_components
from dcign_tf.evaluation.portraits import (
    CODES_FILE,
    Portraits,
    read_portraits,
    score_disentanglement,
    write_codes,
)
from dcign_tf.evaluation.shape_errors import shape_scores, vertex_errors_mm
from dcign_tf.evaluation.sweep_codes import Evaluated
from dcign_tf.factors import INTRINSIC
from dcign_tf.quantities import display_name
from dcign_tf.readouts import scene
from dcign_tf.readouts.face_shape import READOUT_FILE, ShapeReadout, fit_readout
from dcign_tf.readouts.identities import IdentityDistribution, show_people
from dcign_tf.rendering.morphable_model import MorphableModel
from dcign_tf.rendering.raycaster import FaceScene

FIT_IMAGES = 8000
"""Training images that read-out and distribution of identities are fitted on, at most."""
_PIXEL_IMAGES = 2000  # of these, for pixels and their components: it is memory that they cost
_SAMPLED = 4  # of each distribution
_SHOWN = 5
_TURNS = (-0.75, -0.4, 0.4, 0.75)  # of the calibrated range
_SIDE_DEG = 45.0  # from where faces are also shown


def evaluate_people(
    evaluated: Evaluated, data: FaceDataset, directory: pathlib.Path
) -> tuple[dict[str, Any], dict[str, Figure], np.ndarray]:
    """Scores disentanglement, recognition and shape estimation, and fits the read-out of shape.

    Of the validation split there are no images of independent factors: nothing is scored.

    Args:
        evaluated: a network and what its latents mean.
        data: prepared.
        directory: where `codes.npz` and `shape_readout.npz` go.

    Returns:
        `disentanglement`, see `portraits.score_disentanglement`;
        `recognition`, see `recognition.recognition_scores`, or None if the test images
        do not show one person twice; `shape`, see `shape_errors.shape_scores`. `intervals`
        of scores of the second. Names of figures (`figures.catalogue`), and these. And the
        codes of the training images, [N, latent_dim], as the model has them.
    """
    network, calibration = evaluated.network, evaluated.calibration
    is_entangled = network.is_entangled
    if is_entangled:  # any of its latents may tell who it is, and none can be turned
        network = network.rearranged({})  # the read-out is for the model's own codes
    angles = [key for key in data.values.values() if key.endswith("_deg")]
    seen = data.sweeps("train")[INTRINSIC]
    fit = read_portraits(network, seen, angles, most_images=FIT_IMAGES)
    where = slice(0, network.code.latent_dim) if is_entangled else network.code.slice(INTRINSIC)
    face_model = data.face_model()
    readout = fit_readout(
        fit.codes,
        fit.coefficients,
        fit.identities,
        where=where,
        face_model=face_model.fingerprint,
        step=calibration.step,
    )
    readout.save(directory / READOUT_FILE)
    scores, figures = {}, {}
    if evaluated.split == "test":
        test = read_portraits(network, data.independent(), angles)
        name = "all latents (entangled)" if is_entangled else "intrinsic latents"
        scores = {
            "disentanglement": score_disentanglement(test),
            "recognition": _recognition_scores(name, test, fit, where, evaluated),
            "shape": shape_scores(face_model, readout, test),
        }
        if recognised := scores["recognition"]:
            figures["recognition"] = recognition_chart(recognised)
            scores["intervals"] = _popped_intervals(recognised["representations"])
        figures["shape_estimation"] = _estimated_shapes(face_model, readout, test)
        write_codes(
            directory / CODES_FILE,
            test,
            identity_latents=np.arange(where.start, where.stop),
            fit_mean=fit.codes.mean(axis=0),
            fit_std=fit.codes.std(axis=0),
            face_model=face_model.fingerprint,
            step=calibration.step,
        )
    else:
        (directory / CODES_FILE).unlink(missing_ok=True)  # they would be taken for the scored ones
    if not is_entangled and set(calibration.usable) == set(network.code.extrinsic):
        figures["sampled_people"] = _sampled_people(evaluated, fit.codes[:, where])
    return scores, figures, fit.codes


def _recognition_scores(
    name: str, test: Portraits, fit: Portraits, where: slice, evaluated: Evaluated
) -> dict[str, Any] | None:
    """Of the latents `where`, under that name, and of what needs no network."""
    if not recognition.can_be_scored(test.identities):
        return None
    own = fit.codes[:, where]
    latents = [recognition.standardised(p.codes[:, where], own) for p in (test, fit)]
    pixels, components = _baselines(test, fit, own.shape[1])
    of_components = f"{components[0].shape[1]}{recognition.COMPONENTS}"
    within = recognition.LESS_WITHIN
    code, calibration = evaluated.network.code, evaluated.calibration
    less_pose = None
    if calibration.leakage:
        less_pose = recognition.standardised(
            *(scene.less_pose(p.codes, code, calibration) for p in (test, fit))
        )
    representations = {
        name: latents[0],
        f"{name}{recognition.LESS_POSE}": less_pose,
        "pixels": pixels,
        of_components: components[0],
        f"{name}{within}": recognition.less_within(*latents, fit.identities),
        f"{of_components}{within}": recognition.less_within(*components, fit.identities),
    }
    found = {name: features for name, features in representations.items() if features is not None}
    return recognition.recognition_scores(found, test.identities, test.angles_deg)


def _popped_intervals(representations: Mapping[str, dict[str, Any]]) -> Intervals:
    """Those of each, taken to where scores.json has all of them."""
    intervals: Intervals = {}
    for name, scored in representations.items():
        intervals |= placed(f"recognition.representations.{name}", scored.pop("intervals"))
    return intervals


def _baselines(
    test: Portraits, fit: Portraits, num_components: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Test images' pixels; and as many principal components as the code has latents, of both."""
    parts = -(-len(fit.images) // _PIXEL_IMAGES)
    learned = _rows(fit.images[::parts])
    components = fit_components(learned, num_components)
    return recognition.standardised(_rows(test.images), learned), [
        np.concatenate([components.transform(_rows(part)) for part in np.array_split(images, n)])
        for images, n in ((test.images, 1), (fit.images, parts))
    ]


def _rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32)


def _estimated_shapes(face_model: MorphableModel, readout: ShapeReadout, test: Portraits) -> Figure:
    """Some test images beside their people's true and estimated faces."""
    _, first = np.unique(test.identities, return_index=True)
    shown = first[evenly(first, _SHOWN)]
    true, estimated = test.coefficients[shown], readout.coefficients(test.codes[shown])
    mean = np.zeros_like(true)
    errors, mean_errors = (vertex_errors_mm(face_model, e, true) for e in (estimated, mean))
    size = test.images.shape[1]
    columns = [np.broadcast_to(test.images[shown], (len(shown), size, size, 3))]
    for azimuth_deg in (0.0, _SIDE_DEG):
        for coefficients in (true, estimated, mean):
            scenes = (FaceScene.of(face_model, c) for c in coefficients)
            columns.append(
                [s.render(azimuth_deg, 0.0, 20.0, image_size=size, channels=3)[0] for s in scenes]
            )
    front = ("true", "estimated", "mean face")
    side = [f"{label}\nfrom {_SIDE_DEG:.0f}°" for label in front]
    return sheet(
        np.stack(columns, axis=1),
        headings={0: ["input", *front, *side]},
        row_labels=[
            f"{e:.1f} mm\n(mean face {m:.1f} mm)" for e, m in zip(errors, mean_errors, strict=True)
        ],
        title="People never seen in training: shape and colours read out of the code of one"
        " picture. Left, the mean vertex error.",
        lead=1,
    )


def _sampled_people(evaluated: Evaluated, intrinsic: np.ndarray) -> Figure:
    """People that there are not, in one pose and light, turned and relit.

    From the prior, and from a Gaussian fitted to the codes of training images: where
    training leaves codes far from the prior, its people are no faces.
    """
    network, calibrated = evaluated.network, evaluated.calibration.factors
    plain = {factor: float(np.clip(0.0, *curve.range)) for factor, curve in calibrated.items()}
    values, labels = [plain], ["plain"]
    for factor, curve in calibrated.items():
        low, high = curve.range
        for share in _TURNS:
            value = 5 * round(share * (high if share > 0 else -low) / 5)
            values.append({**plain, factor: value})
            name = display_name(factor).replace(" ", "\n")
            labels.append(f"{name}\n{curve.quantity.text(value)}")
    scenes = [
        {factor: calibrated[factor].to_latents(value) for factor, value in row.items()}
        for row in values
    ]
    distributions = {
        "prior": IdentityDistribution.prior(intrinsic.shape[1]),
        "fitted": IdentityDistribution.fitted(intrinsic),
    }
    people = np.concatenate([d.draw(_SAMPLED, seed=0) for d in distributions.values()])
    return sheet(
        show_people(network.decode, network.code, people, scenes),
        headings={0: labels},
        row_labels=[f"{name} {i}" for name in distributions for i in range(1, _SAMPLED + 1)],
        title="People who do not exist, turned and relit: their intrinsic latents drawn from the"
        " prior N(0, 1), and from a Gaussian fitted to the codes of training images",
        lead=1,
        block_rows=_SAMPLED,
    )
