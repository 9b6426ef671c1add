"""From a resolved config to data, model, a finished run and its evaluation."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcign_tf import training
from dcign_tf.datasets import registry
from dcign_tf.datasets.pipeline import clear_data_errors, evaluation_batches, factor_batches
from dcign_tf.datasets.workers import available_cores
from dcign_tf.errors import UserError
from dcign_tf.evaluation import report
from dcign_tf.evaluation.scores import scores_table
from dcign_tf.factors import GraphicsCode
from dcign_tf.model import DCIGN
from dcign_tf.networks import build_decoder, build_encoder
from dcign_tf.precision import resolve_precision
from dcign_tf.run_directory import RunDirectory

Config = Mapping[str, Any]


def run_experiment(
    config: Config, run: RunDirectory, data_dir: str, *, show: Callable[[str], None] = print
) -> dict[str, Any]:
    """Prepares the data, trains (or goes on training) and evaluates.

    Args:
        config: one of `configs/`, resolved, as a plain dict.
        run: the run directory, locked by the caller.
        data_dir: where datasets lie.
        show: takes lines of progress.

    Returns:
        The scores, as in `evaluation/scores.json`.

    Raises:
        UserError: for whatever the user can mend.
    """
    config = {**config, "data_dir": os.path.abspath(data_dir)}
    run.settle_config(config)
    strategy = _strategy()
    data = _prepare_data(config)
    with strategy.scope():
        model = _restore_or_build(config, data, run, strategy, show)
    step = int(model.step.numpy())
    if step >= config["num_steps"]:
        show(
            f"{run.path} is finished (step {step:,}). To go on, give a larger"
            " --config.num_steps; to start afresh, --overwrite."
        )
        if (scores := run.read_scores()) and scores["step"] == step:
            show(f"\n{scores_table(scores)}\nFigures are in {run.evaluation}")
            return scores
    train(model, config, data, run, strategy, show)
    return evaluate(run, model=model, data=data, show=show)


def train(
    model: DCIGN,
    config: Config,
    data: registry.PreparedData,
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
            pictures=lambda: report.pictures(model, validation),
        )


def evaluate(
    run: RunDirectory,
    *,
    model: DCIGN | None = None,
    data: registry.PreparedData | None = None,
    data_dir: str | None = None,
    checkpoint: str = "last",
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Scores and figures on held-out identities, into `run.evaluation`.

    Args:
        run: a run directory with a checkpoint; its config names the data.
        model: if it is already in memory.
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
    if model is None:
        model = load_model(run.best_checkpoint if checkpoint == "best" else run.last_checkpoint)
    if data is None:
        data = _prepare_data({**config, "data_dir": data_dir or config["data_dir"]})
        trained_on = run.read_environment()["data_fingerprint"]
        if trained_on != data.fingerprint:
            raise UserError(
                f"The data are not those of {run.path}: the face model or the renderer has"
                f" changed since (fingerprint {data.fingerprint}, trained on {trained_on})."
            )
    with clear_data_errors():
        return report.evaluate(model, data, run.evaluation, records=run.read_metrics(), show=show)


def load_model(path: os.PathLike) -> DCIGN:
    """A checkpoint, with its optimiser.

    Raises:
        UserError: if it is missing or damaged.
    """
    if not os.path.exists(path):
        raise UserError(f"There is no checkpoint {path} yet; train first.")
    try:
        return keras.models.load_model(path)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"The checkpoint {path} is damaged ({str(error).splitlines()[0]})."
            " Delete it; training then starts from the beginning."
        ) from error


def _prepare_data(config: Config) -> registry.PreparedData:
    settings = {**config["data"], "face_model": config["face_model"]}
    return registry.prepare(
        config["dataset"], config["data_dir"], preset=config["preset"], settings=settings
    )


def _restore_or_build(
    config: Config,
    data: registry.PreparedData,
    run: RunDirectory,
    strategy: tf.distribute.Strategy,
    show: Callable[[str], None],
) -> DCIGN:
    if run.last_checkpoint.exists():
        model = load_model(run.last_checkpoint)
        show(f"Going on from step {int(model.step.numpy()):,} of {run.path}.")
        policy, reason = model.encoder.layers[1].dtype_policy.name, "as this run began"
    else:
        policy, reason = resolve_precision(config["precision"])
        keras.config.set_dtype_policy(policy)
        model = _build(config, data)
    show(f"Precision: {policy} ({reason}).")
    environment = {
        **describe_environment(),
        "precision": policy,
        "replicas": strategy.num_replicas_in_sync,
        "data_fingerprint": data.fingerprint,
    }
    for warning in run.settle_environment(environment):
        show(warning)
    return model


def _build(config: Config, data: registry.PreparedData) -> DCIGN:
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
    if config["init_from"]:
        source = load_model(RunDirectory(config["init_from"]).last_checkpoint)
        for ours, theirs in ((encoder, source.encoder), (decoder, source.decoder)):
            ours.set_weights(theirs.get_weights())
    return model


_MODEL_SETTINGS = (
    "procedure",
    "clamp_mode",
    "invariance_weight",
    "likelihood",
    "observation_stddev",
    "seed",
)


def _optimizer(config: Config) -> keras.optimizers.Optimizer:
    """Adam, as Torch7's `rmsprop.lua` is; the rate falls along a cosine if it is to fall at all.

    Torch7 adds its 1e-8 inside the root, where Keras adds epsilon outside.
    """
    settings = config["optimizer"]
    rate = settings["learning_rate"]
    if settings["final_learning_rate"] != rate:
        rate = keras.optimizers.schedules.CosineDecay(
            rate, config["num_steps"], alpha=settings["final_learning_rate"] / rate
        )
    return keras.optimizers.Adam(rate, settings["beta_1"], settings["beta_2"])


def _strategy() -> tf.distribute.Strategy:
    """One replica for each GPU; each gets whole factor batches of its own."""
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def describe_environment() -> dict[str, Any]:
    """Versions, devices and the commit: what bits may depend on, beside the config."""
    packages = ("tensorflow", "keras", "tensorflow-probability", "tensorflow-datasets", "numpy")
    return {
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
        "devices": [
            tf.config.experimental.get_device_details(device).get("device_name", device.name)
            for device in tf.config.list_physical_devices()
        ],
        "threads": available_cores(),
        "commit": _commit(),
    }


def _commit() -> str | None:
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


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
