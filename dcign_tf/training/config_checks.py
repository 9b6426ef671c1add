"""Checks of a resolved config that need no data and no model: one line for what is wrong.

Types and names of keys are checked where flags are parsed; what a dataset or a
network cannot be made from is said by the dataset and the network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dcign_tf.datasets.batch_plan import BatchPlan
from dcign_tf.errors import UserError
from dcign_tf.runs.config import flattened

_AT_LEAST = {
    "num_steps": 1,
    "log_every": 1,
    "validate_every": 1,
    "validation_sweeps_used": 1,
    "seed": 0,
    "invariance_weight": 0,
    "warmup_steps": 0,
    "network.latent_dim": 2,
    "network.encoder_kernel_size": 1,
    "network.decoder_base_filters": 1,
    "optimizer.decay_steps": 1,
    "optimizer.final_learning_rate": 0,
    "optimizer.first_learning_rate": 0,
    "optimizer.warmup_steps": 0,
}
_ABOVE_ZERO = ("observation_stddev", "optimizer.learning_rate")
_BELOW_ONE = ("optimizer.beta_1", "optimizer.beta_2")  # and at least 0
_FILTERS = ("network.encoder_filters", "network.decoder_filters")


def check_settings(config: Mapping[str, Any], num_factors: int) -> None:
    """Checks the values of a config, one of `configs/` as a plain dict.

    Args:
        config: resolved.
        num_factors: of the dataset, the intrinsic one included.

    Raises:
        UserError: for the first value that nothing can be trained with.
    """
    values = flattened(config)
    for key, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(key, value, "a finite number")
    for key, minimum in _AT_LEAST.items():
        if values[key] < minimum:
            raise _wrong(key, values[key], f"at least {minimum}")
    for key in _ABOVE_ZERO:
        if values[key] <= 0:
            raise _wrong(key, values[key], "greater than 0")
    for key in _BELOW_ONE:
        if not 0 <= values[key] < 1:
            raise _wrong(key, values[key], "at least 0 and less than 1")
    for key in _FILTERS:
        if not values[key] or not all(isinstance(n, int) and n > 0 for n in values[key]):
            raise _wrong(key, values[key], "whole numbers of at least 1, such as (32,64)")
    _check_ratios(config["factor_ratios"], num_factors)
    images = config["images_per_batch"]
    longest = config["data"]["sweep_length"]
    if images is not None and not 2 <= images <= longest:
        raise _wrong("images_per_batch", images, f"from 2 to the {longest} images of a sweep")


def _check_ratios(ratios: Sequence, num_factors: int) -> None:
    try:
        BatchPlan([1] * num_factors, ratios=ratios, seed=0)
    except ValueError as error:
        raise UserError(f"--config.factor_ratios={ratios} is impossible: {error}") from error
    except TypeError as error:  # not nested as it should be
        example = "((0,(1,1,1,10)),(1000,(2,1,1,4)))"
        raise _wrong(
            "factor_ratios", ratios, f"(from_step, frequencies) pairs like {example}"
        ) from error


def _wrong(key: str, value: Any, wanted: str) -> UserError:
    return UserError(f"--config.{key}={value} is impossible; it must be {wanted}.")
