"""The paper's experiment on chairs (Kulkarni et al., NIPS 2015, §4.2; docs/datasets.md).

    python train.py --dataset=chairs --preset=paper

The release of Aubry et al. if DIR of --data_dir=DIR holds `rendered_chairs`, otherwise
procedural chairs. All but the data is as in `faces_paper.py`.
"""

import ml_collections

from . import faces_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_paper.get_config()
    config.dataset = "chairs"
    del config.face_model
    config.data = ml_collections.ConfigDict(
        {
            "source": "auto",  # aubry (a copy in the data directory), download or procedural
            "image_size": 150,
            "crop": 400,  # of the release's pictures of 600×600, the middle
            "sweep_length": 20,  # images in a sweep, which is a batch
            "validation_sweeps": 50,  # for each factor
            "test_sweeps": 300,  # each unseen chair at each elevation once
            "train_chairs": 1200,
            "validation_chairs": 43,
            "test_chairs": 150,
            "seed": 0,
        }
    )
    config.factor_ratios = ((0, (1, 10)),)  # azimuth : intrinsic (§4.2)
    return config
