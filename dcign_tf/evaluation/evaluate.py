"""A trained model on held-out identities: scores and figures.

What is measured stands in `scores`, what is drawn in `drawing`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import pathlib
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from dcign_tf.codec import Codec
from dcign_tf.datasets.factor_batches import clear_data_errors
from dcign_tf.datasets.registry import dataset_facts, open_configured
from dcign_tf.datasets.settings import DatasetFacts
from dcign_tf.datasets.sweeps import FaceDataset, SweepDataset, Sweeps
from dcign_tf.errors import UserError
from dcign_tf.evaluation import drawing
from dcign_tf.evaluation.entangled import with_found_latents
from dcign_tf.evaluation.familiar_pictures import fit_familiarity
from dcign_tf.evaluation.figures.catalogue import numbered, pictures
from dcign_tf.evaluation.figures.style import save_figure
from dcign_tf.evaluation.given_values import rerendering_scores
from dcign_tf.evaluation.held_out import held_out_sweeps
from dcign_tf.evaluation.leaks import encode_some, fit_leakage
from dcign_tf.evaluation.people import evaluate_people
from dcign_tf.evaluation.picture_baselines import baseline_scores, fit_baselines
from dcign_tf.evaluation.picture_errors import image_errors
from dcign_tf.evaluation.report.html_report import write_report
from dcign_tf.evaluation.report.score_tables import scores_table
from dcign_tf.evaluation.scores import are_current, make_scores, write_scores
from dcign_tf.evaluation.showcase import training_codes, write_showcase
from dcign_tf.evaluation.sweep_codes import Codes, Evaluated, encode_factors
from dcign_tf.evaluation.worst import worst_figures
from dcign_tf.files import delete, read_json, writing
from dcign_tf.locks import lock
from dcign_tf.model.dcign import DCIGN
from dcign_tf.quantities import quantities
from dcign_tf.readouts import scene
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.readouts.fitting import calibrate
from dcign_tf.runs.checkpoint_files import check_checkpoint
from dcign_tf.runs.checkpoints import load_model, save_model
from dcign_tf.runs.directory import InUse, RunDirectory

IMAGE_SWEEPS = 100
"""Of each factor so many at most are decoded."""


def evaluate_model(
    model: DCIGN,
    data: SweepDataset,
    directory: pathlib.Path,
    *,
    facts: DatasetFacts,
    split: str = "test",
    records: Sequence[Mapping[str, float]] = (),
    image_sweeps: int = IMAGE_SWEEPS,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Calibrates the model on validation identities, scores it on others, draws the figures.

    Args:
        model: a trained model; its `calibration` is set, whatever is scored the same: that of
            all validation identities.
        data: prepared.
        directory: where `scores.json`, `calibration.json` and the figures go.
        facts: of the dataset.
        split: what is scored, see `held_out_sweeps`.
        records: rows of `metrics.jsonl`, for the training curves.
        image_sweeps: of each factor, as many sweeps at most are also decoded, for
            the scores that compare images; codes are scored on all.
        show: takes lines of progress.

    Returns:
        The scores, as in `scores.json` (docs/scores.md).
    """
    scores, model.calibration = evaluate_network(
        Codec(model),
        data,
        directory,
        facts=facts,
        split=split,
        records=records,
        image_sweeps=image_sweeps,
        show=show,
    )
    return scores


def evaluate_network(
    network: Codec,
    data: SweepDataset,
    directory: pathlib.Path,
    *,
    facts: DatasetFacts,
    split: str,
    records: Sequence[Mapping[str, float]] = (),
    image_sweeps: int = IMAGE_SWEEPS,
    show: Callable[[str], None] = print,
) -> tuple[dict[str, Any], Calibration]:
    """The same of whatever encodes and decodes.

    Args:
        network: with the latents where it has them.
        data: prepared.
        directory: as for `evaluate_model`.
        facts: likewise.
        split: likewise.
        records: likewise.
        image_sweeps: likewise.
        show: likewise.

    Returns:
        The scores, and the calibration of all validation identities.
    """
    directory.mkdir(parents=True, exist_ok=True)
    show(f"Evaluating on the {split} split: {facts.held_out} …")
    fit_sweeps, sweeps = held_out_sweeps(data, split)
    told, kept = _told_and_kept(network, data, fit_sweeps, split)
    network = told.network
    for factor in told.calibration.factors.values():
        if factor.remark:
            show(textwrap.fill(factor.remark, width=100, subsequent_indent="  "))
    evaluated = Evaluated(
        network,
        sweeps,
        encode_factors(network, sweeps, data.values),
        told.codes,
        quantities(data.values, data.periods),
        told.calibration,
        split,
    )
    train = data.sweeps("train")
    baselines = fit_baselines(train, data.image_shape, network.code.latent_dim)
    errors = {f: image_errors(evaluated, f, image_sweeps, baselines) for f in sweeps}
    scores = {**make_scores(evaluated, errors), "held_out": facts.held_out}
    scores["reconstruction_baselines"], of_baselines = baseline_scores(
        baselines, list(errors.values())
    )
    scores["rerendering"], of_rerendering = rerendering_scores(evaluated, train, errors)
    scores["intervals"] |= of_baselines | of_rerendering
    if network.is_entangled:
        scores["found_latents"] = told.found_latents
    if reference_mse := facts.reference_mse(data.image_shape):
        scores["reference_mse"] = reference_mse
    _forget_scores_of_others(directory, scores)
    if isinstance(data, FaceDataset):
        if split == "test":
            show("Disentanglement, recognition and shape, on images of independent factors …")
        of_people, figures, seen_codes = evaluate_people(evaluated, data, directory)
        scores["intervals"] |= of_people.pop("intervals", {})
        scores |= of_people
    else:
        figures, seen_codes = {}, training_codes(network.rearranged({}), data)
    as_kept = network.rearranged(kept.latents)  # as whoever loads the model has it
    write_showcase(as_kept, data, scene.arranged(seen_codes, as_kept.order), directory)
    drawn = itertools.chain(
        figures.items(),
        drawing.figures(evaluated, scores, records),
        worst_figures(evaluated, errors),
    )
    _save_figures(drawn, directory, network.code.factors, facts.paper_figures)
    write_scores(kept.get_config(), directory / "calibration.json")
    write_scores(scores, directory / "scores.json")  # last: who finds it finds the rest
    show(scores_table(scores))
    show(f"Scores and figures are in {directory}")
    return scores, kept


