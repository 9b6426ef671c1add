"""Which arithmetic to train in, and why; and float32 once trained."""

from __future__ import annotations

import functools
import pathlib
import platform
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")

# As Linux names them: x86's AVX512-BF16 and AMX-BF16, Arm's BF16 extension.
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def resolve_precision(requested: str) -> tuple[str, str]:
    """Turns `"auto"` into a Keras dtype policy.

    Args:
        requested: one of `PRECISIONS`.

    Returns:
        The policy's name, and the reason in words.

    Raises:
        ValueError: for a name that is not in `PRECISIONS`.
    """
    if requested not in PRECISIONS:
        raise ValueError(f"Unknown precision '{requested}'; it is one of {', '.join(PRECISIONS)}.")
    if requested != "auto":
        return requested, "as asked for"
    if sees_gpu():
        return "mixed_float16", "a GPU is visible"
    found = sorted(_BFLOAT16_FLAGS & cpu_flags())
    if found:
        return "mixed_bfloat16", f"no GPU, and the CPU has {found[0]}"
    return "float32", "no GPU, and no bfloat16 arithmetic found in the CPU"


def sees_gpu() -> bool:
    """Whether TensorFlow computes on a GPU in this process."""
    return bool(tf.config.list_physical_devices("GPU"))


def float32_copy(model: keras.Model) -> keras.Model:
    """The same model, not compiled, that computes in float32 whatever it was trained in.

    Args:
        model: of a class whose config holds all of it.
    """
    copy = type(model).from_config(_in_float32(model.get_config()))
    copy.set_weights(model.get_weights())
    return copy


def _in_float32(config: Any) -> Any:
    """A serialised Keras object with every dtype policy replaced."""
    if isinstance(config, Mapping):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {**config["config"], "name": "float32"}}
        return {key: _in_float32(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(map(_in_float32, config))
    return config


@functools.cache  # of a machine with many cores the file is long
def cpu_flags() -> frozenset[str]:
    """The CPU's instruction-set flags as Linux lists them; none known elsewhere."""
    if platform.system() != "Linux":
        return frozenset()
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    flags = [line.split(":", 1)[1] for line in lines if line.startswith(("flags", "Features"))]
    return frozenset(flags[0].split()) if flags else frozenset()
