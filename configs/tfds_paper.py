"""The paper's network and procedure on a TensorFlow Dataset with labels (docs/datasets.md).

    python train.py --dataset=tfds --preset=paper --config.data.name=smallnorb

Or shapes3d, dsprites, or any other whose labels the settings explain. All but the data is as in
`faces_paper.py`.
"""

import dataclasses

import ml_collections

from dcign_tf.datasets.labelled.settings import LabelledSettings

from . import faces_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_paper.get_config()
    config.dataset = "tfds"
    del config.face_model
    config.data = ml_collections.ConfigDict(dataclasses.asdict(LabelledSettings()))
    # The dataset decides how many factors there are: (each of them, intrinsic).
    config.factor_ratios = ((0, (1, 10)),)
    return config
