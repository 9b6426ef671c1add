"""Which arithmetic to train in, and why."""

from __future__ import annotations

import pathlib
import platform

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
    if tf.config.list_physical_devices("GPU"):
        return "mixed_float16", "a GPU is visible"
    found = sorted(_BFLOAT16_FLAGS & cpu_flags())
    if found:
        return "mixed_bfloat16", f"no GPU, and the CPU has {found[0]}"
    return "float32", "no GPU, and no bfloat16 arithmetic found in the CPU"


def cpu_flags() -> frozenset[str]:
    """The CPU's instruction-set flags as Linux lists them; none known elsewhere."""
    if platform.system() != "Linux":
        return frozenset()
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    flags = [line.split(":", 1)[1] for line in lines if line.startswith(("flags", "Features"))]
    return frozenset(flags[0].split()) if flags else frozenset()
