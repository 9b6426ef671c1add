"""A trained model on held-out identities: scores and figures.

What is measured stands in `scores`, what is drawn in `drawing`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dcign_tf.codec import Codec
from dcign_tf.datasets.factor_batches import clear_data_errors
from dcign_tf.datasets.registry import dataset_facts, open_configured
from dcign_tf.datasets.settings import DatasetFacts
from dcign_tf.datasets.sweeps import FaceDataset, SweepDataset
from dcign_tf.evaluation import drawing
from dcign_tf.evaluation.entangled import with_found_latents
from dcign_tf.evaluation.figures.catalogue import numbered, pictures
from dcign_tf.evaluation.figures.style import save_figure
from dcign_tf.evaluation.given_values import rerendering_scores
from dcign_tf.evaluation.people import evaluate_people
from dcign_tf.evaluation.picture_errors import image_errors
from dcign_tf.evaluation.report.html_report import write_report
from dcign_tf.evaluation.report.score_tables import scores_table
from dcign_tf.evaluation.scores import are_current, make_scores, write_scores
from dcign_tf.evaluation.showcase import training_codes, write_showcase
from dcign_tf.evaluation.sweep_codes import Evaluated, encode_factors
from dcign_tf.files import delete, read_json, writing
from dcign_tf.locks import lock
from dcign_tf.model.dcign import DCIGN
from dcign_tf.quantities import quantities
from dcign_tf.readouts.fitting import calibrate
from dcign_tf.runs.checkpoints import load_model, save_model
from dcign_tf.runs.directory import InUse, RunDirectory


def evaluate_model(
    model: DCIGN,
    data: SweepDataset,
    directory: pathlib.Path,
    *,
    facts: DatasetFacts,
    records: Sequence[Mapping[str, float]] = (),
    image_sweeps: int = 100,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Calibrates the model on validation identities, scores it on test ones, draws the figures.

    Args:
        model: a trained model; its `calibration` is set.
        data: prepared.
        directory: where `scores.json`, `calibration.json` and the figures go.
        facts: of the dataset.
        records: rows of `metrics.jsonl`, for the training curves.
        image_sweeps: of each factor, as many sweeps at most are also decoded, for
            the scores that compare images; codes are scored on all.
        show: takes lines of progress.

    Returns:
        The scores, as in `scores.json` (docs/scores.md).
    """
    network, is_entangled = Codec(model), model.procedure == "entangled"
    factor_quantities = quantities(data.values, data.periods)
    show("Evaluating on identities that training never saw …")
    fit, found_latents = encode_factors(network, data.sweeps("validation"), data.values), {}
    if is_entangled:
        network, fit, found_latents = with_found_latents(network, fit)
    sweeps = data.sweeps("test")
    test = encode_factors(network, sweeps, data.values)
    model.calibration = calibrate(
        {f: fit[f].latent(network.code.slice(f)) for f in factor_quantities},
        {f: fit[f].values for f in factor_quantities},
        factor_quantities,
        step=int(model.step.numpy()),
        places={f: found["latents"] for f, found in found_latents.items()},
    )
    for factor in model.calibration.factors.values():
        if factor.remark:
            show(textwrap.fill(factor.remark, width=100, subsequent_indent="  "))
    evaluated = Evaluated(network, sweeps, test, fit, factor_quantities, model.calibration)
    errors = {factor: image_errors(evaluated, factor, image_sweeps) for factor in sweeps}
    scores = make_scores(evaluated, errors)
    scores["rerendering"] = rerendering_scores(evaluated, data.sweeps("train"), errors)
    _forget_scores_of_others(directory, scores["step"])
    if is_entangled:
        scores["found_latents"] = found_latents
    if reference_mse := facts.reference_mse(data.image_shape):
        scores["reference_mse"] = reference_mse
    if isinstance(data, FaceDataset):
        show("Disentanglement, recognition and shape, on images of independent factors …")
        of_people, figures, seen_codes = evaluate_people(
            evaluated, data, directory, entangled=is_entangled
        )
        scores |= of_people
    else:
        figures, seen_codes = {}, training_codes(network, data)
    drawn = set()
    for name, figure in itertools.chain(
        figures.items(), drawing.figures(evaluated, scores, records)
    ):
        path = directory / f"{numbered(name, facts.paper_figures)}.png"
        save_figure(figure, path)
        drawn.add(path)
    write_showcase(network, data, seen_codes, directory)
    for picture in pictures(directory, network.code.factors, facts.paper_figures):
        if picture.path not in drawn:  # it would be taken for one of these
            picture.path.unlink()
    write_scores(model.calibration.get_config(), directory / "calibration.json")
    write_scores(scores, directory / "scores.json")  # last: who finds it finds the rest
    show(scores_table(scores))
    show(f"Scores and figures are in {directory}")
    return scores


