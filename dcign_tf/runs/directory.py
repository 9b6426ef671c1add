"""A run directory: everything that one training leaves behind.

    config.json         the resolved config; a rerun must have the same
    environment.json    versions, devices, commit, threads, precision, data
    metrics.jsonl       one line a log interval: step, seconds, losses
    tensorboard/        the same, and pictures
    checkpoints/        last.keras, best.keras; last-1.keras and so on, the ones before the last
    evaluation/         scores.json, figures, report.html
    comparison/         the same beside other runs', if it was compared

Files are written aside and renamed, so a kill leaves the old one or the new one;
metrics.jsonl grows by whole lines, of which a kill may cut the last. Its lines, scores.json,
calibration.json, environment.json and config.json carry a checksum: what they say decides which
checkpoint is the best, whether data are those of before, and more. That of config.json leaves out
where data and a face model lie: people edit it when they have moved. What weights depend on is
compared with the settings of whoever trains on, what data are made of with their fingerprint.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from dcign_tf.errors import UserError
from dcign_tf.files import (
    check_writable,
    damaged,
    delete,
    read_sealed,
    sealed,
    sweep,
    unsealed,
    write_json,
    write_text,
    writing,
)
from dcign_tf.locks import lock
from dcign_tf.readouts.calibration import Calibration
from dcign_tf.runs.presets import check_recorded, completed, flattened

# What may differ between two runs of one directory: none of it changes a weight of a
# given step. The data are checked by their fingerprint, wherever they and the face model lie; a
# preset is a name for settings that are compared themselves.
CHANGEABLE_KEYS = frozenset(
    {
        "num_steps",
        "log_every",
        "validate_every",
        "validation_sweeps_used",
        "data_dir",
        "face_model",
        "preset",
        "data_preset",
    }
)
_PLACES = ("data_dir", "face_model")  # of files that may have moved
_CONFIG_KEYS = ("dataset", "preset", "data", "data_dir")  # of any run, whatever it trains


class InUse(UserError):
    """Another process holds a run directory."""


class RunDirectory:
    """The files of one run, below `path`, which need not exist yet.

    Itself a path to Python (`os.fspath`): what takes a run takes its path too. What cannot be
    read, being damaged or, where it must be, not there, is a `UserError`.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.config_file = self.path / "config.json"
        self.environment_file = self.path / "environment.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.last_checkpoint = self.path / "checkpoints" / "last.keras"
        self.best_checkpoint = self.path / "checkpoints" / "best.keras"
        self.evaluation = self.path / "evaluation"
        self.comparison = self.path / "comparison"

    def __fspath__(self) -> str:
        return str(self.path)

    def checkpoint(self, which: str) -> pathlib.Path:
        """The file of the `"last"` or the `"best"` checkpoint, by validation ELBO."""
        return {"last": self.last_checkpoint, "best": self.best_checkpoint}[which]

    def older_checkpoint(self, number: int) -> pathlib.Path:
        """The file of the checkpoint so many before the last one; of number 0 that is this."""
        name = f"last-{number}.keras" if number else "last.keras"
        return self.last_checkpoint.with_name(name)

    def last_checkpoints(self) -> list[pathlib.Path]:
        """The last checkpoint and those before it that there are, newest first."""
        files = map(self.older_checkpoint, itertools.count())
        # The last may have been deleted, being damaged, and the ones before it be there.
        older = itertools.takewhile(lambda file: file.exists(), itertools.islice(files, 1, None))
        return [file for file in (self.last_checkpoint, *older) if file.exists()]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the directory and holds it for this process; the lock goes with the process.

        What killed processes left half-written in it is deleted.

        Raises:
            InUse: if another process holds it.
            UserError: if it, or a folder of it, cannot be written to.
        """
        file = self.path / ".lock"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock(file))
            except BlockingIOError as error:
                raise InUse(
                    f"Another process is using {self.path}."
                    " Wait for it, or choose another directory with --workdir."
                ) from error
            except OSError as error:
                raise UserError(
                    f"Cannot write to the run directory {self.path}: {error.strerror}."
                    " Choose another with --workdir."
                ) from error
            try:
                self.check_writable()
                for folder in self._folders:
                    sweep(folder.absolute())
                yield
            finally:
                if os.listdir(self.path) == [file.name]:  # nothing came of it
                    file.unlink()
                    with contextlib.suppress(OSError):  # where it is a link
                        self.path.rmdir()

    def check_writable(self) -> None:
        """Raises `UserError` if one of the folders of a run, or a link there, leads nowhere."""
        for folder in self._folders:
            check_writable(folder, is_folder=True)

    @property
    def _folders(self) -> list[pathlib.Path]:
        return [self.path, self.tensorboard, self.last_checkpoint.parent, self.evaluation]

    def clear(self) -> None:
        """Deletes what a run left here, and nothing else; of a link, only the link.

        Raises:
            UserError: if there are such files, but no run's config; or one cannot be deleted.
        """
        for entry in self.check_clearable():
            try:
                delete(entry)
            except OSError as error:
                raise UserError(
                    f"Cannot delete {error.filename or entry}: {error.strerror}."
                ) from error

    def check_clearable(self) -> list[pathlib.Path]:
        """What `clear` will delete; raises as it does if this is no run's directory."""
        entries = [
            self.environment_file,
            self.metrics_file,
            self.tensorboard,
            self.last_checkpoint.parent,
            self.evaluation,
            self.path / "export",
            self.comparison,
            self.config_file,  # last: with it the directory is still known as a run's
        ]
        present = [entry for entry in entries if os.path.lexists(entry)]
        if present and not self.config_file.exists():
            raise UserError(f"{self.path} is no run directory; it is not overwritten.")
        return present

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Compares a resolved config with the one recorded, if there is one.

        Raises:
            UserError: if a key differs that may not (names every such key), or there is a
                checkpoint and no record of what it was trained with.
        """
        missing = [f.name for f in (self.config_file, self.environment_file) if not f.exists()]
        if missing and self.last_checkpoint.exists():
            raise UserError(
                f"{self.path} has a checkpoint but no {' and no '.join(missing)}: what it was"
                " trained with is not known. Restore what is missing, or choose another --workdir."
            )
        if not self.config_file.exists():
            return
        recorded, wanted = flattened(self.read_config()), flattened(json.loads(json.dumps(config)))
        changed = [
            f"{key}: {recorded.get(key)} → {wanted.get(key)}"
            for key in sorted({*recorded, *wanted} - CHANGEABLE_KEYS)
            if recorded.get(key) != wanted.get(key)
        ]
        if changed:
            raise UserError(
                f"{self.path} was started with another config: {'; '.join(changed)}."
                " Use the same settings, or another --workdir, or --overwrite to start afresh."
            )

    def record(self, config: Mapping[str, Any], environment: Mapping[str, Any]) -> list[str]:
        """Records the config, and where the run began or what has changed there since.

        Args:
            config: as checked by `check_config`.
            environment: JSON values by name; `data_fingerprint` may not change.

        Returns:
            A line for each difference on which bits may depend.

        Raises:
            UserError: if the data are others, or the files cannot be written.
        """
        begun = self.environment_file.exists()
        recorded = self.read_environment() if begun else environment
        self.check_data(environment["data_fingerprint"], recorded)
        write_json(self.environment_file, sealed(recorded))
        self.write_config(config)
        return [
            f"Note: {name} was {recorded.get(name)} when this run began and is now {value};"
            " its results may differ in the last bits from an uninterrupted run's."
            for name, value in environment.items()
            if name not in ("commit", "command") and recorded.get(name) != value
        ]

    def check_data(self, fingerprint: str, environment: Mapping[str, Any]) -> None:
        """Compares data with those that the run began with.

        Args:
            fingerprint: of the data now.
            environment: of `read_environment`.

        Raises:
            UserError: if they are others.
        """
        trained_on = environment.get("data_fingerprint")
        if trained_on != fingerprint:
            raise UserError(
                f"{self.path} was trained on other data (fingerprint {trained_on}, now"
                f" {fingerprint}): they, or what makes them, have changed since."
                " Train in another --workdir, or with --overwrite."
            )

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Writes `config.json`; where data and a face model lie may be edited there later."""
        write_json(self.config_file, sealed(config, editable=_PLACES))

    def read_config(self) -> dict[str, Any]:
        """The recorded config, which every run has; `completed`, if it is an earlier release's."""
        missing = (
            f"{self.path} is no run directory (it has no config.json)."
            " Train first: dcign-tf train --dataset=faces"
        )
        config = read_sealed(self.config_file, missing, editable=_PLACES)
        if lacking := [key for key in _CONFIG_KEYS if key not in config]:
            raise damaged(self.config_file, f"it has no {', '.join(lacking)}")
        try:
            check_recorded(config)
        except ValueError as error:
            raise UserError(f"{self.config_file}: {error}. Mend it or restore the file.") from error
        return completed(config)

    def read_environment(self) -> dict[str, Any]:
        """Where the run began, which must have been recorded."""
        missing = f"{self.path} has no environment.json: nothing was trained."
        return read_sealed(self.environment_file, missing)

    def steps_before(self) -> int:
        """Training steps of the runs whose weights this one began with (`--init_from`)."""
        return sum(earlier["step"] for earlier in self.read_environment().get("trained_before", []))

    def read_scores(self) -> dict[str, Any] | None:
        """`evaluation/scores.json`, or None if nothing was evaluated yet."""
        return self._read_sealed("scores.json")

    def read_calibration(self) -> Calibration | None:
        """That of `evaluation/calibration.json`, or None if the run was not calibrated yet."""
        config = self._read_sealed("calibration.json")
        try:
            return Calibration.from_config(config) if config else None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise damaged(self.evaluation / "calibration.json", reason) from error

    def _read_sealed(self, name: str) -> dict[str, Any] | None:
        file = self.evaluation / name
        return read_sealed(file, "") if file.exists() else None

    def append_metrics(self, record: Mapping[str, float | list[float]]) -> None:
        """Adds a line to metrics.jsonl; entries that are not finite are left out."""
        finite = {key: value for key, value in record.items() if _is_finite(value)}
        with writing(self.metrics_file), open(self.metrics_file, "a", encoding="utf-8") as file:
            file.write(json.dumps(sealed(finite)) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl, if any; a last line that a kill cut short is left out."""
        if not self.metrics_file.exists():
            return []
        try:
            lines = self.metrics_file.read_text(encoding="utf-8").split("\n")
            return [_metrics(line, number) for number, line in enumerate(lines[:-1], start=1)]
        except OSError as error:
            raise UserError(f"Cannot read {self.metrics_file}: {error.strerror}.") from error
        except (ValueError, OverflowError, RecursionError) as error:
            raise damaged(self.metrics_file, error) from error

    def cut_metrics(self, step: int) -> None:
        """Forgets what was logged after `step`, where training goes on."""
        records = (record for record in self.read_metrics() if record["step"] <= step)
        kept = [json.dumps(sealed(record)) for record in records]
        write_text(self.metrics_file, "".join(f"{record}\n" for record in kept))


def _metrics(line: str, number: int) -> dict[str, Any]:
    """A line of metrics.jsonl; raises `ValueError` if it was not written so."""
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError(f"line {number} is no JSON object")
    try:
        record = unsealed(record)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from error
    if type(record.get("step")) is not int:
        raise ValueError(f"line {number} names no step")
    for name, value in record.items():
        numbers = value if isinstance(value, list) else [value]
        if any(type(n) not in (int, float) for n in numbers) or not _is_finite(value):
            raise ValueError(f"line {number}: {name} is {value!r}, no finite number")
    return record


def _is_finite(value: float | list[float]) -> bool:
    """Whether a number is, or all numbers of a list."""
    return all(map(math.isfinite, value if isinstance(value, list) else [value]))
