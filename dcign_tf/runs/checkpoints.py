"""Loads a trained model from its file, and nothing else: no dataset, no figure."""

from __future__ import annotations

import os
import pathlib
import zipfile

import keras

from dcign_tf.model.dcign import DCIGN
from dcign_tf.runs.checkpoint_files import check_checkpoint, damaged_checkpoint


def load_model(path: os.PathLike) -> DCIGN:
    """A checkpoint, with its optimiser.

    Raises:
        UserError: if it is missing or damaged.
    """
    file = pathlib.Path(path)
    check_checkpoint(file)
    try:
        model = keras.models.load_model(file)
        if not isinstance(model, DCIGN):
            raise ValueError("it holds another kind of model")
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise damaged_checkpoint(file, error) from error
    return model