def evaluate(
    run: RunDirectory | str | os.PathLike,
    *,
    model: DCIGN | None = None,
    data: SweepDataset | None = None,
    data_dir: str | None = None,
    checkpoint: str = "last",
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Scores and figures on held-out identities, into `run.evaluation`.

    The checkpoint gets the calibration that comes with them.

    Args:
        run: a run directory with a checkpoint, or its path; its config names the data.
        model: the last checkpoint, if it is in memory; the caller then holds the run's lock.
        data: likewise.
        data_dir: where datasets lie, if not where they did in training.
        checkpoint: `"last"` or `"best"` (by validation ELBO), when `model` is None.
        show: takes lines of progress.

    Returns:
        The scores, as in `evaluation/scores.json`.

    Raises:
        UserError: if there is nothing to evaluate, the data have changed, or scores, figures or
            the checkpoint cannot be written.
    """
    run = RunDirectory(run)
    config = run.read_config()
    file = run.checkpoint(checkpoint)
    run.check_writable()
    waiting = f"Waiting: another process is evaluating {run.path}"
    with contextlib.ExitStack() as stack:
        with writing(run.evaluation):
            stack.enter_context(lock(run.evaluation / ".lock", waiting=waiting))
        is_in_use = False
        if model is None:
            try:
                stack.enter_context(run.locked())
            except InUse:
                is_in_use = True
                show(f"{run.path} is in use: its checkpoint is left as it is, uncalibrated.")
            model = load_model(file)
        if data is None:
            data = open_data(run, data_dir)
        with clear_data_errors(), writing(run.evaluation):
            scores = evaluate_model(
                model,
                data,
                run.evaluation,
                facts=dataset_facts(config["dataset"]),
                records=run.read_metrics(),
                show=show,
            )
        show(f"The page to read them on is {write_report(run)}")
        if not is_in_use:
            save_model(model, file)
    return scores


def current_scores(run: RunDirectory, model: DCIGN) -> dict[str, Any] | None:
    """The scores of a run, if everything that an evaluation of this model leaves is there.

    The checkpoint, calibrated, is written last: without that a kill came before.
    """
    step = int(model.step.numpy())
    scores, calibration = run.read_scores(), run.read_calibration()
    calibrated = [of and of.step for of in (calibration, model.calibration)]
    return scores if are_current(scores, step) and calibrated == [step, step] else None


def _forget_scores_of_others(directory: pathlib.Path, step: int) -> None:
    """Deletes scores of other weights before what belongs to them is overwritten.

    A kill in between would leave these beside the figures of those.
    """
    file = directory / "scores.json"
    if file.exists() and not are_current(read_json(file, ""), step):
        delete(file)


def open_data(run: RunDirectory, data_dir: str | None = None) -> SweepDataset:
    """The data that a run was trained on, prepared.

    Args:
        run: a run directory; its config names the data.
        data_dir: where datasets lie, if not where they did in training.

    Raises:
        UserError: if they cannot be had, or have changed.
    """
    config = run.read_config()
    data = open_configured({**config, "data_dir": data_dir or config["data_dir"]})
    run.check_data(data.fingerprint, run.read_environment())
    data.prepare()
    return data
