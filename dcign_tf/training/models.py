"""The model that a config describes, new: networks, losses, optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from dcign_tf.datasets.sweeps import SweepDataset
from dcign_tf.errors import UserError
from dcign_tf.factors import GraphicsCode
from dcign_tf.model.dcign import DCIGN, SETTINGS
from dcign_tf.model.muon import ConvMuon
from dcign_tf.model.networks import build_decoder, build_encoder
from dcign_tf.model.precision import resolve_precision, sees_gpu
from dcign_tf.runs.checkpoints import load_model
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import training_command
from dcign_tf.training.config_checks import LEARNING_RATE_SCALINGS

Config = Mapping[str, Any]


def new_model(config: Config, data: SweepDataset, num_replicas: int) -> tuple[DCIGN, str, str]:
    """A new model with all its variables, its precision, and why that one.

    Args:
        config: one of `configs/`, resolved.
        data: whose images and factors it is for; need not be prepared.
        num_replicas: how many share each step.

    Raises:
        UserError: if none can be built with these settings, or it does not fit into memory.
    """
    try:
        policy, reason = resolve_precision(config["precision"])
        keras.config.set_dtype_policy(policy)
        model = _build(config, data, num_replicas)
    except ValueError as error:
        raise UserError(f"No model can be built with these settings: {error}") from error
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError("A model with these settings does not fit into memory.") from error
    return model, policy, reason


def start_from(source: RunDirectory, model: DCIGN) -> list[dict[str, Any]]:
    """Gives a new model the weights of another run.

    Args:
        source: trained.
        model: a new one, with its variables.

    Returns:
        `command`, `step` and `commit` of each training that these weights have behind them, the
        first one first.

    Raises:
        UserError: if a file of the run is missing or damaged, or its network has other shapes.
    """
    trained, environment = load_model(source.last_checkpoint), source.read_environment()
    _copy_weights(trained, model)
    last = {
        "command": training_command(source.read_config()).replace(" \\\n ", ""),
        "step": int(trained.step.numpy()),
        "commit": environment.get("commit"),
    }
    return [*environment.get("trained_before", []), last]


def _build(config: Config, data: SweepDataset, num_replicas: int) -> DCIGN:
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
    if config["jit_compile"] and num_replicas > 1:
        raise ValueError(
            f"XLA compiles the step of one device, and {num_replicas} replicas share this one:"
            " leave out --config.jit_compile, or take --strategy=single."
        )
    by_xla = _is_for_xla(config, num_replicas)
    model.compile(_optimizer(config["optimizer"], num_replicas), jit_compile=by_xla)
    return model


def compile_for_here(model: DCIGN, config: Config, num_replicas: int) -> None:
    """Lets XLA compile the steps of a saved model where it goes on, not where it began.

    Args:
        model: loaded; its optimiser keeps its state.
        config: of its run.
        num_replicas: how many share each step from now on.

    Raises:
        UserError: if it was saved without its optimiser, as packed ones are.
    """
    if not model.compiled:
        raise UserError(
            "The run's model was saved without its optimiser, to be used: no training goes on from"
            " there. Begin another with its weights: --init_from=DIR, in a new --workdir."
        )
    model.compile(model.optimizer, jit_compile=_is_for_xla(config, num_replicas))


def _is_for_xla(config: Config, num_replicas: int) -> bool:
    asked = config["jit_compile"]
    return num_replicas == 1 and (sees_gpu() if asked is None else asked)


def _optimizer(settings: Config, num_replicas: int) -> keras.optimizers.Optimizer:
    """Its rate may first rise, and later fall along a cosine; replicas may raise all of it.

    Adam is what Torch7's `rmsprop.lua` is; but that adds its 1e-8 inside the root, where Keras adds
    epsilon outside.
    """
    scale = num_replicas ** LEARNING_RATE_SCALINGS[settings["learning_rate_scaling"]]
    rate, warmup_steps = scale * settings["learning_rate"], settings["warmup_steps"]
    alpha = scale * settings["final_learning_rate"] / rate
    if warmup_steps or alpha != 1:
        rate = keras.optimizers.schedules.CosineDecay(
            scale * settings["first_learning_rate"] if warmup_steps else rate,
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
