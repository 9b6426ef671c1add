"""A trained model on held-out identities: scores and figures.

What is measured stands in `scores`, what is drawn in `gallery`.
"""

from __future__ import annotations

import dataclasses
import pathlib
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dcign_tf.datasets.reading import FaceDataset, SweepDataset, Sweeps
from dcign_tf.evaluation import gallery, html_figures
from dcign_tf.evaluation.entangled import with_found_latents
from dcign_tf.evaluation.figure_names import numbered
from dcign_tf.evaluation.figures import save_figure
from dcign_tf.evaluation.image_errors import image_errors, novel_view_ratio, reconstruction_mse
from dcign_tf.evaluation.network import Network
from dcign_tf.evaluation.people_report import evaluate_people
from dcign_tf.evaluation.quantities import quantities
from dcign_tf.evaluation.rerendering import rerendering_scores
from dcign_tf.evaluation.score_tables import scores_table
from dcign_tf.evaluation.scores import fit_calibration, make_scores, write_scores
from dcign_tf.evaluation.showcase import training_codes, write_showcase
from dcign_tf.model import DCIGN


def evaluate(
    model: DCIGN,
    data: SweepDataset,
    directory: pathlib.Path,
    *,
    records: Sequence[Mapping[str, float]] = (),
    image_sweeps: int = 100,
    reference_mse: Mapping[str, float] | None = None,
    paper_figures: Mapping[str, int] | None = None,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Calibrates the model on validation identities, scores it on test ones, draws the figures.

    Args:
        model: a trained model; its `calibration` is set.
        data: prepared.
        directory: where `scores.json`, `calibration.json` and the figures go.
        records: rows of `metrics.jsonl`, for the training curves.
        image_sweeps: of each factor, as many sweeps at most are also decoded, for
            the scores that compare images; codes are scored on all.
        reference_mse: published reconstruction errors that this one is to stand
            beside, by what they are.
        paper_figures: of `figure_names.paper_figures`.
        show: takes lines of progress.

    Returns:
        The scores, as in `scores.json` (docs/scores.md).
    """
    directory.mkdir(parents=True, exist_ok=True)
    earlier = _stamped_figures(directory)
    network = Network(model)
    known = quantities(data.values, data.periods)
    show("Evaluating on identities that training never saw …")
    fit, found = network.encode_factors(data.sweeps("validation"), data.values), {}
    if model.procedure == "entangled":
        network, fit, found = with_found_latents(network, fit)
    sweeps = data.sweeps("test")
    test = network.encode_factors(sweeps, data.values)
    model.calibration = fit_calibration(
        network.code,
        fit,
        known,
        latents={factor: own.latents for factor, own in found.items()},
        step=int(model.step.numpy()),
    )
    for factor in model.calibration.factors.values():
        if factor.remark:
            show(textwrap.fill(factor.remark, width=100, subsequent_indent="  "))
    errors = {f: image_errors(network, s, test[f], f, image_sweeps) for f, s in sweeps.items()}
    scores = make_scores(
        code=network.code,
        split="test",
        codes=test,
        fit_codes=fit,
        calibration=model.calibration,
        quantities=known,
        novel_view_ratio={f: novel_view_ratio(own) for f, own in errors.items()},
        reconstruction_mse=reconstruction_mse(list(errors.values())),
    )
    scores["step"] = model.calibration.step
    scores["num_image_sweeps"] = {f: len(own) for f, own in errors.items()}
    scores["rerendering"] = rerendering_scores(
        network,
        data.sweeps("train"),
        sweeps,
        test,
        known,
        model.calibration,
        errors,
    )
    if model.procedure == "entangled":
        scores["found_latents"] = {f: dataclasses.asdict(own) for f, own in found.items()}
    if reference_mse:
        scores["reference_mse"] = dict(reference_mse)
    if isinstance(data, FaceDataset):
        show("Disentanglement, recognition and shape, on images of independent factors …")
        of_people, seen_codes = evaluate_people(
            network,
            data,
            directory,
            calibration=model.calibration,
            entangled=model.procedure == "entangled",
        )
        scores |= of_people
    else:
        seen_codes = training_codes(network, data)
    for name, figure in gallery.figures(
        network, test, fit, sweeps, known, model.calibration, scores, records
    ):
        save_figure(figure, directory / f"{numbered(name, paper_figures or {})}.png")
    write_showcase(network, data, seen_codes, directory)
    for path, _ in earlier & _stamped_figures(directory):
        path.unlink()  # not drawn this time: it would be taken for one of these
    write_scores(model.calibration.get_config(), directory / "calibration.json")
    write_scores(scores, directory / "scores.json")  # last: who finds it finds the rest
    show(scores_table(scores))
    show(f"Scores and figures are in {directory}")
    return scores


class Pictures:
    """Pictures for TensorBoard of a model as it is now; a callable.

    Args:
        model: in training.
        sweeps: factor to some validation sweeps.
    """

    def __init__(self, model: DCIGN, sweeps: Mapping[str, Sweeps]):
        self._model = model
        self._network = Network(model)
        self._sweeps = sweeps

    def __call__(self) -> dict[str, np.ndarray]:
        """Name to one picture [1, height, width, C] in [0, 1]."""
        network = self._network
        images = gallery.example_images(self._sweeps, network.code.factors, 8)
        if not len(images):
            return {}
        codes = network.encode_factors(self._sweeps, {})
        if self._model.procedure == "entangled":
            network, codes, _ = with_found_latents(network, codes)
        swept, _ = network.traversals(images[:1], network.latent_ranges(codes))
        pairs = np.concatenate([images, network.reconstruct(images)], axis=1)
        return {
            "originals_and_reconstructions": _side_by_side(pairs),
            **{f"traversal/{factor}": _side_by_side(rows[0]) for factor, rows in swept.items()},
        }


def _stamped_figures(directory: pathlib.Path) -> set[tuple[pathlib.Path, int]]:
    """An evaluation's figures there, each with the time at which it was written."""
    figures = (path for path in directory.glob("*.png") if html_figures.is_known(path.stem))
    return {(path, path.stat().st_mtime_ns) for path in figures}


def _side_by_side(images: np.ndarray) -> np.ndarray:
    """[N, H, W, C] to [1, H, N·W, C]."""
    return np.concatenate(list(images), axis=1)[np.newaxis]
