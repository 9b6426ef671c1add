"""The face models that can be rendered, behind one function."""

from __future__ import annotations

import os

from dcign_tf.rendering import surrey
from dcign_tf.rendering.morphable_model import MorphableModel


def load_face_model(path: str | os.PathLike[str] | None) -> MorphableModel:
    """The procedural head, or the model in a file, told by the file's content.

    Args:
        path: None for the procedural head, which needs no file; otherwise a
            Surrey Face Model (`sfm_shape_3448.bin`).

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it holds no known model.
    """
    if path is None:
        # Sculpting takes a second: only for those who ask for it.
        from dcign_tf.rendering.head import procedural_head

        return procedural_head()
    with open(path, "rb") as file:
        first_bytes = file.read(len(surrey.FIRST_BYTES))
    if first_bytes == surrey.FIRST_BYTES:
        return surrey.load_surrey(path)
    raise ValueError(
        f"{path} is no face model: a Surrey Face Model begins with the bytes"
        f" {surrey.FIRST_BYTES.hex(' ')}, this file with {first_bytes.hex(' ') or 'none'}."
    )
