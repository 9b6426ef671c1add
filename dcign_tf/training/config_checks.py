"""Checks of a resolved config that need no data and no model: one line for what is wrong.

Types and names of keys are checked where flags are parsed; what a dataset or a
network cannot be made from is said by the dataset and the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dcign_tf.datasets.batch_plan import BatchPlan
from dcign_tf.datasets.registry import check_settings
from dcign_tf.errors import UserError
from dcign_tf.runs.checkpoint_files import check_checkpoint
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import flattened

_MOST = 2**32  # a seed is a number of 32 bits; nothing that is counted is as large
_STEPS = ("batches_per_step", "num_steps", "log_every", "validate_every", "optimizer.decay_steps")
_SIZES = ("validation_sweeps_used", "network.encoder_kernel_size", "network.decoder_base_filters")
_FROM_0 = ("seed", "warmup_steps", "optimizer.warmup_steps")
_NOT_NEGATIVE = (
    "invariance_weight",
    "beta",
    "optimizer.final_learning_rate",
    "optimizer.first_learning_rate",
)
_POSITIVE = ("observation_stddev", "optimizer.learning_rate")
_DECAY_RATES = ("optimizer.beta_1", "optimizer.beta_2")
LEARNING_RATE_SCALINGS: Mapping[str, float] = {"none": 0, "sqrt": 0.5, "linear": 1}
"""Of the learning rates: to which power they rise with the number of replicas."""
_RULES: Sequence[tuple[Sequence[str], Callable[[Any], bool], str]] = (
    ((*_STEPS, *_SIZES), lambda value: 1 <= value < _MOST, f"from 1 to {_MOST - 1}"),
    (_FROM_0, lambda value: 0 <= value < _MOST, f"from 0 to {_MOST - 1}"),
    (_NOT_NEGATIVE, lambda value: value >= 0, "at least 0"),
    (("network.latent_dim",), lambda value: value >= 2, "at least 2"),
    (_POSITIVE, lambda value: value > 0, "greater than 0"),
    (("optimizer.name",), lambda value: value in ("adam", "muon"), "adam or muon"),
    (
        ("optimizer.learning_rate_scaling",),
        lambda value: value in LEARNING_RATE_SCALINGS,
        "none, sqrt or linear",
    ),
    (_DECAY_RATES, lambda value: 0 <= value < 1, "at least 0 and less than 1"),
    (
        ("network.encoder_filters", "network.decoder_filters"),
        lambda value: value and _are_counts(value),
        "whole numbers of at least 1, such as (32,64)",
    ),
    (
        ("latents_per_factor",),
        lambda value: _are_counts(value),
        "whole numbers of at least 1, such as (2,1), or ()",
    ),
)
"""Settings, what must hold of each, and that in words."""


def check_beginning(config: Mapping[str, Any], run: RunDirectory, *, overwrite: bool) -> None:
    """Checks what can be known of a training before TensorFlow is loaded.

    Args:
        config: resolved.
        run: where it is to train.
        overwrite: whether what is there is to be deleted first.

    Raises:
        UserError: for the first value that nothing can be trained with; if another config was
            begun there; or nothing is there to start from.
    """
    check_values(config)
    check_settings(config)
    if overwrite:
        run.check_clearable()
    else:
        run.check_config(config)
    if config.get("init_from") and (overwrite or not run.last_checkpoint.exists()):
        source = RunDirectory(config["init_from"])
        check_checkpoint(source.last_checkpoint)
        source.read_config()
        source.read_environment()


def check_values(config: Mapping[str, Any]) -> None:
    """Checks the values of a config, one of `configs/` as a plain dict, but for those of factors.

    Raises:
        UserError: for the first value that nothing can be trained with.
    """
    values = flattened(config)
    for key, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(key, value, "a finite number")
    for keys, holds, words in _RULES:
        for key in keys:
            if not holds(values[key]):
                raise _wrong(key, values[key], words)
    images = config["images_per_batch"]
    longest = config["data"]["sweep_length"]
    # Of sweeps too short the dataset tells.
    if images is not None and longest >= 2 and not 2 <= images <= longest:
        raise _wrong("images_per_batch", images, f"from 2 to the {longest} images of a sweep")


def _are_counts(values: Sequence[Any]) -> bool:
    return all(isinstance(number, int) and number > 0 for number in values)


def check_factors(config: Mapping[str, Any], num_factors: int) -> None:
    """Checks the settings of a config that are for each factor: the dataset must be known.

    Args:
        config: resolved.
        num_factors: of the dataset, the intrinsic one included.

    Raises:
        UserError: if no factor can be drawn with the ratios, or there are not as many numbers of
            latents as extrinsic factors, or one for all.
    """
    ratios = config["factor_ratios"]
    try:
        BatchPlan([1] * num_factors, ratios=ratios, seed=0)
    except ValueError as error:
        raise UserError(f"--config.factor_ratios={ratios} is impossible: {error}") from error
    except TypeError as error:  # not nested as it should be
        pairs = "(from_step, frequencies) pairs like ((0,(1,1,1,10)),(1000,(2,1,1,4)))"
        raise _wrong("factor_ratios", ratios, pairs) from error
    latents, num_extrinsic = config["latents_per_factor"], num_factors - 1
    if len(latents) not in (0, 1, num_extrinsic):
        wanted = f"one number for all extrinsic factors, or one for each of the {num_extrinsic}"
        raise _wrong("latents_per_factor", latents, wanted)


def _wrong(key: str, value: Any, wanted: str) -> UserError:
    return UserError(f"--config.{key}={value} is impossible; it must be {wanted}.")
