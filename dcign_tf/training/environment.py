"""Where a run takes place: what its bits may depend on, beside the config."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from typing import Any

import tensorflow as tf

from dcign_tf.datasets.storage.workers import available_cores


def describe_environment() -> dict[str, Any]:
    """Versions, devices, threads, the commit and the command, as JSON values."""
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
        "command": shlex.join(["python", *sys.argv]),
    }


def _commit() -> str | None:
    """The source's Git commit; None where it is no Git checkout."""
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
