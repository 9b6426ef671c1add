"""The authors' own faces on 2 CPU cores; no copy of them was to be had to time or score it.

    python train.py --dataset=dcign_torch7 --preset=quick --data_dir=DIR

What departs from the paper is what `faces_quick.py` gives reasons for.
"""

import ml_collections

from . import dcign_torch7_paper, faces_quick


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_quick.get_config()
    paper = dcign_torch7_paper.get_config()
    config.dataset = paper.dataset
    del config.face_model
    config.data = paper.data
    config.data.image_size = faces_quick.get_config().data.image_size
    return config
