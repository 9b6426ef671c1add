"""A TensorFlow Dataset with labels on 2 CPU cores.

    python train.py --dataset=tfds --preset=quick --config.data.name=smallnorb

What departs from the paper (`tfds_paper.py`) is what `faces_quick.py` gives reasons for, and two
latents for a circle. smallNORB, 3D Shapes and dSprites themselves have not been run.
"""

import ml_collections

from dcign_tf.datasets.labelled.settings import QUICK

from . import faces_quick, tfds_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_quick.get_config()
    paper = tfds_paper.get_config()
    config.dataset = paper.dataset
    del config.face_model
    config.data = paper.data
    config.data.update(QUICK)
    config.latents_per_factor = ()  # two for a circle, as chairs' azimuth needs them
    config.factor_ratios = ((0, (1, 2)),)  # each factor : intrinsic
    return config
