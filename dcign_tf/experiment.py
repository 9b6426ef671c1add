"""From a resolved config to data, model, a finished run and its evaluation."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcign_tf import training
from dcign_tf.datasets import registry
from dcign_tf.datasets.pipeline import clear_data_errors, evaluation_batches, factor_batches
from dcign_tf.datasets.reading import SweepDataset
from dcign_tf.environment import describe_environment
from dcign_tf.errors import UserError
from dcign_tf.evaluation import report
from dcign_tf.evaluation.figure_names import paper_figures
from dcign_tf.evaluation.html_report import write_report
from dcign_tf.evaluation.score_tables import scores_table
from dcign_tf.evaluation.scores import are_current, published_mse
from dcign_tf.factors import GraphicsCode
from dcign_tf.model import DCIGN
from dcign_tf.networks import build_decoder, build_encoder
from dcign_tf.precision import resolve_precision
from dcign_tf.run_directory import RunDirectory, write_aside, writing
from dcign_tf.settings import check_settings

Config = Mapping[str, Any]


def run_experiment(
    config: Config,
    run: RunDirectory,
    data_dir: str,
    *,
    overwrite: bool = False,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Prepares the data, trains (or goes on training) and evaluates.

    Whatever can be wrong with the config shows before anything is deleted, written
    or rendered.

    Args:
        config: one of `configs/`, resolved, as a plain dict.
        run: the run directory, locked by the caller.
        data_dir: where datasets lie.
        overwrite: whether to delete what the run directory holds.
        show: takes lines of progress.

    Returns:
        The scores, as in `evaluation/scores.json`.

    Raises:
        UserError: for whatever the user can mend.
    """
    config = {**config, "data_dir": data_dir}
    for key in ("data_dir", "face_model", "init_from"):  # to be found from anywhere
        if config.get(key):
            config[key] = os.path.abspath(config[key])
    data = _open_dataset(config)
    check_settings(config, num_factors=len(data.extrinsic) + 1)
    if not overwrite:
        run.check_config(config)
    strategy = _strategy()
    with strategy.scope():
        if run.last_checkpoint.exists() and not overwrite:
            model = load_model(run.last_checkpoint)
            policy, reason = model.encoder.layers[1].dtype_policy.name, "as this run began"
        else:
            model, policy, reason = _build(config, data)
    if overwrite:
        run.clear()
    elif run.environment_file.exists():
        run.check_data(data.fingerprint, run.read_environment())
    data.prepare()  # before they are recorded: what stops it is mended, and they are others
    environment = {
        **describe_environment(),
        "precision": policy,
        "replicas": strategy.num_replicas_in_sync,
        "data_fingerprint": data.fingerprint,
    }
    for note in run.record(config, environment):
        show(note)

    step = int(model.step.numpy())
    if step < config["num_steps"]:
        show(f"Precision: {policy} ({reason}).")
        if step:
            show(f"Going on from step {step:,} of {run.path}.")
        train(model, config, data, run, strategy, show)
    else:
        show(
            f"{run.path} is finished (step {step:,}). To go on, give a larger"
            " --config.num_steps; to start afresh, --overwrite."
        )
        scores = run.read_scores()
        if are_current(scores, step):
            show(f"\n{scores_table(scores)}\nScores and figures are in {run.evaluation}")
            return scores
    return evaluate(run, model=model, data=data, show=show)


def train(
    model: DCIGN,
    config: Config,
    data: SweepDataset,
    run: RunDirectory,
    strategy: tf.distribute.Strategy,
    show: Callable[[str], None],
) -> None:
    """Trains `model` from its step to the config's last one."""
    step = int(model.step.numpy())
    run.cut_metrics(step)
    replicas = strategy.num_replicas_in_sync
    batches = factor_batches(
        data.sweeps("train"),
        model.code,
        ratios=config["factor_ratios"],
        images_per_batch=config["images_per_batch"],
        seed=config["seed"],
        start_step=step,
        num_steps=config["num_steps"],
        replicas=replicas,
    )
    validation = {
        factor: _First(sweeps, config["validation_sweeps_used"])
        for factor, sweeps in data.sweeps("validation").items()
    }
    validation_batches = evaluation_batches(validation, model.code)
    if replicas > 1:
        batches = strategy.experimental_distribute_dataset(batches)
        validation_batches = strategy.experimental_distribute_dataset(validation_batches)
    intervals = training.Intervals(
        config["num_steps"], config["log_every"], config["validate_every"]
    )
    with strategy.scope(), clear_data_errors():
        training.train(
            model,
            batches,
            validation_batches,
            run,
            intervals,
            show=show,
            pictures=report.Pictures(model, validation),
        )


