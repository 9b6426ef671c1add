"""Where a run takes place: what its bits may depend on, beside the config."""

from __future__ import annotations

import importlib.metadata
import pathlib
import platform
import shlex
import subprocess
import sys
from typing import Any

import tensorflow as tf

from dcign_tf.concurrency import tensorflow_threads


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
        "threads": tensorflow_threads(),
        "commit": _commit(),
        "command": _command(),
    }


def _command() -> str:
    """The command line that started this process, for a shell: a script's, or the package's."""
    program, *arguments = sys.argv
    path = pathlib.Path(program)
    starts = {"dcign-tf": ["dcign-tf"], "__main__.py": ["python", "-m", path.parent.name]}
    return shlex.join([*starts.get(path.name, ["python", program]), *arguments])


def _commit() -> str | None:
    """The source's Git commit; None where it is no Git checkout."""
    try:
        described = subprocess.check_output(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            cwd=pathlib.Path(__file__).parent,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.strip()
