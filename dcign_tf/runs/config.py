"""A resolved config: one of `configs/` as plain dicts, as `config.json` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested config as one dict: `optimizer.learning_rate` and the like to the value."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
