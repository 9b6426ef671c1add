"""Loads and saves a trained model, and nothing else: no dataset, no figure.

A checkpoint may come from a stranger, be damaged, or hold weights that are no numbers: the
last do not show in a network's answers, since max-pooling and ReLU turn NaN into numbers.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
import os
import pathlib
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator

import h5py
import keras
import tensorflow as tf

from dcign_tf.archives import most_bytes
from dcign_tf.errors import UserError
from dcign_tf.files import write_aside, writing
from dcign_tf.model import muon  # noqa: F401  (a checkpoint may hold its optimiser)
from dcign_tf.model.dcign import DCIGN
from dcign_tf.runs.checkpoint_files import DamagedCheckpoint, check_checkpoint, damaged_checkpoint
from dcign_tf.runs.directory import RunDirectory

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"  # in Keras's zip file


def load_model(path: os.PathLike) -> DCIGN:
    """A checkpoint, with its optimiser.

    Raises:
        UserError: if it is missing or damaged, its sizes cannot be, or it holds weights that are
            no finite numbers, or the optimiser's state in part.
    """
    file = pathlib.Path(path)
    check_checkpoint(file)
    try:
        _check_sizes(file)
        with warnings.catch_warnings():
            # With another number of them Keras would leave out all of an optimiser's variables;
            # one that has not begun has two.
            skipped = "Skipping variable loading for optimizer .* saved optimizer has (?![012] )"
            warnings.filterwarnings("error", skipped)
            model = keras.models.load_model(file)
        if not isinstance(model, DCIGN):
            raise ValueError("it holds another kind of model")
        if model.calibration is not None:
            model.calibration.check_fits(model.code)
        check_finite(model)
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(
            f"There is too little memory for the checkpoint {file}; end what else uses it."
        ) from error
    except Exception as error:  # whatever damaged bytes lead to, in Keras and in HDF5
        raise damaged_checkpoint(file, error) from error
    return model


def load_newest(run: RunDirectory, show: Callable[[str], None]) -> DCIGN | None:
    """The newest checkpoint of a run that is whole, with its optimiser; None if there is none yet.

    It takes the place of damaged ones, from which nobody can go on.

    Args:
        run: held by this process; its last checkpoints are tried, newest first.
        show: takes a line on each that is damaged, if an older one is not.

    Raises:
        UserError: on the newest, if all are damaged; on one that cannot be read for another
            reason, want of memory, say, which the next try may not meet.
    """
    damage: list[DamagedCheckpoint] = []
    files = run.last_checkpoints()
    for place, file in enumerate(files):
        try:
            model = load_model(file)
        except DamagedCheckpoint as error:
            damage.append(error)
            continue
        if damage or file != run.last_checkpoint:
            for told in damage:
                show(str(told))
            show(f"Going on from {file}, the checkpoint before.")
            whole = files[place:]
            for number, older in enumerate(whole):
                os.replace(older, run.older_checkpoint(number))
            for number in range(len(whole), place + len(whole)):  # damaged, and not replaced
                run.older_checkpoint(number).unlink(missing_ok=True)
        return model
    if damage:
        raise damage[0]
    return None


@contextlib.contextmanager
def keeping_older(run: RunDirectory, kept: int) -> Iterator[None]:
    """Replaces the last checkpoint within, and keeps those before it.

    Args:
        run: whose last checkpoint is written in the context.
        kept: how many of the last checkpoints there are afterwards, at most.

    Raises:
        UserError: if one cannot be kept.
    """
    with writing(run.last_checkpoint):
        for number in reversed(range(1, kept)):
            newer = run.older_checkpoint(number - 1)
            if newer.exists():  # a second name, so that there is a last one at any time
                write_aside(run.older_checkpoint(number), functools.partial(_name_too, newer))
    yield
    for file in run.last_checkpoints()[max(1, kept) :]:
        file.unlink(missing_ok=True)


def _name_too(file: pathlib.Path, name: pathlib.Path) -> None:
    try:
        os.link(file, name)
    except OSError:  # file systems without such names
        shutil.copyfile(file, name)


def save_model(model: DCIGN, path: pathlib.Path) -> None:
    """Writes a checkpoint, aside and renamed.

    Raises:
        UserError: if it cannot be written, or a weight is no finite number.
    """
    check_finite(model)
    write_aside(path, model.save)


def check_finite(model: keras.Model) -> None:
    """Raises `UserError` if a weight, or a number of the optimiser's state, is not finite."""
    optimizer = getattr(model, "optimizer", None)
    for variable in [*model.variables, *(optimizer.variables if optimizer else ())]:
        value = tf.convert_to_tensor(variable)
        if value.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(value))):
            raise UserError(f"{variable.path} holds numbers that are not finite")


def _check_sizes(path: pathlib.Path) -> None:
    """Compares what its networks need with what it holds, before room is made for it.

    Raises:
        ValueError: if that is too much.
    """
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read(_CONFIG))
        config.pop("compile_config", None)  # an optimiser that would be made at once
        with h5py.File(io.BytesIO(archive.read(_WEIGHTS))) as weights:
            stored = _stored_numbers(weights, most_bytes(path))
    with keras.StatelessScope(initialize_variables=False):  # variables without their values
        wanted = keras.saving.deserialize_keras_object(config).trainable_variables
    claimed = sum(math.prod(variable.shape) for variable in wanted)
    if claimed > stored:
        raise ValueError(f"its networks need {claimed:,} weights, and it holds {stored:,} numbers")


def _stored_numbers(weights: h5py.File, most: int) -> int:
    """How many numbers there are; raises `ValueError` if they take more than `most` bytes."""
    arrays: list[h5py.Dataset] = []
    weights.visititems(
        lambda _, node: arrays.append(node) if isinstance(node, h5py.Dataset) else None
    )
    claimed = sum(array.nbytes for array in arrays)
    if claimed > most:
        raise ValueError(f"its weights claim {claimed:,} bytes, more than such a file can hold")
    return sum(array.size for array in arrays)
