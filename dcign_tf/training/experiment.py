"""From a resolved config to data, model, a finished run and its evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from dcign_tf.codec import Codec
from dcign_tf.datasets.factor_batches import (
    batch_plan,
    clear_data_errors,
    evaluation_batches,
    evaluation_plan,
    factor_batches,
)
from dcign_tf.datasets.registry import open_configured
from dcign_tf.datasets.sweeps import NumberedSweeps, SweepDataset
from dcign_tf.errors import UserError
from dcign_tf.evaluation.evaluate import current_scores, evaluate_run
from dcign_tf.evaluation.report.score_tables import scores_table
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN, SETTINGS
from dcign_tf.model.muon import ConvMuon
from dcign_tf.model.networks import build_decoder, build_encoder
from dcign_tf.model.precision import resolve_precision
from dcign_tf.runs.checkpoints import load_model, load_newest
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import with_whole_paths
from dcign_tf.training import loop
from dcign_tf.training.config_checks import check_beginning, check_factors
from dcign_tf.training.environment import describe_environment
from dcign_tf.training.monitoring import Watched, watch

Config = Mapping[str, Any]


def run_experiment(
    config: Config,
    run: RunDirectory,
    data_dir: str,
    *,
    overwrite: bool = False,
    test: bool = False,
    checkpoint_minutes: float = 10.0,
    checkpoints_kept: int = 3,
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
        test: whether to score the test split, and not the validation split. The scores that a
            finished run has are kept, unless it is the test split's that are missing.
        checkpoint_minutes: how much training is lost at most to whatever kills the process.
        checkpoints_kept: how many of the last ones, besides the best.
        show: takes lines of progress.

    Returns:
        The scores, as in `evaluation/scores.json`.

    Raises:
        UserError: for whatever the user can mend.
    """
    config = with_whole_paths({**config, "data_dir": data_dir})
    check_beginning(config, run, overwrite=overwrite)
    data = open_configured(config)
    check_factors(config, num_factors=len(data.extrinsic) + 1)
    strategy = _strategy()
    with strategy.scope():
        model = None if overwrite else load_newest(run, show)
        if model is None:
            model, policy, reason = _new_model(config, data)
        else:
            policy, reason = model.encoder.layers[1].dtype_policy.name, "as this run began"
    if run.environment_file.exists() and not overwrite:
        run.check_data(data.fingerprint, run.read_environment())
    data.prepare()  # before they are recorded: what stops it is mended, and they are others
    if overwrite:  # not before there is something to begin with
        run.clear()
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
        saving = {
            "checkpoint_seconds": 60 * checkpoint_minutes,
            "checkpoints_kept": checkpoints_kept,
        }
        _train(model, config, data, run, strategy, show, saving)
    else:
        show(
            f"{run.path} is finished (step {step:,}). To go on, give a larger"
            " --config.num_steps; to start afresh, --overwrite."
        )
        scores = current_scores(run, model)
        if scores and (not test or scores["split"] == "test"):
            show(f"\n{scores_table(scores)}\nScores and figures are in {run.evaluation}")
            return scores
    split = "test" if test else "validation"
    return evaluate_run(run, model=model, data=data, split=split, show=show)


