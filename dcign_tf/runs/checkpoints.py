"""Loads a trained model from its file, and nothing else: no dataset, no figure."""

from __future__ import annotations

import os
import zipfile

import keras

from dcign_tf.errors import UserError
from dcign_tf.model.dcign import DCIGN


def load_model(path: os.PathLike) -> DCIGN:
    """A checkpoint, with its optimiser.

    Raises:
        UserError: if it is missing or damaged.
    """
    if not os.path.exists(path):
        raise UserError(f"There is no checkpoint {path} yet; train first.")
    try:
        if not zipfile.is_zipfile(path):  # of which Keras says that it is not found
            raise ValueError("it is cut short, or no Keras file")
        model = keras.models.load_model(path)
        if not isinstance(model, DCIGN):
            raise ValueError("it holds another kind of model")
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        reason, _, _ = str(error).partition("\n")
        raise UserError(
            f"The checkpoint {path} is damaged ({reason})."
            " Restore it or delete it; without its last.keras a run starts from the beginning."
        ) from error
    return model
