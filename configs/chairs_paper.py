"""The paper's experiment on chairs (Kulkarni et al., NIPS 2015, §4.2; docs/datasets.md).

    python train.py --dataset=chairs --preset=paper

The release of Aubry et al. if DIR of --data_dir=DIR holds `rendered_chairs`, otherwise
procedural chairs. All but the data is as in `faces_paper.py`.
"""

import dataclasses

import ml_collections

from dcign_tf.datasets.chairs.settings import ChairSettings

from . import faces_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_paper.get_config()
    config.dataset = "chairs"
    del config.face_model
    config.data = ml_collections.ConfigDict(dataclasses.asdict(ChairSettings()))
    config.factor_ratios = ((0, (1, 10)),)  # azimuth : intrinsic (§4.2)
    return config
