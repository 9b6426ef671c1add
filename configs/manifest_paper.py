"""The paper's experiment on your own pictures (docs/datasets.md).

    python train.py --dataset=manifest --preset=paper --data_dir=DIR

DIR holds `manifest.csv`. All but the data is as in `faces_paper.py`.
"""

import ml_collections

from . import faces_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_paper.get_config()
    config.dataset = "manifest"
    del config.face_model
    config.data = ml_collections.ConfigDict(
        {
            "image_size": 150,  # pictures are fitted into a square of so many pixels
            "channels": 1,  # 1 is grey, 3 is RGB
            "background": 0,  # grey level of what they leave free
            "sweep_length": 20,  # images in a sweep, which is a batch
            "validation_sweeps": 50,  # for each factor, if there are so many groups
            "test_sweeps": 350,
            "validation_fraction": 0.1,  # of the identities, if there is no column `split`
            "test_fraction": 0.15,
            "tolerances": "",  # azimuth_deg:2,… — no further apart, they count as the same
            "periods": "",  # azimuth_deg:360,… — factors that go round a circle
            "seed": 0,
        }
    )
    # The manifest decides how many factors there are: (each of them, intrinsic).
    config.factor_ratios = ((0, (1, 10)),)
    return config
