"""A run directory: everything that one training leaves behind.

    config.json         the resolved config; a rerun must have the same
    environment.json    versions, devices, commit, threads, precision, data
    metrics.jsonl       one line a log interval: step, seconds, losses
    tensorboard/        the same, and pictures
    checkpoints/        last.keras, best.keras
    evaluation/         scores.json and figures

Files are written aside and renamed, so a kill leaves the old one or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dcign_tf.errors import UserError

# What may differ between two runs of one directory: none of it changes a weight
# of a given step.
CHANGEABLE_KEYS = frozenset(
    {"num_steps", "log_every", "validate_every", "validation_sweeps_used", "data_dir"}
)


class RunDirectory:
    """The files of one run, below `path`.

    Args:
        path: made if missing.

    Raises:
        UserError: if `path` cannot be made or written to.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise UserError(
                f"Cannot write to the run directory {self.path}: {error.strerror}."
                " Choose another with --workdir."
            ) from error
        self.config_file = self.path / "config.json"
        self.environment_file = self.path / "environment.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.last_checkpoint = self.path / "checkpoints" / "last.keras"
        self.best_checkpoint = self.path / "checkpoints" / "best.keras"
        self.evaluation = self.path / "evaluation"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the directory for this process; the lock goes with the process.

        Raises:
            UserError: if another process holds it.
        """
        with open(self.path / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"Another process is using {self.path}."
                    " Wait for it, or choose another directory with --workdir."
                ) from error
            yield

    def clear(self) -> None:
        """Deletes what a run left here.

        Raises:
            UserError: if the directory holds files but is no run directory.
        """
        contents = [entry for entry in self.path.iterdir() if entry.name != ".lock"]
        if contents and not self.config_file.exists():
            raise UserError(f"{self.path} is no run directory; it is not overwritten.")
        for entry in contents:
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def settle_config(self, config: Mapping[str, Any]) -> None:
        """Records the resolved config, or checks it against the one recorded.

        Raises:
            UserError: if a key differs that may not; names every such key.
        """
        config = json.loads(json.dumps(config))
        if self.config_file.exists():
            recorded = self.read_config()
            changed = _differences(recorded, config)
            if changed:
                raise UserError(
                    f"{self.path} was started with another config: {'; '.join(changed)}."
                    " Use the same settings, or another --workdir, or --overwrite to start afresh."
                )
        write_json(self.config_file, config)

    def read_config(self) -> dict[str, Any]:
        """The recorded config.

        Raises:
            UserError: if there is none, or it cannot be read.
        """
        try:
            return json.loads(self.config_file.read_text())
        except FileNotFoundError as error:
            raise UserError(
                f"{self.path} is no run directory (it has no config.json)."
                " Train first: python train.py --dataset=faces"
            ) from error
        except ValueError as error:
            raise UserError(f"{self.config_file} is damaged: {error}.") from error

    def settle_environment(self, environment: Mapping[str, Any]) -> list[str]:
        """Records where the run began, or says what has changed since.

        Args:
            environment: JSON values by name; `data_fingerprint` may not change.

        Returns:
            A line for each difference on which bits may depend.

        Raises:
            UserError: if the data are others.
        """
        if not self.environment_file.exists():
            write_json(self.environment_file, environment)
            return []
        recorded = self.read_environment()
        changed = {k: (recorded.get(k), v) for k, v in environment.items() if recorded.get(k) != v}
        if "data_fingerprint" in changed:
            old, new = changed["data_fingerprint"]
            raise UserError(
                f"{self.path} was trained on other data (fingerprint {old}, now {new}): the face"
                " model or the renderer has changed. Use another --workdir, or --overwrite."
            )
        return [
            f"Note: {name} was {old} when this run began and is now {new};"
            " its results may differ in the last bits from an uninterrupted run's."
            for name, (old, new) in changed.items()
            if name != "commit"
        ]

    def read_environment(self) -> dict[str, Any]:
        """Where the run began.

        Raises:
            UserError: if it was never recorded, or cannot be read.
        """
        try:
            return json.loads(self.environment_file.read_text())
        except FileNotFoundError as error:
            raise UserError(f"{self.path} has no environment.json: nothing was trained.") from error
        except ValueError as error:
            raise UserError(f"{self.environment_file} is damaged: {error}.") from error

    def read_scores(self) -> dict[str, Any] | None:
        """`evaluation/scores.json`, or None if nothing was evaluated yet."""
        file = self.evaluation / "scores.json"
        return json.loads(file.read_text()) if file.exists() else None

    def append_metrics(self, record: Mapping[str, float]) -> None:
        """Adds a line to metrics.jsonl; entries that are not finite are left out."""
        finite = {key: value for key, value in record.items() if math.isfinite(value)}
        with open(self.metrics_file, "a") as file:
            file.write(json.dumps(finite) + "\n")

    def read_metrics(self) -> list[dict[str, float]]:
        """The lines of metrics.jsonl; a last line that a kill cut short is left out."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def cut_metrics(self, step: int) -> None:
        """Forgets what was logged after `step`, where training goes on."""
        kept = [json.dumps(record) for record in self.read_metrics() if record["step"] <= step]
        write_aside(
            self.metrics_file, lambda path: path.write_text("".join(f"{k}\n" for k in kept))
        )


def write_aside(path: pathlib.Path, write: Callable[[pathlib.Path], Any]) -> None:
    """Lets `write` make a file beside `path` and renames it: never half a file.

    The temporary name keeps the suffix, from which Keras tells the format.

    Raises:
        UserError: if the file cannot be written (a full disk, say).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".aside-{path.name}")
    try:
        write(aside)
        os.replace(aside, path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes strict JSON, indented, aside and renamed."""
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    write_aside(path, lambda aside: aside.write_text(text))


def _differences(recorded: Mapping, wanted: Mapping, prefix: str = "") -> list[str]:
    """`key: recorded → wanted` for every key that differs and may not."""
    changed = []
    for key in sorted({*recorded, *wanted} - CHANGEABLE_KEYS):
        old, new = recorded.get(key), wanted.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            changed.append(f"{prefix}{key}: {old} → {new}")
    return changed
