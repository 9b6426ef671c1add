"""The face models that can be rendered, behind one function."""

from __future__ import annotations

import os

from dcign_tf.rendering.face_models.basel_2009 import load_basel_2009
from dcign_tf.rendering.face_models.statismo import load_statismo
from dcign_tf.rendering.face_models.surrey import load_surrey
from dcign_tf.rendering.head import procedural_head
from dcign_tf.rendering.morphable_model import MorphableModel

_FORMATS = (
    ("a Surrey Face Model", b"\x01\0\0\0", load_surrey),  # its version
    ("a Basel Face Model of 2009", b"MATLAB", load_basel_2009),
    ("a Basel Face Model of 2017 or 2019", b"\x89HDF\r\n\x1a\n", load_statismo),  # HDF5's signature
)


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
        first_bytes = file.read(max(len(start) for _, start, _ in _FORMATS))
    for _, start, load in _FORMATS:
        if first_bytes.startswith(start):
            return load(path)
    begins = ", ".join(f"{name} begins with {start.hex(' ')}" for name, start, _ in _FORMATS)
    raise ValueError(
        f"{path} is no face model: {begins}, this file with {first_bytes.hex(' ') or 'nothing'}."
    )