def evaluate(
    run: RunDirectory,
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
        run: a run directory with a checkpoint; its config names the data.
        model: the last checkpoint, if it is in memory; the caller then holds the run's lock.
        data: likewise.
        data_dir: where datasets lie, if not where they did in training.
        checkpoint: `"last"` or `"best"` (by validation ELBO), when `model` is None.
        show: takes lines of progress.

    Returns:
        The scores, as in `evaluation/scores.json`.

    Raises:
        UserError: if there is nothing to evaluate, or the data have changed.
    """
    config = run.read_config()
    file = run.checkpoint(checkpoint)
    with contextlib.ExitStack() as stack:
        is_in_use = False
        if model is None:
            try:
                stack.enter_context(run.locked())
            except UserError:
                is_in_use = True
                show(f"{run.path} is in use: its checkpoint is left as it is, uncalibrated.")
            model = load_model(file)
        if data is None:
            data = open_data(run, data_dir)
        with clear_data_errors(), writing(run.evaluation):
            scores = report.evaluate(
                model,
                data,
                run.evaluation,
                records=run.read_metrics(),
                reference_mse=published_mse(config["dataset"], data.image_shape),
                paper_figures=paper_figures(config["dataset"]),
                show=show,
            )
        show(f"The page to read them on is {write_report(run)}")
        if not is_in_use:
            write_aside(file, model.save)
    return scores


def open_data(run: RunDirectory, data_dir: str | None = None) -> SweepDataset:
    """The data that a run was trained on, prepared.

    Args:
        run: a run directory; its config names the data.
        data_dir: where datasets lie, if not where they did in training.

    Raises:
        UserError: if they cannot be had, or have changed.
    """
    config = run.read_config()
    data = _open_dataset({**config, "data_dir": data_dir or config["data_dir"]})
    run.check_data(data.fingerprint, run.read_environment())
    data.prepare()
    return data


def load_model(path: os.PathLike) -> DCIGN:
    """A checkpoint, with its optimiser.

    Raises:
        UserError: if it is missing or damaged.
    """
    if not os.path.exists(path):
        raise UserError(f"There is no checkpoint {path} yet; train first.")
    try:
        if not zipfile.is_zipfile(path):  # of which Keras says that it is not found
            raise ValueError("it is cut short, or no Keras file")
        model = keras.models.load_model(path)
        if not isinstance(model, DCIGN):
            raise ValueError("it holds another kind of model")
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        reason, _, _ = str(error).partition("\n")
        raise UserError(
            f"The checkpoint {path} is damaged ({reason})."
            " Restore it or delete it; without its last.keras a run starts from the beginning."
        ) from error
    return model


def _open_dataset(config: Config) -> SweepDataset:
    settings = dict(config["data"])
    if "face_model" in config:
        settings["face_model"] = config["face_model"]
    preset = config.get("data_preset", config["preset"])
    return registry.open_dataset(
        config["dataset"], config["data_dir"], preset=preset, settings=settings
    )


def _build(config: Config, data: SweepDataset) -> tuple[DCIGN, str, str]:
    """A new model, its precision, and why that one.

    Raises:
        UserError: for settings that no model can be built with.
    """
    try:
        policy, reason = resolve_precision(config["precision"])
        keras.config.set_dtype_policy(policy)
        model = _new_model(config, data)
    except ValueError as error:
        raise UserError(f"No model can be built with these settings: {error}") from error
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError("A model with these settings does not fit into memory.") from error
    if config["init_from"]:
        _copy_weights(load_model(RunDirectory(config["init_from"]).last_checkpoint), model)
    return model, policy, reason


def _new_model(config: Config, data: SweepDataset) -> DCIGN:
    keras.utils.set_random_seed(config["seed"])
    network = config["network"]
    latent_dim = network["latent_dim"]
    encoder = build_encoder(
        data.image_shape, latent_dim, network["encoder_filters"], network["encoder_kernel_size"]
    )
    decoder = build_decoder(
        data.image_shape,
        latent_dim,
        network["decoder_base_filters"],
        network["decoder_filters"],
        network["decoder_kernel_size"],
    )
    model = DCIGN(
        encoder,
        decoder,
        GraphicsCode.with_intrinsic(data.extrinsic, latent_dim),
        **{name: config[name] for name in _MODEL_SETTINGS},
    )
    model.compile(_optimizer(config))
    # Built lazily it would make its variables inside a replica, which MirroredStrategy forbids.
    model.optimizer.build(model.trainable_variables)
    return model


def _copy_weights(source: DCIGN, target: DCIGN) -> None:
    shapes = [[tuple(w.shape) for w in m.trainable_variables] for m in (source, target)]
    if shapes[0] != shapes[1]:
        raise UserError(
            "--init_from: that run's network has other shapes;"
            " its config.json says with which --config.network and --config.data.image_size."
        )
    for name in ("encoder", "decoder"):
        getattr(target, name).set_weights(getattr(source, name).get_weights())


_MODEL_SETTINGS = (
    "procedure",
    "clamp_mode",
    "invariance_weight",
    "likelihood",
    "observation_stddev",
    "warmup_steps",
    "seed",
)


def _optimizer(config: Config) -> keras.optimizers.Optimizer:
    """Adam, as Torch7's `rmsprop.lua` is; its rate may first rise, and later fall along a cosine.

    Torch7 adds its 1e-8 inside the root, where Keras adds epsilon outside.
    """
    settings = config["optimizer"]
    rate = settings["learning_rate"]
    alpha = settings["final_learning_rate"] / rate
    if settings["warmup_steps"]:
        rate = keras.optimizers.schedules.CosineDecay(
            settings["first_learning_rate"],
            settings["decay_steps"],
            alpha=alpha,
            warmup_target=rate,
            warmup_steps=settings["warmup_steps"],
        )
    elif alpha != 1:
        rate = keras.optimizers.schedules.CosineDecay(rate, settings["decay_steps"], alpha=alpha)
    return keras.optimizers.Adam(rate, settings["beta_1"], settings["beta_2"])


def _strategy() -> tf.distribute.Strategy:
    """One replica for each GPU; each gets whole factor batches of its own."""
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


class _First:
    """The first `count` of some sweeps."""

    def __init__(self, sweeps, count: int):
        self._sweeps = sweeps
        self._count = min(count, len(sweeps))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Mapping[str, np.ndarray]:
        if index >= self._count:
            raise IndexError(index)
        return self._sweeps[index]
