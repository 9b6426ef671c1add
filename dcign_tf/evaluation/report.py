"""A trained model on held-out identities: scores and figures.

Runs the model; what is measured stands in `metrics` and `scores`, what is drawn
in `plots` and `sheets`.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dcign_tf.datasets.reading import decode_images
from dcign_tf.evaluation import metrics, plots, sheets
from dcign_tf.evaluation.figures import save_figure
from dcign_tf.evaluation.scores import make_scores, scores_table, write_scores
from dcign_tf.model import DCIGN

TRAVERSAL_STEPS = 9
_EXAMPLES = 3  # identities in a traversal figure
_PAIRS_PER_SWEEP = 20  # or all there are, in a short sweep


@dataclasses.dataclass(frozen=True)
class Codes:
    """What the encoder makes of the sweeps of one factor.

    Attributes:
        z_mean: [N, n, latent_dim].
        angle_deg: the factor's own angle, [N, n]; None for intrinsic sweeps.
    """

    z_mean: np.ndarray
    angle_deg: np.ndarray | None


def evaluate(
    model: DCIGN,
    data: Any,
    directory: pathlib.Path,
    *,
    records: Sequence[Mapping[str, float]] = (),
    image_sweeps: int = 100,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Scores the model on test identities and draws the figures.

    Args:
        model: a trained model.
        data: a prepared `SweepDataset`.
        directory: where `scores.json` and the figures go.
        records: rows of `metrics.jsonl`, for the training curves.
        image_sweeps: of each factor, as many sweeps at most are also decoded, for
            the scores that compare images; codes are scored on all.
        show: takes lines of progress.

    Returns:
        The scores, as in `scores.json` (docs/scores.md).
    """
    directory.mkdir(parents=True, exist_ok=True)
    network = _Network(model)
    code = model.code
    show("Evaluating on identities that training never saw …")
    fit = {f: network.encode_sweeps(s, f) for f, s in data.sweeps("validation").items()}
    test_sweeps = data.sweeps("test")
    test = {f: network.encode_sweeps(s, f) for f, s in test_sweeps.items()}
    errors = {f: network.image_errors(s, f, image_sweeps) for f, s in test_sweeps.items()}
    scores = make_scores(
        code=code,
        split="test",
        z_mean={f: codes.z_mean for f, codes in test.items()},
        angle_deg={f: test[f].angle_deg for f in code.extrinsic},
        fit_z_mean={f: fit[f].z_mean for f in code.extrinsic},
        fit_angle_deg={f: fit[f].angle_deg for f in code.extrinsic},
        novel_view_ratio={
            f: metrics.novel_view_ratio(e["predicted"], e["source"]) for f, e in errors.items()
        },
        reconstruction_mse=np.mean([e["reconstruction"].mean() for e in errors.values()]),
    )
    scores["step"] = int(model.step.numpy())
    scores["num_image_sweeps"] = {f: min(image_sweeps, len(s)) for f, s in test_sweeps.items()}
    ranges = _latent_ranges(fit, code)
    for name, figure in _figures(network, test, test_sweeps, ranges, scores, records):
        save_figure(figure, directory / f"{name}.png")
    write_scores(scores, directory / "scores.json")  # last: who finds it finds the figures
    show(scores_table(scores))
    show(f"Scores and figures are in {directory}")
    return scores


class Pictures:
    """Pictures for TensorBoard of a model as it is now; a callable.

    Args:
        model: in training.
        sweeps: factor to some validation sweeps.
    """

    def __init__(self, model: DCIGN, sweeps: Mapping[str, Any]):
        self._network = _Network(model)
        self._sweeps = sweeps

    def __call__(self) -> dict[str, np.ndarray]:
        """Name to one picture [1, height, width, C] in [0, 1]."""
        network, code = self._network, self._network.code
        codes = {f: network.encode_sweeps(s, f) for f, s in self._sweeps.items()}
        ranges = _latent_ranges(codes, code)
        faces = _images(self._sweeps[code.factors[-1]][0])[:8]
        _, swept, _ = network.traversals(faces[:1], ranges)
        pairs = np.concatenate([faces, network.reconstruct(faces)], axis=1)
        return {
            "originals_and_reconstructions": _side_by_side(pairs),
            **{f"traversal/{factor}": _side_by_side(row) for factor, row in swept.items()},
        }


def _side_by_side(images: np.ndarray) -> np.ndarray:
    """[N, H, W, C] to [1, H, N·W, C]."""
    return np.concatenate(list(images), axis=1)[np.newaxis]


