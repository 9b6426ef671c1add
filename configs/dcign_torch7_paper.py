"""The paper's experiment on the authors' own faces (Kulkarni et al., NIPS 2015, §4.1).

    python train.py --dataset=dcign_torch7 --preset=paper --data_dir=DIR

DIR holds the authors' `th_AZ_VARIED` and its three siblings, or the PNG folders they were
made from (docs/datasets.md). All but the data is as in `faces_paper.py`.
"""

import dataclasses

import ml_collections

from dcign_tf.datasets.torch7.settings import Torch7Settings

from . import faces_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_paper.get_config()
    config.dataset = "dcign_torch7"
    del config.face_model
    config.data = ml_collections.ConfigDict(dataclasses.asdict(Torch7Settings()))
    return config