def _strategy() -> tf.distribute.Strategy:
    """One replica for each GPU; each gets whole factor batches of its own."""
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _train(
    model: DCIGN,
    config: Config,
    data: SweepDataset,
    run: RunDirectory,
    strategy: tf.distribute.Strategy,
    show: Callable[[str], None],
    saving: Mapping[str, Any],
) -> None:
    """Trains `model` from its step to the config's last one."""
    step = int(model.step.numpy())
    run.cut_metrics(step)
    training = data.sweeps("train")
    count = config["batches_per_step"] * strategy.num_replicas_in_sync
    drawn = {"ratios": config["factor_ratios"], "seed": config["seed"], "batches_per_step": count}
    try:
        batches = factor_batches(
            training,
            model.code,
            **drawn,
            images_per_batch=config["images_per_batch"],
            start_step=step,
            num_steps=config["num_steps"],
        )
    except ValueError as error:  # of one object, say, by ratios for its intrinsic factor alone
        raise UserError(f"No batches can be made of these data: {error}") from error
    most = config["validation_sweeps_used"]
    validation = {
        factor: NumberedSweeps(min(len(sweeps), most), sweeps.__getitem__)
        for factor, sweeps in data.sweeps("validation").items()
    }
    plans = {
        "train": batch_plan(training, model.code, **drawn),
        "validation": evaluation_plan(validation, model.code),
    }

    def sweep_of(phase: str, batch: int) -> str:
        each = count if phase == "train" else 1
        entries = (plans[phase][entry] for entry in range(batch * each, (batch + 1) * each))
        return "; ".join(f"{model.code.factors[f]}, {phase} sweep {i}" for f, i in entries)

    network, is_entangled = Codec(model), model.procedure == "entangled"

    def look(step: int) -> Watched:
        return watch(network, data, most_sweeps=most, step=step, is_entangled=is_entangled)

    with strategy.scope(), clear_data_errors():
        loop.train(
            model,
            strategy.experimental_distribute_dataset(batches),
            strategy.experimental_distribute_dataset(evaluation_batches(validation, model.code)),
            run,
            **{name: config[name] for name in ("num_steps", "log_every", "validate_every")},
            show=show,
            look=look,
            sweep_of=sweep_of,
            **saving,
        )


def _new_model(config: Config, data: SweepDataset) -> tuple[DCIGN, str, str]:
    """A new model, its precision, and why that one."""
    try:
        policy, reason = resolve_precision(config["precision"])
        keras.config.set_dtype_policy(policy)
        model = _build(config, data)
    except ValueError as error:
        raise UserError(f"No model can be built with these settings: {error}") from error
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError("A model with these settings does not fit into memory.") from error
    if config.get("init_from"):
        _copy_weights(load_model(RunDirectory(config["init_from"]).last_checkpoint), model)
    return model, policy, reason


def _build(config: Config, data: SweepDataset) -> DCIGN:
    """Networks, losses and optimiser, with all their variables."""
    keras.utils.set_random_seed(config["seed"])
    network = config["network"]
    latent_dim = network["latent_dim"]
    # One number cannot follow a circle.
    latents = config["latents_per_factor"] or [1 + (f in data.periods) for f in data.extrinsic]
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
        GraphicsCode.with_intrinsic(data.extrinsic, latent_dim, latents),
        **{name: config[name] for name in SETTINGS},
    )
    model.compile(_optimizer(config["optimizer"]))
    return model


def _optimizer(settings: Config) -> keras.optimizers.Optimizer:
    """Its rate may first rise, and later fall along a cosine.

    Adam is what Torch7's `rmsprop.lua` is; but that adds its 1e-8 inside the root, where Keras adds
    epsilon outside.
    """
    rate, warmup_steps = settings["learning_rate"], settings["warmup_steps"]
    alpha = settings["final_learning_rate"] / rate
    if warmup_steps or alpha != 1:
        rate = keras.optimizers.schedules.CosineDecay(
            settings["first_learning_rate"] if warmup_steps else rate,
            settings["decay_steps"],
            alpha=alpha,
            warmup_target=rate if warmup_steps else None,
            warmup_steps=warmup_steps,
        )
    if settings["name"] == "muon":
        return ConvMuon(rate, adam_beta_1=settings["beta_1"], adam_beta_2=settings["beta_2"])
    return keras.optimizers.Adam(rate, settings["beta_1"], settings["beta_2"])


def _copy_weights(source: DCIGN, target: DCIGN) -> None:
    shapes = [[tuple(w.shape) for w in m.trainable_variables] for m in (source, target)]
    if shapes[0] != shapes[1]:
        raise UserError(
            "--init_from: that run's network has other shapes;"
            " its config.json says with which --config.network and --config.data.image_size."
        )
    for name in ("encoder", "decoder"):
        getattr(target, name).set_weights(getattr(source, name).get_weights())