class _Network:
    """A model's functions on NumPy arrays, compiled once for batches of any size."""

    def __init__(self, model: DCIGN):
        self.code = model.code
        images = tf.TensorSpec((None, *model.encoder.input_shape[1:]), tf.float32)
        codes = tf.TensorSpec((None, model.code.latent_dim), tf.float32)
        self._encode = tf.function(lambda x: model.encode(x)[0], input_signature=[images])
        self._decode = tf.function(lambda z: model.decode(z), input_signature=[codes])

    def encode(self, images: np.ndarray) -> np.ndarray:
        return self._encode(tf.constant(images)).numpy()

    def decode(self, z: np.ndarray) -> np.ndarray:
        return self._decode(tf.constant(z)).numpy()

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        return self.decode(self.encode(images))

    def encode_sweeps(self, sweeps: Iterable, factor: str) -> Codes:
        z_mean, angle_deg = [], []
        for index in range(len(sweeps)):
            example = sweeps[index]
            z_mean.append(self.encode(_images(example)))
            angle_deg.append(example.get(f"{factor}_deg"))
        has_angle = factor in self.code.extrinsic
        return Codes(np.stack(z_mean), np.stack(angle_deg) if has_angle else None)

    def novel_views(self, images: np.ndarray, factor: str, pairs: np.ndarray) -> np.ndarray:
        """Decodes the codes of pairs[:, 0] with the varied latents of pairs[:, 1]."""
        z = self.encode(images)
        swapped = metrics.swap_latents(z[pairs[:, 0]], z[pairs[:, 1]], self.code.slice(factor))
        return self.decode(swapped)

    def image_errors(self, sweeps: Any, factor: str, count: int) -> dict[str, np.ndarray]:
        """Mean squared errors in each of the first `count` sweeps, [count]."""
        rows = []
        for index in range(min(count, len(sweeps))):
            images = _images(sweeps[index])
            num_pairs = min(_PAIRS_PER_SWEEP, len(images) * (len(images) - 1))
            pairs = metrics.novel_view_pairs(len(images), num_pairs, seed=index)
            target = images[pairs[:, 1]]
            rows.append(
                {
                    "reconstruction": metrics.mean_squared_error(images, self.reconstruct(images)),
                    "predicted": metrics.mean_squared_error(
                        self.novel_views(images, factor, pairs), target
                    ),
                    "source": metrics.mean_squared_error(images[pairs[:, 0]], target),
                }
            )
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def traversals(
        self, images: np.ndarray, ranges: Mapping[str, tuple[float, float]]
    ) -> tuple[list[str], dict[str, np.ndarray], dict[str, np.ndarray]]:
        """One latent swept, the others held: factor to [N·steps, H, W, C], and to values."""
        z = self.encode(images)
        swept, values = {}, {}
        for factor, (low, high) in ranges.items():
            values[factor] = np.linspace(low, high, TRAVERSAL_STEPS, dtype=np.float32)
            codes = np.repeat(z[:, np.newaxis], TRAVERSAL_STEPS, axis=1)
            codes[..., self.code.slice(factor)] = values[factor][:, np.newaxis]
            swept[factor] = self.decode(codes.reshape(-1, self.code.latent_dim))
        return list(ranges), swept, values


def _latent_ranges(codes: Mapping[str, Codes], code) -> dict[str, tuple[float, float]]:
    """The range each extrinsic latent takes while its own factor varies: 1st to 99th percentile."""
    return {
        factor: tuple(np.percentile(codes[factor].z_mean[..., code.slice(factor)], [1, 99]))
        for factor in code.extrinsic
    }


def _figures(network, test, test_sweeps, ranges, scores, records):
    """Yields `(file name, figure)`."""
    code = network.code
    own = {f: test[f].z_mean[..., code.slice(f).start] for f in code.extrinsic}
    angles = {f: test[f].angle_deg for f in code.extrinsic}
    yield "equivariance", plots.equivariance(own, angles, scores["factors"])
    yield (
        "movement",
        plots.movement(np.array(scores["movement"]["variance"]), code.factors, code.factors),
    )

    faces = _images(test_sweeps[code.factors[-1]][0])
    yield "reconstructions", sheets.reconstructions(faces[:16], network.reconstruct(faces[:16]))
    for factor in code.extrinsic:
        yield f"traversal_{factor}", _traversal_figure(network, faces[:_EXAMPLES], factor, ranges)
    yield "novel_views", _novel_view_figure(network, test_sweeps)
    if records:
        yield "training", plots.training_curves(records)


def _traversal_figure(network, faces, factor, ranges):
    _, swept, values = network.traversals(faces, {factor: ranges[factor]})
    images = swept[factor].reshape(len(faces), TRAVERSAL_STEPS, *faces.shape[1:])
    rows = np.tile(values[factor], (len(faces), 1))
    return sheets.traversal(faces, images, [factor.replace("_", " ")] * len(faces), rows)


def _novel_view_figure(network, test_sweeps, per_factor: int = 4):
    sources, targets, predictions, labels = [], [], [], []
    for factor in network.code.extrinsic:
        for index in range(min(per_factor, len(test_sweeps[factor]))):
            example = test_sweeps[factor][index]
            images, angle = _images(example), example[f"{factor}_deg"]
            pair = np.array([[np.argmin(angle), np.argmax(angle)]])
            sources.append(images[pair[0, 0]])
            targets.append(images[pair[0, 1]])
            predictions.append(network.novel_views(images, factor, pair)[0])
            start, end = (f"{angle[i]:.0f}°".replace("-", "−") for i in pair[0])
            labels.append(f"{factor.replace('_', ' ')} {start} → {end}")
    return sheets.novel_views(
        np.stack(sources),
        np.stack(targets),
        np.stack(predictions),
        labels=labels,
        columns=per_factor,
    )


def _images(example: Mapping[str, Any]) -> np.ndarray:
    """float32 [n, H, W, C] in [0, 1], with the arithmetic of the training pipeline."""
    return decode_images(example["image"]).astype(np.float32) / np.float32(255)
