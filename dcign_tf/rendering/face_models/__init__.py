"""The face models that can be rendered, behind one function."""

from __future__ import annotations

import os

from dcign_tf.rendering.face_models import basel_2009, statismo, surrey
from dcign_tf.rendering.morphable_model import MorphableModel

_FORMATS = (
    ("a Surrey Face Model", surrey.FIRST_BYTES, surrey.load_surrey),
    ("a Basel Face Model of 2009", basel_2009.FIRST_BYTES, basel_2009.load_basel_2009),
    ("a Basel Face Model of 2017 or 2019", statismo.FIRST_BYTES, statismo.load_statismo),
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
        # Sculpting takes a second: only for those who ask for it.
        from dcign_tf.rendering.head import procedural_head

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
