"""Your own pictures on 2 CPU cores.

    python train.py --dataset=manifest --preset=quick --data_dir=DIR

What departs from the paper is what `faces_quick.py` gives reasons for. docs/experiments.md has what
it gave in a fifth of its steps on the pictures that `docs/make_manifest_example.py` makes.
"""

import ml_collections

from dcign_tf.datasets.manifest.settings import QUICK

from . import faces_quick, manifest_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_quick.get_config()
    paper = manifest_paper.get_config()
    config.dataset = paper.dataset
    del config.face_model
    config.data = paper.data
    config.data.update(QUICK)
    # (Each factor, intrinsic): people's pictures differ in few factors, as a rule.
    config.factor_ratios = ((0, (1, 2)), (1240, (1, 1)))
    return config