class ReadOut(NamedTuple):
    """What the latents mean by some sweeps."""

    network: Codec  # with the latents where the graphics code has them
    codes: dict[str, Codes]  # of the sweeps, by factor
    calibration: Calibration
    found_latents: dict[str, Any]  # which stand for which factor, of an entangled network


def read_out(network: Codec, sweeps: Mapping[str, Sweeps], data: SweepDataset) -> ReadOut:
    """What the latents mean by some sweeps.

    Args:
        network: with the latents where the model has them.
        sweeps: of each factor.
        data: which the sweeps are of.
    """
    codes, found_latents = encode_factors(network, sweeps, data.values), {}
    if network.is_entangled:
        network, codes, found_latents = with_found_latents(network, codes)
    known = quantities(data.values, data.periods)
    calibration = calibrate(
        {f: codes[f].latents(network.code.slice(f)) for f in known},
        {f: codes[f].values for f in known},
        known,
        step=network.step,
        places={f: found["latents"] for f, found in found_latents.items()},
    )
    return ReadOut(network, codes, calibration, found_latents)


def _told_and_kept(
    network: Codec, data: SweepDataset, fit_sweeps: Mapping[str, Sweeps], split: str
) -> tuple[ReadOut, Calibration]:
    """What `fit_sweeps` tell, to score others by; and what all of validation tells, to keep."""
    seen = encode_some(network, data.sweeps("train")) if network.decodes_means else {}

    def told_by(sweeps: Mapping[str, Sweeps]) -> ReadOut:
        told = read_out(network, sweeps, data)
        leakage = fit_leakage(network.code, seen, told.codes, told.calibration)
        return told._replace(calibration=dataclasses.replace(told.calibration, leakage=leakage))

    told = of_all = told_by(fit_sweeps)
    if split == "validation":  # of which `fit_sweeps` are a half
        fit_sweeps = data.sweeps("validation")
        of_all = told_by(fit_sweeps)
    familiarity = fit_familiarity(of_all.network, of_all.codes, fit_sweeps)
    return told, dataclasses.replace(of_all.calibration, familiarity=familiarity)


def _save_figures(
    figures: Iterable[tuple[str, Figure]],
    directory: pathlib.Path,
    factors: Sequence[str],
    paper_figures: Mapping[str, int],
) -> None:
    """Writes them, and deletes those of before that are not among them."""
    drawn = set()
    for name, figure in figures:
        path = directory / f"{numbered(name, paper_figures)}.png"
        save_figure(figure, path)
        drawn.add(path)
    for picture in pictures(directory, factors, paper_figures):
        if picture.path not in drawn:  # it would be taken for one of these
            picture.path.unlink()


def evaluate_run(
    run: RunDirectory | str | os.PathLike,
    *,
    model: DCIGN | None = None,
    data: SweepDataset | None = None,
    data_dir: str | None = None,
    checkpoint: str = "last",
    split: str = "test",
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
        split: what is scored, `"test"`, or `"validation"` to choose settings by; in place of
            whatever was before.
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
    if model is None:
        check_checkpoint(file)
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
                facts=dataset_facts(config),
                split=split,
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


def _forget_scores_of_others(directory: pathlib.Path, scores: Mapping[str, Any]) -> None:
    """Deletes scores of other weights, or another split, before what is theirs is overwritten.

    A kill in between would leave these beside the figures of those.
    """
    file, others = directory / "scores.json", None
    with contextlib.suppress(UserError):  # missing, or damaged
        others = read_json(file, "")
    if not are_current(others, scores["step"]) or others["split"] != scores["split"]:
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
