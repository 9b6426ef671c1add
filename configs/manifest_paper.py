"""The paper's experiment on your own pictures (docs/datasets.md).

    python train.py --dataset=manifest --preset=paper --data_dir=DIR

DIR holds `manifest.csv`. All but the data is as in `faces_paper.py`.
"""

import dataclasses

import ml_collections

from dcign_tf.datasets.manifest.settings import ManifestSettings

from . import faces_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_paper.get_config()
    config.dataset = "manifest"
    del config.face_model
    config.data = ml_collections.ConfigDict(dataclasses.asdict(ManifestSettings()))
    # The manifest decides how many factors there are: (each of them, intrinsic).
    config.factor_ratios = ((0, (1, 10)),)
    return config
