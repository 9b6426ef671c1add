"""The face models that can be rendered, behind one function."""

from __future__ import annotations

import os
import re

from dcign_tf.files import stand_in
from dcign_tf.rendering.face_models.basel_2009 import load_basel_2009
from dcign_tf.rendering.face_models.statismo import load_statismo
from dcign_tf.rendering.face_models.surrey import load_surrey
from dcign_tf.rendering.head import procedural_head
from dcign_tf.rendering.morphable_model import MorphableModel

_FORMATS = (
    ("a Surrey Face Model", re.compile(rb"[\0-\x0f]\0\0\0"), load_surrey),  # its version
    ("a Basel Face Model of 2009", re.compile(b"MATLAB"), load_basel_2009),
    ("one of 2017 or 2019", re.compile(b"\x89HDF\r\n\x1a\n"), load_statismo),  # HDF5's signature
)
"""Each to how a file of it begins, and what loads it."""


def load_face_model(path: str | os.PathLike[str] | None) -> MorphableModel:
    """The procedural head, or the model in a file, told by the file's content.

    Args:
        path: None for the procedural head, which needs no file; otherwise a Surrey
            Face Model (`sfm_shape_3448.bin`), or a Basel Face Model of 2009
            (`01_MorphableModel.mat`), 2017 or 2019 (`model2019_bfm.h5`).

    Returns:
        The model, in millimetres; that of a file has its SHA-256 in its fingerprint.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it holds no known model, or not all of one; one line says what was
            expected and found.
    """
    if path is None:
        return procedural_head()
    with open(path, "rb") as file:
        first_bytes = file.read(200)
    if pointer := stand_in(first_bytes):
        raise ValueError(f"{path} is {pointer}.")
    for _, start, load in _FORMATS:
        if start.match(first_bytes):
            return load(path)
    known = ", ".join(name for name, _, _ in _FORMATS)
    raise ValueError(
        f"{path} is no face model: expected {known} (docs/face_models.md), found a file that begins"
        f" with {first_bytes[:8].hex(' ') or 'nothing'}."
    )
